//! `exit`: in a child it is refused at once, since the functions that it would run first belong
//! to the master.
//!
//! `__cxa_thread_atexit_impl`: destructors of thread-local variables that a child registers
//! run when the child ends, and never reach libc's list, which belongs to the master.

use crate::exec::control::{Role, me};
use crate::exec::exits;
use crate::image::early;
use crate::sys;
use core::ffi::{c_int, c_void};

type Register = unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void) -> c_int;

/// See the Itanium C++ ABI's `__cxa_thread_atexit`.
///
/// # Safety
/// `dtor` must be a function that may be called with `obj` at the thread's end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __cxa_thread_atexit_impl(
    dtor: *mut c_void,
    obj: *mut c_void,
    dso: *mut c_void,
) -> c_int {
    early::ensure();
    if me().role == Role::Child || me().template == 1 {
        return if exits::at_thread_exit(dtor as usize, obj as usize) { 0 } else { -1 };
    }
    // SAFETY: libc's own function of this name has this type.
    match unsafe { super::next::<Register>(c"__cxa_thread_atexit_impl") } {
        // SAFETY: the caller's contract.
        Some(f) => unsafe { f(dtor, obj, dso) },
        None => -1,
    }
}

/// See `exit(3)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn exit(status: c_int) -> ! {
    if early::is_ready() && me().role == Role::Child {
        // SAFETY: leaves from outside the gate, so that confinement refuses it.
        unsafe { sys::as_program(libc::SYS_exit_group, [status as usize, 0, 0, 0, 0, 0]) };
    }
    // SAFETY: libc's own function of this name has this type.
    match unsafe { super::next::<unsafe extern "C" fn(c_int) -> !>(c"exit") } {
        // SAFETY: the caller's contract.
        Some(f) => unsafe { f(status) },
        None => sys::exit(status),
    }
}

pub(super) fn anchor() -> usize {
    __cxa_thread_atexit_impl as *const () as usize + exit as *const () as usize
}
