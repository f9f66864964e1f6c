//! `__cxa_thread_atexit_impl`: destructors of thread-local variables that a child registers
//! run when the child ends, and never reach libc's list, which belongs to the master.

use crate::exec::control::{Role, me};
use crate::exec::worker;
use crate::image::early;
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
        return if worker::at_thread_exit(dtor as usize, obj as usize) { 0 } else { -1 };
    }
    // SAFETY: libc's own function of this name has this type.
    match unsafe { super::next::<Register>(c"__cxa_thread_atexit_impl") } {
        // SAFETY: the caller's contract.
        Some(f) => unsafe { f(dtor, obj, dso) },
        None => -1,
    }
}

pub(super) fn anchor() -> usize {
    __cxa_thread_atexit_impl as *const () as usize
}
