//! Checking mode: conflicts by what children wrote, whatever the values. The children of a
//! construct that may have met on a page run once more and are watched; see [`crate::check`].

use super::joined::{Memory, any_stopped, own_failure, setup_failure};
use crate::abi::{Cause, Conflict, Difference, Failure, Limit, MAX_CHILDREN, PAGE};
use crate::check;
use crate::check::differ::{self, Version};
use crate::check::verdict::{self, Verdict};
use crate::check::watch::{self, LIST_MAX, List};
use crate::check::writers;
use crate::confine;
use crate::exec::claims::slot_of;
use crate::exec::control::{Me, Outcome, Request, Role, ask, control, order, outcome};
use crate::exec::inplace::{self, Part};
use crate::exec::master::master;
use crate::exec::{claims, stage, worker};
use crate::image::regions;
use crate::merge::{self, Child, Cursor, Mask, PlanError, Units, Writes};
use crate::space::memory;
use core::slice;
use core::sync::atomic::Ordering::*;

/// What children ran: once more it is the same.
pub(super) struct Again<'a> {
    /// The request that they started with, or went on with.
    pub request: &'a Request,
    /// What they were granted in place.
    pub parts: &'a [Part],
    /// How many barriers they have met at.
    pub phase: u64,
    /// Where more than a byte is a unit.
    pub units: Units<'a>,
}

impl Again<'_> {
    /// By what its verdict is found.
    fn key(&self) -> u64 {
        confine::mix(self.request.path ^ self.phase)
    }
}

const fn limit(limit: Limit) -> Failure {
    Failure { child: 0, cause: Cause::Limit(limit) }
}

