//! Room for stages in a worker's exchange area. A stage lives until its construct is merged;
//! the running child's stage grows at the end of the largest gap.

use super::control::{Me, Stage, area, control, exchange, private, private_item};
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

const MAX: u32 = 65536;
/// Bytes of the area that keep their pages when nothing is staged.
const RESERVE: usize = 4 << 20;

fn live(i: u32) -> &'static mut Live {
    // SAFETY: fewer than MAX entries fit before the merge's scratch; any bytes are valid.
    unsafe { private_item::<Live>(private::STAGES, i as usize) }
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
    me.stage_count = kept;
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

/// The running child's stage.
pub(super) fn stage(me: &Me) -> &'static mut Stage {
    // SAFETY: `control`: the stage lies in this worker's exchange area.
    unsafe { &mut *(me.stage as *mut Stage) }
}

/// Keeps the running child's stage until its construct is merged.
pub(super) fn keep(me: &mut Me, construct: u32, life: u32) {
    let (start, end) = (me.stage, me.stage_end);
    *live(me.stage_count) = Live { start, end, construct, life };
    me.stage_count += 1;
    let mark = (0..me.stage_count).map(|i| live(i).end).max().unwrap_or(start);
    control().mail[me.slot as usize].staged_to.store(mark as u64, Release);
}

/// Starts a new worker's list: what a dead predecessor in the slot staged stays until the
/// master's construct is done, since a parent may not have read it yet.
pub(super) fn inherit(me: &mut Me) {
    let base = exchange(me.slot);
    let end = control().mail[me.slot as usize].staged_to.load(Acquire) as usize;
    (me.stage_count, me.stage_end) = (0, base);
    if end > base && end <= base + area::STAGES {
        let life = control().constructs[0].life.load(Acquire);
        *live(0) = Live { start: base, end, construct: 0, life };
        me.stage_count = 1;
    }
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

const _: () = assert!(private::STAGES + MAX as usize * size_of::<Live>() <= private::SCANS);
