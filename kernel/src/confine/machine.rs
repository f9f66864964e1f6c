//! The machine and the process that every child sees: the same one everywhere.

use super::memory::put;
use super::{VIRTUAL_ID, VIRTUAL_PARENT_ID, VIRTUAL_PROCESSORS, VIRTUAL_USER, clock};

const INVALID: i64 = -(libc::EINVAL as i64);

/// Whether a call is about the space itself.
fn is_self(id: u64) -> bool {
    [0, VIRTUAL_ID as i32].contains(&(id as i32))
}

/// Process group or session.
pub(super) fn group_of(a: &[u64; 6]) -> Option<i64> {
    is_self(a[0]).then_some(VIRTUAL_PARENT_ID)
}

/// No groups.
pub(super) fn groups(a: &[u64; 6]) -> i64 {
    if (a[0] as i32) < 0 { INVALID } else { 0 }
}

/// Real, effective and saved id.
///
/// # Safety
/// The call's own contract: its pointers are the program's.
pub(super) unsafe fn user_ids(a: &[u64; 6]) -> i64 {
    for &at in &a[..3] {
        // SAFETY: the caller's contract.
        unsafe { put(at, VIRTUAL_USER as u32) };
    }
    0
}

/// Policy and parameters: those of an ordinary process.
///
/// # Safety
/// As for [`user_ids`].
pub(super) unsafe fn scheduling(nr: i64, a: &[u64; 6]) -> Option<i64> {
    if !is_self(a[0]) {
        return None;
    }
    if nr == libc::SYS_sched_getparam {
        // SAFETY: the caller's contract.
        unsafe { put(a[1], 0i32) };
    }
    Some(0)
}

/// Bounds of a policy's priorities.
pub(super) fn priority_range(nr: i64, a: &[u64; 6]) -> Option<i64> {
    match a[0] as i32 {
        libc::SCHED_OTHER | libc::SCHED_BATCH | libc::SCHED_IDLE => Some(0),
        libc::SCHED_FIFO | libc::SCHED_RR if nr == libc::SYS_sched_get_priority_max => Some(99),
        libc::SCHED_FIFO | libc::SCHED_RR => Some(1),
        _ => None,
    }
}

/// The virtual processors.
///
/// # Safety
/// As for [`user_ids`].
pub(super) unsafe fn affinity(a: &[u64; 6]) -> Option<i64> {
    const MASK: u64 = u64::MAX >> (64 - VIRTUAL_PROCESSORS);
    if !is_self(a[0]) {
        return None;
    }
    if a[1] < 8 || !a[1].is_multiple_of(8) {
        return Some(INVALID);
    }
    // SAFETY: the caller's contract.
    unsafe { put(a[2], MASK) };
    Some(8)
}

/// The first processor of the first node.
///
/// # Safety
/// As for [`user_ids`].
pub(super) unsafe fn processor(a: &[u64; 6]) -> i64 {
    for &at in a[..2].iter().filter(|&&at| at != 0) {
        // SAFETY: the caller's contract.
        unsafe { put(at, 0u32) };
    }
    0
}

/// Names of the system.
///
/// # Safety
/// As for [`user_ids`].
pub(super) unsafe fn name(a: &[u64; 6]) -> i64 {
    const FIELD: usize = 65;
    const FIELDS: [&str; 6] = ["Linux", "detpar", "6.0.0", "#1", "x86_64", "(none)"];
    let mut all = [[0u8; FIELD]; 6];
    for (field, text) in all.iter_mut().zip(FIELDS) {
        field[..text.len()].copy_from_slice(text.as_bytes());
    }
    // SAFETY: the caller's contract.
    unsafe { put(a[0], all) };
    0
}

/// Bytes of memory that the virtual machine has, all of it free.
const MEMORY: u64 = 4 << 30;

/// Memory and uptime.
///
/// # Safety
/// As for [`user_ids`].
pub(super) unsafe fn machine(a: &[u64; 6]) -> i64 {
    // SAFETY: zero is a valid value of every field.
    let mut info: libc::sysinfo = unsafe { core::mem::zeroed() };
    info.uptime = clock::uptime() as i64;
    (info.totalram, info.freeram) = (MEMORY, MEMORY);
    (info.procs, info.mem_unit) = (1, 1);
    // SAFETY: the caller's contract.
    unsafe { put(a[0], info) };
    0
}

/// Fixed limits.
///
/// # Safety
/// As for [`user_ids`].
pub(super) unsafe fn limits(nr: i64, a: &[u64; 6]) -> Option<i64> {
    const RESOURCES: u32 = 16;
    let (resource, to) = if nr == libc::SYS_prlimit64 {
        if !is_self(a[0]) || a[2] != 0 {
            return None;
        }
        (a[1], a[3])
    } else {
        (a[0], a[1])
    };
    let resource = resource as u32;
    if resource >= RESOURCES {
        return Some(INVALID);
    }
    let now = match resource {
        libc::RLIMIT_STACK => 8 << 20,
        libc::RLIMIT_NOFILE => 1024,
        libc::RLIMIT_CORE => 0,
        _ => libc::RLIM_INFINITY,
    };
    if to != 0 {
        // SAFETY: the caller's contract.
        unsafe { put(to, [now, libc::RLIM_INFINITY]) };
    }
    Some(0)
}

/// Hints about memory that change no contents. `MADV_FREE` allows that contents go, and does
/// not ask for it.
pub(super) fn advice(a: &[u64; 6]) -> Option<i64> {
    let hint = matches!(
        a[2] as i32,
        libc::MADV_NORMAL
            | libc::MADV_RANDOM
            | libc::MADV_SEQUENTIAL
            | libc::MADV_WILLNEED
            | libc::MADV_FREE
            | libc::MADV_MERGEABLE
            | libc::MADV_UNMERGEABLE
            | libc::MADV_HUGEPAGE
            | libc::MADV_NOHUGEPAGE
            | libc::MADV_DONTDUMP
            | libc::MADV_DODUMP
            | libc::MADV_COLD
            | libc::MADV_PAGEOUT
    );
    hint.then(|| if a[0].is_multiple_of(crate::abi::PAGE as u64) { 0 } else { INVALID })
}

/// Barriers between the threads of a process that has one.
pub(super) fn barrier(a: &[u64; 6]) -> Option<i64> {
    const GLOBAL: i32 = libc::MEMBARRIER_CMD_GLOBAL;
    const PRIVATE: i32 = libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED;
    const REGISTER: i32 = libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    match (a[0] as i32, a[1] as u32) {
        (libc::MEMBARRIER_CMD_QUERY, 0) => Some((GLOBAL | PRIVATE | REGISTER).into()),
        (GLOBAL | PRIVATE | REGISTER, 0) => Some(0),
        _ => None,
    }
}
