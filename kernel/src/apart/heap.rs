//! The heap of a program whose spaces are plain processes: blocks follow each other, in all spaces
//! together, and none is used again. So two spaces never have one address for different blocks, a
//! block that a child hands over is where it was, and what was freed stays recognisable.

use super::tools;
use super::tree::tree;
use crate::sys;
use core::ffi::{c_int, c_void};
use core::sync::atomic::Ordering::Relaxed;

/// Bytes between two blocks, at least.
const GAP: usize = 32;

/// What a space knows of a block.
pub(super) const LIVE: u8 = 1;
pub(super) const FREED: u8 = 2;

// libc's own, under the names that nobody takes over.
unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_memalign(align: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(p: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_free(p: *mut c_void);
}

/// A block for the program; for the library itself, and before the tree stands, one of libc's.
pub(crate) fn allocate(size: usize, align: usize) -> *mut c_void {
    let Some(t) = tree().filter(|t| !t.here().is_inside()) else {
        // SAFETY: `align` is a power of two.
        return unsafe {
            if align <= 16 { __libc_malloc(size) } else { __libc_memalign(align, size) }
        };
    };
    let shared = t.shared();
    let from = shared.frontier.load(Relaxed);
    let start = from.checked_add(GAP).and_then(|a| a.checked_next_multiple_of(align));
    let end = start.and_then(|a| a.checked_add(size)?.checked_next_multiple_of(16));
    let number = shared.count.load(Relaxed);
    let room = |end: usize| end.checked_add(GAP).is_some_and(|e| e <= t.arena_end());
    let (Some(start), Some(end)) = (start, end.filter(|&e| room(e) && number < t.most)) else {
        // SAFETY: libc's thread-local error number.
        unsafe { *libc::__errno_location() = libc::ENOMEM };
        return core::ptr::null_mut();
    };
    t.add_block(number, start, size);
    shared.frontier.store(end, Relaxed);
    shared.count.store(number + 1, Relaxed);
    t.states()[number] = LIVE;
    t.noted()[number] = LIVE;
    tools::lives(t, from, start, size, false);
    core::ptr::with_exposed_provenance_mut(start)
}

/// Whether this space is a child, and an address is that of a block which it did not make itself.
pub(crate) fn is_inherited(p: *const c_void) -> bool {
    let number = tree().and_then(|t| Some((t.here(), t.block_at(p.addr())?)));
    number.is_some_and(|(here, i)| here.child.get().is_some() && i < here.inherited.get())
}

/// The number of the live block that starts at an address.
fn find(p: usize) -> Option<usize> {
    let t = tree()?;
    t.block_at(p).filter(|&i| t.states()[i] == LIVE)
}

fn is_arena(p: *mut c_void) -> bool {
    tree().is_some_and(|t| (t.arena()..t.arena_end()).contains(&p.addr()))
}

/// The number of a block of the program; what is none ends the space.
fn expect(p: *mut c_void) -> usize {
    find(p.addr()).unwrap_or_else(|| {
        let what = "detpar: free or realloc of what is no live block of this space\n";
        let _ = sys::write_all(2, what.as_bytes());
        std::process::abort()
    })
}

/// Frees a block. It counts as a write of all its bytes: each is turned into another.
pub(crate) fn free(p: *mut c_void) {
    if p.is_null() {
        return;
    }
    if !is_arena(p) {
        // SAFETY: a live block of whoever made it.
        return unsafe { tools::sanitizers_free(p).unwrap_or_else(|| __libc_free(p)) };
    }
    let (t, i) = (tree().unwrap_or_else(|| std::process::abort()), expect(p));
    let (start, size) = t.block(i);
    tools::quietly(|| {
        // SAFETY: the block's own bytes, which nobody uses any more. Volatile, as its memory is
        // looked at by others than the program.
        (start..start + size).for_each(|a| unsafe {
            let byte = a as *mut u8;
            byte.write_volatile(!byte.read_volatile());
        });
    });
    t.states()[i] = FREED;
    t.noted()[i] = FREED;
    tools::freed(t, start, size);
}

/// Resizes a block: always by a new one.
pub(crate) fn resize(p: *mut c_void, size: usize) -> *mut c_void {
    if p.is_null() {
        return allocate(size, 16);
    }
    if !is_arena(p) {
        // SAFETY: a live block of whoever made it.
        return unsafe {
            tools::sanitizers_resize(p, size).unwrap_or_else(|| __libc_realloc(p, size))
        };
    }
    let old = tree().map_or(0, |t| t.block(expect(p)).1);
    let new = if size == 0 { core::ptr::null_mut() } else { allocate(size, 16) };
    if !new.is_null() {
        // SAFETY: both blocks are that long, and distinct.
        unsafe { sys::tools::copy_unseen(p.addr(), new.addr(), old.min(size)) };
    }
    if size == 0 || !new.is_null() {
        free(p);
    }
    new
}

/// Bytes usable at a block; nothing where it is not the program's.
pub(crate) fn usable(p: *mut c_void) -> Option<usize> {
    let t = tree().filter(|_| is_arena(p))?;
    Some(find(p.addr()).map_or(0, |i| t.block(i).1))
}

/// As [`allocate`], zeroed.
pub(crate) fn allocate_zeroed(size: usize) -> *mut c_void {
    let p = allocate(size, 16);
    if is_arena(p) {
        // As it was mapped: no block is used again.
        tools::is_zero(p.addr(), size);
    } else if !p.is_null() {
        // SAFETY: a fresh block of libc's.
        unsafe { p.write_bytes(0, size) };
    }
    p
}

/// Tells the tools of the blocks that a merge has brought or freed here.
pub(super) fn settle() {
    let Some(t) = tree() else { return };
    for i in 0..t.count() {
        let (was, is) = (t.noted()[i], t.states()[i]);
        if was == is {
            continue;
        }
        let (start, size) = t.block(i);
        if was == 0 {
            let before = i.checked_sub(1).map_or((t.arena(), 0), |b| t.block(b));
            let before = before.0 + before.1;
            tools::lives(t, before, start, size, true);
        }
        if is == FREED {
            tools::freed(t, start, size);
        }
        t.noted()[i] = is;
    }
}

/// Whether blocks of the program come from here: another malloc may stand before ours.
pub(super) fn is_used() -> bool {
    // SAFETY: makes and frees a block.
    unsafe {
        let p = libc::malloc(core::hint::black_box(1));
        let ours = is_arena(p);
        libc::free(p);
        ours
    }
}

/// What C's functions answer with where the bytes cannot be counted.
pub(crate) fn overflow() -> *mut c_void {
    // SAFETY: libc's thread-local error number.
    unsafe { *libc::__errno_location() = libc::ENOMEM as c_int };
    core::ptr::null_mut()
}
