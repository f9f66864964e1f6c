//! `close` and its kin: a program that closes all numbers, as daemons do, does not know of those by
//! which its master reaches the image and the workers. To it they are not there.

use crate::exec::control::{Role, me};
use crate::space::descriptors::{is_ours, next_of_ours};
use crate::sys;
use core::ffi::{c_int, c_long, c_uint};

/// Whether this process is the master, and not one that was made to become another program.
fn is_master() -> bool {
    super::role() == Role::Master && sys::ids().0 == me().master_pid
}

/// Whether a number is one that the program cannot have got from anybody.
fn is_hidden(fd: c_int) -> bool {
    super::role() == Role::Master && is_ours(fd) && is_master()
}

/// # Safety
/// The call's own contract.
unsafe fn call(nr: c_long, a: [usize; 3]) -> c_int {
    // SAFETY: the caller's contract.
    unsafe { sys::as_program(nr, [a[0], a[1], a[2], 0, 0, 0]) as c_int }
}

fn refused() -> c_int {
    // SAFETY: libc's thread-local error number.
    unsafe { *libc::__errno_location() = libc::EBADF };
    -1
}

/// See `close(2)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(fd: c_int) -> c_int {
    if is_hidden(fd) {
        return refused();
    }
    // SAFETY: the caller's contract.
    unsafe { call(libc::SYS_close, [fd as usize, 0, 0]) }
}

/// See `dup2(2)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dup2(from: c_int, to: c_int) -> c_int {
    if is_hidden(to) {
        return refused();
    }
    // SAFETY: the caller's contract.
    unsafe { call(libc::SYS_dup2, [from as usize, to as usize, 0]) }
}

/// See `dup3(2)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dup3(from: c_int, to: c_int, flags: c_int) -> c_int {
    if is_hidden(to) {
        return refused();
    }
    // SAFETY: the caller's contract.
    unsafe { call(libc::SYS_dup3, [from as usize, to as usize, flags as usize]) }
}

/// See `close_range(2)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    let (mut from, master) = (first, is_master());
    loop {
        let ours = if master { next_of_ours(from).filter(|fd| *fd <= last) } else { None };
        // What lies before the next of ours; all of it where there is none.
        let to = ours.map_or(Some(last), |fd| fd.checked_sub(1)).filter(|to| from <= *to);
        if to.is_some() || ours.is_none() {
            let a = [from as usize, to.unwrap_or(last) as usize, flags as usize];
            // SAFETY: the caller's contract.
            if unsafe { call(libc::SYS_close_range, a) } != 0 {
                return -1;
            }
        }
        match ours {
            Some(fd) if fd < last => from = fd + 1,
            _ => return 0,
        }
    }
}

/// See `closefrom(3)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn closefrom(first: c_int) {
    // SAFETY: the caller's contract.
    unsafe { close_range(first.max(0) as c_uint, c_uint::MAX, 0) };
}

pub(super) fn anchor() -> usize {
    close as *const () as usize
}
