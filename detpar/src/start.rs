//! The start of a program: which engine, how many workers, and then main.
#[cfg(feature = "spaces")]
use crate::boot;
use crate::engine::{self, Engine};
use crate::hook;
#[cfg(feature = "spaces")]
use crate::inputs;
use std::sync::Once;

/// Exit code where the system or the configuration does not allow to start (EX_CONFIG).
const EXIT_CONFIG: i32 = 78;

/// Runs `user` as the main of the program's master.
pub(crate) fn main<R>(user: impl FnOnce() -> R) -> R {
    #[cfg(feature = "spaces")]
    {
        if chosen() == Engine::Spaces {
            boot::restart_without_randomisation();
        }
        // SAFETY: invariant `one-thread`: the first thing on the main thread.
        unsafe { crate::testing::Mark::take() };
    }
    run(user)
}

/// The same in a process that has prepared itself as it likes.
pub(crate) fn run<R>(user: impl FnOnce() -> R) -> R {
    let engine = chosen();
    engine::set(engine);
    #[cfg(feature = "spaces")]
    if engine == Engine::Spaces {
        return boot::run(user);
    }
    let workers = workers().unwrap_or_else(|e| stop(&e));
    #[cfg(feature = "spaces")]
    {
        inputs::refuse_without_spaces();
        let seed = number("DETPAR_SEED").unwrap_or_else(|e| stop(&e));
        kernel::master::without_spaces(seed);
    }
    // Tests are mains that run beside each other.
    static HOOK: Once = Once::new();
    HOOK.call_once(hook::install);
    engine::as_master(workers, user)
}

/// The engine that the environment asks for.
pub(crate) fn chosen() -> Engine {
    let asked = std::env::var_os("DETPAR_ENGINE");
    let asked = asked.as_ref().map(|v| v.to_string_lossy());
    Engine::asked_for(asked.as_deref()).unwrap_or_else(|e| stop(&e))
}

/// Ends a program that cannot start.
pub(crate) fn stop(why: &str) -> ! {
    eprintln!("detpar: {why}");
    std::process::exit(EXIT_CONFIG)
}

/// The number of workers that the environment asks for.
pub(crate) fn workers() -> Result<usize, String> {
    match std::env::var("DETPAR_WORKERS") {
        Ok(v) => match v.trim().parse::<usize>() {
            Ok(n) if (1..=1024).contains(&n) => Ok(n),
            _ => Err(format!("DETPAR_WORKERS={v}: give a number from 1 to 1024")),
        },
        Err(_) => Ok(std::thread::available_parallelism().map_or(1, |n| n.get())),
    }
}

/// A number of the environment; 0 where it is not set.
#[cfg(feature = "spaces")]
pub(crate) fn number(name: &str) -> Result<u64, String> {
    match std::env::var(name) {
        Ok(v) => v.trim().parse::<u64>().map_err(|_| format!("{name}={v}: give a 64-bit number")),
        Err(_) => Ok(0),
    }
}
