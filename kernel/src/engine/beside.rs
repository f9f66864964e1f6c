//! Checking mode for open children. Each is merged into a parent that went on since its snapshot,
//! and so did the siblings that were merged before: what those wrote is known exactly, what the
//! parent's own code wrote by its values.

use super::exact::{self, Second};
use super::joined::Memory;
use super::open::joined;
use crate::abi::{Cause, Conflict, Limit};
use crate::check;
use crate::check::verdict;
use crate::check::watch::{self, LIST_MAX};
use crate::check::{writers, written};
use crate::confine;
use crate::exec::claims::{self, slot_of};
use crate::exec::control::{Me, Outcome, Request, Role, control, order, outcome};
use crate::exec::reference::ParentSide;
use crate::exec::stage;
use crate::heap::class::{ZONE, ZONES, segment_addr};
use crate::merge::{Block, Mask, Page, Target, Writes};
use crate::space::children::{self, OpenChild, has};
use crate::space::memory;
use core::slice;
use core::sync::atomic::Ordering::*;

/// What is known of both sides of a merge.
pub(super) struct Sides {
    /// Pages that the parent changed, or a child merged before.
    pub addrs: &'static [u64],
    /// Their contents.
    pub pages: &'static [Page],
    /// What children merged before wrote.
    pub parent: Writes<'static>,
    /// What the child wrote.
    pub child: Writes<'static>,
}

impl Sides {
    /// What differs from what the child started from.
    pub fn by_value(side: &ParentSide) -> Sides {
        let (parent, child) = (Writes::NONE, Writes::NONE);
        Sides { addrs: side.addrs, pages: side.pages, parent, child }
    }
}

/// Room in this process's exchange area.
///
/// # Safety
/// Any bytes must be a valid T.
unsafe fn room<T>(me: &mut Me, n: usize) -> Result<&'static mut [T], Cause> {
    let at = stage::take(me, n * size_of::<T>()).ok_or(Cause::Limit(Limit::Exchange))?;
    // SAFETY: `control`: just taken in this process's area; the caller's contract.
    Ok(unsafe { slice::from_raw_parts_mut(at as *mut T, n) })
}

fn outcome_of(child: &OpenChild) -> &'static Outcome {
    &control().constructs[child.construct as usize].outcomes[0]
}

fn request_of(child: &OpenChild) -> &'static Request {
    &control().told.briefs[child.construct as usize].request
}

/// By what the verdict on a child is found.
fn key(child: &OpenChild) -> u64 {
    confine::mix(request_of(child).path)
}

/// What the running space, which runs again, found at this child the first time.
pub(super) fn known(child: &OpenChild) -> Option<Conflict> {
    if watch::is_active() { verdict::of(key(child)) } else { None }
}

/// Takes note of what was found at a child and below it: the running space may run again.
pub(super) fn remember(me: &Me, child: &OpenChild, found: Option<Conflict>) -> Result<(), Cause> {
    if me.role == Role::Master || watch::is_active() {
        return Ok(());
    }
    let below = exact::found_below(child.construct, 1);
    exact::remember(me, below, key(child), &Ok(found)).map_err(|f| f.cause)
}

/// What a merged child wrote, of this index in its join, counts as written by the running space.
pub(super) fn absorb(me: &Me, child: &OpenChild, index: usize) {
    let o = outcome_of(child);
    if let Some(st) = claims::stage_at(slot_of(o), o.stage.load(SeqCst)) {
        watch::absorb(me, slot_of(o), &st, Some(index as u32));
    }
}

