//! Which pages the running space changed.
//!
//! A private page comes into being by a page fault of this process, one fault for each page at
//! least: nobody writes into a worker's memory from outside. So the faults since all pages were
//! clean bound the number of changed pages (those below the parent's frames apart, where every
//! child has its stack), and where so many have been found, none is missing.
//! A short child is served that way by looking where the last ones wrote; only where that finds
//! too little, all memory that the child may have written is scanned.

use super::chaos;
use super::control::{Me, Role, control, private, private_item};
use super::grants;
use crate::abi::{Limit, PAGE};
use crate::heap::class::{ZONE, ZONES, meta_addr, segment_addr};
use crate::heap::state::Sequence;
use crate::image::layout::{IMAGE, IMAGE_END, STACK, STACK_END, page_ceil, page_floor};
use crate::image::regions;
use crate::image::regions::Segment;
use crate::sys::{self, cpu, scan};

mod tidy;
pub(super) use tidy::{clear_dead_stack, clear_own_stack, drop_later, take_down, tidy};

/// Runs of changed pages found by a scan, in scratch memory: those to merge, then those of
/// segments that are reset.
#[derive(Clone, Copy)]
pub(super) struct Runs {
    pub count: usize,
    pub pages: usize,
    reset_count: usize,
    reset_pages: usize,
}

/// Segments nearer to each other than this are scanned in one call.
const GAP: usize = 128 << 10;

const MAX_RUNS: usize = (32 << 20) / 16;

pub(super) fn run(i: usize) -> &'static mut (usize, usize) {
    // SAFETY: fewer than MAX_RUNS entries fit in the merge's scratch, unused meanwhile.
    unsafe { private_item::<(usize, usize)>(private::MERGE, i) }
}

impl Runs {
    const NONE: Runs = Runs { count: 0, pages: 0, reset_count: 0, reset_pages: 0 };

    /// Adds `[from, to)`; where the table is full, the count of pages says so.
    fn add(&mut self, from: usize, to: usize, reset: bool) {
        if self.count + self.reset_count >= MAX_RUNS {
            self.pages = usize::MAX / 2;
        } else if reset {
            self.reset_count += 1;
            self.reset_pages += (to - from) / PAGE;
            *run(MAX_RUNS - self.reset_count) = (from, to);
        } else {
            *run(self.count) = (from, to);
            self.count += 1;
            self.pages += (to - from) / PAGE;
        }
    }

    /// Adds changed pages that were found anywhere: what belongs to no live memory is left out.
    fn add_found(&mut self, from: usize, to: usize, with_reset: bool) {
        if (IMAGE..IMAGE_END).contains(&from) {
            return self.add(from, to, false);
        }
        let segments = regions::segments();
        let first = segments.partition_point(|s| s.end <= from);
        for s in segments[first..].iter().take_while(|s| s.start < to) {
            self.add(from.max(s.start), to.min(s.end), s.reset && !with_reset);
        }
    }

    fn all_pages(&self) -> usize {
        self.pages + self.reset_pages
    }

    /// Places of all runs, those of segments that are reset last.
    pub fn all(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.count).chain(MAX_RUNS - self.reset_count..MAX_RUNS)
    }

    /// Sorts the runs to merge; whether no two overlap.
    fn sort(&mut self) -> bool {
        if self.count < 2 {
            return true;
        }
        // SAFETY: as in `run`: the first `count` entries were written.
        let all = unsafe { core::slice::from_raw_parts_mut(run(0), self.count) };
        all.sort_unstable();
        all.windows(2).all(|w| w[0].1 <= w[1].0)
    }
}

/// Places that are looked at before all memory is scanned.
const USUAL: usize = 12;
/// Pages between two changed ones that are passed over rather than told apart: to visit one
/// costs a twentieth of a call.
const NEAR: usize = 16 * PAGE;
/// Most changed pages that are made present again, clean.
const TOUCHED: usize = 32;
/// Bytes of the largest place.
const LARGEST: usize = 2 << 20;
/// Bytes at the beginning of a child's own heap in which short children have all their blocks.
const OWN: usize = 64 << 10;

/// What a worker knows of its scans, in private memory; zero at first.
#[repr(C)]
struct Scans {
    /// How changed pages are found; the master's choice.
    method: scan::Method,
    usual_count: u32,
    /// Where the last children wrote, latest first. Invariant: disjoint.
    usual: [(usize, usize); USUAL],
    /// Scans for which those are not looked at first.
    skip: u32,
    /// How many to skip after the next miss, about.
    misses: u32,
    /// What a scan of everything takes of late, in cycles.
    full_cycles: u64,
    /// What the last look at the usual places took that found too little.
    missed_cycles: u64,
    /// Pages to drop, where there are any.
    ended: Runs,
    has_ended: u32,
    /// Huge pages of the image that this worker knows of.
    huge_seen: u32,
    /// Whether the last child that was looked at used its own heap: the next one will, too.
    uses_heap: u32,
    /// Zones whose clean pages make scans expensive.
    crowds: [Crowd; ZONES],
}

