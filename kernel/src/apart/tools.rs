//! What is told to AddressSanitizer and Valgrind, where one of them watches: which memory is a block.

use super::tree::Tree;
use crate::sys::tools::valgrind;
use core::ffi::{CStr, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// AddressSanitizer's functions; 0 where it is not there.
static POISON: AtomicUsize = AtomicUsize::new(0);
static UNPOISON: AtomicUsize = AtomicUsize::new(0);
static OWNS: AtomicUsize = AtomicUsize::new(0);
static FREE: AtomicUsize = AtomicUsize::new(0);
static RESIZE: AtomicUsize = AtomicUsize::new(0);
/// Whether Valgrind runs the program.
static VALGRIND: AtomicUsize = AtomicUsize::new(0);

const RUNNING: usize = 0x1001;
const BLOCK: usize = 0x1301;
const NO_BLOCK: usize = 0x1302;
const ERRORS: usize = 0x1801;
const NO_ACCESS: usize = 0x4d43_0000;
const DEFINED: usize = 0x4d43_0002;

/// Looks for the tools; once, before there is a heap.
pub(super) fn look_up() {
    let next = |handle, name: &CStr| {
        // SAFETY: the name is a C string.
        unsafe { libc::dlsym(handle, name.as_ptr()) }.expose_provenance()
    };
    let any = libc::RTLD_DEFAULT;
    OWNS.store(next(any, c"__sanitizer_get_ownership"), Relaxed);
    POISON.store(next(any, c"__asan_poison_memory_region"), Relaxed);
    UNPOISON.store(next(any, c"__asan_unpoison_memory_region"), Relaxed);
    FREE.store(next(libc::RTLD_NEXT, c"free"), Relaxed);
    RESIZE.store(next(libc::RTLD_NEXT, c"realloc"), Relaxed);
    VALGRIND.store(valgrind(RUNNING, [0; 4]), Relaxed);
}

/// Whether Valgrind runs the program.
pub(super) fn has_valgrind() -> bool {
    VALGRIND.load(Relaxed) != 0
}

/// # Safety
/// `T` is the type of the function at that address.
unsafe fn function<T: Copy>(at: &AtomicUsize) -> Option<T> {
    const { assert!(size_of::<T>() == size_of::<usize>()) };
    let at = at.load(Relaxed);
    // SAFETY: the caller's contract.
    (at != 0).then(|| unsafe { core::mem::transmute_copy(&at) })
}

fn shade(how: &AtomicUsize, from: usize, to: usize) {
    // SAFETY: the type of both functions.
    if let Some(f) = unsafe { function::<unsafe extern "C" fn(usize, usize)>(how) } {
        // SAFETY: a range of the arena.
        unsafe { f(from, to.saturating_sub(from)) };
    }
}

/// A block came to be, its bytes are `defined` where they were merged. `before` is the end of what
/// precedes it.
pub(super) fn lives(t: &Tree, before: usize, start: usize, size: usize, defined: bool) {
    // What follows is taken first: a granule that both share is half free.
    let gap = (start + size).next_multiple_of(8) + 32;
    shade(&POISON, start + size, gap.min(t.arena_end()));
    shade(&POISON, before.next_multiple_of(8).min(start), start);
    shade(&UNPOISON, start, start + size);
    if has_valgrind() {
        valgrind(BLOCK, [start, size, 16, usize::from(defined)]);
    }
}

/// The bytes of a block that just came to be are zero.
pub(super) fn is_zero(start: usize, size: usize) {
    if has_valgrind() {
        valgrind(DEFINED, [start, size, 0, 0]);
    }
}

/// A block was freed.
pub(super) fn freed(_: &Tree, start: usize, size: usize) {
    shade(&POISON, start, (start + size).next_multiple_of(8));
    if has_valgrind() {
        valgrind(NO_BLOCK, [start, 16, 0, 0]);
    }
}

/// Nothing of a range is a block so far.
pub(super) fn no_access(start: usize, size: usize) {
    if has_valgrind() {
        valgrind(NO_ACCESS, [start, size, 0, 0]);
    }
}

/// Does what reads and writes memory that may be no block's.
pub(super) fn quietly<R>(body: impl FnOnce() -> R) -> R {
    let watched = has_valgrind();
    if watched {
        valgrind(ERRORS, [1, 0, 0, 0]);
    }
    let r = body();
    if watched {
        valgrind(ERRORS, [usize::MAX, 0, 0, 0]);
    }
    r
}

/// Whether a block is the sanitizer's.
fn is_sanitizers(p: *mut c_void) -> bool {
    // SAFETY: the function's type; it takes any address.
    unsafe {
        function::<unsafe extern "C" fn(*const c_void) -> c_int>(&OWNS).is_some_and(|f| f(p) != 0)
    }
}

/// Frees a block of the sanitizer's; nothing where it is none.
///
/// # Safety
/// `p` is a live block.
pub(super) unsafe fn sanitizers_free(p: *mut c_void) -> Option<()> {
    type Free = unsafe extern "C" fn(*mut c_void);
    // SAFETY: the function's type.
    let own = unsafe { function::<Free>(&FREE) }.filter(|_| is_sanitizers(p))?;
    // SAFETY: the caller's contract.
    unsafe { own(p) };
    Some(())
}

/// Resizes a block of the sanitizer's; nothing where it is none.
///
/// # Safety
/// `p` is a live block.
pub(super) unsafe fn sanitizers_resize(p: *mut c_void, size: usize) -> Option<*mut c_void> {
    type Resize = unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void;
    // SAFETY: the function's type.
    let own = unsafe { function::<Resize>(&RESIZE) }.filter(|_| is_sanitizers(p))?;
    // SAFETY: the caller's contract.
    Some(unsafe { own(p, size) })
}
