//! Collects what a child changed: copies the pages to its stage.

use super::changes::{self, Runs, scan_changed};
use super::control::{Me, area, exchange};
use super::{layer, stage, timeline};
use crate::abi::Limit;
use crate::check::{self, touched};
use crate::heap::turns::Vacated;
use crate::image::layout::{STACK, page_floor};
use crate::merge::Block;
use crate::sys;
use core::slice;

/// What happens to the pages of a child whose changes are staged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The child has ended: its pages go.
    Drop,
    /// The child has stopped and may go on: its pages stay.
    Keep,
}

/// Stages the running child's changes: the pages that differ from what it started from, but
/// for those that it vacates.
pub(super) fn stage_changes(
    me: &mut Me,
    failed: bool,
    then: Then,
    vacated: Option<Vacated>,
) -> Result<(), Limit> {
    let base = me.base;
    let vacant = |page: usize| vacated.is_some_and(|v| v.holds(page));
    let dead = STACK..page_floor(me.merge_from);
    let differs = |page: usize| !layer::has_same(base, page);
    // What was copied in may have been written and restored: that counts in checking mode.
    let exact = check::is_on();
    let listed = |page: usize| exact && touched::wrote(page) || differs(page);
    let st = stage::stage(me);
    (st.addrs, st.pages, st.page_count) = (me.stage_end, me.stage_end, 0);
    // Without a fault only pages that were copied in can have changed.
    let faults = sys::faults();
    if faults == me.clean_faults && !layer::copied_pages(me).any(listed) {
        return Ok(());
    }
    let began = timeline::now();
    let runs = scan_changed(me, me.parent_stack, false, faults)?;
    timeline::scanned(me, began);
    let tls = layer::ancestors(me.depth);
    if !failed {
        let wanted = |page: usize| !dead.contains(&page) && !vacant(page) && listed(page);
        let (n, addrs, pages) = layer::copy_out(me, &runs, tls.clone(), wanted)?;
        let st = stage::stage(me);
        (st.addrs, st.pages, st.page_count) = (addrs, pages, n);
    }
    if then == Then::Drop {
        layer::restore_all(base, &runs);
        tls.filter(|&p| differs(p)).for_each(|p| layer::restore(base, p));
        me.clean_faults = sys::faults();
    }
    Ok(())
}

/// Drops the changes of a child that is to take its parent's memory afresh.
pub(super) fn drop_changes(me: &mut Me) {
    if let Ok(runs) = scan_changed(me, me.parent_stack, false, sys::faults()) {
        drop_found(me, &runs);
    }
}

/// The same where a scan has found them.
pub(super) fn drop_found(me: &mut Me, runs: &Runs) {
    layer::restore_all(me.base, runs);
    changes::tidy(me);
    layer::ancestors(me.depth).for_each(|p| layer::restore(me.base, p));
    me.clean_faults = sys::faults();
}

/// Stages the deferred frees, sorted and without repetitions.
pub(super) fn stage_frees(me: &mut Me) -> Result<(), Limit> {
    let n = me.free_count;
    let from = (exchange(me.slot) + area::FREES) as *mut Block;
    let at = stage::take(me, n * size_of::<Block>()).ok_or(Limit::Exchange)?;
    // SAFETY: `control`: the child recorded `n` blocks; the stage has room for as many.
    let kept = unsafe {
        let all = slice::from_raw_parts_mut(from, n);
        all.sort_unstable_by_key(|b| b.addr);
        let to = slice::from_raw_parts_mut(at as *mut Block, n);
        let mut kept = 0;
        for b in all.iter() {
            if kept == 0 || to[kept - 1].addr != b.addr {
                to[kept] = *b;
                kept += 1;
            }
        }
        kept
    };
    let st = stage::stage(me);
    (st.frees, st.free_count) = (at, kept);
    Ok(())
}

/// Stages the log and the panic message.
pub(super) fn stage_log(me: &mut Me) -> Result<(), Limit> {
    let base = exchange(me.slot);
    let (log_len, message) = (me.log_len, me.message_len + me.location_len);
    let log = stage::take(me, log_len).ok_or(Limit::Exchange)?;
    let text = stage::take(me, message).ok_or(Limit::Exchange)?;
    // SAFETY: `control`: both are this worker's areas with that many bytes written.
    unsafe {
        core::ptr::copy_nonoverlapping((base + area::LOG) as *const u8, log as *mut u8, log_len);
        let from = (base + area::MESSAGE) as *const u8;
        core::ptr::copy_nonoverlapping(from, text as *mut u8, message);
    }
    let st = stage::stage(me);
    (st.log, st.log_len) = (log, log_len);
    st.message = text;
    st.message_len = if me.message_is_string == 1 { me.message_len as u64 } else { u64::MAX };
    st.location_len = me.location_len as u32;
    Ok(())
}
