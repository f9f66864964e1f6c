//! The panic hook: where a child panicked is kept for its join, whatever hook the program sets.
//!
//! Stable Rust has no way to see a panic's location but the hook, and one hook at a time. The
//! program may set its own at any moment, so before children start the master looks whether
//! the first hook is still ours, and if not puts ours in front of it. A hook that a child sets
//! for itself is the child's matter: its panics are reported without their location.

use crate::engine;
#[cfg(feature = "spaces")]
use crate::report;
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

type Hook = dyn Fn(&PanicHookInfo<'_>) + Sync + Send;

/// Numbers and addresses of our hooks that are alive, wherever the program keeps them: nothing
/// else can lie there.
static OURS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

fn ours() -> MutexGuard<'static, Vec<(usize, usize)>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lives as long as the hook of ours that has this number.
struct Alive(usize);

impl Drop for Alive {
    fn drop(&mut self) {
        ours().retain(|(number, _)| *number != self.0);
    }
}

fn address(hook: &Hook) -> usize {
    std::ptr::from_ref(hook).addr()
}

/// A child's panic is told in its own output, by one short message: the hook that a program
/// starts with may open files to print a backtrace.
pub(crate) fn install() {
    let first = panic::take_hook();
    set(move |info| {
        if !engine::in_child() {
            first(info);
            #[cfg(feature = "spaces")]
            {
                report::show();
                if cfg!(panic = "abort") {
                    kernel::master::finish_timeline();
                }
            }
            return;
        }
        let location = note(info);
        let message = info.payload_as_str().unwrap_or("non-string payload");
        eprintln!("child panicked at {location}:\n{message}");
    });
}

/// Puts ours in front of a hook that the program has set since. The program's runs in children
/// as well.
#[cfg(feature = "spaces")]
pub(crate) fn keep() {
    // While a panic runs its hook cannot be looked at; the one before it was seen to.
    if std::thread::panicking() {
        return;
    }
    let hook = panic::take_hook();
    if ours().iter().any(|(_, at)| *at == address(&*hook)) {
        return panic::set_hook(hook);
    }
    set(move |info| {
        if engine::in_child() {
            note(info);
        }
        hook(info);
    });
}

fn set(hook: impl Fn(&PanicHookInfo<'_>) + Sync + Send + 'static) {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let number = MADE.fetch_add(1, Relaxed);
    let alive = Alive(number);
    let hook: Box<Hook> = Box::new(move |info| {
        let Alive(_) = &alive;
        hook(info);
    });
    ours().push((number, address(&*hook)));
    panic::set_hook(hook);
}

/// Keeps where the running child panicked.
fn note(info: &PanicHookInfo<'_>) -> String {
    let location = info.location().map(|l| l.to_string()).unwrap_or_default();
    engine::note_panic_location(&location);
    location
}
