//! Threads of the program itself: they could write memory behind a snapshot, so none may be
//! alive while children run.

use crate::error::Error;
use crate::sys;
use core::sync::atomic::{AtomicUsize, Ordering::*};

static MADE: AtomicUsize = AtomicUsize::new(0);
static ALIVE: AtomicUsize = AtomicUsize::new(0);
static VERIFIED: AtomicUsize = AtomicUsize::new(0);

/// Whether the program ever made a thread.
#[inline]
pub(crate) fn ever() -> bool {
    MADE.load(Relaxed) != 0
}

/// A thread is about to start.
pub(crate) fn starts() {
    MADE.fetch_add(1, SeqCst);
    ALIVE.fetch_add(1, SeqCst);
}

/// A thread ran its last destructors, or did not start after all.
pub(crate) fn ends() {
    // A thread that forked ends in the new process as well, where it was not counted.
    let _ = ALIVE.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1));
}

/// Whether the caller is the only thread of the process, as far as the system says now.
pub(crate) fn alone() -> bool {
    let made = MADE.load(SeqCst);
    if ALIVE.load(SeqCst) != 0 {
        return false;
    }
    if made != VERIFIED.load(Relaxed) {
        if sys::thread_count() != Some(1) {
            return false;
        }
        VERIFIED.store(made, Relaxed);
    }
    true
}

/// In a forked process: the caller is its only thread, and goes on as the main one.
pub(crate) fn forget_others() {
    ALIVE.store(0, SeqCst);
}

/// Fails while other threads are alive. A thread that has ended for the program may still
/// be on its way out of the kernel: those few instants are waited for.
pub(crate) fn refuse_foreign() -> Result<(), Error> {
    let made = MADE.load(SeqCst);
    if made == VERIFIED.load(Relaxed) && ALIVE.load(SeqCst) == 0 {
        return Ok(());
    }
    let start = std::time::Instant::now();
    let patience = std::time::Duration::from_secs(1);
    loop {
        let threads = sys::thread_count().unwrap_or(1);
        if ALIVE.load(SeqCst) == 0 && threads == 1 {
            VERIFIED.store(made, Relaxed);
            return Ok(());
        }
        if ALIVE.load(SeqCst) > 0 || start.elapsed() > patience {
            return Err(Error::ForeignThreads { count: threads.saturating_sub(1).max(1) });
        }
        std::thread::yield_now();
    }
}
