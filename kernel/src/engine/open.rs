//! Open children: the parent goes on while they run, and merges them when it asks for them.

use super::beside;
use super::closed::{base_orders, settle};
use super::files::{self, Logs};
use super::joined::{free_deferred, merge_one, own_failure, take_clock};
use crate::abi::{Cause, ChildId, Failure, Limit};
use crate::check::{self, watch, writers, written};
use crate::error::Error;
use crate::exec::claims::{self, slot_of};
use crate::exec::command::Command;
use crate::exec::control::{
    Job, Me, Request, Role, ask, control, me, order, outcome, private, private_item,
};
use crate::exec::master::master;
use crate::exec::reference::Undo;
use crate::exec::{changes, grants, layer, stage, timeline, worker};
use crate::heap::Heap;
use crate::heap::open::OpenLane;
use crate::heap::turns::can_leave;
use crate::image::layout::{PRIVATE, STACK_END};
use crate::space::children::{self, OpenChild, has};
use crate::space::memory::{self, Space};
use crate::space::permissions::{self, Restricted};
use crate::space::private as view;
use crate::space::signals::Deferred;
use crate::sys::{self, cpu::FloatControl};
use core::sync::atomic::Ordering::*;

/// Why an open call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The call could not be done.
    Kernel(Error),
    /// A limit was reached before anything ran.
    Limit(Limit),
}

impl From<Error> for OpenError {
    fn from(e: Error) -> OpenError {
        OpenError::Kernel(e)
    }
}

impl From<Limit> for OpenError {
    fn from(l: Limit) -> OpenError {
        OpenError::Limit(l)
    }
}

/// A put as it travels to the control stack.
pub(crate) struct Start {
    pub id: ChildId,
    pub job: Job,
    /// Stack memory from here on is merged.
    pub merge_from: usize,
    pub float: FloatControl,
    pub result: Result<(), OpenError>,
}

/// Runs `f(arg)` on the control stack with the caller's stack pointer.
pub(crate) fn on_control_stack<T>(f: extern "C" fn(usize, usize), arg: &mut T) {
    let _deferred = Deferred::new();
    let top = PRIVATE + private::CONTROL_STACK;
    permissions::lift();
    watch::lift();
    // SAFETY: the control stack is free: user code runs, which never runs on it.
    unsafe { sys::on_stack(top, f, core::ptr::from_mut(arg) as usize) };
    permissions::enforce();
    watch::protect();
}

/// Starts a child of its own from a snapshot of the running space, which goes on.
pub(crate) extern "C" fn start(arg: usize, stack: usize) {
    // SAFETY: the caller keeps the record alive and waits.
    let s = unsafe { &mut *(arg as *mut Start) };
    s.result = start_child(s, stack);
}

fn start_child(s: &Start, stack: usize) -> Result<(), OpenError> {
    let me = me();
    if children::find(s.id).is_some() {
        return Err(Error::Exists.into());
    }
    let place = children::free_place().ok_or(Limit::Children)?;
    let first = me.open_count == 0;
    settle(me)?;
    if first {
        (me.open_mark, me.open_limit) = (me.stage_end, me.stage_limit);
        if me.role == Role::Master {
            me.log_len = 0;
        }
    }
    let started = snapshot_and_start(me, s, stack, place);
    if first && started.is_err() {
        (me.stage_end, me.chain) = (me.open_mark, me.base);
        let _ = settle(me);
    }
    started
}

fn snapshot_and_start(me: &mut Me, s: &Start, stack: usize, place: usize) -> Result<(), OpenError> {
    go_private(me)?;
    let heap = Heap(me.heap);
    let lane = heap.open_lane(&mut Space, place, true).ok_or(Limit::Heap)?;
    let started = start_in(me, s, stack, place, &lane);
    if started.is_err() {
        heap.drop_open(place);
        memory::settle();
    }
    started
}

fn start_in(
    me: &mut Me,
    s: &Start,
    stack: usize,
    place: usize,
    lane: &OpenLane,
) -> Result<(), OpenError> {
    let began = timeline::now();
    let heap = Heap(me.heap);
    changes::widen(me, &heap.sequences());
    me.chain = layer::seal_open(me, stack)?;
    let from = layer::room_from(me);
    let mut request = request_for(me, s.id, lane, stack, s.float)?;
    request.job = Some(s.job);
    request.merge_from = s.merge_from;
    request.orders |= order::SNAP | order::START | order::ENTER;
    if lane.in_turn {
        request.orders |= order::IN_TURN;
    }
    let construct = if me.role == Role::Master {
        master().begin_open(&request)
    } else {
        worker::ask(ask::OPEN, 0, Some(&request))
    };
    let mut child = OpenChild::new(s.id, construct.ok_or(Limit::Workers)?);
    (child.session, child.lane, child.chain) = (lane.session, lane.heap.0, me.chain);
    child.room = (from, me.stage_end);
    child.log_from = me.log_len;
    (child.merge_from, child.out_size) = (s.merge_from, s.job.out_size);
    child.path = request.path;
    child.has = has::SNAPSHOT | has::ENTRY | has::RUNNING;
    children::insert(place, child);
    timeline::did(me, timeline::kind::STARTED, request.path, [began, 0], 1, timeline::end::WELL);
    if lane.in_turn {
        wait_in_turn(me, place, lane);
    }
    Ok(())
}

