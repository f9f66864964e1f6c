//! What a child may take segments from and what it leaves; when one that runs in turn may start.

use super::claims::{slot_of, stage_at};
use super::control::{Construct, Me, Outcome, Request, control, order, outcome};
use super::{changes, stage};
use crate::abi::Limit;
use crate::check::watch;
use crate::heap::Heap;
use crate::heap::class::ZONES;
use crate::heap::state::Sequence;
use crate::heap::turns::{Vacated, can_leave, next_in_turn};
use core::sync::atomic::Ordering::*;

fn below(con: &Construct, i: u32) -> Option<&Outcome> {
    con.outcomes.get(i.checked_sub(1)? as usize)
}

/// Whether nothing that child `i` waits for is still to come. Where the one below it failed,
/// it is beyond the construct's limit.
pub(super) fn may_start(c: u32, i: u32) -> bool {
    let con = &control().constructs[c as usize];
    let reported = |o: &Outcome| {
        let status = o.status.load(SeqCst);
        status == outcome::RETURNED || outcome::stopped(status)
    };
    control().told.briefs[c as usize].in_turn.load(Acquire) == 0
        || below(con, i).is_none_or(reported)
}

/// What child `i` may take segments from; none where the one below it cannot have left that.
fn sequences(con: &Construct, r: &Request, i: u32) -> Option<[Sequence; ZONES]> {
    let Some(o) = below(con, i) else { return Some(next_in_turn(&r.sequences)) };
    let left = &stage_at(slot_of(o), o.stage.load(SeqCst))?.left;
    can_leave(&r.sequences, left).then(|| next_in_turn(left))
}

/// Gives the child its heap and the segments it may take.
pub(super) fn take_lane(me: &mut Me, r: &Request) -> Result<(), Limit> {
    (me.session, me.opened) = (r.session, 0);
    if r.lane != 0 {
        me.heap = r.lane;
        me.sequences = r.sequences;
    } else {
        // SAFETY: `authority` over the lane passes to this child; reading the table of lanes.
        me.heap = Heap(r.heap).lane(me.index as usize).0;
        let con = &control().constructs[me.construct as usize];
        me.sequences = if r.orders & order::IN_TURN != 0 {
            sequences(con, r, me.index).ok_or(Limit::Heap)?
        } else {
            r.sequences.map(|all| all.of_child(u64::from(me.index), u64::from(r.count)))
        };
    }
    changes::widen_to(me, &r.reach);
    Ok(())
}

/// Writes down what the child of a closed construct leaves to the next one, now that it has
/// ended or stopped. Returns what it took and does not keep: nobody is to hear of its changes
/// there.
pub(super) fn leave(me: &Me, ended: bool) -> Option<Vacated> {
    let (heap, st) = (Heap(me.heap), stage::stage(me));
    st.left = me.sequences;
    if me.opened != me.session {
        // Not even looked at: that may be a page more than the child has changed.
        return None;
    }
    let left = heap.leave(me.session, &me.sequences);
    let vacated = ended.then(|| heap.vacate(me.session, &me.sequences)).flatten();
    if let Some(v) = vacated.filter(|_| watch::is_active()) {
        // The next one may write the same.
        v.ranges().for_each(|(addr, len)| watch::unmark(addr, len));
    }
    match &vacated {
        Some(v) if v.dirty_below > 0 => {
            control().dirty_below[0].fetch_max(v.dirty_below, SeqCst);
        }
        Some(_) => {}
        None => st.left = left,
    }
    vacated
}
