//! Large blocks: one segment each, described in a table outside of it.

use super::class::{ZONE, ZONES, large_zone, meta_addr, segment_addr};
use super::state::HeapState;
use super::{Env, Heap, give_segment, take_segment};

/// Entry of a segment in the table of its zone.
#[repr(C)]
pub(super) struct Meta {
    /// Bytes asked for; 0 while free.
    pub size: u64,
    session: u64,
    heap: usize,
    /// Next free segment (number + 1) while free.
    pub next: u32,
    /// Pages that may hold bytes of an earlier life; at allocation, whether there are any.
    pub dirty_pages: u32,
}

/// # Safety
/// `authority` over the heap that owns the segment, or reads only.
pub(super) unsafe fn meta<'a>(zone: usize, number: u32) -> &'a mut Meta {
    // SAFETY: `mapped`: the table has an entry for every segment; any bytes are valid.
    unsafe { &mut *(meta_addr(zone, number) as *mut Meta) }
}

/// Allocates a segment of its own.
#[cold]
pub(super) fn alloc(
    heap: Heap,
    st: &mut HeapState,
    env: &mut impl Env,
    size: usize,
    align: usize,
) -> *mut u8 {
    let Some(first) = large_zone(size, align) else { return core::ptr::null_mut() };
    for zone in first..ZONES {
        let Some((n, dirty)) = take_segment(st, zone) else { continue };
        let addr = segment_addr(zone, n);
        env.granted(addr, 1 << ZONE[zone].shift);
        // SAFETY: `authority`: the segment was just taken for this heap.
        let m = unsafe { meta(zone, n) };
        m.size = size.max(1) as u64;
        m.session = env.session();
        m.heap = heap.0;
        m.dirty_pages = u32::from(dirty || env.may_be_dirty(zone, n));
        return addr as *mut u8;
    }
    core::ptr::null_mut()
}

/// Whether the first `size` bytes of a block just allocated are zero, made so cheaply.
pub(super) fn make_clean(env: &mut impl Env, zone: usize, n: u32, size: usize) -> bool {
    // SAFETY: `authority`: the block was just allocated by this heap.
    let m = unsafe { meta(zone, n) };
    let clean = m.dirty_pages == 0 || env.release(segment_addr(zone, n), size.next_multiple_of(4096));
    m.dirty_pages = 0;
    clean
}

/// Frees a large block.
#[cold]
pub(super) fn free(env: &mut impl Env, zone: usize, n: u32) -> bool {
    // SAFETY: written to only if the block is the space's own (`authority`).
    let m = unsafe { meta(zone, n) };
    if m.size == 0 {
        return false;
    }
    let bytes = (m.size as usize).next_multiple_of(4096);
    if env.session() != 0 && m.session < env.session() {
        env.defer_free(segment_addr(zone, n), bytes);
        return true;
    }
    m.size = 0;
    let st = Heap(m.heap).state();
    give_segment(st, env, zone, n, bytes);
    true
}

/// Resizes where it is, if the segment is of the right zone for the new size.
pub(super) fn resize(env: &impl Env, zone: usize, n: u32, size: usize) -> bool {
    // SAFETY: written to only if the block is the space's own (`authority`).
    let m = unsafe { meta(zone, n) };
    let own = env.session() == 0 || m.session >= env.session();
    let fits = size <= 1 << ZONE[zone].shift;
    // Shrinking far keeps nothing: the caller moves the rest to a smaller segment.
    let worth = size > (m.size as usize) / 4;
    if m.size == 0 || !own || !fits || !worth {
        return false;
    }
    // A shrunk block keeps its pages until it is freed, so its size may only grow.
    m.size = m.size.max(size as u64);
    true
}
