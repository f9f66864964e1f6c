//! The image allocator: one instance per space, adopted by the parent as it is at the join.
//! `docs/heap.md` tells why and how.
//!
//! Ownership is strict: a block belongs to the heap whose segment it lies in, and a free
//! returns it there. A space has *authority* over its own heap and over the heaps (lanes) of
//! its children while none of them runs. Child `i` of a construct works in lane `i` of its
//! parent, the same memory every time, so that loops of joins neither spread nor leak. Open
//! children, which run beside their parent, have lanes of their own, over which the parent has
//! authority whenever nobody runs there; see [`open`].
//!
//! Blocks handed out before the snapshot are *inherited*: a child's free of one is recorded,
//! not done (no metadata is written for inherited blocks before the merge is applied). Whether
//! a block is inherited is told by sessions: each construct has a number higher than every
//! one before it; runs and large blocks remember theirs, small ones have a label (see
//! [`segment::Span`]).
//!
//! Book-keeping lies in the image, so a child's errors may overwrite it and reach its parent
//! by the merge. Numbers read from it therefore wrap around at the end of what they index:
//! whatever the memory holds, this code stays within tables and zones and does not panic.
//!
//! Invariants cited by the SAFETY comments below:
//! - `mapped`: the tables and zones of [`class`] are mapped, writable, and zero where never
//!   written, in every process that runs this code.
//! - `authority`: only one thread at a time runs heap code on a given heap: the master under
//!   its lock, or the one child that was given the lane.

pub(crate) mod class;
mod front;
mod large;
pub(crate) mod open;
pub(crate) mod segment;
mod small;
pub(crate) mod state;
pub(crate) mod turns;

#[cfg(test)]
mod tests;

use crate::abi::MAX_CHILDREN;
use class::{
    MEDIUM_MAX, SEGMENT, SMALL_MAX, ZONE, ZONES, class_aligned, class_of, is_small, listed_class,
    locate,
};
use core::cell::Cell;
use segment::{Segment, addr_of_number, heap_of_number, number_of, page_addr, page_number};
use state::{HeapState, MAGIC, Sequence};

/// What the heap needs from the space it works for.
pub(crate) trait Env {
    /// The heap of the running space.
    fn heap(&self) -> Heap;
    /// The session of the running space; 0 for the master, which inherits nothing.
    fn session(&self) -> u64;
    /// Its depth; 0 for the master.
    fn depth(&self) -> u32;
    /// Its parent's heap; asked below the master only.
    fn parent(&self) -> Heap;
    /// The sequences of this session; asked when the heap is used for the first time in it.
    fn sequences(&self) -> &[Sequence; ZONES];
    /// A fresh range was taken for this space alone.
    fn granted(&mut self, addr: usize, len: usize);
    /// The first `pages` of a range that ends with its segment were taken; the rest is free.
    fn took_tail(&mut self, addr: usize, len: usize, pages: usize);
    /// An inherited block was freed.
    fn defer_free(&mut self, addr: usize, len: usize);
    /// A block was freed that outstanding open children may hold. What is recorded here goes to
    /// [`Heap::settle`] whenever one of them ends.
    fn freed(&mut self, f: open::Freed);
    /// Gives pages back to the system, if that can be done now; they read as zero then.
    fn release(&mut self, addr: usize, len: usize) -> bool;
    /// Whether a segment may hold bytes of a construct that failed.
    fn may_be_dirty(&self, zone: usize, number: u32) -> bool;
}

/// A heap: the address of its first segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heap(pub usize);

impl Heap {
    /// The master's heap, in the first segment of all.
    pub const ROOT: Heap = Heap(ZONE[0].base);

