//! Signals of the program while its children run. A handler is code of the program: it could
//! write memory behind the snapshot, and the merge could write over that. So signals that have
//! a handler wait until the construct is done. The others act at once: what ends or stops the
//! program does so at any time.

use crate::exec::control::{Role, me};
use crate::sys;
use core::sync::atomic::{AtomicU64, Ordering::*};

/// Signals that have a handler.
static CAUGHT: AtomicU64 = AtomicU64::new(0);

/// Signals that an instruction of the kernel's own may raise: blocked, they would kill.
const FAULTS: [i32; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];

/// Notes that the program gave a signal a handler, or took it away.
pub(crate) fn note(signal: i32, handler: libc::sighandler_t) {
    if !(1..=64).contains(&signal) || FAULTS.contains(&signal) {
        return;
    }
    let bit = 1 << (signal - 1);
    if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
        CAUGHT.fetch_and(!bit, SeqCst);
    } else {
        CAUGHT.fetch_or(bit, SeqCst);
    }
}

/// Whether the program has handlers.
pub(crate) fn any() -> bool {
    CAUGHT.load(SeqCst) != 0
}

/// While it lives, no handler of the program runs. Costs nothing where there is none.
pub(crate) struct Deferred {
    before: Option<u64>,
}

impl Deferred {
    /// Defers the handlers of the master; children have none.
    pub fn new() -> Deferred {
        Deferred::where_(|| me().role == Role::Master)
    }

    /// Defers the handlers of a process whose children are plain processes, which have them deferred
    /// as well.
    #[cfg(feature = "interpose")]
    pub fn apart() -> Deferred {
        Deferred::where_(|| true)
    }

    fn where_(runs_handlers: impl FnOnce() -> bool) -> Deferred {
        let caught = CAUGHT.load(SeqCst);
        let any = caught != 0 && runs_handlers();
        Deferred { before: any.then(|| sys::block_signals(caught)) }
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            sys::restore_signals(before);
        }
    }
}