/// Looks for conflicts among children that have returned or stopped, by what each wrote exactly.
/// Their parent's memory is as it was when they set out; nothing changes. A parent that runs
/// again knows the answer.
pub(super) fn check(
    me: &mut Me,
    construct: u32,
    again: &Again<'_>,
    children: &mut [Child<'static>],
    cursors: &mut [Cursor],
) -> Result<(), Failure> {
    let found = if watch::is_active() {
        Ok(verdict::of(again.key()))
    } else {
        let mark = me.stage_end;
        let mut found = check_pages(me, construct, again, children, cursors);
        if let Ok(Some(c)) = &found
            && check::patience() > 0
            && let Err(failure) = find_writers(me, construct, again, c)
        {
            found = Err(failure);
        }
        me.stage_end = mark;
        let count = again.request.count as usize;
        remember(me, found_below(construct, count), again.key(), &found).and(found)
    };
    match found {
        Ok(None) => Ok(()),
        Ok(Some(c)) => Err(Failure { child: c.higher, cause: Cause::Conflict(c) }),
        Err(failure) => Err(failure),
    }
}

/// What was found below the children of a construct.
pub(super) fn found_below(construct: u32, count: usize) -> impl Iterator<Item = Verdict> + Clone {
    let con = &control().constructs[construct as usize];
    con.outcomes[..count].iter().flat_map(|o| {
        let status = o.status.load(SeqCst);
        let staged = matches!(status, outcome::RETURNED | outcome::FAILED);
        let at = (staged || outcome::stopped(status)).then(|| o.stage.load(SeqCst));
        let slot = slot_of(o);
        let st = at.and_then(|at| claims::stage_at(slot, at));
        st.map_or(&[][..], |st| claims::found(slot, &st)).iter().copied()
    })
}

/// A child that has found something may run again.
pub(super) fn remember(
    me: &Me,
    below: impl Iterator<Item = Verdict>,
    key: u64,
    found: &Result<Option<Conflict>, Failure>,
) -> Result<(), Failure> {
    if me.role == Role::Master {
        return Ok(());
    }
    let own = found.iter().flatten().map(|c| Verdict::new(key, c));
    below.chain(own).try_for_each(verdict::remember).map_err(limit)
}

fn check_pages(
    me: &mut Me,
    construct: u32,
    again: &Again<'_>,
    children: &mut [Child<'static>],
    cursors: &mut [Cursor],
) -> Result<Option<Conflict>, Failure> {
    // What children fill in place is never the same byte.
    let (filled, len) = again.request.common;
    let counts = |page: u64| (page as usize).wrapping_sub(filled) >= len;
    let mut count = 0;
    // Claims that are malformed are for the merge to report.
    let listed = merge::shared(children, cursors, |page, _| count += usize::from(counts(page)));
    if listed.is_err() || count == 0 {
        return Ok(None);
    }
    let at = stage::take(me, count * 8).ok_or(limit(Limit::Exchange))?;
    // SAFETY: `control`: just taken in this process's exchange area.
    let pages = unsafe { slice::from_raw_parts_mut(at as *mut u64, count) };
    let mut n = 0;
    let _ = merge::shared(children, cursors, |page, _| {
        if let Some(to) = pages.get_mut(n).filter(|_| counts(page)) {
            *to = page;
            n += 1;
        }
    });
    let mut list = new_list(me, construct, again.request.count as usize)?;
    let mut worst: Option<Conflict> = None;
    for part in pages.chunks(LIST_MAX) {
        let mark = me.stage_end;
        (list.addrs, list.count) = (part.as_ptr() as usize, part.len());
        let found = run(me, construct, again, children, cursors, &mut list)?;
        me.stage_end = mark;
        let first = |c: &Conflict| (c.higher, c.address, c.lower);
        worst = worst.into_iter().chain(found).min_by_key(first);
    }
    Ok(worst)
}

/// A list for children that run once more: no pages yet, and what was found below them.
pub(super) fn new_list(me: &mut Me, construct: u32, count: usize) -> Result<List, Failure> {
    let below = found_below(construct, count);
    let verdict_count = below.clone().count();
    let verdicts = stage::take(me, verdict_count * size_of::<Verdict>());
    let verdicts = verdicts.ok_or(limit(Limit::Exchange))?;
    for (i, v) in below.enumerate().take(verdict_count) {
        // SAFETY: `control`: just taken, for that many.
        unsafe { (verdicts as *mut Verdict).add(i).write(v) };
    }
    let wanted = [0; MAX_CHILDREN / 64];
    let (addrs, count, target, patience, reads) = (0, 0, 0, 0, 0);
    Ok(List { addrs, count, wanted, verdicts, verdict_count, once: 1, target, patience, reads })
}

/// Runs the children again that have some of these pages, and plans with what they wrote there.
fn run(
    me: &mut Me,
    construct: u32,
    again: &Again<'_>,
    children: &mut [Child<'static>],
    cursors: &mut [Cursor],
    list: &mut List,
) -> Result<Option<Conflict>, Failure> {
    let pages = list.pages();
    list.wanted = [0; MAX_CHILDREN / 64];
    let wants = |c: &Child<'_>| pages.iter().any(|p| c.addrs.binary_search(p).is_ok());
    for c in children.iter().filter(|c| wants(c)) {
        list.wanted[c.index as usize / 64] |= 1u64 << (c.index % 64);
    }
    let request = prepare(me, construct, again, list)?;
    let second = Second::run(me, &request, list)?;
    let found = plan(me, construct, again.units, &second, list, children, cursors);
    children.iter_mut().for_each(|c| c.writes = Writes::NONE);
    second.release(me);
    found
}

/// Outside of checking mode: where the two stood that wrote the byte of a conflict, if that can be
/// found out. Nothing was merged, so they can run once more; what they wrote to memory that they
/// were given does not count as fresh any more.
pub(super) fn name_writers(me: &mut Me, construct: u32, again: &Again<'_>, c: &Conflict) {
    if check::patience() == 0 || watch::is_active() || again.phase > 0 {
        return;
    }
    // With a child that stopped the parent is in a private view, and what children changed in
    // place is in the file, from which they would start.
    if !again.parts.is_empty() && any_stopped(construct, again.request.count as usize) {
        return;
    }
    memory::note_failed_grants();
    inplace::put_back(construct, again.parts);
    let mark = me.stage_end;
    let _ = find_writers(me, construct, again, c);
    me.stage_end = mark;
}

/// Finds out where the two stood that wrote the byte of a conflict.
fn find_writers(
    me: &mut Me,
    construct: u32,
    again: &Again<'_>,
    c: &Conflict,
) -> Result<(), Failure> {
    let list = &mut new_list(me, construct, again.request.count as usize)?;
    for i in [c.lower, c.higher] {
        list.wanted[i as usize / 64] |= 1u64 << (i % 64);
    }
    let request = prepare(me, construct, again, list)?;
    writers::begin(c.address);
    let second = Second::aim(me, &request, list, c.address)?;
    second.sight(c.lower as usize, false);
    second.sight(c.higher as usize, true);
    second.release(me);
    Ok(())
}

/// The request by which the children that a list wants run once more, with those that they need.
pub(super) fn prepare(
    me: &mut Me,
    construct: u32,
    again: &Again<'_>,
    list: &mut List,
) -> Result<Request, Failure> {
    let mut request = *again.request;
    request.orders |= order::NO_GRANTS;
    request.orders &= !order::IN_PLACE;
    if request.orders & order::IN_TURN != 0 {
        // What one may take segments from is what those below it left.
        let last = (0..MAX_CHILDREN).rev().find(|i| list.wanted[i / 64] >> (i % 64) & 1 != 0);
        (0..last.unwrap_or(0)).for_each(|i| list.wanted[i / 64] |= 1 << (i % 64));
    }
    if again.phase > 0 {
        request.records = records(me, construct, list)?;
    }
    Ok(request)
}

/// Where children stood when they went on from their last barrier. A list does not want those of
/// which that is not known: they count by value.
fn records(me: &mut Me, construct: u32, list: &mut List) -> Result<usize, Failure> {
    let at = stage::take(me, MAX_CHILDREN * 8).ok_or(limit(Limit::Exchange))?;
    // SAFETY: `control`: just taken, for that many; words.
    let records = unsafe { slice::from_raw_parts_mut(at as *mut u64, MAX_CHILDREN) };
    let outcomes = &control().constructs[construct as usize].outcomes;
    for (i, (o, record)) in outcomes.iter().zip(records).enumerate() {
        let wanted = list.wanted[i / 64] >> (i % 64) & 1 != 0;
        let staged = wanted.then(|| claims::stage_at(slot_of(o), o.stage.load(SeqCst)));
        *record = staged.flatten().map_or(0, |st| st.record as u64);
        if *record == 0 {
            list.wanted[i / 64] &= !(1 << (i % 64));
        }
    }
    Ok(at)
}

/// Children that have run once more.
pub(super) struct Second {
    construct: u32,
    request: Request,
}

impl Second {
    /// Runs those that a list wants with its pages watched.
    pub fn run(me: &mut Me, request: &Request, list: &List) -> Result<Second, Failure> {
        let at = stage::take(me, size_of::<List>()).ok_or(limit(Limit::Exchange))?;
        // SAFETY: `control`: just taken in this process's exchange area.
        unsafe { (at as *mut List).write(*list) };
        let request = Request { watch: at, ..*request };
        control().second_runs.fetch_add(1, Relaxed);
        let construct = if me.role == Role::Master {
            master().run_beside(&request)
        } else {
            worker::ask(ask::RUN, 0, Some(&request))
        };
        Ok(Second { construct: construct.ok_or(limit(Limit::Depth))?, request })
    }

    /// Runs them to find out where they write a byte, or read it where the list is one of reads.
    pub fn aim(
        me: &mut Me,
        request: &Request,
        list: &mut List,
        target: u64,
    ) -> Result<Second, Failure> {
        let at = stage::take(me, 8).ok_or(limit(Limit::Exchange))?;
        // SAFETY: `control`: just taken in this process's exchange area.
        unsafe { (at as *mut u64).write(target & !(PAGE as u64 - 1)) };
        (list.addrs, list.count, list.target) = (at, 1, target);
        if list.reads == 0 {
            list.patience = check::patience();
        }
        Second::run(me, request, list)
    }

    /// Notes where a child stood when it wrote the byte, as one of the two of a conflict.
    pub fn sight(&self, i: usize, higher: bool) {
        let o = self.outcome(i);
        let st = claims::stage_at(slot_of(o), o.stage.load(SeqCst));
        let returned = o.status.load(SeqCst) == outcome::RETURNED;
        if let Some(st) = st.filter(|_| returned) {
            writers::note(higher, slot_of(o), &st);
        }
    }

    /// What was noted of a child that returned, on each of so many pages.
    pub fn noted(&self, i: usize, pages: usize) -> Option<&'static [Mask]> {
        let o = self.outcome(i);
        let returned = o.status.load(SeqCst) == outcome::RETURNED;
        let st = claims::stage_at(slot_of(o), o.stage.load(SeqCst)).filter(|_| returned)?;
        claims::masks(slot_of(o), &st, pages)
    }

    fn outcome(&self, i: usize) -> &'static Outcome {
        &control().constructs[self.construct as usize].outcomes[i]
    }

    /// What a child wrote to the pages of the list. It must have done what it did `before`; where
    /// it did not, it is given one more chance: the first time it ran on a stack with what others
    /// left there, in bytes that mean nothing.
    pub fn masks(
        &self,
        me: &mut Me,
        i: usize,
        before: &Outcome,
        list: &List,
    ) -> Result<&'static [Mask], Failure> {
        if setup_failure(self.construct, self.request.count as usize).is_some() {
            return Err(limit(Limit::Setup));
        }
        let child = i as u32;
        let broken = Failure { child, cause: Cause::Killed { signal: 0 } };
        let out_size = self.out_size(i);
        let version = |me: &mut Me, o| version(me, o, out_size).ok_or_else(|| ended(o, i));
        let mark = me.stage_end;
        let now = version(me, self.outcome(i))?;
        if differ::first(&version(me, before)?, &now).is_some() {
            let third = Second::run(me, &self.request, list)?;
            let difference = version(me, third.outcome(i)).map(|v| differ::first(&v, &now));
            third.release(me);
            if let Some(d) = difference? {
                return Err(Failure { child, cause: Cause::Differs(d) });
            }
        }
        me.stage_end = mark;
        let o = self.outcome(i);
        let st = claims::stage_at(slot_of(o), o.stage.load(SeqCst)).ok_or(broken)?;
        claims::masks(slot_of(o), &st, list.pages().len()).ok_or(broken)
    }

    fn out_size(&self, i: usize) -> usize {
        // SAFETY: the jobs lie in the running space's memory, which stands still.
        self.request.job.unwrap_or_else(|| unsafe { *self.request.jobs.add(i) }).out_size
    }

    /// The masks are not needed any more.
    pub fn release(self, me: &Me) {
        if me.role == Role::Master {
            master().release(self.construct);
        } else {
            control().constructs[self.construct as usize].released.store(1, SeqCst);
        }
    }
}

