//! `exit`, `_exit`, `_Exit`: in a child they are refused at once, since the functions that `exit`
//! would run first belong to the master. Where children are C's ([`ends_children`]) they end the
//! child instead, and run none of those functions.
//!
//! `__cxa_thread_atexit_impl`: destructors of thread-local variables that a child registers
//! run when the child ends, and never reach libc's list, which belongs to the master.

use crate::abi::End;
use crate::apart;
use crate::exec::control::{Role, me};
use crate::exec::exits;
use crate::exec::timeline;
use crate::exec::worker;
use crate::image::early;
use crate::replay;
use crate::sys;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

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
    let role = super::role();
    if role == Role::Child || !apart::is_on() && me().template == 1 {
        return if exits::at_thread_exit(dtor as usize, obj as usize) { 0 } else { -1 };
    }
    // SAFETY: libc's own function of this name has this type.
    match unsafe { super::next::<Register>(c"__cxa_thread_atexit_impl") } {
        // SAFETY: the caller's contract.
        Some(f) => unsafe { f(dtor, obj, dso) },
        None => -1,
    }
}

/// Whether these functions end a child: its frames have no destructors.
static ENDS_CHILDREN: AtomicBool = AtomicBool::new(false);

/// See [`crate::master::exit_ends_children`].
pub(crate) fn ends_children() {
    ENDS_CHILDREN.store(true, Relaxed);
}

/// In a child ends it, or has it refused; comes back elsewhere.
fn in_child(status: c_int) {
    if apart::is_on() {
        if ENDS_CHILDREN.load(Relaxed) {
            // Comes back in the master, and in a part of shared work: that ends as one that may not.
            apart::library(|| apart::exit(status as u32 & 0xff));
        }
        return;
    }
    if !early::is_ready() || me().role != Role::Child {
        return;
    }
    // A part of shared work has no end of its own.
    if ENDS_CHILDREN.load(Relaxed) && worker::stays() {
        worker::end_by_itself(End::Returned, status as u32 & 0xff);
    }
    // SAFETY: leaves from outside the gate, so that confinement refuses it.
    unsafe { sys::as_program(libc::SYS_exit_group, [status as usize, 0, 0, 0, 0, 0]) };
}

/// See `_exit(2)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _exit(status: c_int) -> ! {
    in_child(status);
    if !apart::is_on() && early::is_ready() && replay::is_on() {
        // From outside the gate: the record is to have this end.
        // SAFETY: ends the process; the call has no memory operands.
        unsafe { sys::as_program(libc::SYS_exit_group, [status as usize, 0, 0, 0, 0, 0]) };
    }
    sys::exit(status)
}

/// See `_Exit(3)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Exit(status: c_int) -> ! {
    // SAFETY: the caller's contract.
    unsafe { _exit(status) }
}

/// See `exit(3)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn exit(status: c_int) -> ! {
    in_child(status);
    if early::is_ready()
        && me().role == Role::Master
        && sys::ids() == (me().master_pid, me().master_pid)
    {
        // On the main thread.
        timeline::finish();
    }
    // SAFETY: libc's own function of this name has this type.
    match unsafe { super::next::<unsafe extern "C" fn(c_int) -> !>(c"exit") } {
        // SAFETY: the caller's contract.
        Some(f) => unsafe { f(status) },
        None => sys::exit(status),
    }
}

pub(super) fn anchor() -> usize {
    __cxa_thread_atexit_impl as *const () as usize
        + exit as *const () as usize
        + _exit as *const () as usize
        + _Exit as *const () as usize
}
