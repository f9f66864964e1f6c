//! The malloc family: all heap memory of the process lies in the image, whoever allocates it
//! (Rust's `System`, C libraries, libc itself). One door for all.

use crate::space::memory;
use core::ffi::{c_int, c_void};

const MIN_ALIGN: usize = 16;

fn set_errno(e: c_int) {
    // SAFETY: libc's thread-local error number.
    unsafe { *libc::__errno_location() = e };
}

fn or_no_memory(p: *mut u8) -> *mut c_void {
    if p.is_null() {
        set_errno(libc::ENOMEM);
    }
    p.cast()
}

/// See `malloc(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut c_void {
    let p = memory::allocate_usual(size);
    if p.is_null() { any(size) } else { p.cast() }
}

#[inline(never)]
extern "C" fn any(size: usize) -> *mut c_void {
    or_no_memory(memory::allocate(size, MIN_ALIGN))
}

/// See `calloc(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        Some(n) => or_no_memory(memory::allocate_zeroed(n, MIN_ALIGN)),
        None => or_no_memory(core::ptr::null_mut()),
    }
}

/// See `realloc(3)`.
///
/// # Safety
/// As in C: `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(p: *mut c_void, size: usize) -> *mut c_void {
    if size == 0 && !p.is_null() {
        memory::free(p.cast());
        return core::ptr::null_mut();
    }
    or_no_memory(memory::resize(p.cast(), size))
}

/// See `reallocarray(3)`.
///
/// # Safety
/// As for [`realloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(p: *mut c_void, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: the caller's contract.
        Some(n) => unsafe { realloc(p, n) },
        None => or_no_memory(core::ptr::null_mut()),
    }
}

/// See `free(3)`.
///
/// # Safety
/// As in C: `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(p: *mut c_void) {
    if !memory::free_usual(p.cast()) {
        memory::free(p.cast());
    }
}

fn aligned(align: usize, size: usize) -> *mut c_void {
    or_no_memory(memory::allocate(size, align.max(MIN_ALIGN)))
}

/// See `aligned_alloc(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        set_errno(libc::EINVAL);
        return core::ptr::null_mut();
    }
    aligned(align, size)
}

/// See `memalign(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    aligned_alloc(align, size)
}

/// See `valloc(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn valloc(size: usize) -> *mut c_void {
    aligned(crate::abi::PAGE, size)
}

/// See `pvalloc(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(size: usize) -> *mut c_void {
    aligned(crate::abi::PAGE, size.next_multiple_of(crate::abi::PAGE))
}

/// See `posix_memalign(3)`.
///
/// # Safety
/// `out` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> c_int {
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<usize>()) {
        return libc::EINVAL;
    }
    let p = memory::allocate(size, align.max(MIN_ALIGN));
    if p.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller's contract.
    unsafe { out.write(p.cast()) };
    0
}

/// See `malloc_usable_size(3)`.
///
/// # Safety
/// As in C: `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(p: *mut c_void) -> usize {
    memory::usable(p.cast())
}

pub(super) fn anchor() -> usize {
    malloc as *const () as usize
}
