//! Grants in place: memory of a parent that one child of a closed construct alone may use, such as
//! its part of a slice that is cut among all of them.
//!
//! Where the parent's memory is the image file, the child's worker maps the whole pages of the part
//! shared: what the child writes is in the parent's memory at once, without a fault, a copy or a
//! merge a page. A construct that fails must leave nothing behind, so the worker first copies the
//! pages to its exchange area, and says where (`Outcome::saved`) before it maps them. The parent
//! puts the copies back when no child runs any more. It goes by its own list of what it granted: a
//! worker only says where the copy lies.
//!
//! Pages at the edges of a part may hold bytes of others. They, parts of few pages, and memory that
//! is not the file alone are copied and merged as any other; the program cannot tell.

use super::control::{Me, Outcome, Request, Role, area, control, order, slot_at};
use super::{chaos, claims, grants, layer, stage};
use crate::abi::PAGE;
use crate::check;
use crate::heap::class::HEAP_END;
use crate::image::layout::{HEAP, MAX_WORKERS, page_ceil, page_floor};
use crate::merge::Page;
use crate::space::{permissions, private as view};
use crate::sys::{self, cpu};
use core::sync::atomic::Ordering::*;

/// Memory that a parent grants a child: address and length, as it is, not in pages.
pub(crate) type Part = (usize, usize);

/// Fewest whole pages that are granted: to map fewer costs more than to copy them.
const FEWEST: usize = 2;

/// Most of them, 64 MiB: all are copied, and perhaps few are changed.
const MOST: usize = 16384;

/// Address and length of the pages of the heap that belong to a part alone, if they are enough
/// and not too many.
fn pages_of((start, len): Part) -> Option<(usize, usize)> {
    let end = start.checked_add(len)?;
    let (from, to) = (page_ceil(start), page_floor(end));
    let fits = (FEWEST * PAGE..=MOST * PAGE).contains(&to.checked_sub(from)?);
    (fits && from >= HEAP && to <= HEAP_END).then_some((from, to - from))
}

/// Whether what the running space sees in the parts that it grants is the image file, on which
/// nobody else relies: then its children's workers may change them there.
pub(crate) fn can_be(me: &Me, parts: &[Part]) -> bool {
    if check::may_repeat() || view::file_is_base() || me.open_count > 0 {
        return false;
    }
    let mut pages = parts.iter().filter_map(|p| pages_of(*p)).peekable();
    if pages.peek().is_none() {
        return false;
    }
    match me.role {
        Role::Master => !view::is_private(),
        Role::Child => {
            let is_file = |(addr, len): (usize, usize)| {
                grants::covers(addr, len) && !layer::covers(me.chain, addr, len)
            };
            me.orders & order::NO_GRANTS == 0 && pages.all(is_file)
        }
        Role::Plain | Role::Worker => false,
    }
}

/// Grants the child that is about to begin in this worker its part, if the request says that it
/// may be, and keeps what is there. Where that cannot be the child has its snapshot of it.
pub(super) fn begin(me: &mut Me, r: &Request, life: u32) {
    if r.orders & order::IN_PLACE == 0 || r.watch != 0 || chaos::choose(8) {
        return;
    }
    // SAFETY: the list lies in the parent's image, one part for each child; this worker has its
    // snapshot of it.
    let part = unsafe { *r.parts.add(me.index as usize) };
    let Some((addr, len)) = pages_of(part) else { return };
    let usable = permissions::allow(addr, len, true) && !layer::covers(me.chain, addr, len);
    let outcome = control().constructs.get(me.construct as usize);
    let outcome = outcome.and_then(|c| c.outcomes.get(me.index as usize));
    let (Some(outcome), true) = (outcome, usable && grants::has_room(me)) else { return };
    let (before, faults) = (me.stage_end, sys::faults());
    // Copies stay until the construct is merged: what children stage besides has its half, so
    // that no child fails for what was granted to others.
    if me.stage_limit.saturating_sub(before) < area::STAGES / 2 + len {
        return;
    }
    let Some(copy) = stage::take(me, len) else { return };
    if sys::fill_tables(copy, len).is_err() {
        me.stage_end = before;
        return;
    }
    // SAFETY: `control`: just taken in this worker's area, for so many bytes; pages of the heap
    // are mapped.
    unsafe { core::ptr::copy_nonoverlapping(addr as *const u8, copy as *mut u8, len) };
    // The copy outlives this process: it may be killed while the child writes.
    stage::keep(me, life, false);
    outcome.saved.store(copy as u64, SeqCst);
    if grants::map_granted(me, addr, len) {
        me.part = (addr, len);
        let _ = sys::fill_tables(addr, len);
    } else {
        outcome.saved.store(0, SeqCst);
        me.stage_end = before;
    }
    // None of these faults was a change of the child's.
    me.clean_faults += sys::faults() - faults;
    if me.part.1 > 0 {
        own_edges(part, me.part);
    }
}

/// Makes the pages at the edges of a part the child's own, as it will probably write there. If it
/// read first, that would be one fault more than pages, and it would seem to have changed something
/// else.
fn own_edges((start, len): Part, (from, pages): (usize, usize)) {
    let below = (start < from).then(|| from - PAGE);
    let above = (from + pages < start + len).then(|| from + pages);
    for page in below.into_iter().chain(above).filter(|p| permissions::allow(*p, PAGE, true)) {
        // SAFETY: pages in which the part has bytes, of this worker, whose child has not begun.
        unsafe { cpu::make_own(page as *mut u8) };
    }
}

/// Puts back what the running space's children changed in place, of which none runs any more.
pub(crate) fn put_back(construct: u32, parts: &[Part]) {
    let Some(con) = control().constructs.get(construct as usize) else { return };
    for (part, outcome) in parts.iter().zip(&con.outcomes) {
        let (Some((addr, len)), Some(pages)) = (pages_of(*part), kept(outcome, *part)) else {
            continue;
        };
        // SAFETY: pages of the running space, which granted them and waits on its control stack;
        // as many were checked to lie at the other place.
        unsafe { core::ptr::copy_nonoverlapping(pages.as_ptr().cast(), addr as *mut u8, len) };
    }
}

/// What was there before a child began to change its part in place; none where it did not.
fn kept(outcome: &Outcome, part: Part) -> Option<&'static [Page]> {
    let at = outcome.saved.load(SeqCst) as usize;
    let slot = slot_at(at);
    let (_, len) = pages_of(part)?;
    let known = at != 0 && (slot as usize) < MAX_WORKERS;
    known.then(|| claims::view(slot, at, len / PAGE, PAGE)).flatten()
}
