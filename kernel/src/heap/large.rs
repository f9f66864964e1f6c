//! Large blocks: one segment each, described in a table outside of it.

use super::class::{ZONE, large_zone, meta_addr, segment_addr};
use super::open::About;
use super::segment::heap_of_number;
use super::small::{self, RUN_MAX};
use super::state::HeapState;
use super::{Env, give_segment, take_segment};
use core::cell::Cell;

/// Entry of a segment in the table of its zone.
#[repr(C)]
pub(super) struct Meta {
    /// Bytes asked for; 0 while free.
    pub size: Cell<u64>,
    session: Cell<u64>,
    /// First segment of the heap that owns the block.
    heap: Cell<u32>,
    /// Next free segment (number + 1) while free.
    pub next: Cell<u32>,
    dirty: Cell<u32>,
    _room: u32,
}

impl Meta {
    /// Pages from the segment's start that may hold bytes of an earlier life.
    pub fn dirty(&self, zone: usize) -> u32 {
        self.dirty.get().min(segment_pages(zone))
    }

    pub fn set_dirty(&self, pages: u32) {
        self.dirty.set(pages);
    }

    /// Makes the entry of a small segment that of one which nobody took yet.
    pub fn forget(&self) {
        for c in [&self.next, &self.dirty].into_iter().filter(|c| c.get() != 0) {
            c.set(0);
        }
    }

    /// Pages of the block, within its segment.
    fn pages(&self, zone: usize) -> u32 {
        (self.size.get().div_ceil(4096)).min(segment_pages(zone).into()) as u32
    }
}

/// Pages of a segment.
fn segment_pages(zone: usize) -> u32 {
    1 << (ZONE[zone].shift - 12)
}

/// The entry of a segment; numbers beyond the zone's end wrap around.
#[inline]
pub(super) fn meta(zone: usize, number: u32) -> &'static Meta {
    // SAFETY: `mapped`: the table has an entry for every segment; any bytes are valid; cells
    // may be changed through any reference, by `authority` by one thread.
    unsafe { &*(meta_addr(zone, number % ZONE[zone].count) as *const Meta) }
}

/// Allocates a segment of its own.
#[cold]
pub(super) fn alloc(st: &HeapState, env: &mut impl Env, size: usize, align: usize) -> *mut u8 {
    let Some(first) = large_zone(size, align) else { return core::ptr::null_mut() };
    for (zone, z) in ZONE.iter().enumerate().skip(first) {
        let Some((n, dirty)) = take_segment(st, zone) else {
            if zone == 1 && size <= RUN_MAX << 12 && align <= 4096 {
                let run = small::alloc_run(st, env, size);
                if !run.is_null() {
                    return run;
                }
            }
            continue;
        };
        let addr = segment_addr(zone, n);
        env.granted(addr, 1 << z.shift);
        let m = meta(zone, n);
        m.size.set(size.max(1) as u64);
        m.session.set(st.stamp.get());
        m.heap.set(st.number());
        m.set_dirty(if env.may_be_dirty(zone, n) { segment_pages(zone) } else { dirty });
        return addr as *mut u8;
    }
    core::ptr::null_mut()
}

/// Makes the first `size` bytes of a block that was just allocated zero.
pub(super) fn clean(env: &mut impl Env, zone: usize, n: u32, size: usize) {
    /// From here on giving pages back is cheaper than writing them.
    const RELEASE_FROM: usize = 1 << 20;
    let m = meta(zone, n);
    let dirty = (m.dirty(zone) as usize) << 12;
    let (addr, bytes) = (segment_addr(zone, n), size.min(dirty));
    if bytes >= RELEASE_FROM && env.release(addr, dirty) {
        m.set_dirty(0);
        return;
    }
    // SAFETY: the block holds at least `size` bytes and was just allocated.
    unsafe { (addr as *mut u8).write_bytes(0, bytes) };
}

/// First address and bytes of the live block in a segment.
pub(super) fn block(zone: usize, n: u32) -> Option<(usize, usize)> {
    let m = meta(zone, n);
    (m.size.get() != 0).then(|| (segment_addr(zone, n), (m.pages(zone) as usize) << 12))
}

fn is_inherited(env: &impl Env, m: &Meta) -> bool {
    m.session.get() < env.session() && !cfg!(detpar_mutant = "lend_ignored")
}

/// Frees a large block.
#[cold]
pub(super) fn free(env: &mut impl Env, addr: usize, zone: usize, n: u32) -> bool {
    let m = meta(zone, n);
    let Some((start, len)) = block(zone, n) else { return false };
    if start != addr {
        return false;
    }
    if is_inherited(env, m) {
        env.defer_free(start, len);
        return true;
    }
    let dirty = m.dirty(zone).max(m.pages(zone));
    m.size.set(0);
    give_segment(heap_of_number(m.heap.get()), env, zone, n, dirty);
    true
}

/// What is known of the live block at an address.
pub(super) fn about(env: &impl Env, addr: usize, zone: usize, n: u32) -> Option<About> {
    let m = meta(zone, n);
    let (start, len) = block(zone, n)?;
    let (made, heap) = (m.session.get(), m.heap.get());
    (start == addr).then(|| About { len, inherited: is_inherited(env, m), made, heap })
}

/// Resizes where it is, if the segment is of the right zone for the new size.
pub(super) fn resize(env: &impl Env, addr: usize, zone: usize, n: u32, size: usize) -> bool {
    let m = meta(zone, n);
    let Some((start, len)) = block(zone, n) else { return false };
    // Shrinking far keeps nothing: the caller moves the rest to a smaller segment.
    if start != addr || size <= len / 4 {
        return false;
    }
    if size <= len {
        // A shrunk block keeps its pages until it is freed.
        return true;
    }
    if is_inherited(env, m) || size > 1 << ZONE[zone].shift {
        return false;
    }
    m.size.set(size as u64);
    true
}

const _: () = assert!(size_of::<Meta>() == 32);
