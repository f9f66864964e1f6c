//! Whether two changed the same file: asked of the handler, before anything is merged.

use crate::abi::{Cause, Failure, FileConflict, Limit, PARENT};
use crate::confine::{self, ENTRY, Handler};
use crate::exec::claims::slot_of;
use crate::exec::control::{Me, Outcome, area, exchange};
use crate::exec::{claims, stage};
use core::sync::atomic::Ordering::SeqCst;

/// The log of a child that has stopped or returned.
pub(super) fn log_of(o: &Outcome) -> &'static [u8] {
    let slot = slot_of(o);
    let head = claims::head_at(slot, o.stage.load(SeqCst));
    head.and_then(|h| claims::log(slot, &h)).unwrap_or(&[])
}

/// Children that are to be merged, in order.
pub(super) trait Logs {
    /// How many.
    fn count(&self) -> usize;
    /// What the `i`-th logged.
    fn log(&self, i: usize) -> &'static [u8];
    /// How much the parent had logged when the `i`-th started.
    fn since(&self, i: usize) -> usize;
}

/// What the parent logged from a length on.
fn own(me: &Me, since: usize) -> &'static [u8] {
    let from = if since > me.log_len { 0 } else { since };
    // SAFETY: `control`: the log area belongs to this process, written up to this length.
    unsafe {
        let log = (exchange(me.slot) + area::LOG) as *const u8;
        core::slice::from_raw_parts(log.add(from), me.log_len - from)
    }
}

/// Fails with the first child, in order, that changed what one before it or the parent changed.
pub(super) fn agree(me: &mut Me, logs: &impl Logs) -> Result<(), Failure> {
    let Some(h) = confine::handler() else { return Ok(()) };
    let n = logs.count();
    let theirs: usize = (0..n).map(|i| h.claims(logs.log(i))).sum();
    if theirs == 0 {
        return Ok(());
    }
    let first = (0..n).map(|i| logs.since(i)).min().unwrap_or(0);
    let entries = (theirs + h.claims(own(me, first))) * 2 + 1;
    let mark = me.stage_end;
    let limit = Failure { child: 0, cause: Cause::Limit(Limit::Exchange) };
    let at = stage::take(me, entries * ENTRY * 8).ok_or(limit)?;
    // SAFETY: `control`: just taken in this process's area, for that many; numbers.
    let table = unsafe { core::slice::from_raw_parts_mut(at as *mut u64, entries * ENTRY) };
    let met = (0..n).try_fold(None, |entered, i| meet(me, h, logs, table, entered, i));
    me.stage_end = mark;
    met.map(drop)
}

/// Compares the `i`-th child with those below it, which the table has where they started when it
/// did: `entered` says when.
fn meet(
    me: &Me,
    h: &dyn Handler,
    logs: &impl Logs,
    table: &mut [u64],
    entered: Option<usize>,
    i: usize,
) -> Result<Option<usize>, Failure> {
    let log = logs.log(i);
    if h.claims(log) == 0 {
        return Ok(entered);
    }
    let since = logs.since(i);
    if entered != Some(since) {
        table.fill(0);
        h.meet(0, own(me, since), table);
        for below in 0..i {
            h.meet(below as u32 + 1, logs.log(below), table);
        }
    }
    let higher = i as u32;
    match h.meet(higher + 1, log, table) {
        None => Ok(Some(since)),
        Some((who, path)) => {
            let lower = who.checked_sub(1).unwrap_or(PARENT);
            let (path, len) = (path.as_ptr() as u64, path.len() as u64);
            let cause = Cause::File(FileConflict { lower, higher, path, len });
            Err(Failure { child: higher, cause })
        }
    }
}
