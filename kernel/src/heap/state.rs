//! State of one heap: the lists of a space's allocator instance and where its next
//! segments come from.
//!
//! Addresses are a function of the task path (rule R1). Each zone is a sequence of segments;
//! of `k` children, child `i` may take every `k`-th of its parent's remaining sequence,
//! starting with the `i`-th. What a child did not take but a sibling's progress skipped
//! becomes the child's *stretch*, used first in its lane's next session.

use super::class::{CLASSES, ZONE, ZONES};
use core::cell::Cell;

/// An arithmetic progression of segment numbers.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// Next number.
    pub next: u64,
    /// Distance to the one after; 0: none at all.
    pub step: u64,
    /// Numbers taken since the session began.
    pub taken: u64,
}

impl Sequence {
    /// The whole zone.
    pub const WHOLE: Sequence = Sequence { next: 0, step: 1, taken: 0 };

    /// What child `i` of `k` may take.
    pub fn of_child(&self, i: u64, k: u64) -> Sequence {
        let next = self.next.saturating_add(self.step.saturating_mul(i));
        Sequence { next, step: self.step.saturating_mul(k), taken: 0 }
    }

    /// The next number of a zone.
    fn take(&mut self, zone: usize) -> Option<u32> {
        if self.step == 0 || self.next >= u64::from(ZONE[zone].count) {
            return None;
        }
        let n = self.next as u32;
        // Beyond the zone's end nothing is told apart, so the sum may saturate.
        self.next = self.next.saturating_add(self.step);
        self.taken = self.taken.saturating_add(1);
        Some(n)
    }

    /// The progression after its first `rounds` rounds of `k` numbers each.
    pub(super) fn skip(&self, k: u64, rounds: u64) -> Sequence {
        let numbers = k.saturating_mul(rounds);
        Sequence {
            next: self.next.saturating_add(self.step.saturating_mul(numbers)),
            step: self.step,
            taken: self.taken.saturating_add(numbers),
        }
    }
}

/// Numbers left over from an earlier session.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stretch {
    next: u64,
    step: u64,
    left: u64,
}

/// What a heap holds of one zone.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct ZoneState {
    /// Where the session's fresh segments come from.
    pub sequence: Cell<Sequence>,
    pub(super) stretch: Cell<Stretch>,
    /// The sequence as it was before it was divided with open children.
    pub(super) pool: Cell<Sequence>,
    /// Free segments, linked through the table (number + 1, 0: none).
    pub free: Cell<u32>,
}

impl ZoneState {
    fn reset(&self) {
        self.sequence.set(Sequence::default());
        self.stretch.set(Stretch::default());
        self.pool.set(Sequence::default());
        self.free.set(0);
    }

    /// Next number of the stretch.
    pub(super) fn take_stretch(&self, zone: usize) -> Option<u32> {
        let s = self.stretch.get();
        if s.left == 0 || s.next >= u64::from(ZONE[zone].count) {
            return None;
        }
        self.stretch.set(Stretch {
            next: s.next.saturating_add(s.step),
            step: s.step,
            left: s.left - 1,
        });
        Some(s.next as u32)
    }

    /// Next fresh segment number.
    pub(super) fn next_fresh(&self, zone: usize) -> Option<u32> {
        if let Some(n) = self.take_stretch(zone) {
            return Some(n);
        }
        let mut s = self.sequence.get();
        let n = s.take(zone)?;
        self.sequence.set(s);
        Some(n)
    }

    /// Leaves the next `left` numbers of a sequence to the lane's next session.
    pub(super) fn keep_stretch(&self, zone: usize, s: Sequence, left: u64) {
        let count = u64::from(ZONE[zone].count);
        let within = if s.next < count { (count - s.next).div_ceil(s.step.max(1)) } else { 0 };
        let left = left.min(within);
        let old = self.stretch.get();
        let behind = old.next.saturating_add(old.step.saturating_mul(old.left));
        if old.left > 0 && old.step == s.step && behind == s.next {
            self.stretch.set(Stretch { left: old.left.saturating_add(left), ..old });
        } else if left > old.left {
            // One stretch a zone, the longest: the rest is address space given up.
            self.stretch.set(Stretch { next: s.next, step: s.step, left });
        }
    }
}

