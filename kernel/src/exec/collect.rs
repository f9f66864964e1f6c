//! Collects what a child changed: copies the pages to its stage; and, for a child that forks,
//! lays out the view its own children start from.

use super::changes::{Runs, drop_later, run, scan_changed};
use super::control::{Me, View, area, exchange};
use super::stage;
use crate::abi::{Limit, PAGE};
use crate::image::tls;
use crate::merge::Block;
use crate::sys;
use core::slice;

/// Copies pages to the stage: addresses and contents; `skip` tells pages to leave out.
fn copy_out(
    me: &mut Me,
    runs: &Runs,
    extra: impl Iterator<Item = usize> + Clone,
    mut skip: impl FnMut(usize) -> bool,
) -> Option<View> {
    let most = runs.pages + extra.clone().count();
    let addrs = stage::take(me, most * 8)?;
    let pages = stage::take(me, most * PAGE)?;
    let mut n = 0;
    let mut put = |page: usize| {
        if !skip(page) {
            // SAFETY: `control`: both tables have room for every page; the source is mapped.
            unsafe {
                (addrs as *mut u64).add(n).write(page as u64);
                let to = (pages + n * PAGE) as *mut u8;
                core::ptr::copy_nonoverlapping(page as *const u8, to, PAGE);
            }
            n += 1;
        }
    };
    for i in 0..runs.count {
        let (from, to) = *run(i);
        if from < crate::image::layout::TLS {
            (from..to).step_by(PAGE).for_each(&mut put);
        }
    }
    extra.for_each(&mut put);
    for i in 0..runs.count {
        let (from, to) = *run(i);
        if from >= crate::image::layout::TLS {
            (from..to).step_by(PAGE).for_each(&mut put);
        }
    }
    me.stage_end = pages + n * PAGE;
    Some(View { addrs, pages, count: n })
}

/// The pages of thread-local storage of the spaces above the running one, depth 1 on.
fn ancestors(depth: u32) -> impl Iterator<Item = usize> + Clone {
    (1..depth as usize).flat_map(|d| {
        let (from, to) = tls::live_range(d);
        (from..to).step_by(PAGE)
    })
}

/// Stages the changes of the child that just ended; its pages are dropped after its report.
pub(super) fn stage_changes(me: &mut Me, failed: bool) -> Result<(), Limit> {
    let faults = sys::faults();
    if faults == me.clean_faults && me.view.count == 0 {
        let st = stage::stage(me);
        (st.addrs, st.pages, st.page_count) = (me.stage_end, me.stage_end, 0);
        return Ok(());
    }
    let runs = scan_changed(me, me.parent_stack, false, faults)?;
    let view = me.view;
    let mut at = 0;
    // Pages copied in for a nested child are changed only where they differ from the copy.
    let same_as_view = |page: usize| {
        if view.count == 0 {
            return false;
        }
        // SAFETY: `control`: the view lies in the parent's exchange area while it waits.
        unsafe {
            let addrs = slice::from_raw_parts(view.addrs as *const u64, view.count);
            while at < view.count && (addrs[at] as usize) < page {
                at += 1;
            }
            if at >= view.count || addrs[at] as usize != page {
                return false;
            }
            let copy = slice::from_raw_parts((view.pages + at * PAGE) as *const u8, PAGE);
            copy == slice::from_raw_parts(page as *const u8, PAGE)
        }
    };
    if !failed {
        let depth = if view.count == 0 { 0 } else { me.depth };
        let out = copy_out(me, &runs, ancestors(depth), same_as_view).ok_or(Limit::Exchange)?;
        let st = stage::stage(me);
        (st.addrs, st.pages, st.page_count) = (out.addrs, out.pages, out.count);
    }
    drop_later(runs);
    Ok(())
}

/// Whether a view has pages of a range: there the parent does not see the file, so what a
/// child writes to the file would stay invisible to it.
pub(super) fn in_view(view: &View, addr: usize, len: usize) -> bool {
    if view.count == 0 {
        return false;
    }
    // SAFETY: `control`: the view lies in the parent's exchange area while it waits.
    let addrs = unsafe { slice::from_raw_parts(view.addrs as *const u64, view.count) };
    let first = addrs.partition_point(|&a| a < addr as u64);
    addrs.get(first).is_some_and(|&a| a < (addr + len) as u64)
}

/// Lays out the running child's memory, as far as it differs from the image file, for its
/// own children.
pub(super) fn make_view(me: &mut Me, stack: usize) -> Result<View, Limit> {
    let runs = scan_changed(me, stack, true, sys::faults())?;
    copy_out(me, &runs, ancestors(me.depth + 1), |_| false).ok_or(Limit::Exchange)
}

/// Copies a parent's view into this worker's private pages.
pub(super) fn copy_in(view: &View) {
    // SAFETY: `control`: the view was laid out by the suspended parent's worker; the pages
    // are image or thread-local pages of this worker, whose child has not started.
    unsafe {
        let addrs = slice::from_raw_parts(view.addrs as *const u64, view.count);
        for (i, &a) in addrs.iter().enumerate() {
            let from = (view.pages + i * PAGE) as *const u8;
            core::ptr::copy_nonoverlapping(from, a as usize as *mut u8, PAGE);
        }
    }
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
