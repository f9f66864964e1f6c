//! Dispositions of signals, by the system's own call: libc's is the program's to take over.

use super::{Sys, call, gate};

/// `struct sigaction` as the kernel takes it.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Action {
    pub handler: usize,
    pub flags: u64,
    pub restorer: usize,
    pub mask: u64,
}

/// A handler that is told all about its signal.
pub(crate) type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);

impl Action {
    /// A handler, which blocks no other signals.
    pub fn new(handler: Handler, flags: i32) -> Action {
        const SA_RESTORER: u64 = 0x0400_0000;
        Action {
            handler: handler as usize,
            flags: (flags | libc::SA_SIGINFO) as u64 | SA_RESTORER,
            restorer: gate::det_restorer as *const () as usize,
            mask: 0,
        }
    }
}

/// Sets a disposition where one is given; returns that of before.
///
/// # Safety
/// A handler keeps to what a signal handler may do.
pub(crate) unsafe fn action(signal: i32, new: Option<&Action>) -> Sys<Action> {
    let mut old = Action::default();
    let new = new.map_or(0, |a| core::ptr::from_ref(a) as usize);
    let args = [signal as usize, new, &raw mut old as usize, size_of::<u64>(), 0, 0];
    // SAFETY: both records are alive; the caller's contract.
    unsafe { call(libc::SYS_rt_sigaction, args) }.map(|_| old)
}