/// Waits until a child that takes what its parent has left has ended; from then on its parent
/// takes what is behind that. What the child has done waits for its join as ever.
fn wait_in_turn(me: &mut Me, place: usize, lane: &OpenLane) {
    wait_stopped(me, place);
    let child = children::at(place);
    let o = &control().constructs[child.construct as usize].outcomes[0];
    if o.status.load(SeqCst) != outcome::RETURNED {
        // Nothing of it will be merged, and what it took is free for the parent.
        memory::note_failed_grants();
        return;
    }
    match claims::stage_at(slot_of(o), o.stage.load(SeqCst)) {
        Some(st) if can_leave(&lane.sequences, &st.left) => {
            let heap = Heap(me.heap);
            child.left = heap.go_on_behind(&st.left);
            changes::widen(me, &heap.sequences());
        }
        _ => {
            // It cannot have left that: its worker is not to be believed.
            o.stage.store(0, SeqCst);
            o.status.store(outcome::KILLED, SeqCst);
        }
    }
}

/// What every request about an open child says; it stands on the newest layer.
pub(super) fn request_for(
    me: &mut Me,
    id: ChildId,
    lane: &OpenLane,
    stack: usize,
    float: FloatControl,
) -> Result<Request, OpenError> {
    me.constructs += 1;
    let (restricted, restricted_count) = hand_down(me)?;
    let path = crate::confine::mix(me.path ^ me.constructs.rotate_left(32));
    timeline::opened(me, path, 1);
    Ok(Request {
        jobs: core::ptr::null(),
        count: 1,
        depth: if me.role == Role::Master { 1 } else { me.depth + 1 },
        session: lane.session,
        heap: me.heap,
        stack,
        path,
        parent: parent_of(me),
        parent_index: me.index,
        name: id.0,
        float,
        sequences: lane.sequences,
        reach: me.table_below,
        chain: me.chain,
        lane: lane.heap.0,
        merge_from: STACK_END,
        orders: base_orders(),
        commands: [Command::default(); 3],
        job: None,
        restricted,
        restricted_count,
        clock: me.clock,
        watch: watch::hand_down(me, 1)?,
        records: 0,
        common: (0, 0),
        parts: core::ptr::null(),
    })
}

/// The construct that the running space is a child of, as its requests say it.
pub(super) fn parent_of(me: &Me) -> u32 {
    if me.role == Role::Master { u32::MAX } else { me.construct }
}

/// Writes down what the running space's code may do with pages, for its children.
pub(super) fn hand_down(me: &mut Me) -> Result<(usize, usize), Limit> {
    let all = permissions::all(me);
    if all.is_empty() {
        return Ok((0, 0));
    }
    let at = stage::take(me, size_of_val(all)).ok_or(Limit::Exchange)?;
    // SAFETY: `control`: just taken in this process's exchange area.
    unsafe { core::ptr::copy_nonoverlapping(all.as_ptr(), at as *mut Restricted, all.len()) };
    Ok((at, all.len()))
}

/// From here on what the running space writes stays its own.
pub(super) fn go_private(me: &mut Me) -> Result<(), OpenError> {
    if me.role != Role::Master {
        grants::seal(me);
        return Ok(());
    }
    view::show_file().and_then(|()| view::enter()).map_err(|errno| {
        OpenError::Kernel(Error::Unsupported {
            what: "giving the master a view of its own",
            remedy: "raise limits on address space and on mappings (vm.max_map_count)",
            errno,
        })
    })
}

/// Waits until the child at a place does not run.
pub(super) fn wait_stopped(me: &mut Me, place: usize) {
    let child = children::at(place);
    if child.has & has::RUNNING == 0 {
        return;
    }
    let began = timeline::now();
    if me.role == Role::Master {
        master().wait_open(child.construct);
    } else {
        worker::ask(ask::WAIT, child.construct, None);
    }
    child.has &= !has::RUNNING;
    timeline::did(me, timeline::kind::WAITED, child.path, [began, 0], 1, timeline::end::WELL);
}

/// A join as it travels to the control stack.
pub(crate) struct Join {
    /// Children, in the order in which they merge.
    pub ids: *const ChildId,
    pub count: usize,
    /// How many of them have logs and results to read; the failing one is the last.
    pub read: usize,
    pub result: Result<(), Failure>,
}

/// Places of the children of a join, in order.
fn turn(i: usize) -> &'static mut u32 {
    // SAFETY: fewer than MAX_CHILDREN fit in this part of private memory; any bytes are valid.
    unsafe { private_item::<u32>(private::TURNS, i) }
}

/// Place of the `i`-th child of the last join.
pub(crate) fn joined(i: usize) -> usize {
    *turn(i) as usize
}

/// Makes a child the only one of a join.
pub(super) fn set_turn(place: usize) {
    *turn(0) = place as u32;
}

