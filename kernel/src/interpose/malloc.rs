//! The malloc family: all heap memory of the process lies in the image, whoever allocates it
//! (Rust's `System`, C libraries, libc itself). One door for all.
//!
//! In a program without spaces calls are passed on to libc's own once there are threads: its
//! heap is made for them, and nobody needs memory to be in the image. Blocks are told apart by
//! their addresses.

use crate::apart;
use crate::heap::class;
use crate::space::{memory, threads};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const MIN_ALIGN: usize = 16;

/// libc's own function of a name; 0 where the image is in use.
struct Own(AtomicUsize);

impl Own {
    const fn none() -> Own {
        Own(AtomicUsize::new(0))
    }

    /// Where calls are passed on to it.
    ///
    /// # Safety
    /// `T` must be the function's pointer type.
    #[inline]
    unsafe fn get<T: Copy>(&self) -> Option<T> {
        const { assert!(size_of::<T>() == size_of::<usize>()) };
        let at = self.0.load(Relaxed);
        // SAFETY: the caller vouches for the type.
        (at != 0 && threads::ever()).then(|| unsafe { core::mem::transmute_copy(&at) })
    }
}

static OWN_MALLOC: Own = Own::none();
static OWN_CALLOC: Own = Own::none();
static OWN_REALLOC: Own = Own::none();
static OWN_MEMALIGN: Own = Own::none();
static OWN_FREE: Own = Own::none();
static OWN_USABLE: Own = Own::none();

type Malloc = extern "C" fn(usize) -> *mut c_void;
type Calloc = extern "C" fn(usize, usize) -> *mut c_void;
type Realloc = unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void;
type Memalign = extern "C" fn(usize, usize) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void);
type Usable = unsafe extern "C" fn(*mut c_void) -> usize;

/// From now on calls are passed on. Where one of libc's functions is missing, none is.
pub(super) fn pass_on() {
    let all = [
        (&OWN_MALLOC, c"malloc"),
        (&OWN_CALLOC, c"calloc"),
        (&OWN_REALLOC, c"realloc"),
        (&OWN_MEMALIGN, c"memalign"),
        (&OWN_FREE, c"free"),
        (&OWN_USABLE, c"malloc_usable_size"),
    ];
    // SAFETY: any function pointer has the size of an address.
    let found = all.map(|(_, name)| unsafe { super::next::<usize>(name) }.unwrap_or(0));
    if !found.contains(&0) {
        all.iter().zip(found).for_each(|((own, _), at)| own.0.store(at, Relaxed));
    }
}

/// Whether a block is one of the image's.
#[inline]
fn is_ours(p: *mut c_void) -> bool {
    class::locate(p as usize).is_some()
}

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
    if apart::is_on() {
        return apart::heap::allocate(size, MIN_ALIGN);
    }
    // SAFETY: the type of this function.
    if let Some(own) = unsafe { OWN_MALLOC.get::<Malloc>() } {
        return own(size);
    }
    or_no_memory(memory::allocate(size, MIN_ALIGN))
}

/// See `calloc(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    if apart::is_on() {
        let bytes = count.checked_mul(size);
        return bytes.map_or_else(apart::heap::overflow, apart::heap::allocate_zeroed);
    }
    // SAFETY: the type of this function.
    if let Some(own) = unsafe { OWN_CALLOC.get::<Calloc>() } {
        return own(count, size);
    }
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
    if apart::is_on() {
        return apart::heap::resize(p, size);
    }
    // SAFETY: the type of this function.
    if let Some(own) = unsafe { OWN_REALLOC.get::<Realloc>() } {
        // SAFETY: the caller's contract.
        return unsafe { if is_ours(p) { move_out(p, size) } else { own(p, size) } };
    }
    if size == 0 && !p.is_null() {
        memory::free(p.cast());
        return core::ptr::null_mut();
    }
    or_no_memory(memory::resize(p.cast(), size))
}

