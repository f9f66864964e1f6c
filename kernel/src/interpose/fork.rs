//! `fork`: the heap, the stack and the statics of this process are shared mappings of the
//! image, so that a plain fork would leave two processes on one memory. The new process gets
//! an image of its own before either returns. (`vfork` and `posix_spawn` share memory with
//! a suspended parent and need nothing.)

use crate::exec::control::{Role, me};
use crate::image::early;
use crate::space::fork;
use crate::sys;

/// See `fork(2)`. Handlers registered with `pthread_atfork` are not called.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fork() -> libc::pid_t {
    early::ensure();
    if me().role == Role::Child {
        // SAFETY: leaves from outside the gate, so that confinement refuses it.
        return unsafe { sys::as_program(libc::SYS_fork, [0; 6]) as libc::pid_t };
    }
    super::before_fork();
    // SAFETY: in the master or a plain process; the caller's contract.
    match unsafe { fork::fork() } {
        Ok(pid) => pid,
        Err(e) => {
            // SAFETY: libc's thread-local error number.
            unsafe { *libc::__errno_location() = e };
            -1
        }
    }
}

pub(super) fn anchor() -> usize {
    fork as *const () as usize
}
