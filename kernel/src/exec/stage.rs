//! Room for stages in a worker's exchange area. A stage lives until its construct is merged;
//! the running child's stage grows at the end of the largest gap.

use super::control::{Me, Stage, area, brief, control, exchange, me};
use crate::abi::PAGE;
use crate::image::layout::{EXCHANGE, page_ceil};
use crate::sys;
use core::sync::atomic::Ordering::*;

/// A stage that may still be read by a parent.
#[repr(C)]
#[derive(Clone, Copy)]
struct Live {
    start: usize,
    end: usize,
    construct: u32,
    life: u32,
    index: u32,
    /// Not 0: it holds an evicted child, which goes on elsewhere while its construct lasts.
    evicted: u32,
}

impl Live {
    /// Whether its construct is not merged yet, and its child has not reported anew or left
    /// there what its parent may have to put back.
    fn is_needed(&self) -> bool {
        let lives = brief(self.construct).is_some_and(|b| b.life.load(Acquire) == self.life);
        let c = control().constructs.get(self.construct as usize).filter(|_| lives);
        let c = c.filter(|c| c.released.load(Acquire) == 0);
        let o = c.and_then(|c| c.outcomes.get(self.index as usize));
        o.is_some_and(|o| {
            let saved = o.saved.load(SeqCst) as usize;
            o.stage.load(Acquire) == self.start as u64 || (self.start..self.end).contains(&saved)
        })
    }
}

const MAX: u32 = area::LIVE_MAX;
/// Bytes of the area that keep their pages when nothing is staged.
const RESERVE: usize = 4 << 20;
/// The same where the last stages used more.
const RESERVE_MOST: usize = 64 << 20;

/// The list, ascending. It lies in the exchange area: a worker that dies leaves it to its
/// successor.
fn live(i: u32) -> &'static mut Live {
    let at = exchange(me().slot) + area::LIVE + i as usize * size_of::<Live>();
    // SAFETY: `control`: this worker's area has room for MAX entries; any bytes are valid.
    unsafe { &mut *(at as *mut Live) }
}

/// Forgets the stages that nobody needs any more. Those of evicted children give their pages
/// back: such children may come and go for as long as their construct lasts.
fn purge(me: &mut Me) {
    let mut kept = 0;
    let (mut from, mut to) = (exchange(me.slot), 0);
    for i in 0..me.stage_count {
        let l = *live(i);
        if l.is_needed() {
            punch(me, from, to);
            (from, to) = (l.end, 0);
            *live(kept) = l;
            kept += 1;
        } else if l.evicted != 0 {
            to = l.end;
        }
    }
    punch(me, from, to);
    count(me, kept);
}

fn punch(me: &mut Me, from: usize, to: usize) {
    if from < to {
        me.stage_filled = (0, 0);
        // SAFETY: nothing in this range of the worker's own area is needed.
        let _ = unsafe { sys::punch(me.exchange_fd, from - EXCHANGE, to - from) };
    }
}

/// Notes how many stages are live.
fn count(me: &mut Me, n: u32) {
    me.stage_count = n;
    control().mail[me.slot as usize].stages.store(n, Release);
}

/// Starts the stage of a child of a construct; none where the area is full.
pub(super) fn begin(me: &mut Me, construct: u32, life: u32) -> Option<()> {
    let base = exchange(me.slot);
    if let Some(start) = after_last(me, construct, life) {
        return begin_at(me, start, base + area::STAGES);
    }
    let end_before = me.stage_end;
    purge(me);
    let (mut start, mut limit) = (base, base + area::STAGES);
    if me.stage_count == 0 {
        // What is used again and again keeps its pages.
        let (used, before) = (end_before.saturating_sub(base), me.stage_high);
        me.stage_high = used.min(RESERVE_MOST).max(before - before / 8);
        punch(me, base + me.stage_high.max(RESERVE), base + used.max(before));
    } else {
        let (mut best, mut from) = (0, base);
        for i in 0..=me.stage_count {
            let next = (i < me.stage_count).then(|| live(i));
            let to = next.as_ref().map_or(base + area::STAGES, |l| l.start);
            if to > from + best {
                (best, start, limit) = (to - from, from, to);
            }
            from = from.max(next.map_or(to, |l| l.end));
        }
    }
    begin_at(me, start, limit)
}

/// The end of the last stage, where that is of the same construct and no gap can be larger than
/// the one above it: nothing below is forgotten as long as the construct lasts.
fn after_last(me: &Me, construct: u32, life: u32) -> Option<usize> {
    let last = *live(me.stage_count.checked_sub(1)?);
    let same = (last.construct, last.life, last.evicted) == (construct, life, 0);
    let base = exchange(me.slot);
    (same && (base..=base + area::STAGES / 2).contains(&last.end)).then_some(last.end)
}

