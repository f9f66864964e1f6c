//! Registers of a child that has stopped by `det_dret`: all that it goes on with lie on its own
//! stack, where they can be read and replaced.

use crate::error::{Failed, guard};
use crate::raw;
use core::ffi::c_int;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use libc::user_regs_struct;

/// Where the running child has saved its registers; 0 while it runs on. No merge touches it.
static SAVED: AtomicUsize = AtomicUsize::new(0);

const SIZE: usize = size_of::<user_regs_struct>();

/// Keeps what belongs to each space alone out of merges; as the program starts.
pub(crate) fn keep_apart() {
    // SAFETY: it is no data of the program, and no child runs yet.
    unsafe { kernel::master::no_merge(SAVED.as_ptr().addr(), size_of::<usize>()) };
}

/// The ret behind [`det_dret`](crate::det_dret), whose caller's registers lie at `saved`: what it
/// answers goes into the first of them that a call returns.
///
/// # Safety
/// Called by `det_dret` alone.
pub(crate) unsafe extern "C" fn dret_here(code: c_int, saved: *mut user_regs_struct) {
    SAVED.store(saved.addr(), Relaxed);
    let result = raw::ret(code);
    SAVED.store(0, Relaxed);
    if result < 0 {
        // SAFETY: the caller's contract. One that was started again has what it was given.
        unsafe { (*saved).rax = result as u64 };
    }
}

/// Where a child that stands at its ret has its registers.
fn of(child: c_int) -> Result<usize, Failed> {
    let mut at = 0usize;
    let stopped = raw::read(child, SAVED.as_ptr().addr(), &mut at)?;
    if !stopped || at == 0 {
        let why = "only a child that stopped by det_dret has registers to read and to replace";
        return Err(Failed::new(libc::EINVAL, why));
    }
    Ok(at)
}

/// Reads the registers with which a child that stopped by `det_dret` would go on: 0, or -1 with
/// `errno`. See `det_get_regs(3)`.
///
/// # Safety
/// `out` is null or points to writable memory of that type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_get_regs(child: c_int, out: *mut user_regs_struct) -> c_int {
    guard(-1, || {
        if out.is_null() {
            return Err(Failed::new(libc::EFAULT, "det_get_regs: the pointer is null"));
        }
        let at = of(child)?;
        // SAFETY: the caller's contract.
        raw::read(child, at, unsafe { &mut *out }).map(|_| 0)
    })
}

/// Replaces the registers with which a child that stopped by `det_dret` goes on: 0, or -1 with
/// `errno`. Its general registers, instruction and stack pointer count. See `det_get_regs(3)`.
///
/// # Safety
/// `regs` is null or points to that type; the child's code must be able to go on with them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_put_regs(child: c_int, regs: *const user_regs_struct) -> c_int {
    guard(-1, || {
        if regs.is_null() {
            return Err(Failed::new(libc::EFAULT, "det_put_regs: the pointer is null"));
        }
        let at = of(child)?;
        raw::write(child, regs.addr(), SIZE, at).map(|()| 0)
    })
}