    #[inline]
    fn state(self) -> &'static HeapState {
        &segment::at(self.0).heap_state
    }

    /// Sets the heap up on first use and opens the running space's session.
    #[inline]
    fn open(self, env: &mut impl Env) -> &'static HeapState {
        let st = self.state();
        if st.magic.get() != MAGIC || st.session.get() != env.session() {
            self.open_session(env);
        }
        st
    }

    #[cold]
    fn open_session(self, env: &mut impl Env) {
        let st = self.state();
        if st.magic.get() != MAGIC {
            let seg = segment::at(self.0);
            st.init();
            seg.init(seg.number(), env.session());
            small::list_segment(st, seg);
        }
        st.session.set(env.session());
        st.stamp.set(env.session());
        st.last_session.set(st.last_session.get().max(env.session()));
        st.depth.set(env.depth());
        st.label.set(env.depth());
        if env.depth() > 0 {
            st.parent.set(number_of(env.parent().0));
        }
        st.forget_open();
        for (z, s) in st.zones.iter().zip(env.sequences()) {
            z.sequence.set(*s);
        }
        if self == Heap::ROOT {
            // Its own first segment is number 0 of the sequence.
            let s = &st.zones[0].sequence;
            s.set(Sequence { next: s.get().next.max(1), ..s.get() });
        }
        if env.depth() == 0 {
            front::set_up(st, env);
        }
    }

    /// Allocates; null where the address space of this heap is exhausted. `align` is a power
    /// of two. Blocks are always aligned to 16 bytes.
    #[inline]
    pub fn alloc(self, env: &mut impl Env, size: usize, align: usize) -> *mut u8 {
        let st = self.open(env);
        if align <= 16 && size <= SMALL_MAX {
            return small::alloc(st, env, class_of(size));
        }
        alloc_other(st, env, size, align)
    }

    /// What [`Heap::alloc`] does as a rule, short enough for every caller to hold it: a small
    /// block, aligned to 16 bytes. Null, and nothing done, for all else.
    #[inline(always)]
    pub fn alloc_usual(self, env: &impl Env, size: usize) -> *mut u8 {
        let Some(class) = listed_class(size) else { return core::ptr::null_mut() };
        let st = self.state();
        let waiting = front::take(st, class);
        if !waiting.is_null() {
            return waiting;
        }
        if st.magic.get() != MAGIC || st.session.get() != env.session() {
            return core::ptr::null_mut();
        }
        small::alloc_usual(st, class)
    }

    /// What [`Heap::free`] does as a rule. False, and nothing done, for all else.
    #[inline(always)]
    pub fn free_usual(env: &impl Env, addr: usize) -> bool {
        let st = env.heap().state();
        is_small(addr)
            && st.newest_open.get() == 0
            && front::put(st, addr).unwrap_or_else(|| small::free_usual(env, addr))
    }

    /// Like [`Heap::alloc`] with zeroed memory.
    pub fn alloc_zeroed(self, env: &mut impl Env, size: usize, align: usize) -> *mut u8 {
        let p = self.alloc(env, size, align);
        if p.is_null() {
            return p;
        }
        match locate(p as usize) {
            // SAFETY: the block holds at least `size` bytes and was just allocated.
            Some((0, _)) | None => unsafe { p.write_bytes(0, size) },
            Some((z, n)) => large::clean(env, z, n, size),
        }
        p
    }

    /// Frees a block of any heap under this space's authority; inherited blocks are deferred.
    /// Addresses at which no live block starts are ignored (`false`).
    #[inline]
    pub fn free(env: &mut impl Env, addr: usize) -> bool {
        if env.heap().state().newest_open.get() != 0 {
            return open::free(env, addr);
        }
        Heap::free_now(env, addr)
    }

    /// Frees whatever open children hold.
    #[inline]
    fn free_now(env: &mut impl Env, addr: usize) -> bool {
        match locate(addr) {
            Some((0, _)) => !front::holds(addr) && small::free(env, addr),
            Some((z, n)) => large::free(env, addr, z, n),
            None => false,
        }
    }

    /// Whether a block starts at an address that the running space, or what it merged, made.
    pub fn is_own(env: &impl Env, addr: usize) -> bool {
        open::about(env, addr).is_some_and(|about| !about.inherited)
    }

    /// Bytes usable from an address in a block on.
    pub fn usable(addr: usize) -> usize {
        block_of(addr).map_or(0, |b| b.start + b.len - addr)
    }

    /// Tries to let a block grow or shrink where it is. Small blocks that would use less than
    /// half of their class, and large ones less than a quarter of their pages, are refused:
    /// the caller moves them.
    pub fn resize_in_place(env: &impl Env, addr: usize, size: usize) -> bool {
        match locate(addr) {
            Some((0, _)) => {
                let usable = Heap::usable(addr);
                if size > usable && usable > 0 {
                    return small::extend_run(env, addr, size);
                }
                usable > 0 && (size > usable / 2 || usable <= 64)
            }
            Some((z, n)) => large::resize(env, addr, z, n, size),
            None => false,
        }
    }

    /// Makes sure that lanes `0..k` exist and returns the number of the next session.
    /// `None` where the address space of this heap is exhausted.
    pub fn prepare(self, env: &mut impl Env, k: usize) -> Option<u64> {
        let st = self.open(env);
        if st.lanes.get() == 0 {
            let (seg, page) = small::take_pages(st, env, 1)?;
            let addr = seg.addr() + (page << 12);
            seg.spans[page].init_run(1, st.stamp.get());
            // SAFETY: `mapped`; the page was just taken.
            unsafe { (addr as *mut u8).write_bytes(0, 4096) };
            st.lanes.set(page_number(addr));
        }
        for entry in st.lane_table().iter().take(k) {
            if entry.get() == 0 {
                entry.set(new_lane(st, env)? + 1);
            }
        }
        let session = st.next_session();
        (k <= MAX_CHILDREN).then_some(session)
    }

    /// Heap of lane `i`; prepared before.
    pub fn lane(self, i: usize) -> Heap {
        let number = self.state().lane_table().get(i).map_or(0, Cell::get);
        Heap(addr_of_number(number.saturating_sub(1)))
    }

    /// The sequences from which `k` children of this heap are served.
    pub fn sequences(self) -> [Sequence; ZONES] {
        core::array::from_fn(|z| self.state().zones[z].sequence.get())
    }

    /// Takes the lanes of a construct of `k` children back after their merge: skips what
    /// they took of the sequences.
    pub fn adopt(self, k: usize, session: u64) {
        let st = self.state();
        let lanes = st.lane_table().iter().take(k);
        st.adopt(lanes.map(|n| heap_of_number(n.get().wrapping_sub(1))), session);
    }
}

