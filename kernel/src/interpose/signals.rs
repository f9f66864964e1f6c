//! `sigaction` and `signal`: which signals have handlers must be known, since those wait while
//! children run. In a child the call itself is refused, by confinement.

use super::Next;
use crate::exec::control::Role;
use crate::space::signals;
use core::ffi::c_int;

type Action = unsafe extern "C" fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int;
type Signal = unsafe extern "C" fn(c_int, libc::sighandler_t) -> libc::sighandler_t;

static SIGACTION: Next = Next::new(c"sigaction");
static SIGNAL: Next = Next::new(c"signal");

/// Looks both up.
pub(super) fn look_up() {
    SIGACTION.look_up();
    SIGNAL.look_up();
}

fn note(signal: c_int, handler: libc::sighandler_t) {
    if super::role() != Role::Child {
        signals::note(signal, handler);
    }
}

/// See `sigaction(2)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    // SAFETY: libc's own function of this name has this type.
    let Some(f) = (unsafe { SIGACTION.get::<Action>() }) else { return -1 };
    // Read first: both records may be one.
    // SAFETY: the caller's contract: null or a valid record.
    let handler = unsafe { new.as_ref() }.map(|a| a.sa_sigaction);
    // SAFETY: the caller's contract.
    let r = unsafe { f(signal, new, old) };
    if let (0, Some(handler)) = (r, handler) {
        note(signal, handler);
    }
    r
}

/// See `signal(2)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn signal(number: c_int, handler: libc::sighandler_t) -> libc::sighandler_t {
    // SAFETY: libc's own function of this name has this type.
    let Some(f) = (unsafe { SIGNAL.get::<Signal>() }) else { return libc::SIG_ERR };
    // SAFETY: the caller's contract.
    let old = unsafe { f(number, handler) };
    if old != libc::SIG_ERR {
        note(number, handler);
    }
    old
}

pub(super) fn anchor() -> usize {
    sigaction as *const () as usize + signal as *const () as usize
}
