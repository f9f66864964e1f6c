//! Signals: none reaches a child, and one that it sends itself ends it.

use super::VIRTUAL_ID;
use super::memory::{get, put};
use crate::abi::{Cause, Fault, Site};
use crate::exec::control::me;
use crate::exec::worker;

const INVALID: i64 = -(libc::EINVAL as i64);
/// Bytes of a set of signals, and the highest signal.
const SET: u64 = 8;
const LAST: u64 = 64;

/// `kill`, `tkill` and `tgkill` to itself; those to others are refused.
pub(super) fn send(nr: i64, a: &[u64; 6], ip: u64) -> Option<i64> {
    let to_self = |id: u64| i64::from(id as i32) == VIRTUAL_ID;
    let (whole, signal) = match nr {
        libc::SYS_tgkill => (to_self(a[0]) && to_self(a[1]), a[2]),
        _ => (to_self(a[0]), a[1]),
    };
    if !whole || !(1..=LAST).contains(&signal) {
        return None;
    }
    let fault = Fault { signal: signal as i32, code: 0, address: 0, ip, site: Site::Unknown };
    worker::end_child(Cause::Fault(fault))
}

/// The mask: kept, and without effect.
///
/// # Safety
/// The call's own contract: its pointers are the program's.
pub(super) unsafe fn mask(a: &[u64; 6]) -> i64 {
    const NEVER: u64 = 1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1);
    if a[3] != SET {
        return INVALID;
    }
    let before = me().mask;
    if a[1] != 0 {
        // SAFETY: the caller's contract.
        let set: u64 = unsafe { get(a[1]) };
        let now = match a[0] as i32 {
            libc::SIG_BLOCK => before | set,
            libc::SIG_UNBLOCK => before & !set,
            libc::SIG_SETMASK => set,
            _ => return INVALID,
        };
        me().mask = now & !NEVER;
    }
    if a[2] != 0 {
        // SAFETY: the caller's contract.
        unsafe { put(a[2], before) };
    }
    0
}

/// The pending signals: none.
///
/// # Safety
/// As for [`mask`].
pub(super) unsafe fn pending(a: &[u64; 6]) -> Option<i64> {
    if a[1] != SET {
        return None;
    }
    // SAFETY: the caller's contract.
    unsafe { put(a[0], 0u64) };
    Some(0)
}

/// The disposition of a signal: the default. Setting one is refused.
///
/// # Safety
/// As for [`mask`].
pub(super) unsafe fn disposition(a: &[u64; 6]) -> Option<i64> {
    if a[1] != 0 || a[3] != SET {
        return None;
    }
    if !(1..=LAST).contains(&a[0]) {
        return Some(INVALID);
    }
    if a[2] != 0 {
        // Handler, flags, restorer and mask, as the system has them.
        // SAFETY: the caller's contract.
        unsafe { put(a[2], [0u64; 4]) };
    }
    Some(0)
}

/// The signal stack of the program: none. Rust takes its own down before it exits.
///
/// # Safety
/// As for [`mask`].
pub(super) unsafe fn stack(a: &[u64; 6]) -> Option<i64> {
    // SAFETY: zero is a valid value of every field.
    let mut none: libc::stack_t = unsafe { core::mem::zeroed() };
    none.ss_flags = libc::SS_DISABLE;
    if a[0] != 0 {
        // SAFETY: the caller's contract.
        let new: libc::stack_t = unsafe { get(a[0]) };
        if new.ss_flags & libc::SS_DISABLE == 0 {
            return None;
        }
        me().leaving = 1;
    }
    if a[1] != 0 {
        // SAFETY: the caller's contract.
        unsafe { put(a[1], none) };
    }
    Some(0)
}