impl HeapState {
    /// Number of the heap's first segment.
    #[inline]
    fn number(&self) -> u32 {
        number_of(core::ptr::from_ref(self) as usize)
    }

    /// Draws the number of a session.
    fn next_session(&self) -> u64 {
        let session = self.last_session.get().saturating_add(1);
        self.last_session.set(session);
        if self.newest_open.get() != 0 {
            self.watch_open();
        }
        session
    }

    /// First segments of the children's heaps by index (number + 1, 0: none yet).
    fn lane_table(&self) -> &'static [Cell<u32>] {
        match self.lanes.get() {
            0 => &[],
            // SAFETY: `mapped`: a page of zone 0 holds as many numbers; any bytes are valid.
            page => unsafe {
                core::slice::from_raw_parts(page_addr(page) as *const Cell<u32>, MAX_CHILDREN)
            },
        }
    }
}

/// Allocates what needs more than a small class of the usual alignment.
#[cold]
fn alloc_other(st: &HeapState, env: &mut impl Env, size: usize, align: usize) -> *mut u8 {
    if align > 4096 {
        return large::alloc(st, env, size, align);
    }
    match class_aligned(size, align) {
        Some(c) => small::alloc(st, env, c),
        None if size <= MEDIUM_MAX => small::alloc_run(st, env, size),
        None => large::alloc(st, env, size, align),
    }
}

/// Takes the first segment of a lane.
fn new_lane(st: &HeapState, env: &impl Env) -> Option<u32> {
    let (n, dirty) = take_segment(st, 0)?;
    if dirty != 0 || env.may_be_dirty(0, n) {
        // Its head may hold bytes of an earlier life, which must not pass for those of a heap
        // that was set up.
        let seg = segment::at(addr_of_number(n));
        seg.heap.set(0);
        seg.heap_state.magic.set(0);
    }
    Some(n)
}

