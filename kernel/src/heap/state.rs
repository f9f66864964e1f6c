//! State of one heap: the lists of a space's allocator instance and where its next
//! segments come from.
//!
//! Addresses are a function of the task path (rule R1). Each zone is a sequence of segments;
//! of `k` children, child `i` may take every `k`-th of its parent's remaining sequence,
//! starting with the `i`-th. What a child did not take but a sibling's progress skipped
//! becomes the child's *stretch*, used first in its lane's next session.

use super::class::{CLASSES, ZONE, ZONES};

/// An arithmetic progression of segment numbers.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// Next number.
    pub next: u64,
    /// Distance to the one after.
    pub step: u64,
    /// Where the session began.
    pub first: u64,
}

impl Sequence {
    /// The whole zone.
    pub const WHOLE: Sequence = Sequence { next: 0, step: 1, first: 0 };

    /// What child `i` of `k` may take.
    pub fn of_child(&self, i: u64, k: u64) -> Sequence {
        let next = self.next.saturating_add(self.step.saturating_mul(i));
        Sequence { next, step: self.step.saturating_mul(k), first: next }
    }

    /// Numbers taken since the session began.
    pub fn taken(&self) -> u64 {
        (self.next - self.first) / self.step.max(1)
    }
}

/// What a heap holds of one zone.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ZoneState {
    /// Where the session's fresh segments come from.
    pub sequence: Sequence,
    /// Numbers left over from an earlier session.
    pub stretch_next: u64,
    pub stretch_step: u64,
    pub stretch_left: u64,
    /// Free segments, linked through the table (number + 1, 0: none).
    pub free: u32,
}

/// One allocator instance.
#[repr(C)]
pub(crate) struct HeapState {
    /// [`MAGIC`] once set up.
    pub magic: u64,
    /// Session that last allocated here.
    pub session: u64,
    /// Highest session number used below.
    pub last_session: u64,
    /// Table of the heaps of children by index, 0 until the first construct.
    pub lanes: usize,
    /// Lists of small spans with room (global page numbers).
    pub bins: [u32; CLASSES],
    /// Segments with free pages (number + 1).
    pub open: u32,
    /// Bytes of free large segments that still hold pages.
    pub dirty_bytes: u64,
    /// Zones.
    pub zones: [ZoneState; ZONES],
}

/// Mark of a heap that was set up.
pub(crate) const MAGIC: u64 = 0x6465_7470_6172_4850;

impl HeapState {
    /// Sets up an empty heap over whatever the memory held.
    pub fn init(&mut self) {
        self.magic = MAGIC;
        (self.session, self.last_session, self.lanes, self.open) = (0, 0, 0, 0);
        self.bins = [0; CLASSES];
        self.dirty_bytes = 0;
        self.zones = [ZoneState::default(); ZONES];
    }

    /// Next fresh segment number of a zone.
    pub fn next_fresh(&mut self, zone: usize) -> Option<u32> {
        let z = &mut self.zones[zone];
        if z.stretch_left > 0 {
            let n = z.stretch_next;
            z.stretch_next += z.stretch_step;
            z.stretch_left -= 1;
            return Some(n as u32);
        }
        let n = z.sequence.next;
        if z.sequence.step == 0 || n >= u64::from(ZONE[zone].count) {
            return None;
        }
        z.sequence.next = n.saturating_add(z.sequence.step);
        Some(n as u32)
    }

    /// Leaves the numbers from `next` on, in steps of `step`, to the lane's next session.
    pub fn keep_stretch(&mut self, zone: usize, next: u64, step: u64, left: u64) {
        let count = u64::from(ZONE[zone].count);
        let within = if next < count { (count - next).div_ceil(step.max(1)) } else { 0 };
        let left = left.min(within);
        let z = &mut self.zones[zone];
        // One stretch a zone; a second one is address space given up, never memory.
        if z.stretch_left == 0 && left > 0 {
            (z.stretch_next, z.stretch_step, z.stretch_left) = (next, step, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_share_a_sequence_without_overlap() {
        let parent = Sequence { next: 10, step: 3, first: 1 };
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..4 {
            let mut c = parent.of_child(i, 4);
            for _ in 0..5 {
                assert_eq!((c.next - 10) % 3, 0);
                assert!(seen.insert(c.next));
                c.next += c.step;
            }
            assert_eq!(c.taken(), 5);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), (0..20).map(|j| 10 + 3 * j).collect::<Vec<_>>());
    }
}
