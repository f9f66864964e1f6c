//! The start of a program: restart without address randomisation, configuration, panic
//! hook, then the master space.

use crate::hidden;
use crate::hook;
use crate::streams::{self, Streams};
use crate::testing::Mark;
use kernel::confine::Handler;
use kernel::error::Error;
use kernel::master::{self, Config, Scan};
use std::ffi::CString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::panic::{self, AssertUnwindSafe};

static HANDLER: &dyn Handler = &Streams;

/// Exit code where the system or the configuration does not allow to start (EX_CONFIG).
const EXIT_CONFIG: i32 = 78;

/// Runs `user` as the main of the master space.
pub(crate) fn main<R>(user: fn() -> R) -> R {
    restart_without_randomisation();
    // SAFETY: invariant `one-thread`: the first thing on the main thread.
    unsafe { Mark::take() };
    run(user)
}

/// Runs `user` as the master space of a process that has restarted itself as it likes.
pub(crate) fn run<R>(user: impl FnOnce() -> R) -> R {
    std::hint::black_box(master::anchor());
    let config = match config() {
        Ok(c) => c,
        Err(e) => stop(&e),
    };
    let (mut user, mut result) = (Some(user), None);
    // SAFETY: called by the expansion of `#[detpar::main]`, or by the main of a test's process,
    // as the first thing on the main thread, with nothing printed and no thread made.
    let run = unsafe {
        streams::prepare().and_then(|()| {
            hook::install();
            let mut body = || {
                hidden::prepare();
                let user = AssertUnwindSafe(user.take().expect("the master runs its main once"));
                result = Some(panic::catch_unwind(user));
            };
            master::run(config, &HANDLER, &mut body)
        })
    };
    match (run, result) {
        (Ok(()), Some(Ok(r))) => r,
        (Ok(()), Some(Err(payload))) => panic::resume_unwind(payload),
        (Err(e), _) => stop(&explain(e)),
        (Ok(()), None) => stop("main did not run"),
    }
}

fn explain(e: Error) -> String {
    match e {
        Error::Exists => "#[detpar::main] was called inside of itself".into(),
        e => e.to_string(),
    }
}

fn stop(why: &str) -> ! {
    eprintln!("detpar: {why}");
    std::process::exit(EXIT_CONFIG)
}

fn config() -> Result<Config, String> {
    let workers = match std::env::var("DETPAR_WORKERS") {
        Ok(v) => match v.trim().parse::<usize>() {
            Ok(n) if (1..=1024).contains(&n) => n,
            _ => return Err(format!("DETPAR_WORKERS={v}: give a number from 1 to 1024")),
        },
        Err(_) => std::thread::available_parallelism().map_or(1, |n| n.get()),
    };
    let number = |name: &str| match std::env::var(name) {
        Ok(v) => v.trim().parse::<u64>().map_err(|_| format!("{name}={v}: give a 64-bit number")),
        Err(_) => Ok(0),
    };
    match std::env::var("DETPAR_ENGINE") {
        Ok(v) if v != "spaces" => {
            return Err(format!("DETPAR_ENGINE={v}: this version has the engine `spaces`"));
        }
        _ => {}
    }
    let scan = match std::env::var("DETPAR_SCAN").as_deref() {
        Ok("ioctl") => Scan::Ioctl,
        Ok("pagemap") => Scan::Pagemap,
        Ok("auto") | Err(_) => Scan::Auto,
        Ok(v) => return Err(format!("DETPAR_SCAN={v}: give auto, ioctl or pagemap")),
    };
    let huge = match std::env::var("DETPAR_HUGE").as_deref() {
        Ok("off") => false,
        Ok("auto") | Err(_) => true,
        Ok(v) => return Err(format!("DETPAR_HUGE={v}: give auto or off")),
    };
    let tsc_traps = match std::env::var("DETPAR_TSC").as_deref() {
        Ok("trap") => true,
        Ok("free") | Err(_) => false,
        Ok(v) => return Err(format!("DETPAR_TSC={v}: give free or trap")),
    };
    let check = match std::env::var("DETPAR_CHECK").as_deref() {
        Ok("1") => true,
        Ok("0" | "") | Err(_) => false,
        Ok(v) => return Err(format!("DETPAR_CHECK={v}: give 1 or 0")),
    };
    let (seed, chaos) = (number("DETPAR_SEED")?, number("DETPAR_CHAOS")?);
    Ok(Config { workers, seed, chaos, check, scan, huge, tsc_traps })
}

/// Holds the process id over a restart.
const RESTARTED: &str = "DETPAR_RESTARTED";

/// Restarts the program once without address-space randomisation, so that addresses of code
/// and statics are the same in every run (rule R1). Where the system refuses, or with
/// `DETPAR_ASLR=keep`, the program goes on as it is.
pub(crate) fn restart_without_randomisation() {
    const QUERY: libc::c_ulong = 0xffff_ffff;
    // SAFETY: the query changes nothing.
    let now = unsafe { libc::personality(QUERY) };
    if now < 0 {
        return;
    }
    let off = libc::ADDR_NO_RANDOMIZE;
    if now & off != 0 {
        // Restarted: programs that this one starts get randomisation again.
        // SAFETY: concerns this process and its children only.
        unsafe { libc::personality((now & !off) as libc::c_ulong) };
        // SAFETY: the only thread.
        unsafe { std::env::remove_var(RESTARTED) };
        return;
    }
    let me = std::process::id().to_string();
    if std::env::var_os(RESTARTED).is_some_and(|v| *v == *me) {
        // The restart did not help (a set-uid program, say): go on.
        // SAFETY: the only thread.
        unsafe { std::env::remove_var(RESTARTED) };
        return;
    }
    if std::env::var_os("DETPAR_ASLR").is_some_and(|v| v == "keep") {
        return;
    }
    let Ok(exe) = std::fs::read_link("/proc/self/exe") else { return };
    let Ok(exe) = CString::new(exe.as_os_str().as_bytes()) else { return };
    let args: Vec<CString> =
        std::env::args_os().filter_map(|a| CString::new(a.into_vec()).ok()).collect();
    let mut argv: Vec<_> = args.iter().map(|a| a.as_ptr()).collect();
    argv.push(std::ptr::null());
    unsafe extern "C" {
        static environ: *const *const libc::c_char;
    }
    // SAFETY: the strings live until execve replaces the program; where it fails, the
    // personality is set back and the program goes on.
    unsafe {
        if libc::personality((now | off) as libc::c_ulong) < 0 {
            return;
        }
        std::env::set_var(RESTARTED, &me);
        libc::execve(exe.as_ptr(), argv.as_ptr(), environ);
        std::env::remove_var(RESTARTED);
        libc::personality(now as libc::c_ulong);
    }
}