/// Waits for children and merges them, all or none. All ids name live children.
pub(crate) extern "C" fn join(arg: usize, _stack: usize) {
    // SAFETY: the caller keeps the record alive and waits.
    let j = unsafe { &mut *(arg as *mut Join) };
    let (me, count) = (me(), j.count);
    for i in 0..count {
        // SAFETY: the caller's list; it is read before anything is merged.
        let place = children::find(unsafe { *j.ids.add(i) });
        *turn(i) = place.unwrap_or(0) as u32;
    }
    writers::clear();
    let mark = me.stage_end;
    let mut undo = 0;
    let mut failure = None;
    let written = written::mark();
    let doomed = if check::is_on() { wait_for_all(me, count) } else { None };
    for i in 0..count {
        match join_one(me, (i, doomed), &mut undo) {
            Ok(()) => {}
            Err(cause) => {
                failure = Some(Failure { child: i as u32, cause });
                break;
            }
        }
    }
    if failure.is_none() {
        failure = files::agree(me, &Joining(count)).err();
    }
    let read = match failure {
        None => {
            // What would take the merges back is not needed any more: its room is enough below.
            me.stage_end = mark;
            (0..count).for_each(|i| take_over(me, i));
            count
        }
        Some(f) => {
            Undo::back(undo);
            written::back(written);
            for i in f.child as usize + 1..count {
                children::end(joined(i));
            }
            f.child as usize + 1
        }
    };
    me.stage_end = mark;
    if failure.is_some() {
        memory::note_failed_grants();
    }
    // SAFETY: as above: merged memory is the parent's, where the record lies untouched.
    let j = unsafe { &mut *(arg as *mut Join) };
    j.read = read;
    j.result = failure.map_or(Ok(()), Err);
}

/// The first so many children of a join.
pub(super) struct Joining(pub usize);

impl Logs for Joining {
    fn count(&self) -> usize {
        self.0
    }

    fn log(&self, i: usize) -> &'static [u8] {
        let construct = children::at(joined(i)).construct;
        files::log_of(&control().constructs[construct as usize].outcomes[0])
    }

    fn since(&self, i: usize) -> usize {
        children::at(joined(i)).log_from
    }
}

/// Waits for the children of a join up to the first that failed, which it returns: what all of
/// them did is known when the first is merged.
fn wait_for_all(me: &mut Me, count: usize) -> Option<usize> {
    (0..count).find(|&i| {
        wait_stopped(me, joined(i));
        let o = &control().constructs[children::at(joined(i)).construct as usize].outcomes[0];
        let status = o.status.load(SeqCst);
        status != outcome::RETURNED && !outcome::stopped(status)
    })
}

fn join_one(me: &mut Me, turn: (usize, Option<usize>), undo: &mut usize) -> Result<(), Cause> {
    let place = joined(turn.0);
    wait_stopped(me, place);
    let o = &control().constructs[children::at(place).construct as usize].outcomes[0];
    match o.status.load(SeqCst) {
        outcome::RETURNED | outcome::STOPPED | outcome::EVICTED => merge_one(me, turn, 0, undo),
        _ => {
            if check::is_on() {
                beside::remember(me, children::at(place), None)?;
            }
            Err(own_failure(o, 0).cause)
        }
    }
}

/// What is done for a child once its whole join has succeeded.
fn take_over(me: &mut Me, i: usize) {
    let place = joined(i);
    let child = children::at(place);
    // It was read before, with less room. Who makes it false meanwhile has freed nothing.
    let _ = free_deferred(me, place);
    take_clock(me, place);
    if watch::is_active() {
        beside::absorb(me, child, i);
    }
    let heap = Heap(me.heap);
    heap.adopt_open(place);
    child.left = 0;
    changes::widen(me, &heap.sequences());
    changes::widen(me, &Heap(child.lane).sequences());
}

/// The places of a join were read: they are free again.
pub(crate) fn release(count: usize) {
    let mut count = count;
    on_control_stack(release_here, &mut count);
}

extern "C" fn release_here(count: usize, _stack: usize) {
    // SAFETY: `release` passes a reference to its count.
    let count = unsafe { *(count as *const usize) };
    let me = me();
    for i in 0..count {
        let place = joined(i);
        let construct = children::at(place).construct;
        // What was merged is adopted already.
        children::drop_lane(place);
        if me.role == Role::Master {
            master().release(construct);
        } else {
            control().constructs[construct as usize].released.store(1, SeqCst);
        }
        children::remove(place);
    }
    if check::is_on() {
        written::settle();
    }
    memory::settle();
    // Where it fails the view stays private, which is right as well.
    let _ = settle(me);
}

/// Ends a child and everything below it.
pub(crate) fn kill(id: ChildId) -> Result<(), Error> {
    let mut place = children::find(id).ok_or(Error::NoChild)?;
    on_control_stack(kill_here, &mut place);
    Ok(())
}

extern "C" fn kill_here(place: usize, _stack: usize) {
    // SAFETY: `kill` passes a reference to its place.
    children::end(unsafe { *(place as *const usize) });
    memory::note_failed_grants();
    let _ = settle(me());
}
