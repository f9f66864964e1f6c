//! The master's front: the small blocks it freed last, by class, handed out again first.
//!
//! A block here counts as handed out for all else: its bit says so, children inherit it and leave
//! it alone. So a free and the next allocation of the class touch neither bitmap nor labels. Only
//! the master has a front: a child would leave its blocks behind when it ends, and would have to
//! tell those that it inherited. The table lies in the image, so that what rolls memory back or
//! copies it treats the front like any other book-keeping.

use super::class::{LISTED_CLASSES, ZONE};
use super::segment::{self, SPAN_SMALL, page_addr, page_number};
use super::small;
use super::state::HeapState;
use super::{Env, Heap};
use crate::image::layout::HEAP;
use core::cell::Cell;

/// Classes below this have a front: those of blocks up to 1 KiB.
const CLASSES: usize = LISTED_CLASSES;

/// Most blocks of a class that wait.
const ROOM: usize = 32;

/// What the second word of a waiting block holds: a free of a block that is free already is
/// found by it, as in glibc's allocator.
const MARK: u64 = 0xd17e_a5ed_0f4e_e0b1;

/// Offsets of zone 0 at which blocks may start.
const OFFSETS: u64 = ((ZONE[0].count as u64) << ZONE[0].shift) - 16;

/// The table, in a run of pages of its own.
#[repr(C)]
struct Front {
    /// Waiting blocks of each class.
    count: [Cell<u32>; CLASSES],
    /// Where they start, as offsets in zone 0; the last came last.
    blocks: [[Cell<u64>; ROOM]; CLASSES],
}

/// The table of a heap, if it has one.
#[inline(always)]
fn of(st: &HeapState) -> Option<&'static Front> {
    match st.front.get() {
        0 => None,
        // SAFETY: `mapped`: the run was taken in `set_up`, and a number that was written over
        // leads into zone 0 still, which is longer by far than the table; any bytes are valid.
        page => Some(unsafe { &*((page_addr(page)) as *const Front) }),
    }
}

/// Gives the heap a front if the running space is the master.
pub(super) fn set_up(st: &HeapState, env: &mut impl Env) {
    if env.depth() != 0 || st.front.get() != 0 {
        return;
    }
    let run = small::alloc_run(st, env, size_of::<Front>());
    if run.is_null() {
        return;
    }
    // SAFETY: the run was just taken and holds the table.
    unsafe { run.write_bytes(0, size_of::<Front>()) };
    st.front.set(page_number(run as usize));
}

/// The second word of the block at an offset of zone 0.
#[inline(always)]
fn mark(offset: u64) -> &'static Cell<u64> {
    // SAFETY: `mapped`: the offset is one of OFFSETS, so 16 bytes follow in zone 0.
    unsafe { &*((HEAP as u64 + (offset & OFFSETS) + 8) as *const Cell<u64>) }
}

/// A block of a class that waits; null where there is none.
#[inline(always)]
pub(super) fn take(st: &HeapState, class: usize) -> *mut u8 {
    let waiting = of(st).and_then(|t| Some((t.count.get(class)?, t.blocks.get(class)?)));
    let Some((count, blocks)) = waiting else { return core::ptr::null_mut() };
    let left = count.get().wrapping_sub(1);
    let Some(block) = blocks.get(left as usize) else { return core::ptr::null_mut() };
    count.set(left);
    let offset = block.get() & OFFSETS;
    mark(offset).set(0);
    (HEAP as u64 + offset) as *mut u8
}

/// Lets a block of the master's own heap wait: those of its lanes go back there. `None`, and
/// nothing done, where there is no room or no such small block;
/// `Some(false)` where it may wait already.
#[inline(always)]
pub(super) fn put(st: &HeapState, addr: usize) -> Option<bool> {
    let t = of(st)?;
    let seg = segment::at(addr);
    let (span, base) = seg.find_span(addr).filter(|_| seg.heap.get() == st.number() + 1)?;
    let class = span.class.get() as usize;
    let (count, blocks) = (t.count.get(class)?, t.blocks.get(class)?);
    let (_, _, starts) = span.find_small(base, addr)?;
    if span.state.get() != SPAN_SMALL || !starts {
        return None;
    }
    let offset = (addr - HEAP) as u64;
    let (marked, n) = (mark(offset), count.get());
    if marked.get() == MARK {
        return Some(false);
    }
    blocks.get(n as usize)?.set(offset);
    marked.set(MARK);
    count.set(n + 1);
    Some(true)
}

/// Whether the block at an address of zone 0 waits in the master's front; as of the snapshot,
/// where a child asks.
pub(super) fn holds(addr: usize) -> bool {
    let Some(t) = of(Heap::ROOT.state()) else { return false };
    let class = segment::at(addr).find_span(addr).map_or(CLASSES, |(s, _)| s.class.get().into());
    let (Some(count), Some(blocks)) = (t.count.get(class), t.blocks.get(class)) else {
        return false;
    };
    // The mark may be out of reach: the program may have protected a live block.
    blocks.iter().take(count.get() as usize).any(|b| b.get() == (addr - HEAP) as u64)
}

const _: () = assert!(size_of::<Front>() <= 2 * 4096);
