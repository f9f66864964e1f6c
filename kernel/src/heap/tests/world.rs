//! Spaces that run beside each other, without processes: each has its own copy of all pages;
//! what it writes where it was granted memory is seen by all, as in a shared file.

use super::support::*;
use crate::heap::class::locate;
use crate::heap::open::freed_since;
use crate::heap::turns::can_leave;
use std::collections::BTreeSet;

const ZERO: [u8; PAGE] = [0; PAGE];

/// What all spaces share.
#[derive(Default)]
pub(super) struct World {
    /// Pages written to the file, in order.
    file: Vec<(usize, Box<[u8; PAGE]>)>,
    /// The memory that each running space started from, outermost first.
    before: Vec<Pages>,
}

/// The memory of a space at one moment.
#[derive(Clone)]
pub(super) struct Snapshot {
    pages: Pages,
    file: usize,
}

/// What a child that ended hands over.
pub(super) struct Ended {
    pub space: Space,
    reference: Pages,
    changed: Pages,
    /// The number behind what it took in turn.
    left: u64,
    /// It vacated what it took.
    pub vacated: bool,
}

fn inside(ranges: &[(usize, usize)], page: usize) -> bool {
    ranges.iter().any(|&(a, n)| (a..a + n).contains(&page))
}

fn page(pages: &Pages, addr: usize) -> &[u8; PAGE] {
    pages.get(&addr).map_or(&ZERO, |p| p)
}

impl World {
    /// The memory of the running space. What it was granted is written to the file, and what
    /// it writes there from now on is its own.
    pub fn snapshot(&mut self, space: &mut Space) -> Snapshot {
        let now = pages();
        self.seal(space, &now);
        Snapshot { pages: now, file: self.file.len() }
    }

    fn seal(&mut self, space: &mut Space, now: &Pages) {
        let granted = std::mem::take(&mut space.granted);
        let before = self.before.last().into_iter().flat_map(|b| b.keys());
        let all: BTreeSet<usize> = now.keys().chain(before).copied().collect();
        for a in all.into_iter().filter(|&a| inside(&granted, a)) {
            let p = Box::new(*page(now, a));
            self.file.push((a, p.clone()));
            if let Some(before) = self.before.last_mut() {
                before.insert(a, p);
            }
        }
        space.was_granted.extend(granted);
    }

    fn apply(&self, to: &mut Pages, from: usize) {
        for (a, p) in &self.file[from..] {
            to.insert(*a, p.clone());
        }
    }

    /// Runs a child on its snapshot, however long ago that was made.
    pub fn run(
        &mut self,
        parent: &mut Space,
        from: &Snapshot,
        mut child: Space,
        body: impl FnOnce(&mut World, &mut Space),
    ) -> Ended {
        let (mut saved, at) = (pages(), self.file.len());
        let mut start = from.pages.clone();
        self.apply(&mut start, from.file);
        restore(&start);
        self.before.push(start);
        body(self, &mut child);
        let mut leaves = child.sequences;
        let mut vacated = None;
        if child.in_turn {
            leaves = child.heap.leave(child.session, &child.sequences);
            assert!(can_leave(&child.sequences, &leaves));
            vacated = child.heap.vacate(child.session, &child.sequences);
        }
        if let Some(v) = vacated {
            leaves = child.sequences;
            child.dirty_below[0] = child.dirty_below[0].max(v.dirty_below);
        }
        let now = pages();
        self.seal(&mut child, &now);
        let mut reference = self.before.pop().unwrap();
        // What others wrote to the file while it ran is not its change.
        self.apply(&mut reference, at);
        let all: BTreeSet<usize> = now.keys().chain(reference.keys()).copied().collect();
        let differs = |a: &usize| page(&now, *a) != page(&reference, *a);
        let vacant = |a: &usize| vacated.is_some_and(|v| v.holds(*a));
        let changed = all.into_iter().filter(|a| differs(a) && !vacant(a));
        let changed = changed.map(|a| (a, Box::new(*page(&now, a)))).collect();
        self.apply(&mut saved, at);
        restore(&saved);
        for z in 0..parent.dirty_below.len() {
            parent.dirty_below[z] = parent.dirty_below[z].max(child.dirty_below[z]);
        }
        parent.was_granted.extend(child.was_granted.iter());
        let left = if child.in_turn { parent.heap.go_on_behind(&leaves) } else { 0 };
        Ended { space: child, reference, changed, left, vacated: vacated.is_some() }
    }

    /// Merges children into the running space: each byte may be changed by one of them all.
    /// `freed` is what the running space freed since their snapshots.
    pub fn merge(&mut self, children: &[Ended], freed: &[(usize, usize)]) {
        let addrs: BTreeSet<usize> =
            children.iter().flat_map(|c| c.changed.keys().copied()).collect();
        let now = pages();
        for a in addrs {
            let mine = *page(&now, a);
            let mut out = mine;
            for c in children.iter().filter(|c| c.changed.contains_key(&a)) {
                let reference = page(&c.reference, a);
                for (b, &theirs) in c.changed[&a].iter().enumerate() {
                    if theirs == reference[b] {
                        continue;
                    }
                    assert_eq!(out[b], reference[b], "two wrote {:x}", a + b);
                    assert!(!inside(freed, a + b), "freed, and written by a child: {:x}", a + b);
                    out[b] = theirs;
                }
            }
            write_page(a, &out);
        }
    }

    /// Joins the open child of lane `j`.
    pub fn join(&mut self, parent: &mut Space, j: usize, child: &Ended) {
        let mut log = parent.freed.clone();
        let freed: Vec<_> = freed_since(&mut log, child.space.session).collect();
        assert!(freed.windows(2).all(|w| w[0].0 + w[0].1 <= w[1].0), "{freed:x?}");
        self.merge(std::slice::from_ref(child), &freed);
        parent.heap.adopt_open(j);
        for &(addr, _) in &child.space.deferred {
            assert!(!inside(&freed, addr), "freed by both");
            assert!(parent.free(addr), "a deferred free of no block");
        }
        parent.settle();
    }

    /// Ends the open child of lane `j`, which may have run or not, without a merge.
    pub fn kill(&mut self, parent: &mut Space, j: usize, child: Option<&Ended>) {
        for &(a, _) in child.iter().flat_map(|c| &c.space.was_granted) {
            parent.note_dirty(a);
        }
        parent.heap.drop_open(j);
        if let Some(child) = child.filter(|c| c.space.in_turn) {
            parent.heap.take_back(&child.space.sequences[0], child.left);
        }
        parent.settle();
    }
}

impl Space {
    /// A failed space may have written this segment.
    pub fn note_dirty(&mut self, addr: usize) {
        let (z, n) = locate(addr).unwrap();
        self.dirty_below[z] = self.dirty_below[z].max(n + 1);
    }
}
