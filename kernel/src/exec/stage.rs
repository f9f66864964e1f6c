//! Room for stages in a worker's exchange area. A stage lives until its construct is merged;
//! the running child's stage grows at the end of the largest gap.

use super::control::{Me, Stage, area, control, exchange, me};
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
}

const MAX: u32 = area::LIVE_MAX;
/// Bytes of the area that keep their pages when nothing is staged.
const RESERVE: usize = 4 << 20;

/// The list lies in the exchange area: a worker that dies leaves it to its successor.
fn live(i: u32) -> &'static mut Live {
    let at = exchange(me().slot) + area::LIVE + i as usize * size_of::<Live>();
    // SAFETY: `control`: this worker's area has room for MAX entries; any bytes are valid.
    unsafe { &mut *(at as *mut Live) }
}

/// Forgets the stages whose constructs are merged.
fn purge(me: &mut Me) {
    let mut kept = 0;
    for i in 0..me.stage_count {
        let l = *live(i);
        let c = control().constructs.get(l.construct as usize);
        let alive =
            c.is_some_and(|c| c.life.load(Acquire) == l.life && c.released.load(Acquire) == 0);
        if alive {
            *live(kept) = l;
            kept += 1;
        }
    }
    count(me, kept);
}

/// Notes how many stages are live.
fn count(me: &mut Me, n: u32) {
    me.stage_count = n;
    control().mail[me.slot as usize].stages.store(n, Release);
}

/// Starts the running child's stage; none where the area is full.
pub(super) fn begin(me: &mut Me) -> Option<()> {
    let base = exchange(me.slot);
    let end_before = me.stage_end;
    purge(me);
    let (mut start, mut limit) = (base, base + area::STAGES);
    if me.stage_count == 0 {
        if end_before > base + RESERVE {
            let off = base + RESERVE - EXCHANGE;
            // SAFETY: nothing is staged here any more.
            let _ = unsafe { sys::punch(me.exchange_fd, off, end_before - base - RESERVE) };
        }
    } else {
        // Live stages are kept in the order of their making; find the largest gap.
        let mut best = 0;
        for i in 0..=me.stage_count {
            let from = if i == 0 { base } else { live(i - 1).end };
            let to = (0..me.stage_count)
                .map(|j| live(j).start)
                .filter(|&s| s >= from)
                .min()
                .unwrap_or(base + area::STAGES);
            if to - from > best {
                (best, start, limit) = (to - from, from, to);
            }
            if me.stage_count > 64 {
                // Many: only the end of all is worth a look.
                start = (0..me.stage_count).map(|j| live(j).end).max().unwrap_or(base);
                limit = base + area::STAGES;
                break;
            }
        }
    }
    me.stage = start;
    me.stage_limit = limit;
    me.stage_end = start + page_ceil(size_of::<Stage>());
    stage(me).failed = 0;
    (me.stage_end < me.stage_limit && me.stage_count < MAX).then_some(())
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
pub(super) fn give_back(me: &Me, from: usize, to: usize) {
    if to - from > RESERVE {
        // SAFETY: nobody reads there.
        let _ = unsafe { sys::punch(me.exchange_fd, from - EXCHANGE, to - from) };
    }
}

/// The running child's stage.
pub(crate) fn stage(me: &Me) -> &'static mut Stage {
    // SAFETY: `control`: the stage lies in this worker's exchange area.
    unsafe { &mut *(me.stage as *mut Stage) }
}

/// Keeps the running child's stage until its construct is merged.
pub(super) fn keep(me: &mut Me, construct: u32, life: u32) {
    let (start, end) = (me.stage, me.stage_end);
    *live(me.stage_count) = Live { start, end, construct, life };
    count(me, me.stage_count + 1);
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
