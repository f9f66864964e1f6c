//! The image allocator: one instance per space, adopted by the parent as it is at the join.
//!
//! Ownership is strict: a block belongs to the heap whose segment it lies in, and a free
//! returns it there. A space has *authority* over its own heap and over the heaps (lanes) of
//! its children while none of them runs. Child `i` of a construct works in lane `i` of its
//! parent, the same memory every time, so that loops of joins neither spread nor leak.
//!
//! Blocks handed out before the snapshot are *inherited*: a child's free of one is recorded,
//! not done (no metadata is written into inherited blocks before the merge is applied).
//! Whether a block is inherited is told by sessions: each construct has a number higher than
//! every one before it, and a span remembers the session that last took blocks from it and
//! how many had been handed out before that.
//!
//! Invariants cited by the SAFETY comments below:
//! - `mapped`: the tables and zones of [`class`] are mapped, writable, and zero where never
//!   written, in every process that runs this code.
//! - `authority`: only one thread at a time runs heap code on a given heap: the master under
//!   its lock, or the one child that was given the lane.

pub(crate) mod class;
mod large;
pub(crate) mod segment;
mod small;
pub(crate) mod state;

#[cfg(test)]
mod tests;

use class::{MEDIUM_MAX, SEGMENT, SMALL_MAX, ZONE, ZONES, class_aligned, class_of, locate};
use segment::Segment;
use state::{HeapState, MAGIC, Sequence};

/// What the heap needs from the space it works for.
pub(crate) trait Env {
    /// The session of the running space; 0 for the master, which inherits nothing.
    fn session(&self) -> u64;
    /// The sequences of this session.
    fn sequences(&self) -> &[Sequence; ZONES];
    /// A fresh range was taken for this space alone.
    fn granted(&mut self, addr: usize, len: usize);
    /// An inherited block was freed.
    fn defer_free(&mut self, addr: usize, len: usize);
    /// Gives pages back to the system, if that can be done now.
    fn release(&mut self, addr: usize, len: usize) -> bool;
    /// Whether a fresh segment may hold bytes of a construct that failed.
    fn may_be_dirty(&self, zone: usize, number: u32) -> bool;
}

/// A heap: the address of its first segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heap(pub usize);

impl Heap {
    /// The master's heap, in the first segment of all.
    pub const ROOT: Heap = Heap(class::ZONE[0].base);

    fn state<'a>(self) -> &'a mut HeapState {
        // SAFETY: `mapped` and `authority`; a heap's first segment holds its state.
        unsafe { &mut segment::at(self.0).heap_state }
    }

    /// Sets the heap up on first use and opens the running space's session.
    #[inline]
    fn open(self, env: &impl Env) -> &'static mut HeapState {
        let st = self.state();
        if st.magic != MAGIC || st.session != env.session() {
            self.open_session(env);
        }
        st
    }

    #[cold]
    fn open_session(self, env: &impl Env) {
        let st = self.state();
        if st.magic != MAGIC {
            // SAFETY: `mapped` and `authority`.
            let seg = unsafe { segment::at(self.0) };
            seg.init(self.0);
            seg.heap_state.init();
            small::list_segment(self, seg);
        }
        st.session = env.session();
        st.last_session = st.last_session.max(st.session);
        for (z, s) in st.zones.iter_mut().zip(env.sequences()) {
            z.sequence = *s;
        }
        if self == Heap::ROOT {
            // Its own first segment is number 0 of the sequence.
            st.zones[0].sequence.next = st.zones[0].sequence.next.max(1);
        }
    }

    /// Allocates; null where the address space of this heap is exhausted. `align` is a power
    /// of two.
    #[inline]
    pub fn alloc(self, env: &mut impl Env, size: usize, align: usize) -> *mut u8 {
        let class = if align <= 16 && size <= SMALL_MAX {
            Some(class_of(size))
        } else if align <= 4096 {
            class_aligned(size, align)
        } else {
            None
        };
        let st = self.open(env);
        match class {
            Some(c) => small::alloc(self, st, env, c),
            None if size <= MEDIUM_MAX && align <= 4096 => small::alloc_run(self, st, env, size),
            None => large::alloc(self, st, env, size, align),
        }
    }

    /// Like [`Heap::alloc`] with zeroed memory.
    pub fn alloc_zeroed(self, env: &mut impl Env, size: usize, align: usize) -> *mut u8 {
        let p = self.alloc(env, size, align);
        if p.is_null() {
            return p;
        }
        let clean = match locate(p as usize) {
            Some((0, _)) | None => false,
            Some((z, n)) => large::make_clean(env, z, n, size),
        };
        if !clean {
            // SAFETY: the block holds at least `size` bytes and was just allocated.
            unsafe { p.write_bytes(0, size) };
        }
        p
    }

    /// Frees a block of any heap under this space's authority; inherited blocks are deferred.
    /// Addresses that are no live block are ignored (`false`).
    #[inline]
    pub fn free(env: &mut impl Env, addr: usize) -> bool {
        match locate(addr) {
            Some((0, _)) => small::free(env, addr),
            Some((z, n)) => large::free(env, z, n),
            None => false,
        }
    }

    /// Bytes usable from a block's start.
    pub fn usable(addr: usize) -> usize {
        block_of(addr).map_or(0, |b| b.start + b.len - addr)
    }

    /// Tries to let a block grow or shrink where it is.
    pub fn resize_in_place(env: &impl Env, addr: usize, size: usize) -> bool {
        match locate(addr) {
            Some((0, _)) => {
                let usable = Heap::usable(addr);
                size <= usable && (size > usable / 2 || usable <= 64)
            }
            Some((z, n)) => large::resize(env, z, n, size),
            None => false,
        }
    }

    /// Makes sure that lanes `0..k` exist and returns the number of the next session.
    /// `None` where the address space of this heap is exhausted.
    pub fn prepare(self, env: &mut impl Env, k: usize) -> Option<u64> {
        let st = self.open(env);
        if st.lanes == 0 {
            let table = self.alloc_zeroed(env, crate::abi::MAX_CHILDREN * 8, 16) as usize;
            if table == 0 {
                return None;
            }
            st.lanes = table;
        }
        for i in 0..k {
            if self.lane(i).0 == 0 {
                let (n, _) = take_segment(st, 0)?;
                let addr = segment::addr_of_number(n);
                // SAFETY: `mapped`; the fresh segment belongs to this heap. Its head may hold
                // bytes of an earlier life, which must not pass for a heap that was set up.
                unsafe {
                    let seg = segment::at(addr);
                    if seg.heap_state.magic != 0 {
                        seg.heap_state.magic = 0;
                    }
                    (st.lanes as *mut usize).add(i).write(addr);
                }
            }
        }
        st.last_session += 1;
        Some(st.last_session)
    }

    /// Heap of lane `i`; prepared before.
    pub fn lane(self, i: usize) -> Heap {
        // SAFETY: `mapped`: the table has MAX_CHILDREN entries and i is below that.
        Heap(unsafe { (self.state().lanes as *const usize).add(i).read() })
    }

    /// The sequences from which `k` children of this heap are served.
    pub fn sequences(self) -> [Sequence; ZONES] {
        let st = self.state();
        core::array::from_fn(|z| st.zones[z].sequence)
    }

    /// Takes the lanes of a construct of `k` children back after their merge: skips what
    /// they took of the sequences.
    pub fn adopt(self, k: usize, session: u64) {
        let st = self.state();
        let mut most = [0u64; ZONES];
        for i in 0..k {
            let lane = self.lane(i).state();
            if lane.magic != MAGIC || lane.session != session {
                continue;
            }
            st.last_session = st.last_session.max(lane.last_session);
            for z in 0..ZONES {
                most[z] = most[z].max(lane.zones[z].sequence.taken());
            }
        }
        for z in 0..ZONES {
            if most[z] == 0 {
                continue;
            }
            for i in 0..k {
                let lane = self.lane(i).state();
                let (next, step, taken) = if lane.magic == MAGIC && lane.session == session {
                    let s = lane.zones[z].sequence;
                    (s.next, s.step, s.taken())
                } else {
                    continue;
                };
                lane.keep_stretch(z, next, step, most[z] - taken);
            }
            let s = &mut st.zones[z].sequence;
            s.next = s.next.saturating_add(s.step.saturating_mul(k as u64).saturating_mul(most[z]));
        }
    }
}

