//! Threads of the program itself: they could write memory behind a snapshot, so none may be
//! alive while children run.

use crate::error::Error;
use crate::sys;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::*};

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
    if ALIVE.load(SeqCst) != 0 || counted() != 0 {
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

/// Where the C library counts the process's threads, those that it makes itself included; 0
/// where it does not tell.
static COUNTED_AT: AtomicUsize = AtomicUsize::new(0);

/// Finds the C library's own count.
pub(crate) fn find_count() {
    // SAFETY: looks up a symbol.
    let at = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__nptl_nthreads".as_ptr()) };
    COUNTED_AT.store(at as usize, Relaxed);
}

/// Threads besides this one that the C library counts.
fn counted() -> usize {
    let at = COUNTED_AT.load(Relaxed) as *const AtomicU32;
    // SAFETY: glibc's counter, which lives as long as the process and is changed atomically.
    unsafe { at.as_ref() }.map_or(0, |n| (n.load(SeqCst) as usize).saturating_sub(1))
}

/// Threads made and alive when other threads were found alive last: to wait for them again
/// would be in vain.
static REFUSED: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// Fails while other threads are alive. A thread that has ended for the program may still
/// run destructors, or be on its way out of the kernel: those few instants are waited for.
pub(crate) fn refuse_foreign() -> Result<(), Error> {
    let made = MADE.load(SeqCst);
    if made == VERIFIED.load(Relaxed) && ALIVE.load(SeqCst) == 0 && counted() == 0 {
        return Ok(());
    }
    let start = std::time::Instant::now();
    let patience = std::time::Duration::from_secs(3);
    loop {
        let threads = sys::thread_count().unwrap_or(1);
        let alive = ALIVE.load(SeqCst);
        if alive == 0 && threads == 1 {
            VERIFIED.store(made, Relaxed);
            return Ok(());
        }
        let now = [made, alive];
        let again = alive > 0 && REFUSED.iter().map(|r| r.load(Relaxed)).eq(now);
        if again || start.elapsed() > patience {
            REFUSED.iter().zip(now).for_each(|(r, n)| r.store(n, Relaxed));
            return Err(Error::ForeignThreads { count: threads.saturating_sub(1).max(1) });
        }
        std::thread::yield_now();
    }
}
