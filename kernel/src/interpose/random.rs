//! `getrandom`: children draw from the seeded generator of their space. In the master, std
//! asks for the keys of its hash maps by 16 bytes with GRND_INSECURE; that request is
//! seeded as well, every other one stays truly random (rule R7). So are the keys in a program
//! without spaces.

use crate::confine;
use crate::exec::control::Role;
use core::ffi::{c_uint, c_void};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

const KEYS: usize = 16;

/// In a program without spaces, its keys; zeros in any other.
static SEEDED: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

/// Seeds the keys of hash maps in a program without spaces: alike in all threads, as which of
/// them asks first depends on the schedule.
pub(super) fn seed_keys(seed: u64) {
    SEEDED.iter().zip(confine::keys(seed)).for_each(|(to, key)| to.store(key, Relaxed));
}

/// See `getrandom(2)`.
///
/// # Safety
/// `len` bytes at `buf` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buf: *mut c_void, len: usize, flags: c_uint) -> isize {
    let keys = len == KEYS && flags == libc::GRND_INSECURE;
    let own = SEEDED.each_ref().map(|key| key.load(Relaxed));
    if keys && own != [0; 2] {
        // SAFETY: the caller's contract.
        unsafe { buf.cast::<[u64; 2]>().write_unaligned(own.map(u64::to_le)) };
        return len as isize;
    }
    let seeded = match super::role() {
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
    if !crate::apart::is_on() && crate::replay::is_on() {
        // From outside the gate, so that it is recorded.
        // SAFETY: the caller's contract.
        return unsafe { crate::sys::as_program(libc::SYS_getrandom, a) };
    }
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