/// Finds out what the `i`-th child of a join wrote where it may have met others. Where the join
/// fails at a later one, `doomed`, nothing of any child stays for others to meet.
pub(super) fn look(
    me: &mut Me,
    (i, doomed): (usize, Option<usize>),
    child: &OpenChild,
    (addrs, frees): (&[u64], &[Block]),
    (side, freed): (&ParentSide, &[Block]),
) -> Result<Sides, Cause> {
    let meets = |page: u64| {
        written::pages(child.session).any(|p| p == page)
            || side.addrs.binary_search(&page).is_ok()
            || overlap(freed, page)
            || others(i, doomed).any(|o| may_write(o, page))
    };
    // SAFETY: plain words.
    let watched = unsafe { room::<u64>(me, addrs.len())? };
    let mut n = 0;
    let fresh = |page: u64| is_fresh(page, request_of(child));
    for &page in addrs.iter().filter(|p| can_run_again(child) && !fresh(**p) && meets(**p)) {
        watched[n] = page;
        n += 1;
    }
    let watched = &watched[..n];
    let masks = run_again(me, child, watched)?;
    let (addrs, pages, parent) = parent_side(me, child, (addrs, frees), side)?;
    Ok(Sides { addrs, pages, parent, child: Writes { addrs: watched, masks } })
}

/// Finds out where the two stood that wrote the byte of a conflict of the `i`-th child of a join:
/// that child, and a sibling of the same join where it was one. Outside of checking mode a reason
/// why it cannot be found out is none to fail for.
pub(super) fn find_writers(me: &mut Me, i: usize, c: &Conflict) -> Result<(), Cause> {
    writers::begin(c.address);
    if check::patience() == 0 {
        return Ok(());
    }
    memory::note_failed_grants();
    let mark = me.stage_end;
    let found = look_for_writers(me, i, c);
    me.stage_end = mark;
    if check::is_on() { found } else { Ok(()) }
}

fn look_for_writers(me: &mut Me, i: usize, c: &Conflict) -> Result<(), Cause> {
    for (of, higher) in [(c.lower as usize, false), (i, true)] {
        if of > i {
            // The parent.
            continue;
        }
        let child = children::at(joined(of));
        if !can_run_again(child) {
            continue;
        }
        let mut list = exact::new_list(me, child.construct, 1).map_err(|f| f.cause)?;
        list.wanted[0] = 1;
        let second = Second::aim(me, &once_more(child), &mut list, c.address);
        let second = second.map_err(|f| f.cause)?;
        second.sight(0, higher);
        second.release(me);
    }
    Ok(())
}

/// The request that a child started with.
fn once_more(child: &OpenChild) -> Request {
    let kept = request_of(child).orders & (order::STAY | order::IN_TURN) | order::NO_GRANTS;
    let orders = kept | order::SNAP | order::START | order::ENTER;
    Request { orders, ..*request_of(child) }
}

/// Adds what a child that was merged wrote to what those after it may meet.
pub(super) fn add(i: usize, writes: &Writes<'_>) -> Result<(), Limit> {
    let mut all = writes.addrs.iter().zip(writes.masks);
    all.try_for_each(|(&page, bytes)| written::add(page, i as u32, bytes))
}

/// A child that has come from its snapshot to where it is by one start can do so once more.
fn can_run_again(child: &OpenChild) -> bool {
    let r = request_of(child);
    let start = order::SNAP | order::START | order::ENTER;
    r.orders & start == start && child.has & (has::MERGED | has::RESTARTED) == 0
}

fn overlap(blocks: &[Block], page: u64) -> bool {
    let first = blocks.partition_point(|b| b.addr.saturating_add(b.len) <= page);
    blocks.get(first).is_some_and(|b| b.addr < page + crate::abi::PAGE as u64)
}

/// Whether a page lies in memory that its parent did not have at the child's snapshot.
fn is_fresh(page: u64, r: &Request) -> bool {
    (0..ZONES).any(|z| {
        let (from, to) = (segment_addr(z, r.reach[z]), segment_addr(z, ZONE[z].count));
        (from as u64..to as u64).contains(&page)
    })
}

