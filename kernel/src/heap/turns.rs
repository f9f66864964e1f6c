//! Children that run in turn, one after another: where a heap has too few segments left to
//! divide them, each child may take all that its lower sibling left, and an open child all that
//! its parent has, which waits until it has ended. `docs/heap.md` tells why.
//!
//! A child that keeps nothing of what it took leaves everything to the next: its heap is as if
//! it had never been, so that recursion needs memory for its depth, not for its children.

use super::Heap;
use super::class::{ENTRY, SEGMENT, ZONE, ZONES, locate, meta_addr};
use super::large::meta;
use super::open::{Share, Slot};
use super::segment::{self, addr_of_number, heap_of_number, number_of};
use super::state::{HeapState, Sequence};
use core::cell::Cell;

/// Segments for each child below which they are not divided: two for each of the spaces that
/// can be nested, so that a chain of joins ends at the deepest level that there is.
const SHARE: u64 = 512;

/// The same for the children of the master and of the two levels below it: loops in loops, which
/// may be wide, rather than recursion.
const SHARE_OF_LOOPS: u64 = 32;

/// The same for wide open constructs there: those in lanes that have small shares.
const SHARE_OF_WIDE: u64 = 16;

/// Open lanes below this one are those in which recursion goes deep.
const DEEP_LANES: usize = 10;

/// Most segments that are looked at to find that none holds a block.
const LOOKED_AT: u64 = 4096;

/// What a space took and does not keep: its heap's first segment and numbers of a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vacated {
    first: u32,
    from: Sequence,
    taken: u64,
    /// Segments below this number may hold bytes of it in the image file; 0: none.
    pub dirty_below: u32,
}

impl Vacated {
    /// Whether an address lies in one of those segments.
    pub fn holds(&self, addr: usize) -> bool {
        let Some((0, n)) = locate(addr) else { return false };
        let off = u64::from(n).wrapping_sub(self.from.next);
        let at = off.checked_div(self.from.step);
        let taken = at.is_some_and(|at| at < self.taken && off == at * self.from.step);
        n == self.first || taken
    }

    /// Those segments and their entries in the table: addresses and lengths.
    pub fn ranges(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        self.numbers().flat_map(|n| [(addr_of_number(n), SEGMENT), (meta_addr(0, n), ENTRY)])
    }

    fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        let Sequence { next, step, .. } = self.from;
        let at = move |i: u64| next.wrapping_add(step.wrapping_mul(i)) % u64::from(ZONE[0].count);
        (0..self.taken).map(move |i| at(i) as u32).chain([self.first])
    }
}

impl Sequence {
    /// Numbers of a zone that are left.
    fn left(&self, zone: usize) -> u64 {
        u64::from(ZONE[zone].count).saturating_sub(self.next).div_ceil(self.step.max(1))
    }

    /// Whether a space that was given this sequence can have left `later`.
    fn leads_to(&self, later: &Sequence) -> bool {
        let gone = later.next.checked_sub(self.next);
        gone.is_some_and(|n| n == 0 || n.checked_rem(self.step) == Some(0))
            && later.step == self.step
    }
}

/// What the first child in turn may take of what its parent has left, and each later one of
/// what its lower sibling left.
pub(crate) fn next_in_turn(left: &[Sequence; ZONES]) -> [Sequence; ZONES] {
    left.map(|s| s.of_child(0, 1))
}

/// Whether a child that was given `from` can have left `to`.
pub(crate) fn can_leave(from: &[Sequence; ZONES], to: &[Sequence; ZONES]) -> bool {
    from.iter().zip(to).all(|(a, b)| a.leads_to(b))
}

impl Heap {
    /// Whether `k` children of the running space are to run in turn: what it has left is too
    /// little to be divided. Its lanes were prepared.
    pub fn runs_in_turn(self, k: usize) -> bool {
        let st = self.state();
        let share = if st.depth.get() <= 2 { SHARE_OF_LOOPS } else { SHARE };
        st.zones[0].sequence.get().left(0) / (k.max(1) as u64) < share
    }

