//! Checking mode: conflicts by what children wrote, whatever the values. The children of a
//! construct that may have met on a page run once more and are watched; see [`crate::check`].

use super::joined::{Memory, own_failure, setup_failure, slot_of};
use crate::abi::{Cause, Conflict, Failure, Limit, MAX_CHILDREN};
use crate::check::watch::{LIST_MAX, List};
use crate::exec::control::{Me, Request, Role, ask, control, outcome};
use crate::exec::master::master;
use crate::exec::{claims, stage, worker};
use crate::image::regions;
use crate::merge::{self, Child, Cursor, PlanError, Writes};
use core::slice;
use core::sync::atomic::Ordering::*;

/// Looks for conflicts among children that have returned, by what each wrote exactly. Their
/// parent's memory is as it was when they started; nothing changes.
pub(super) fn check(
    me: &mut Me,
    request: &Request,
    children: &mut [Child<'static>],
    cursors: &mut [Cursor],
) -> Result<(), Failure> {
    let mark = me.stage_end;
    let found = check_pages(me, request, children, cursors);
    me.stage_end = mark;
    match found {
        Ok(None) => Ok(()),
        Ok(Some(c)) => Err(Failure { child: c.higher, cause: Cause::Conflict(c) }),
        Err(failure) => Err(failure),
    }
}

fn check_pages(
    me: &mut Me,
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
    let mut worst: Option<Conflict> = None;
    for part in pages.chunks(LIST_MAX) {
        let mark = me.stage_end;
        let found = watch(me, request, children, cursors, part)?;
        me.stage_end = mark;
        let first = |c: &Conflict| (c.higher, c.address, c.lower);
        worst = worst.into_iter().chain(found).min_by_key(first);
    }
    Ok(worst)
}

/// Runs the children again that have some of these pages, and plans with what they wrote there.
fn watch(
    me: &mut Me,
    request: &Request,
    children: &mut [Child<'static>],
    cursors: &mut [Cursor],
    pages: &'static [u64],
) -> Result<Option<Conflict>, Failure> {
    let limit = |limit| Failure { child: 0, cause: Cause::Limit(limit) };
    let mut wanted = [0; MAX_CHILDREN / 64];
    let wants = |c: &Child<'_>| pages.iter().any(|p| c.addrs.binary_search(p).is_ok());
    for c in children.iter().filter(|c| wants(c)) {
        wanted[c.index as usize / 64] |= 1u64 << (c.index % 64);
    }
    let at = stage::take(me, size_of::<List>()).ok_or(limit(Limit::Exchange))?;
    let list = List { addrs: pages.as_ptr() as usize, count: pages.len(), wanted };
    // SAFETY: `control`: just taken in this process's exchange area.
    unsafe { (at as *mut List).write(list) };
    let request = Request { watch: at, ..*request };
    let construct = if me.role == Role::Master {
        master().run_beside(&request)
    } else {
        worker::ask(ask::RUN, 0, Some(&request))
    };
    let construct = construct.ok_or(limit(Limit::Depth))?;
    let found = plan(construct, request.count as usize, &wanted, children, cursors, pages);
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
            .and_then(|st| claims::masks(slot, st, pages.len()));
        let masks = masks.ok_or(Failure { child: c.index, cause: Cause::Killed { signal: 0 } })?;
        c.writes = Writes { addrs: pages, masks };
    }
    match merge::plan(&Memory, children, regions::policies(), cursors) {
        Err(PlanError::Conflict(c)) => Ok(Some(c)),
        // What is malformed the merge reports.
        Ok(_) | Err(_) => Ok(None),
    }
}