/// Clean pages of a zone in this worker's page tables.
#[repr(C)]
#[derive(Clone, Copy)]
struct Crowd {
    /// Cycles that the last scan spent on them.
    last: u64,
    /// Cycles that scans spent on them since they were dropped last.
    spent: u64,
    /// Scans since then.
    scans: u32,
    /// How many times its own cost a scan may be repeated before they are dropped; 0: as at
    /// first.
    patience: u32,
    /// Whether they are to be dropped when the child has ended.
    due: u32,
    /// Cycles that scans spent on all but changed pages since the page tables of the zone were
    /// taken down, and page faults of this process then.
    walked: u64,
    faults: u64,
}

fn scans() -> &'static mut Scans {
    // SAFETY: `control` and `own`; the record fits (asserted below).
    unsafe { private_item::<Scans>(private::SCANS, 0) }
}

/// Sets the way in which this process and its workers find changed pages.
pub(crate) fn set_method(method: scan::Method) {
    scans().method = method;
}

/// The way in which changed pages are found.
pub(crate) fn method() -> scan::Method {
    scans().method
}

impl Scans {
    /// Whether to look at the usual places first: always where that costs next to nothing beside
    /// looking everywhere. Else, where it found too little, it is not tried the next time, then
    /// not three times, and so on; counts as a miss until it succeeds.
    fn shall_try(&mut self) -> bool {
        if self.missed_cycles < self.full_cycles / 16 {
            return true;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.misses = (2 * self.misses + 1).min(63);
        self.skip = self.misses;
        true
    }

    /// Adds a place in front, joined with those near it.
    fn insert(&mut self, mut from: usize, mut to: usize) {
        let mut kept = 0;
        for i in 0..self.usual_count as usize {
            let (a, b) = self.usual[i];
            let near = a < to + NEAR && from < b + NEAR;
            let whole = (from.min(a), to.max(b));
            if near && whole.1 - whole.0 <= LARGEST {
                (from, to) = whole;
            } else if b <= from || to <= a {
                self.usual[kept] = (a, b);
                kept += 1;
            }
        }
        // What was kept may overlap the place as it grew afterwards.
        let mut n = 0;
        for i in 0..kept {
            let (a, b) = self.usual[i];
            if b <= from || to <= a {
                self.usual[n] = (a, b);
                n += 1;
            }
        }
        n = n.min(USUAL - 1);
        self.usual.copy_within(..n, 1);
        self.usual[0] = (from, to);
        self.usual_count = n as u32 + 1;
    }

    /// The usual places with what lies around them, disjoint, and how many pages that is: who
    /// goes through memory writes next to where it wrote.
    fn around(&self) -> ([(usize, usize); USUAL], usize) {
        let mut all = self.usual;
        let known = &mut all[..(self.usual_count as usize).min(USUAL)];
        known.sort_unstable();
        for (from, to) in known.iter_mut() {
            let start = if *from >= STACK { STACK } else { 0 };
            (*from, *to) = (from.saturating_sub(NEAR).max(start), *to + NEAR);
        }
        for i in 1..known.len() {
            known[i].0 = known[i].0.max(known[i - 1].1);
        }
        let n = known.len();
        all[n..].fill((0, 0));
        let pages = all.iter().map(|(from, to)| to.saturating_sub(*from) / PAGE).sum();
        (all, pages)
    }

    /// Notes where a child wrote, but for what is another place in each child: the beginning of
    /// its own heap, and its part of what is changed in place.
    fn learn(&mut self, runs: &Runs, own: &[(usize, usize)]) {
        if runs.count + runs.reset_count <= 2 * USUAL {
            for i in runs.all() {
                let (from, to) = *run(i);
                let apart = own.iter().all(|own| to <= own.0 || own.1 <= from);
                if to - from <= LARGEST && apart {
                    self.insert(from, to);
                }
            }
        }
    }
}

/// Calls `each` with the runs of changed pages of a range.
pub(super) fn scan_range(me: &Me, from: usize, to: usize, each: impl FnMut(usize, usize)) {
    let file = (IMAGE..IMAGE_END).contains(&from).then_some((me.image_fd, IMAGE));
    let source = scan::Source { pagemap: me.pagemap_fd, method: method(), file };
    if scan::changed(source, from, to, each).is_err() {
        // The scan worked when the program was set up; without it nothing is known.
        sys::exit(72);
    }
}

/// Finds the changed pages of the image that belong to live memory, ascending. Segments that
/// are reset count as changes `with_reset`, else apart. `faults` is the number of page faults
/// of this process so far.
pub(super) fn scan_changed(
    me: &Me,
    stack_from: usize,
    with_reset: bool,
    faults: u64,
) -> Result<Runs, Limit> {
    // What was copied in is changed without a fault.
    let most = faults.saturating_sub(me.clean_faults) as usize + me.copied_pages;
    let s = scans();
    let worker = me.role != Role::Master;
    s.uses_heap = u32::from(worker && me.opened == me.session && me.session != 0);
    if worker
        && s.shall_try()
        && let Some(runs) = try_usual(me, s, stack_from, with_reset, most)
    {
        (s.skip, s.misses) = (0, 0);
        if !chaos::choose(3) {
            return Ok(runs);
        }
        // Perturbed runs look everywhere as well: nothing else may have changed.
        let all = scan_all(me, stack_from, with_reset, &mut s.crowds);
        if all.all_pages() != runs.all_pages() {
            sys::exit(71);
        }
        return Ok(all);
    }
    let start = cpu::cycles();
    let runs = scan_all(me, stack_from, with_reset, &mut s.crowds);
    let took = cpu::cycles().saturating_sub(start);
    s.full_cycles = (s.full_cycles * 3 + took) / 4;
    if runs.pages > usize::MAX / 4 {
        return Err(Limit::Exchange);
    }
    if !worker {
        return Ok(runs);
    }
    let faults = most.saturating_sub(runs.all_pages()) as u64;
    if let Some(z) = (0..ZONES).max_by_key(|&z| s.crowds[z].last).filter(|&z| s.crowds[z].last > 0)
    {
        control().pages.pay(z, s.crowds[z].last, faults);
    }
    let span = (me.part.0.saturating_sub(PAGE), me.part.0 + me.part.1 + PAGE);
    s.learn(&runs, &[own_heap(me), span]);
    Ok(runs)
}

/// The beginning of the running child's own heap.
fn own_heap(me: &Me) -> (usize, usize) {
    (me.heap, me.heap + OWN)
}

/// Makes the first page of the child's own heap its own, if it will use it: who only reads it
/// first takes a fault more than it changes pages, and would have all its memory scanned.
pub(super) fn expect(me: &Me) {
    if scans().uses_heap != 0 {
        // SAFETY: a byte of the heap's first segment, which is mapped and this child's alone.
        unsafe { cpu::make_own(me.heap as *mut u8) };
    }
}

/// [`scan_usual`], and what it cost where it found too little.
fn try_usual(
    me: &Me,
    s: &mut Scans,
    stack_from: usize,
    with_reset: bool,
    most: usize,
) -> Option<Runs> {
    let start = cpu::cycles();
    let runs = scan_usual(me, s, stack_from, with_reset, most);
    if runs.is_none() {
        s.missed_cycles = cpu::cycles().saturating_sub(start);
    }
    runs
}

/// Looks where the last children wrote, then around those places; `None` where that does not
/// find `most` changed pages, or costs more than half of what looking everywhere does.
fn scan_usual(
    me: &Me,
    s: &mut Scans,
    stack_from: usize,
    with_reset: bool,
    most: usize,
) -> Option<Runs> {
    let mut runs = Runs::NONE;
    let start = cpu::cycles();
    let late = |s: &Scans| cpu::cycles().saturating_sub(start) > s.full_cycles / 2;
    // Frames of the child itself lie in pages that earlier children left changed: no fault tells
    // of those.
    let (own, live) = (page_floor(stack_from), page_floor(me.parent_stack));
    if own < live {
        scan_range(me, own, live, |a, b| runs.add(a, b, false));
    }
    let most = most + runs.all_pages();
    // Nobody else has written there, wherever it is this time.
    let own = if s.uses_heap != 0 { own_heap(me) } else { (0, 0) };
    if s.uses_heap != 0 {
        scan_range(me, own.0, own.1, |a, b| runs.add_found(a, b, with_reset));
        if runs.all_pages() == most {
            return runs.sort().then_some(runs);
        }
    }
    // Beside what it changes in place a child has the rest of its part.
    let (part, len) = me.part;
    let span = if len > 0 { (part - PAGE, part + len + PAGE) } else { (0, 0) };
    if len > 0 {
        for (from, to) in [(span.0, part), (part + len, span.1)] {
            scan_range(me, from, to, |a, b| runs.add_found(a, b, with_reset));
        }
        if runs.all_pages() == most {
            return runs.sort().then_some(runs);
        }
    }
    let frames = runs;
    let (around, room) = s.around();
    if frames.all_pages() + room < most {
        return None;
    }
    let without = |(from, to): (usize, usize), hole: (usize, usize)| {
        [(from, to.min(hole.0)), (from.max(hole.1), to)].into_iter().filter(|(a, b)| a < b)
    };
    let outside = |from, to| without((from, to), own).flat_map(move |rest| without(rest, span));
    let above = |from: usize| match (STACK..STACK_END).contains(&from) {
        true => from.max(live),
        false => from,
    };
    for i in 0..s.usual_count as usize {
        if late(s) {
            return None;
        }
        let (from, to) = s.usual[i];
        let before = runs.all_pages();
        for (from, to) in outside(above(from), to) {
            scan_range(me, from, to, |a, b| runs.add_found(a, b, with_reset));
        }
        if runs.all_pages() > before {
            // What was of use is looked at first the next time.
            s.usual[..=i].rotate_right(1);
        }
        if runs.all_pages() == most {
            return runs.sort().then_some(runs);
        }
    }
    runs = frames;
    for (from, to) in around.into_iter().filter(|(from, to)| from < to) {
        if late(s) {
            return None;
        }
        for (from, to) in outside(above(from), to) {
            scan_range(me, from, to, |a, b| runs.add_found(a, b, with_reset));
        }
        if runs.all_pages() == most {
            let found = runs.sort().then_some(runs);
            s.learn(&runs, &[own, span]);
            return found;
        }
    }
    None
}

fn scan_all(me: &Me, stack_from: usize, with_reset: bool, crowds: &mut [Crowd; ZONES]) -> Runs {
    let mut runs = Runs::NONE;
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
            let (start, found) = (cpu::cycles(), runs.pages);
            let (from, to) = (segment_addr(z, 0), segment_addr(z, below));
            each_private(me, from, to, |from, to| {
                scan_range(me, from, to, |a, b| runs.add(a, b, false));
            });
            let took = cpu::cycles().saturating_sub(start);
            crowds[z].note(took, runs.pages.saturating_sub(found));
        }
    }
    scan_segments(me, &mut runs, above, with_reset);
    runs
}