/// The children that may be merged after the `i`-th of a join.
fn others(i: usize, doomed: Option<usize>) -> impl Iterator<Item = &'static OpenChild> {
    let later = move |p: &usize| match doomed {
        None => (0..=i).all(|j| joined(j) != *p),
        Some(end) => (i + 1..end).any(|j| joined(j) == *p),
    };
    children::places().filter(later).map(|p| &*children::at(p))
}

/// Whether an open child may have written a page or freed something there, for all that is known.
fn may_write(child: &OpenChild, page: u64) -> bool {
    let o = outcome_of(child);
    match o.status.load(SeqCst) {
        outcome::RETURNED if request_of(child).orders & order::STAY == 0 => {
            let slot = slot_of(o);
            let head = claims::head_at(slot, o.stage.load(SeqCst));
            let there = head.and_then(|h| claims::peek(slot, &h));
            there.is_none_or(|(addrs, frees)| {
                addrs.binary_search(&page).is_ok() || overlap(frees, page)
            })
        }
        outcome::FAILED | outcome::KILLED | outcome::NO_WORKER => false,
        _ => true,
    }
}

/// What a child writes to some pages.
fn run_again(
    me: &mut Me,
    child: &OpenChild,
    watched: &'static [u64],
) -> Result<&'static [Mask], Cause> {
    // SAFETY: masks are bytes.
    let masks = unsafe { room::<Mask>(me, watched.len())? };
    let request = once_more(child);
    for (part, masks) in watched.chunks(LIST_MAX).zip(masks.chunks_mut(LIST_MAX)) {
        let mark = me.stage_end;
        let mut list = exact::new_list(me, child.construct, 1).map_err(|f| f.cause)?;
        (list.addrs, list.count, list.wanted[0]) = (part.as_ptr() as usize, part.len(), 1);
        let second = Second::run(me, &request, &list).map_err(|f| f.cause)?;
        let found = second.masks(me, 0, outcome_of(child), &list).map_err(|f| f.cause);
        let found = found.map(|found| masks.copy_from_slice(found));
        second.release(me);
        me.stage_end = mark;
        found?;
    }
    Ok(masks)
}

/// The parent's pages, and those that children merged before wrote and this one may meet.
fn parent_side(
    me: &mut Me,
    child: &OpenChild,
    (addrs, frees): (&[u64], &[Block]),
    side: &ParentSide,
) -> Result<(&'static [u64], &'static [Page], Writes<'static>), Cause> {
    let matters = |page: &u64| addrs.binary_search(page).is_ok() || overlap(frees, *page);
    let met = || written::pages(child.session).filter(matters);
    let n = met().count();
    // SAFETY: plain words, pages and masks.
    let (exact, all) = unsafe { (room::<u64>(me, n)?, room::<u64>(me, n + side.addrs.len())?) };
    exact.iter_mut().zip(met()).for_each(|(to, page)| *to = page);
    let exact = unique(exact);
    all[..exact.len()].copy_from_slice(exact);
    all[exact.len()..][..side.addrs.len()].copy_from_slice(side.addrs);
    let all = unique(&mut all[..exact.len() + side.addrs.len()]);
    // SAFETY: as above.
    let (pages, masks) = unsafe { (room::<Page>(me, all.len())?, room::<Mask>(me, exact.len())?) };
    for (to, &page) in pages.iter_mut().zip(all.iter()) {
        to.0 = Memory.page(page).0;
    }
    for (to, &page) in masks.iter_mut().zip(exact.iter()) {
        *to = Mask([0; _]);
        written::gather(page, child.session, to);
    }
    Ok((all, pages, Writes { addrs: exact, masks }))
}

/// Sorts a list and drops what comes twice.
fn unique(all: &'static mut [u64]) -> &'static [u64] {
    all.sort_unstable();
    let mut n = 0;
    for i in 0..all.len() {
        if n == 0 || all[i] != all[n - 1] {
            all[n] = all[i];
            n += 1;
        }
    }
    &all[..n]
}