/// Resizes a block of the image where others are libc's.
///
/// # Safety
/// `p` is a live block of the image.
unsafe fn move_out(p: *mut c_void, size: usize) -> *mut c_void {
    let new = if size == 0 { core::ptr::null_mut() } else { malloc(size) };
    if !new.is_null() {
        let len = memory::usable(p.cast()).min(size);
        // SAFETY: both blocks hold at least `len` bytes and are distinct.
        unsafe { core::ptr::copy_nonoverlapping(p.cast::<u8>(), new.cast(), len) };
    }
    if size == 0 || !new.is_null() {
        memory::free(p.cast());
    }
    new
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
    if memory::free_usual(p.cast()) {
        return;
    }
    if apart::is_on() {
        return apart::heap::free(p);
    }
    // SAFETY: the type of this function.
    match unsafe { OWN_FREE.get::<Free>() } {
        // SAFETY: the caller's contract.
        Some(own) if !is_ours(p) => unsafe { own(p) },
        _ => memory::free(p.cast()),
    }
}

fn aligned(align: usize, size: usize) -> *mut c_void {
    if apart::is_on() {
        return apart::heap::allocate(size, align.max(MIN_ALIGN));
    }
    // SAFETY: the type of this function.
    if let Some(own) = unsafe { OWN_MEMALIGN.get::<Memalign>() } {
        return own(align.max(MIN_ALIGN), size);
    }
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
    match size.checked_next_multiple_of(crate::abi::PAGE) {
        Some(n) => aligned(crate::abi::PAGE, n),
        None => or_no_memory(core::ptr::null_mut()),
    }
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
    let p = aligned(align, size);
    if p.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller's contract.
    unsafe { out.write(p) };
    0
}

/// See `malloc_usable_size(3)`.
///
/// # Safety
/// As in C: `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(p: *mut c_void) -> usize {
    if apart::is_on()
        && let Some(size) = apart::heap::usable(p)
    {
        return size;
    }
    // SAFETY: the type of this function.
    match unsafe { OWN_USABLE.get::<Usable>() } {
        // SAFETY: the caller's contract.
        Some(own) if !is_ours(p) => unsafe { own(p) },
        _ => memory::usable(p.cast()),
    }
}

pub(super) fn anchor() -> usize {
    malloc as *const () as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes that overflow where a header, an alignment or a page is added.
    const TOO_LARGE: [usize; 6] =
        [usize::MAX, usize::MAX - 15, usize::MAX - 4094, usize::MAX - 4095, 1 << 63, 1 << 60];

    fn no_memory(what: &str, size: usize, take: impl FnOnce() -> *mut c_void) {
        set_errno(0);
        // The compiler takes for granted that a block that is only compared with null is none.
        let p = core::hint::black_box(take());
        assert!(p.is_null(), "{what}({size:#x})");
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::ENOMEM), "{what}");
    }

    #[test]
    fn no_size_is_large_enough_to_become_a_small_one() {
        let block = malloc(100);
        for size in TOO_LARGE {
            no_memory("malloc", size, || malloc(size));
            no_memory("calloc", size, || calloc(1, size));
            no_memory("calloc", size, || calloc(size, 1 << 8));
            no_memory("valloc", size, || valloc(size));
            no_memory("pvalloc", size, || pvalloc(size));
            // SAFETY: the block is live: none of these takes it.
            no_memory("realloc", size, || unsafe { realloc(block, size) });
            // SAFETY: as above.
            no_memory("reallocarray", size, || unsafe { reallocarray(block, size, 1 << 8) });
            for align in [16, 64, 4096, 1 << 21, 1 << 62] {
                no_memory("aligned_alloc", size, || aligned_alloc(align, size));
                no_memory("memalign", size, || memalign(align, size));
                let mut out = block;
                // SAFETY: `out` is writable.
                let e = unsafe { posix_memalign(&mut out, align, size) };
                assert_eq!((e, out), (libc::ENOMEM, block), "posix_memalign({align}, {size:#x})");
            }
        }
        // SAFETY: the block is live, and null is allowed.
        unsafe {
            assert!(malloc_usable_size(block) >= 100);
            assert_eq!(malloc_usable_size(core::ptr::null_mut()), 0);
            free(block);
        }
    }
}
