//! `getrandom`: children draw from the seeded generator of their space. In the master, std
//! asks for the keys of its hash maps by 16 bytes with GRND_INSECURE; that request is
//! seeded as well, every other one stays truly random (rule R7).

use crate::confine;
use crate::exec::control::{Role, me};
use crate::image::early;
use core::ffi::{c_uint, c_void};

const KEYS: usize = 16;

/// See `getrandom(2)`.
///
/// # Safety
/// `len` bytes at `buf` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buf: *mut c_void, len: usize, flags: c_uint) -> isize {
    early::ensure();
    let keys = len == KEYS && flags == libc::GRND_INSECURE;
    let seeded = match me().role {
        Role::Child => true,
        Role::Master => keys,
        Role::Plain | Role::Worker => false,
    };
    if seeded {
        // SAFETY: the caller's contract.
        unsafe { confine::fill_seeded(buf.cast(), len) };
        return len as isize;
    }
    let a = [buf as usize, len, flags as usize, 0, 0, 0];
    // SAFETY: the caller's contract.
    match unsafe { crate::sys::call(libc::SYS_getrandom, a) } {
        Ok(n) => n as isize,
        Err(e) => {
            // SAFETY: libc's thread-local error number.
            unsafe { *libc::__errno_location() = e };
            -1
        }
    }
}

pub(super) fn anchor() -> usize {
    getrandom as *const () as usize
}