/// One allocator instance.
#[repr(C)]
pub(crate) struct HeapState {
    /// [`MAGIC`] once set up.
    pub magic: Cell<u64>,
    /// Session that last allocated here.
    pub session: Cell<u64>,
    /// Highest session number used below.
    pub last_session: Cell<u64>,
    /// Depth of the space in that session.
    pub depth: Cell<u32>,
    /// What blocks made now are labelled with.
    pub label: Cell<u32>,
    /// Session that blocks made now remember: the newest of the space's own and those of its
    /// open children.
    pub stamp: Cell<u64>,
    /// Session of the newest outstanding open child, 0: none.
    pub newest_open: Cell<u64>,
    /// Spans set up in sessions before this one are left alone.
    pub floor: Cell<u64>,
    /// Number drawn when the sequences were divided with open children, 0: they are whole.
    pub split: Cell<u64>,
    /// First page of the master's front, 0 for all others.
    pub front: Cell<u32>,
    /// Page with the table of open lanes, 0 until the first open child.
    pub opens: Cell<u32>,
    /// Whether free memory beyond the reserve could not be given back.
    pub withheld: Cell<u32>,
    /// Entries of that table that were ever used.
    pub open_slots: Cell<u32>,
    /// Segment of the parent's heap.
    pub parent: Cell<u32>,
    /// Page with the table of the heaps of children by index, 0 until the first construct.
    pub lanes: Cell<u32>,
    /// Segments with free pages (number + 1).
    pub open: Cell<u32>,
    /// Pages of free segments that may still be held.
    pub dirty_pages: Cell<u64>,
    /// Lists of small spans with room (global page numbers).
    pub bins: [Cell<u32>; CLASSES],
    /// Zones.
    pub zones: [ZoneState; ZONES],
}

/// Mark of a heap that was set up.
pub(crate) const MAGIC: u64 = 0x6465_7470_6172_4850;

impl HeapState {
    /// Sets up an empty heap over whatever the memory held.
    pub(super) fn init(&self) {
        let long = [&self.session, &self.last_session, &self.dirty_pages, &self.stamp];
        for c in long.into_iter().chain([&self.newest_open, &self.floor, &self.split]) {
            c.set(0);
        }
        let short = [&self.depth, &self.label, &self.parent, &self.lanes, &self.open];
        for c in short
            .into_iter()
            .chain([&self.front, &self.opens, &self.open_slots, &self.withheld])
            .chain(&self.bins)
        {
            c.set(0);
        }
        self.zones.iter().for_each(ZoneState::reset);
        self.magic.set(MAGIC);
    }

    /// Whether the heap's space took part in a session.
    pub(super) fn took_part(&self, session: u64) -> bool {
        self.magic.get() == MAGIC && self.session.get() == session
    }

    /// Takes back the lanes of `k` children after their merge: skips what they took of the
    /// sequences and leaves to each what a sibling's progress skipped.
    pub(super) fn adopt<'a>(
        &self,
        lanes: impl Iterator<Item = &'a HeapState> + Clone,
        session: u64,
    ) {
        let k = lanes.clone().count() as u64;
        let present = || lanes.clone().filter(|l| l.took_part(session));
        for l in present() {
            l.fold();
            self.last_session.set(self.last_session.get().max(l.last_session.get()));
        }
        for z in 0..ZONES {
            let taken = |l: &HeapState| l.zones[z].sequence.get().taken;
            let most = present().map(taken).max().unwrap_or(0);
            if most == 0 {
                continue;
            }
            for l in present().filter(|l| taken(l) < most) {
                let s = l.zones[z].sequence.get();
                l.zones[z].keep_stretch(z, s, most - s.taken);
            }
            let s = &self.zones[z].sequence;
            s.set(s.get().skip(k, most));
        }
    }
}
