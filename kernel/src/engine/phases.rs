//! Closed constructs whose children meet at barriers: at each one all that they changed is
//! merged, and they go on from what came of it. Nothing is kept of a construct that fails in a
//! later phase.

use super::closed::settle;
use super::exact::Again;
use super::joined::{Done, Refused, any_stopped, merge_children};
use super::open::go_private;
use crate::abi::{Cause, Failure, Limit};
use crate::exec::control::{Job, Me, Request, Role, ask, order};
use crate::exec::inplace::Part;
use crate::exec::master::master;
use crate::exec::{changes, layer, worker};
use crate::heap::Heap;
use crate::image::layout::page_floor;
use crate::merge::Units;
use crate::space::descriptors::Closed;
use crate::space::memory::Space;

/// Goes on with a construct whose children have stopped for the first time.
pub(super) fn run(
    me: &mut Me,
    construct: u32,
    (jobs, parts): (&[Job], &[Part]),
    first: &Request,
    units: Units<'_>,
) -> Result<Closed, Refused> {
    let limit = |limit| Failure { child: 0, cause: Cause::Limit(limit) };
    // Memory that was granted to a nested parent is changed in the file, for good.
    if go_private(me).is_err() {
        return Err(limit(Limit::Memory).into());
    }
    // What memory was when the construct began is what a failure goes back to.
    let chain = core::mem::replace(&mut me.chain, first.chain);
    let clock = me.clock;
    let r = phases(me, construct, (jobs, parts), first, units);
    if r.is_err() {
        me.clock = clock;
        layer::go_back(me, first.stack, first.chain).map_err(limit)?;
    }
    me.chain = chain;
    // Where it fails the view stays private, which is right as well.
    let _ = settle(me);
    r
}

fn phases(
    me: &mut Me,
    construct: u32,
    (jobs, parts): (&[Job], &[Part]),
    first: &Request,
    units: Units<'_>,
) -> Result<Closed, Refused> {
    let (heap, k) = (Heap(me.heap), jobs.len());
    let limit = |limit| Failure { child: 0, cause: Cause::Limit(limit) };
    let mut request = *first;
    let mut done = Done::NONE;
    let mut closed = Closed::default();
    let room = me.stage_end;
    let half = page_floor((me.stage_limit - room) / 2);
    for phase in 0usize.. {
        let again = Again { request: &request, parts, phase: phase as u64, units };
        closed.add(merge_children(me, construct, jobs, &done, &again)?);
        if !any_stopped(construct, k) {
            break;
        }
        done.add_returned(construct, k);
        // In turns: what the stopped children started from stays until they have the new one.
        me.stage_end = room + phase % 2 * half;
        changes::widen(me, &heap.sequences());
        request.session = heap.prepare(&mut Space, k).ok_or(limit(Limit::Heap))?;
        request.sequences = heap.sequences();
        request.reach = me.table_below;
        request.clock = me.clock;
        request.chain = layer::seal(me, first.stack).map_err(limit)?;
        // All of them are there already: what is left is divided.
        request.orders &= !(order::ENTER | order::IN_TURN);
        request.orders |= order::SNAP | order::START;
        if me.role == Role::Master {
            master().again(construct, &request);
        } else {
            worker::ask(ask::AGAIN, construct, Some(&request));
        }
    }
    Ok(closed)
}