    /// Goes on behind what an open child took that has ended, for which the running space waited.
    /// Returns the number that comes next.
    pub fn go_on_behind(self, left: &[Sequence; ZONES]) -> u64 {
        self.state().skip_to(left);
        self.sequences()[0].next
    }

    /// Takes back what such a child took from `from` on, where nothing was taken since: that
    /// child is not merged. All that it took of large segments stays lost.
    pub fn take_back(self, from: &Sequence, left: u64) {
        let s = &self.state().zones[0].sequence;
        let now = s.get();
        if now.next == left && from.leads_to(&now) {
            let gone = (left - from.next).checked_div(from.step).unwrap_or(0);
            s.set(Sequence { next: from.next, taken: now.taken.saturating_sub(gone), ..now });
        }
    }

    /// What the space of a session leaves of the sequences that it was given.
    pub fn leave(self, session: u64, from: &[Sequence; ZONES]) -> [Sequence; ZONES] {
        let st = self.state();
        if !st.took_part(session) {
            return *from;
        }
        st.fold();
        self.sequences()
    }

    /// What a space vacates that has ended and left its sequences: all it took, if its heap is
    /// of this session and no block is left in it.
    pub fn vacate(self, session: u64, from: &[Sequence; ZONES]) -> Option<Vacated> {
        let st = self.state();
        let first = segment::at(self.0);
        let taken = |z: usize| st.zones[z].sequence.get().taken;
        if !st.took_part(session)
            || first.born.get() != session
            || (1..ZONES).any(|z| taken(z) > 0)
            || taken(0) > LOOKED_AT
        {
            return None;
        }
        let mut all =
            Vacated { first: number_of(self.0), from: from[0], taken: taken(0), dirty_below: 0 };
        let vacant = |n| segment::at(addr_of_number(n)).is_vacant();
        if !all.numbers().all(vacant) && !cfg!(detpar_mutant = "vacant_with_blocks") {
            return None;
        }
        // Those taken for lanes only were not written by this space, nor granted to any.
        let lanes = st.lane_table().iter().take_while(|n| n.get() != 0).count();
        if taken(0) != lanes as u64 && !cfg!(detpar_mutant = "dirt_forgotten") {
            all.dirty_below = st.zones[0].sequence.get().next.min(u32::MAX.into()) as u32;
        }
        // Entries of segments that nobody took are zero, so that siblings do not seem to have
        // written the same.
        if !cfg!(detpar_mutant = "entries_kept") {
            all.numbers().for_each(|n| meta(0, n).forget());
        }
        Some(all)
    }

    /// Takes the lanes of a construct whose `k` children ran in turn back after their merge;
    /// `left` is what the last one left.
    pub fn adopt_in_turn(self, k: usize, session: u64, left: &[Sequence; ZONES]) {
        let st = self.state();
        let lanes = st.lane_table().iter().take(k).map(Cell::get);
        for l in lanes.map(|n| heap_of_number(n.wrapping_sub(1))) {
            if l.took_part(session) {
                st.last_session.set(st.last_session.get().max(l.last_session.get()));
            }
        }
        st.skip_to(left);
    }
}

impl HeapState {
    /// Goes on behind what children in turn took.
    fn skip_to(&self, left: &[Sequence; ZONES]) {
        for (z, left) in self.zones.iter().zip(left) {
            let s = z.sequence.get();
            let gone = left.next.saturating_sub(s.next).checked_div(s.step).unwrap_or(0);
            if !cfg!(detpar_mutant = "turns_forgotten") {
                z.sequence.set(s.skip(1, gone));
            }
        }
    }

    /// Whether an open child that starts in lane `j` is to end before this space goes on: the
    /// lane's share is too small, and none of it is in use. The master never waits.
    pub(super) fn waits_for(&self, j: usize, slot: &Slot) -> bool {
        let depth = self.depth.get();
        let wide = j >= DEEP_LANES && depth <= 2;
        let least = if wide { SHARE_OF_WIDE } else { SHARE };
        let z = &self.zones[0];
        let divided = self.split.get() != 0;
        let whole = if divided { z.pool.get() } else { z.sequence.get() };
        depth > 0
            && !(divided && self.lane_since_split(slot).is_some())
            && Share::lane(depth, j).of(whole).left(0) < least
    }
}
