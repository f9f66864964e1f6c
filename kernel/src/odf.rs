//! On-demand forks of the program itself: what the interposed `fork` does, and its switch.

pub use crate::space::fork::{is_on_demand, set_on_demand};

/// Forks on demand, as `fork(2)` does with its result; -1 with `errno` on failure.
///
/// # Safety
/// As for `fork` in C.
pub unsafe fn fork() -> libc::pid_t {
    #[cfg(feature = "interpose")]
    // SAFETY: the caller's contract.
    return unsafe { crate::interpose::fork_on_demand() };
    #[cfg(not(feature = "interpose"))]
    // SAFETY: no memory of this process is the image; the caller's contract.
    return unsafe { libc::fork() };
}

/// Whether the calling thread is the only one of this process.
pub fn is_alone() -> bool {
    crate::space::threads::alone()
}
