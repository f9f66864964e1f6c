//! Calls that change the process's mappings: workers made before show the old ones, so each
//! call starts a new epoch, and older workers are replaced at their next start. Plain processes, which
//! have no workers, note what is mapped.

use crate::apart::mapped;
use crate::exec::control::{Role, me};
use crate::image::{early, regions};
use crate::space::permissions;
use crate::sys::{self, tools::tell_caller};
use core::ffi::{c_int, c_long, c_void};

fn new_epoch() {
    if !crate::apart::is_on() {
        early::ensure();
        crate::master::new_epoch();
    }
}

/// # Safety
/// The call's own contract.
unsafe fn call(nr: c_long, a: [usize; 6]) -> isize {
    // In a child the call must leave from outside the gate, so that confinement sees it.
    if early::is_ready() && me().role == Role::Child {
        // SAFETY: the caller's contract.
        return unsafe { sys::as_program(nr, a) };
    }
    new_epoch();
    if nr == libc::SYS_mmap && !crate::apart::is_on() && crate::replay::is_on() {
        // The same: a file that is mapped is an input.
        // SAFETY: the caller's contract.
        return unsafe { sys::as_program(nr, a) };
    }
    // SAFETY: the caller's contract.
    match unsafe { sys::call(nr, a) } {
        Ok(v) => v as isize,
        Err(e) => {
            // SAFETY: libc's thread-local error number.
            unsafe { *libc::__errno_location() = e };
            -1
        }
    }
}

/// See `mmap(2)`.
///
/// # Safety
/// As in C.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(
    addr: *mut c_void,
    len: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: i64,
) -> *mut c_void {
    tell_caller!(map)
}

/// See `mmap(2)`: the types are the same on 64-bit systems.
///
/// # Safety
/// As in C.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap64(
    addr: *mut c_void,
    len: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: i64,
) -> *mut c_void {
    tell_caller!(map)
}

/// # Safety
/// As for `mmap`, called by code at `caller`.
unsafe extern "C" fn map(
    addr: *mut c_void,
    len: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: i64,
    caller: usize,
) -> *mut c_void {
    let a =
        [addr as usize, len, prot as usize, flags as usize, fd as isize as usize, offset as usize];
    // SAFETY: the caller's contract.
    let at = unsafe { call(libc::SYS_mmap, a) as *mut c_void };
    if at != libc::MAP_FAILED && crate::apart::is_on() {
        mapped::note(at as usize, len, caller);
    }
    at
}

/// See `munmap(2)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(addr: *mut c_void, len: usize) -> c_int {
    // SAFETY: the caller's contract.
    let r = unsafe { call(libc::SYS_munmap, [addr as usize, len, 0, 0, 0, 0]) as c_int };
    if r == 0 && crate::apart::is_on() {
        mapped::forget(addr as usize, len);
    }
    r
}

/// See `mprotect(2)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mprotect(addr: *mut c_void, len: usize, prot: c_int) -> c_int {
    if early::is_ready() && prot != libc::PROT_READ | libc::PROT_WRITE {
        regions::note_protection(addr as usize, len);
    }
    // SAFETY: the caller's contract.
    let r = unsafe { call(libc::SYS_mprotect, [addr as usize, len, prot as usize, 0, 0, 0]) };
    if r == 0 {
        permissions::note(addr as usize, len, prot);
    }
    r as c_int
}

/// See `shmat(2)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmat(id: c_int, addr: *const c_void, flags: c_int) -> *mut c_void {
    let a = [id as usize, addr as usize, flags as usize, 0, 0, 0];
    // SAFETY: the caller's contract.
    let at = unsafe { call(libc::SYS_shmat, a) as *mut c_void };
    if at != libc::MAP_FAILED && crate::apart::is_on() {
        mapped::note_program(at as usize, sys::tools::segment_size(id));
    }
    at
}

/// See `shmdt(2)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmdt(addr: *const c_void) -> c_int {
    // SAFETY: the caller's contract.
    unsafe { call(libc::SYS_shmdt, [addr as usize, 0, 0, 0, 0, 0]) as c_int }
}

/// See `mremap(2)`.
///
/// # Safety
/// As in C; `new` is looked at only with MREMAP_FIXED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mremap(
    old: *mut c_void,
    old_len: usize,
    len: usize,
    flags: c_int,
    new: *mut c_void,
) -> *mut c_void {
    let a = [old as usize, old_len, len, flags as usize, new as usize, 0];
    // SAFETY: the caller's contract.
    let at = unsafe { call(libc::SYS_mremap, a) as *mut c_void };
    if at != libc::MAP_FAILED && crate::apart::is_on() {
        mapped::forget(old as usize, old_len);
        mapped::note_program(at as usize, len);
    }
    at
}

pub(super) fn anchor() -> usize {
    mmap as *const () as usize
        + mmap64 as *const () as usize
        + munmap as *const () as usize
        + mprotect as *const () as usize
        + mremap as *const () as usize
        + shmat as *const () as usize
        + shmdt as *const () as usize
}
