//! Signals of the master: which may interrupt a wait for a child, and whether a handler of one runs.

use crate::error::{Failed, guard};
use crate::raw;
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use libc::sigset_t;

thread_local! {
    /// Signals that may interrupt a wait of this space: bit `n - 1` for signal `n`.
    static SET: Cell<u64> = const { Cell::new(0) };
}

/// The set that waits of this space have now.
pub(crate) fn set() -> u64 {
    SET.get()
}

/// Names the signals that may interrupt a waiting master: 0, or -1 with `errno`. Either pointer may be
/// null. See `det_signals(3)`.
///
/// # Safety
/// `new` is null or points to a set, `old` is null or points to room for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_signals(new: *const sigset_t, old: *mut sigset_t) -> c_int {
    guard(-1, || {
        let before = SET.get();
        // SAFETY: the caller's contract; both may be one.
        if let Some(new) = unsafe { new.as_ref() } {
            let has = |signal: &c_int| {
                // SAFETY: a set, and a signal that there is.
                unsafe { libc::sigismember(new, *signal) == 1 }
            };
            let set = (1..=64).filter(has).fold(0, |set, signal| set | 1 << (signal - 1));
            if set != 0 && raw::in_child() {
                let why = "det_signals: no signal reaches a child: set it in the master";
                return Err(Failed::new(libc::EPERM, why));
            }
            SET.set(set);
        }
        if !old.is_null() {
            let signals = (1..=64).filter(|signal| before & 1 << (signal - 1) != 0);
            // SAFETY: the caller's contract; signals that there are.
            unsafe {
                libc::sigemptyset(old);
                for signal in signals {
                    libc::sigaddset(old, signal);
                }
            }
        }
        Ok(0)
    })
}

unsafe extern "C" {
    /// libgcc's walk over the frames of the caller and above.
    fn _Unwind_Backtrace(each: Each, arg: *mut c_void) -> c_int;
    /// Where a frame goes on; whether that is the instruction itself, as behind a signal, rather than
    /// the one after a call.
    fn _Unwind_GetIPInfo(context: *mut c_void, itself: *mut c_int) -> usize;
}

type Each = extern "C" fn(*mut c_void, *mut c_void) -> c_int;

/// `_URC_NO_REASON` and a code that ends the walk.
const GO_ON: c_int = 0;
const END: c_int = 4;

/// Whether the caller runs in a handler of a signal, as far as the frames up to it have tables for
/// unwinding, which compilers write unless told not to.
pub(crate) fn in_handler() -> bool {
    extern "C" fn each(context: *mut c_void, found: *mut c_void) -> c_int {
        let mut itself = 0;
        // SAFETY: what the walk has passed, and a place that is alive.
        unsafe { _Unwind_GetIPInfo(context, &mut itself) };
        if itself == 0 {
            return GO_ON;
        }
        // SAFETY: as `in_handler` passes it.
        unsafe { *found.cast::<bool>() = true };
        END
    }
    if !kernel::master::has_handlers() || raw::in_child() {
        return false;
    }
    let mut found = false;
    // SAFETY: the function takes what is passed here.
    unsafe { _Unwind_Backtrace(each, (&raw mut found).cast()) };
    found
}

/// Fails where the caller runs in a handler of a signal.
pub(crate) fn outside_of_handlers() -> Result<(), Failed> {
    if !in_handler() {
        return Ok(());
    }
    let why = "a handler of a signal forks: what it interrupted is not done. Let it set a flag, and fork \
               where the program looks at that";
    Err(Failed::new(libc::EDEADLK, why))
}
