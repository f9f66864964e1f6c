//! Drops pages that a worker's children changed, and clean ones where there are too many.

use super::{Runs, TOUCHED, each_private, own_heap, run, scans};
use crate::abi::PAGE;
use crate::exec::control::{Me, control};
use crate::exec::{ahead, grants, layer};
use crate::heap::class::{ZONE, segment_addr};
use crate::image::layout::{STACK, page_floor};
use crate::sys;

/// Takes down page tables of the heap that scans have walked for longer than it takes to fault
/// in again what is used of it: where spaces are nested deeply, a worker comes to few pages
/// each in many places. Nothing private is left in this worker.
pub(in crate::exec) fn take_down(me: &Me) {
    /// Cycles of a page fault and of taking down, about.
    const FAULT: u64 = 4000;
    const ONCE: u64 = 300_000;
    let now = sys::faults();
    for (z, crowd) in scans().crowds.iter_mut().enumerate() {
        let again = now.saturating_sub(crowd.faults).saturating_mul(FAULT);
        if crowd.walked < ONCE.saturating_add(again) {
            continue;
        }
        (crowd.walked, crowd.faults) = (0, now);
        let (from, len) = (segment_addr(z, 0), (ZONE[z].count as usize) << ZONE[z].shift);
        ahead::forget(from, len);
        if grants::show_file(me, from, len).is_err() {
            sys::exit(74);
        }
    }
}

/// Leaves the changed pages of a child that has ended to [`tidy`].
pub(in crate::exec) fn drop_later(runs: &Runs) {
    let s = scans();
    (s.ended, s.has_ended) = (*runs, 1);
}

/// Drops the pages that the last child changed, after its report: nobody waits for it. Clean
/// ones stay: to fault them in again costs more, and faults are what tells a child that wrote
/// nothing; unless there are so many that scans cost too much.
pub(in crate::exec) fn tidy(me: &mut Me) {
    let s = scans();
    // Pages that were copied in stay for the next child.
    let may_forget = me.copied_count == 0;
    if may_forget {
        control().pages.follow(&mut s.huge_seen, |at, len| {
            // SAFETY: no child runs, and what the last one changed is staged: nothing private is
            // lost that is not dropped below anyway.
            let _ = unsafe { sys::drop_pages(at, len) };
            me.shown.forget(at, len);
            ahead::forget(at, len);
        });
    }
    if core::mem::take(&mut s.has_ended) == 0 {
        return;
    }
    let runs = s.ended;
    for i in runs.all() {
        let (from, to) = *run(i);
        // SAFETY: the child that wrote these pages has ended; its changes are staged, or
        // lie in state that is reset by definition.
        let _ = unsafe { sys::drop_pages(from, to - from) };
    }
    for (z, crowd) in s.crowds.iter_mut().enumerate() {
        if may_forget && core::mem::take(&mut crowd.due) != 0 && me.scan_below[z] > 0 {
            let (from, to) = (segment_addr(z, 0), segment_addr(z, me.scan_below[z]));
            // What scans pass over stays: its pages would come back one by one.
            ahead::forget(from, to - from);
            each_private(me, from, to, |from, to| {
                // SAFETY: as above: the changed pages of the range were dropped already.
                let _ = unsafe { sys::drop_pages(from, to - from) };
            });
        }
    }
    if runs.all_pages() <= TOUCHED && s.skip == 0 {
        // The next child will probably write there as well. If it reads first, that is one fault
        // more than pages, and it seems to have changed something else.
        let own = own_heap(me);
        let outside = |page: &usize| *page < own.0 || own.1 <= *page;
        for page in runs.all().flat_map(|i| (run(i).0..run(i).1).step_by(PAGE)).filter(outside) {
            // SAFETY: a page of the image, mapped readable.
            unsafe { (page as *const u8).read_volatile() };
        }
    }
    me.clean_faults = sys::faults();
}

/// Drops what earlier children left in the stack pages of a child.
pub(in crate::exec) fn clear_own_stack(me: &Me) {
    let (from, to) = (STACK + PAGE, page_floor(me.parent_stack - 128));
    // SAFETY: no child runs; the next one has no frames yet.
    let _ = unsafe { sys::drop_pages(from, to - from) };
}

/// Drops stack pages of dead frames that are live memory of the next child's parent.
pub(in crate::exec) fn clear_dead_stack(me: &mut Me, stack: usize) {
    let top = page_floor(stack);
    if top < me.dead_top {
        // SAFETY: no child runs; what lies there is left over from ended ones.
        let _ = unsafe { sys::drop_pages(top, me.dead_top - top) };
        // Pages of the applied chain may be among them.
        layer::spoil(me);
    }
    me.dead_top = top;
}