/// Calls `each` with the parts of a range that were not granted to the running child, alone or with
/// its siblings: what it writes there goes to the file, however large it is.
fn each_private(me: &Me, from: usize, to: usize, mut each: impl FnMut(usize, usize)) {
    /// Grants from which on looking for them costs more than it saves.
    const MANY: u32 = 128;
    let count = if me.grant_count > MANY { 0 } else { me.grant_count };
    let mut at = from;
    while at < to {
        let shared = (0..count).map(grants::at).chain(me.shown.range());
        let next = shared.filter(|g| g.0 + g.1 > at).min();
        let (start, len) = next.filter(|g| g.0 < to).unwrap_or((to, 0));
        if at < start {
            each(at, start);
        }
        at = if len == 0 { to } else { start + len };
    }
}

fn scan_segments(me: &Me, runs: &mut Runs, mut rest: &[Segment], with_reset: bool) {
    while let Some(first) = rest.first() {
        let near = rest.windows(2).take_while(|w| w[1].start - w[0].end <= GAP).count() + 1;
        let (group, others) = rest.split_at(near);
        let end = group.last().map_or(first.end, |s| s.end);
        scan_range(me, first.start, end, |a, b| runs.add_found(a, b, with_reset));
        rest = others;
    }
}

impl Crowd {
    /// Notes what the scan of a zone cost. To visit a clean page costs a tenth of what it costs
    /// to drop it and to fault it in again: after so many scans it should have been dropped.
    /// Where it comes back soon, patience grows.
    fn note(&mut self, took: u64, found: usize) {
        /// Cycles of a scan that finds few clean pages, some tens of microseconds.
        const CHEAP: u64 = 100_000;
        /// Cycles of a changed page.
        const CHANGED: u64 = 500;
        let excess = took.saturating_sub(found as u64 * CHANGED);
        self.scans = self.scans.saturating_add(1);
        self.walked = self.walked.saturating_add(excess);
        self.last = if excess < CHEAP { 0 } else { excess };
        if excess < CHEAP {
            return;
        }
        const PATIENCE: u32 = 10;
        let patience = self.patience.max(PATIENCE);
        self.spent = self.spent.saturating_add(excess);
        if self.spent / u64::from(patience) >= excess {
            let soon = self.scans < 4 * patience;
            let patience = if soon { (patience * 2).min(1000) } else { PATIENCE };
            *self = Crowd { last: excess, spent: 0, scans: 0, patience, due: 1, ..*self };
        }
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

const _: () = assert!(private::SCANS + size_of::<Scans>() <= private::TURNS);