/// What a child handed over, where it returned or stopped.
fn version(me: &mut Me, o: &Outcome, out_size: usize) -> Option<Version> {
    let status = o.status.load(SeqCst);
    let done = status == outcome::RETURNED || outcome::stopped(status);
    let st = claims::stage_at(slot_of(o), o.stage.load(SeqCst)).filter(|_| done)?;
    Version::new(me, slot_of(o), &st, out_size)
}

/// A child that returned or stopped before and now does not.
fn ended(o: &Outcome, i: usize) -> Failure {
    let failure = own_failure(o, i);
    match failure.cause {
        Cause::Panic | Cause::Fault(_) | Cause::Forbidden(_) => {
            Failure { cause: Cause::Differs(Difference::End), ..failure }
        }
        _ => failure,
    }
}

fn plan(
    me: &mut Me,
    construct: u32,
    units: Units<'_>,
    second: &Second,
    list: &List,
    children: &mut [Child<'static>],
    cursors: &mut [Cursor],
) -> Result<Option<Conflict>, Failure> {
    let con = &control().constructs[construct as usize];
    for c in children.iter_mut() {
        let i = c.index as usize;
        if list.wanted[i / 64] >> (i % 64) & 1 != 0 {
            let masks = second.masks(me, i, &con.outcomes[i], list)?;
            c.writes = Writes { addrs: list.pages(), masks };
        }
    }
    match merge::plan_by_units(&Memory, children, regions::policies(), units, cursors) {
        Err(PlanError::Conflict(c)) => Ok(Some(c)),
        // What is malformed the merge reports.
        Ok(_) | Err(_) => Ok(None),
    }
}
