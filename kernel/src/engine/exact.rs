//! Checking mode: conflicts by what children wrote, whatever the values. The children of a
//! construct that may have met on a page run once more and are watched; see [`crate::check`].

use super::joined::{Memory, own_failure, setup_failure, slot_of};
use crate::abi::{Cause, Conflict, Failure, Limit, MAX_CHILDREN};
use crate::check::verdict::{self, Verdict};
use crate::check::watch::{self, LIST_MAX, List};
use crate::exec::control::{Me, Request, Role, ask, control, outcome};
use crate::exec::master::master;
use crate::exec::{claims, stage, worker};
use crate::image::regions;
use crate::merge::{self, Child, Cursor, PlanError, Writes};
use core::slice;
use core::sync::atomic::Ordering::*;

/// Looks for conflicts among children that have returned, by what each wrote exactly. Their
/// parent's memory is as it was when they started; nothing changes. A parent that runs again
/// knows the answer.
pub(super) fn check(
    me: &mut Me,
    construct: u32,
    request: &Request,
    children: &mut [Child<'static>],
    cursors: &mut [Cursor],
) -> Result<(), Failure> {
    let found = if watch::is_active() {
        Ok(verdict::of(request.path))
    } else {
        let mark = me.stage_end;
        let found = check_pages(me, construct, request, children, cursors);
        me.stage_end = mark;
        remember(me, construct, request, &found).and(found)
    };
    match found {
        Ok(None) => Ok(()),
        Ok(Some(c)) => Err(Failure { child: c.higher, cause: Cause::Conflict(c) }),
        Err(failure) => Err(failure),
    }
}

/// What was found below the children of a construct.
fn found_below(construct: u32, count: usize) -> impl Iterator<Item = Verdict> + Clone {
    let con = &control().constructs[construct as usize];
    con.outcomes[..count].iter().flat_map(|o| {
        let status = o.status.load(SeqCst);
        let staged = status == outcome::RETURNED || status == outcome::FAILED;
        let at = staged.then(|| o.stage.load(SeqCst));
        let slot = slot_of(o);
        let st = at.and_then(|at| claims::stage_at(slot, at));
        st.map_or(&[][..], |st| claims::found(slot, &st)).iter().copied()
    })
}

/// A child that has found something may run again.
fn remember(
    me: &Me,
    construct: u32,
    request: &Request,
    found: &Result<Option<Conflict>, Failure>,
) -> Result<(), Failure> {
    if me.role == Role::Master {
        return Ok(());
    }
    let own = found.iter().flatten().map(|c| Verdict::new(request.path, c));
    let mut all = found_below(construct, request.count as usize).chain(own);
    all.try_for_each(verdict::remember).map_err(|l| Failure { child: 0, cause: Cause::Limit(l) })
}

fn check_pages(
    me: &mut Me,
    construct: u32,
    request: &Request,
    children: &mut [Child<'static>],
    cursors: &mut [Cursor],
) -> Result<Option<Conflict>, Failure> {
    let limit = |limit| Failure { child: 0, cause: Cause::Limit(limit) };
    let mut count = 0;
    // Claims that are malformed are for the merge to report.
    if merge::shared(children, cursors, |_, _| count += 1).is_err() || count == 0 {
        return Ok(None);
    }
    let at = stage::take(me, count * 8).ok_or(limit(Limit::Exchange))?;
    // SAFETY: `control`: just taken in this process's exchange area.
    let pages = unsafe { slice::from_raw_parts_mut(at as *mut u64, count) };
    let mut n = 0;
    let _ = merge::shared(children, cursors, |page, _| {
        if let Some(to) = pages.get_mut(n) {
            *to = page;
            n += 1;
        }
    });
    let below = found_below(construct, request.count as usize);
    let verdict_count = below.clone().count();
    let verdicts = stage::take(me, verdict_count * size_of::<Verdict>());
    let verdicts = verdicts.ok_or(limit(Limit::Exchange))?;
    for (i, v) in below.enumerate().take(verdict_count) {
        // SAFETY: `control`: just taken, for that many.
        unsafe { (verdicts as *mut Verdict).add(i).write(v) };
    }
    let mut list = List { addrs: 0, count: 0, wanted: [0; _], verdicts, verdict_count };
    let mut worst: Option<Conflict> = None;
    for part in pages.chunks(LIST_MAX) {
        let mark = me.stage_end;
        (list.addrs, list.count) = (part.as_ptr() as usize, part.len());
        let found = run(me, request, children, cursors, &mut list)?;
        me.stage_end = mark;
        let first = |c: &Conflict| (c.higher, c.address, c.lower);
        worst = worst.into_iter().chain(found).min_by_key(first);
    }
    Ok(worst)
}

/// Runs the children again that have some of these pages, and plans with what they wrote there.
fn run(
    me: &mut Me,
    request: &Request,
    children: &mut [Child<'static>],
    cursors: &mut [Cursor],
    list: &mut List,
) -> Result<Option<Conflict>, Failure> {
    let limit = |limit| Failure { child: 0, cause: Cause::Limit(limit) };
    let pages = list.pages();
    list.wanted = [0; MAX_CHILDREN / 64];
    let wants = |c: &Child<'_>| pages.iter().any(|p| c.addrs.binary_search(p).is_ok());
    for c in children.iter().filter(|c| wants(c)) {
        list.wanted[c.index as usize / 64] |= 1u64 << (c.index % 64);
    }
    let at = stage::take(me, size_of::<List>()).ok_or(limit(Limit::Exchange))?;
    // SAFETY: `control`: just taken in this process's exchange area.
    unsafe { (at as *mut List).write(*list) };
    let request = Request { watch: at, ..*request };
    let construct = if me.role == Role::Master {
        master().run_beside(&request)
    } else {
        worker::ask(ask::RUN, 0, Some(&request))
    };
    let construct = construct.ok_or(limit(Limit::Depth))?;
    let found = plan(construct, request.count as usize, &list.wanted, children, cursors, pages);
    children.iter_mut().for_each(|c| c.writes = Writes::NONE);
    if me.role == Role::Master {
        master().release(construct);
    } else {
        control().constructs[construct as usize].released.store(1, SeqCst);
    }
    found
}

fn plan(
    construct: u32,
    count: usize,
    wanted: &[u64],
    children: &mut [Child<'static>],
    cursors: &mut [Cursor],
    pages: &'static [u64],
) -> Result<Option<Conflict>, Failure> {
    if setup_failure(construct, count).is_some() {
        return Err(Failure { child: 0, cause: Cause::Limit(Limit::Setup) });
    }
    let con = &control().constructs[construct as usize];
    for c in children.iter_mut() {
        let i = c.index as usize;
        if wanted[i / 64] >> (i % 64) & 1 == 0 {
            continue;
        }
        let o = &con.outcomes[i];
        if o.status.load(SeqCst) != outcome::RETURNED {
            return Err(own_failure(o, i));
        }
        let slot = slot_of(o);
        let masks = claims::stage_at(slot, o.stage.load(SeqCst))
            .and_then(|st| claims::masks(slot, &st, pages.len()));
        let masks = masks.ok_or(Failure { child: c.index, cause: Cause::Killed { signal: 0 } })?;
        c.writes = Writes { addrs: pages, masks };
    }
    match merge::plan(&Memory, children, regions::policies(), cursors) {
        Err(PlanError::Conflict(c)) => Ok(Some(c)),
        // What is malformed the merge reports.
        Ok(_) | Err(_) => Ok(None),
    }
}