/// Takes a segment: a free one of this heap, or a fresh one. `true` where it may hold bytes.
fn take_segment(st: &mut HeapState, zone: usize) -> Option<(u32, bool)> {
    let free = st.zones[zone].free;
    if free != 0 {
        let n = free - 1;
        // SAFETY: `mapped` and `authority`: the entry is on this heap's list.
        let meta = unsafe { large::meta(zone, n) };
        st.zones[zone].free = meta.next;
        let dirty = u64::from(meta.dirty_pages) << 12;
        meta.dirty_pages = 0;
        st.dirty_bytes = st.dirty_bytes.saturating_sub(dirty);
        return Some((n, dirty != 0));
    }
    Some((st.next_fresh(zone)?, false))
}

/// Puts a segment on its heap's free list; beyond a reserve its pages go back to the system.
fn give_segment(st: &mut HeapState, env: &mut impl Env, zone: usize, n: u32, bytes: usize) {
    /// Free memory that a heap keeps for reuse before it gives pages back.
    const RESERVE: u64 = 64 << 20;
    // SAFETY: `mapped` and `authority`.
    let meta = unsafe { large::meta(zone, n) };
    let keep = st.dirty_bytes + bytes as u64 <= RESERVE;
    if keep || !env.release(class::segment_addr(zone, n), bytes) {
        meta.dirty_pages = bytes.div_ceil(4096) as u32;
        st.dirty_bytes += bytes as u64;
    } else {
        meta.dirty_pages = 0;
    }
    meta.next = st.zones[zone].free;
    st.zones[zone].free = n + 1;
}

/// A block as reports and frees see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockInfo {
    /// First address.
    pub start: usize,
    /// Bytes.
    pub len: usize,
}

/// The block around an address, if the address lies in a heap block.
pub(crate) fn block_of(addr: usize) -> Option<BlockInfo> {
    match locate(addr)? {
        (0, _) => {
            // SAFETY: `mapped`; only reads.
            let seg: &Segment = unsafe { segment::at(addr) };
            if seg.heap == 0 {
                return None;
            }
            let (start, len, _) = seg.block(addr)?;
            Some(BlockInfo { start, len })
        }
        (z, n) => {
            // SAFETY: `mapped`; only reads.
            let meta = unsafe { large::meta(z, n) };
            let start = class::segment_addr(z, n);
            let len = (meta.size as usize).next_multiple_of(4096);
            (meta.size != 0 && addr < start + len).then_some(BlockInfo { start, len })
        }
    }
}

const _: () = assert!(segment::HEAD_PAGES <= 3 && size_of::<Segment>() < SEGMENT);
const _: () = assert!(ZONE[0].shift == 20);
