//! Which pages the running space changed: scans for them, drops them.

use super::control::{Me, private, private_item};
use crate::abi::{Limit, PAGE};
use crate::heap::class::{ZONE, ZONES, meta_addr, segment_addr};
use crate::heap::state::Sequence;
use crate::image::layout::{STACK, STACK_END, page_ceil, page_floor};
use crate::image::regions;
use crate::image::regions::Segment;
use crate::sys::{self, scan};

/// Runs of changed pages found by a scan, in scratch memory: those to merge, then those of
/// segments that are reset.
pub(super) struct Runs {
    pub count: usize,
    pub pages: usize,
    reset_count: usize,
}

/// Segments nearer to each other than this are scanned in one call.
const GAP: usize = 128 << 10;

const MAX_RUNS: usize = (32 << 20) / 16;

pub(super) fn run(i: usize) -> &'static mut (usize, usize) {
    // SAFETY: fewer than MAX_RUNS entries fit in the merge's scratch, unused meanwhile.
    unsafe { private_item::<(usize, usize)>(private::MERGE, i) }
}

impl Runs {
    /// Places of all runs, those of segments that are reset last.
    pub fn all(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.count).chain(MAX_RUNS - self.reset_count..MAX_RUNS)
    }

    /// Adds `[from, to)`; where the table is full, the count of pages says so.
    fn add(&mut self, from: usize, to: usize, reset: bool) {
        if self.count + self.reset_count >= MAX_RUNS {
            self.pages = usize::MAX / 2;
        } else if reset {
            self.reset_count += 1;
            *run(MAX_RUNS - self.reset_count) = (from, to);
        } else {
            *run(self.count) = (from, to);
            self.count += 1;
            self.pages += (to - from) / PAGE;
        }
    }
}

fn scan_range(me: &Me, from: usize, to: usize, mut each: impl FnMut(usize, usize)) {
    let r = scan::changed(me.pagemap_fd, from, to, |r| each(r.start as usize, r.end as usize));
    if r.is_err() {
        // The scan worked when the worker was set up; without it nothing is known.
        sys::exit(72);
    }
}

/// Finds the changed pages of the image that belong to live memory, ascending. Segments that
/// are reset count as changes `with_reset`, else apart.
pub(super) fn scan_changed(me: &Me, stack_from: usize, with_reset: bool) -> Result<Runs, Limit> {
    let mut runs = Runs { count: 0, pages: 0, reset_count: 0 };
    // Ascending: a program at fixed addresses has its segments below the image.
    let (below, above) =
        regions::segments().split_at(regions::segments().partition_point(|s| s.end <= STACK));
    scan_segments(me, &mut runs, below, with_reset);
    scan_range(me, page_floor(stack_from), STACK_END, |a, b| runs.add(a, b, false));
    for (z, &below) in me.table_below.iter().enumerate() {
        if below > 0 {
            let (from, to) = (meta_addr(z, 0), meta_addr(z, below));
            scan_range(me, from, page_ceil(to), |a, b| runs.add(a, b, false));
        }
    }
    for (z, &below) in me.scan_below.iter().enumerate() {
        if below > 0 {
            let (from, to) = (segment_addr(z, 0), segment_addr(z, below));
            scan_range(me, from, to, |a, b| runs.add(a, b, false));
        }
    }
    scan_segments(me, &mut runs, above, with_reset);
    if runs.pages > usize::MAX / 4 { Err(Limit::Exchange) } else { Ok(runs) }
}

fn scan_segments(me: &Me, runs: &mut Runs, mut rest: &[Segment], with_reset: bool) {
    while let Some(first) = rest.first() {
        let near = rest.windows(2).take_while(|w| w[1].start - w[0].end <= GAP).count() + 1;
        let (group, others) = rest.split_at(near);
        let end = group.last().map_or(first.end, |s| s.end);
        scan_range(me, first.start, end, |a, b| {
            for s in group.iter().filter(|s| s.start < b && a < s.end) {
                runs.add(a.max(s.start), b.min(s.end), s.reset && !with_reset);
            }
        });
        rest = others;
    }
}

/// Drops the changed pages. Clean ones stay: to fault them in again costs more, and faults
/// are what tells a child that wrote nothing.
pub(super) fn drop_changed(runs: &Runs) {
    for i in runs.all() {
        let (from, to) = *run(i);
        // SAFETY: the child that wrote these pages has ended; its changes are staged, or
        // lie in state that is reset by definition.
        let _ = unsafe { sys::drop_pages(from, to - from) };
    }
}

/// Widens the range that is scanned to what a heap with these sequences may have taken:
/// all numbers below the next fresh one.
pub(crate) fn widen(me: &mut Me, sequences: &[Sequence; ZONES]) {
    let below = |z: usize| sequences[z].next.min(u64::from(ZONE[z].count)) as u32;
    widen_to(me, &core::array::from_fn(below));
}

/// Widens the range that is scanned to all segments below these numbers. Open lanes take from
/// far apart: what a parent holds may lie above what its own sequences come to next.
pub(crate) fn widen_to(me: &mut Me, reach: &[u32; ZONES]) {
    for (z, &below) in reach.iter().enumerate() {
        me.scan_below[z] = me.scan_below[z].max(below);
        me.table_below[z] = me.table_below[z].max(below);
    }
}

/// Drops stack pages of dead frames that are live memory of the next child's parent.
pub(super) fn clear_dead_stack(me: &mut Me, stack: usize) {
    let top = page_floor(stack);
    if top < me.dead_top {
        // SAFETY: no child runs; what lies there is left over from ended ones.
        let _ = unsafe { sys::drop_pages(top, me.dead_top - top) };
    }
    me.dead_top = top;
}