/// Takes a segment: a free one of this heap, a fresh one, or one that a child's heap has to
/// spare. With it the number of pages from its start that may hold bytes of an earlier life.
fn take_segment(st: &HeapState, zone: usize) -> Option<(u32, u32)> {
    take_free(st, zone).or_else(|| Some((st.zones[zone].next_fresh(zone)?, 0))).or_else(|| {
        let lanes = st.lane_table().iter().map(Cell::get).take_while(|&n| n != 0);
        lanes
            .chain(st.idle_open_lanes())
            .map(|n| heap_of_number(n - 1))
            .filter(|l| l.magic.get() == MAGIC)
            .find_map(|l| {
                take_free(l, zone).or_else(|| Some((l.zones[zone].take_stretch(zone)?, 0)))
            })
    })
}

fn take_free(st: &HeapState, zone: usize) -> Option<(u32, u32)> {
    let n = st.zones[zone].free.get().checked_sub(1)? % ZONE[zone].count;
    let meta = large::meta(zone, n);
    st.zones[zone].free.set(meta.next.get());
    let dirty = meta.dirty(zone);
    st.dirty_pages.set(st.dirty_pages.get().saturating_sub(dirty.into()));
    Some((n, dirty))
}

/// Pages of free memory that a heap keeps for reuse: 64 MiB, and 8 MiB in every lane, of which
/// there are many.
fn reserve(st: &HeapState) -> u64 {
    if st.number() == 0 { 16 << 10 } else { 2 << 10 }
}

/// Puts a segment on its heap's free list; beyond a reserve its pages go back to the system.
fn give_segment(st: &HeapState, env: &mut impl Env, zone: usize, n: u32, pages: u32) {
    let held = st.dirty_pages.get().saturating_add(pages.into());
    let meta = large::meta(zone, n);
    let full = held > reserve(st);
    if full && env.release(class::segment_addr(zone, n), (pages as usize) << 12) {
        meta.set_dirty(0);
    } else {
        meta.set_dirty(pages);
        st.dirty_pages.set(held);
        if full {
            env.heap().state().withheld.set(1);
        }
    }
    meta.next.set(st.zones[zone].free.replace(n + 1));
}

/// Gives back what a heap holds beyond its reserve because the system could not take it when
/// it was freed.
fn trim(st: &HeapState, env: &mut impl Env) {
    for (zone, z) in ZONE.iter().enumerate() {
        let mut next = st.zones[zone].free.get();
        for _ in 0..z.count {
            let held = st.dirty_pages.get();
            let Some(n) = next.checked_sub(1) else { break };
            if held <= reserve(st) {
                return;
            }
            let meta = large::meta(zone, n);
            let dirty = meta.dirty(zone);
            let addr = class::segment_addr(zone, n % z.count);
            if dirty > 0 {
                if !env.release(addr, (dirty as usize) << 12) {
                    return;
                }
                meta.set_dirty(0);
                st.dirty_pages.set(held.saturating_sub(dirty.into()));
            }
            next = meta.next.get();
        }
    }
}

/// A block as reports and frees see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockInfo {
    /// First address.
    pub start: usize,
    /// Bytes.
    pub len: usize,
}

/// The live block around an address, if there is one.
pub(crate) fn block_of(addr: usize) -> Option<BlockInfo> {
    let (start, len) = match locate(addr)? {
        (0, _) => {
            let live = segment::at(addr).find_block(addr).filter(|b| !front::holds(b.start));
            live.map(|b| (b.start, b.len))?
        }
        (z, n) => large::block(z, n).filter(|&(start, len)| addr < start + len)?,
    };
    Some(BlockInfo { start, len })
}

const _: () = assert!(segment::HEAD_PAGES <= 4 && size_of::<Segment>() < SEGMENT);
const _: () = assert!(ZONE[0].shift == 20 && MAX_CHILDREN * size_of::<u32>() == 4096);