fn begin_at(me: &mut Me, start: usize, limit: usize) -> Option<()> {
    fill_ahead(me, start, limit);
    me.stage = start;
    me.stage_limit = limit;
    me.stage_end = start + page_ceil(size_of::<Stage>());
    stage(me).failed = 0;
    (me.stage_end < me.stage_limit && me.stage_count < MAX).then_some(())
}

/// Fills the page tables for this stage and some that follow it: what faults there would seem to be
/// changes of the child's. As many again as were filled before, so that a worker of few children
/// takes little memory.
fn fill_ahead(me: &mut Me, start: usize, limit: usize) {
    /// A stage of a child that hands over little but its result.
    const LEAST: usize = 4 * PAGE;
    /// Those of some tens of them.
    const MOST: usize = 128 * PAGE;
    let (from, to) = me.stage_filled;
    if from <= start && start + LEAST <= to {
        return;
    }
    let goes_on = from <= start && start <= to;
    let from = if goes_on { from } else { start };
    let end = limit.min(start + (start - from).clamp(LEAST, MOST));
    let faults = sys::faults();
    if start < end && sys::fill_tables(start, end - start).is_ok() {
        me.stage_filled = (from, end);
    }
    me.clean_faults += sys::faults() - faults;
}

/// Takes room at the end of the running child's stage, page-aligned.
pub(crate) fn take(me: &mut Me, bytes: usize) -> Option<usize> {
    let at = me.stage_end;
    let end = at.checked_add(page_ceil(bytes))?;
    if end > me.stage_limit {
        return None;
    }
    me.stage_end = end;
    Some(at)
}

/// Gives the pages of a gap back, where it is large; nothing in it is needed any more.
pub(super) fn give_back(me: &mut Me, from: usize, to: usize) {
    if to - from > RESERVE {
        punch(me, from, to);
    }
}

/// The running child's stage.
pub(crate) fn stage(me: &Me) -> &'static mut Stage {
    // SAFETY: `control`: the stage lies in this worker's exchange area.
    unsafe { &mut *(me.stage as *mut Stage) }
}

/// Keeps the running child's stage until its construct is merged, or the child, if evicted,
/// reports anew.
pub(super) fn keep(me: &mut Me, life: u32, evicted: bool) {
    let (start, end, construct, index) = (me.stage, me.stage_end, me.construct, me.index);
    stage(me).owner = [construct, life, index];
    let new = Live { start, end, construct, life, index, evicted: u32::from(evicted) };
    let mut above = (0..me.stage_count).rev().map(live).take_while(|l| l.start >= start);
    if let Some(same) = above.find(|l| l.start == start) {
        // It was kept before the child began.
        *same = new;
        return;
    }
    let mut at = me.stage_count;
    // All that were in the list are in it at any time: a successor may find it like this.
    *live(at) = if at > 0 { *live(at - 1) } else { new };
    count(me, at + 1);
    while at > 0 && live(at - 1).start > start {
        *live(at) = *live(at - 1);
        at -= 1;
    }
    *live(at) = new;
}

/// Takes over what a dead predecessor in the slot staged: a parent may not have read it yet.
pub(super) fn inherit(me: &mut Me) {
    let base = exchange(me.slot);
    let left = control().mail[me.slot as usize].stages.load(Acquire).min(MAX);
    me.stage_end = base;
    let mut kept = 0;
    for i in 0..left {
        let l = *live(i);
        if base <= l.start && l.start <= l.end && l.end <= base + area::STAGES {
            me.stage_end = me.stage_end.max(l.end);
            *live(kept) = l;
            kept += 1;
        }
    }
    count(me, kept);
}

/// Empties the running child's records; large ones give their pages back.
pub(super) fn trim_log(me: &mut Me) {
    let base = exchange(me.slot);
    for (at, len) in [(area::LOG, me.log_len), (area::FREES, me.free_count * 16)] {
        if len > RESERVE {
            let off = base + at + RESERVE - EXCHANGE;
            // SAFETY: the running child's records were copied to its stage.
            let _ = unsafe { sys::punch(me.exchange_fd, off, page_ceil(len) - RESERVE) };
        }
    }
    me.log_len = 0;
    me.free_count = 0;
}

const _: () = assert!(MAX as usize * size_of::<Live>() <= area::LIVE_SIZE);
