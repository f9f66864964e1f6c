//! Closed constructs: the parent waits until all children are merged.

use super::exact::Again;
use super::joined::{Done, Refused, any_stopped, merge_children, setup_failure};
use super::open::{hand_down, on_control_stack, parent_of};
use super::{Construct, Run, phases};
use crate::abi::{Cause, Failure, Limit};
use crate::check::{self, seen, watch, writers};
use crate::confine;
use crate::error::Error;
use crate::exec::command::Command;
use crate::exec::control::{Job, Me, Request, Role, ask, me, order, step};
use crate::exec::inplace::{self, Part};
use crate::exec::master::master;
use crate::exec::{changes, common, layer, timeline, worker};
use crate::heap::Heap;
use crate::merge::Units;
use crate::space::memory::{self, Space};
use crate::space::private as view;
use crate::sys::cpu::FloatControl;

/// Runs the children of a closed construct and merges them, all or none.
///
/// # Safety
/// Every entry must accept its data, argument and a result buffer of its size, and must not
/// unwind.
pub(super) unsafe fn run(jobs: &[Job], parts: &[Part], units: Units<'_>) -> Run {
    let mut get = Get { jobs, parts, units, float: FloatControl::get(), run: Run::default() };
    on_control_stack(run_here, &mut get);
    get.run
}

/// A run as it travels to the control stack and back.
struct Get<'a> {
    jobs: &'a [Job],
    /// What they are granted in place, if anything: one for each.
    parts: &'a [Part],
    units: Units<'a>,
    float: FloatControl,
    run: Run,
}

/// The steps that must not disturb user memory; `stack` is the parent's stack pointer.
extern "C" fn run_here(get: usize, stack: usize) {
    // SAFETY: `run` keeps the record alive and unused while it waits.
    let get = unsafe { &mut *(get as *mut Get) };
    let me = me();
    let began = timeline::now();
    writers::clear();
    seen::clear();
    if let Err(e) = settle(me) {
        get.run.error = Some(e);
        return;
    }
    let heap = Heap(me.heap);
    let k = get.jobs.len();
    let Some(session) = heap.prepare(&mut Space, k) else {
        get.run.outcome = Err(Failure { child: 0, cause: Cause::Limit(Limit::Heap) });
        return;
    };
    me.constructs += 1;
    // Lanes lie in segments that were not granted to this space but taken for its children.
    changes::widen(me, &heap.sequences());
    let mut request = Request {
        jobs: get.jobs.as_ptr(),
        count: k as u32,
        depth: if me.role == Role::Master { 1 } else { me.depth + 1 },
        session,
        heap: heap.0,
        stack,
        path: confine::mix(me.path ^ me.constructs.rotate_left(32)),
        parent: parent_of(me),
        parent_index: me.index,
        name: 0,
        float: get.float,
        sequences: heap.sequences(),
        reach: me.table_below,
        chain: 0,
        lane: 0,
        merge_from: stack,
        orders: base_orders() | order::SNAP | order::START | order::ENTER,
        commands: [Command::default(); 3],
        job: None,
        restricted: 0,
        restricted_count: 0,
        clock: me.clock,
        watch: 0,
        records: 0,
        common: me.offered,
        parts: get.parts.as_ptr(),
    };
    if common::can_be_shared(me) {
        request.orders |= order::SHARED;
    }
    if get.parts.len() == k && inplace::can_be(me, get.parts) {
        request.orders |= order::IN_PLACE;
    }
    if heap.runs_in_turn(k) {
        request.orders |= order::IN_TURN;
    }
    let mark = me.stage_end;
    timeline::opened(me, request.path, request.count);
    let mut sealed = 0;
    let asked = chain(me, stack).and_then(|chain| {
        request.chain = chain;
        (request.restricted, request.restricted_count) = hand_down(me)?;
        request.watch = watch::hand_down(me, k)?;
        sealed = timeline::now();
        if me.role != Role::Master {
            return worker::ask(ask::RUN, 0, Some(&request)).ok_or(Limit::Depth);
        }
        let c = master().run(&request);
        // What other workers did all the same is as good as ever.
        let Some(error) = setup_failure(c, k) else { return Ok(c) };
        get.run.error = Some(setup_error(error));
        inplace::put_back(c, get.parts);
        master().release(c);
        Err(Limit::Setup)
    });
    let construct = match asked {
        Ok(c) => c,
        Err(limit) => {
            me.stage_end = mark;
            get.run.outcome = Err(Failure { child: 0, cause: Cause::Limit(limit) });
            return;
        }
    };
    let outcome = if any_stopped(construct, k) {
        phases::run(me, construct, (get.jobs, get.parts), &request, get.units)
    } else {
        let again = Again { request: &request, parts: get.parts, phase: 0, units: get.units };
        merge_children(me, construct, get.jobs, &Done::NONE, &again)
    };
    if outcome.is_err() {
        inplace::put_back(construct, get.parts);
    }
    me.stage_end = mark;
    let end = match &outcome {
        Ok(_) => timeline::end::WELL,
        Err(Refused::Failure(f)) => timeline::end_of(&f.cause),
        Err(Refused::Permission) => timeline::end::REFUSED,
    };
    timeline::did(me, timeline::kind::CLOSED, request.path, [began, sealed], k, end);
    // The record lies in the parent's memory, which is the reference image until here.
    get.run.construct = Some(Construct(construct));
    get.run.outcome = match outcome {
        Ok(closed) => {
            closed.close();
            Ok(())
        }
        Err(Refused::Failure(failure)) => Err(failure),
        Err(Refused::Permission) => {
            get.run.error = Some(Error::Range);
            Ok(())
        }
    };
    changes::widen(me, &heap.sequences());
    if get.run.outcome.is_err() || get.run.error.is_some() {
        memory::note_failed_grants();
    }
}

/// Makes the image file the master's own again, unless open children need it as it is.
pub(super) fn settle(me: &Me) -> Result<(), Error> {
    if me.role != Role::Master || me.open_count > 0 {
        return Ok(());
    }
    view::settle().map_err(|errno| Error::Unsupported {
        what: "taking the image back from processes that this one forked",
        remedy: "end them before deterministic children start, or provide more memory",
        errno,
    })
}

pub(super) fn base_orders() -> u32 {
    // What a child writes to fresh memory may go to the file, unless others rely on it, or it
    // runs twice.
    if view::file_is_base() || check::may_repeat() { order::NO_GRANTS } else { 0 }
}

/// What the children start from; the file alone where that is the running space's memory.
fn chain(me: &mut Me, stack: usize) -> Result<usize, Limit> {
    if me.role == Role::Master && !view::is_private() { Ok(0) } else { layer::seal(me, stack) }
}

fn setup_error(code: u64) -> Error {
    let errno = (code as u32) as i32;
    let what = match (code >> 32) as u32 {
        step::HANDLERS => "installing signal handlers in a worker",
        step::VDSO => "patching the vDSO in a worker",
        step::FILTER => "installing a seccomp filter in a worker",
        step::TIES => "tying a worker to its master (setpgid, prctl, fcntl)",
        step::PAGE_MAP => "opening the page map of a worker",
        step::TSC => "trapping the time stamp counter (prctl PR_SET_TSC), as DETPAR_TSC asks",
        step::DESCRIPTORS => "closing inherited descriptors in a worker",
        step::PIDFD => "controlling workers by descriptors (pidfd_send_signal, waitid)",
        step::CLONE => "creating a worker (clone)",
        step::DEAD => return killed_in_setup(errno),
        _ => "mapping the image in a worker",
    };
    let remedy = "allow this call to unprivileged processes (container profiles may deny it) \
                  and raise limits on address space";
    Error::Unsupported { what, remedy, errno }
}

/// Something kills every new worker, by this signal (0: they end without one).
fn killed_in_setup(signal: i32) -> Error {
    let what = match signal {
        libc::SIGSYS => "setting up a worker: SIGSYS kills it",
        libc::SIGKILL => "setting up a worker: SIGKILL kills it",
        _ => "setting up a worker: it dies",
    };
    let remedy = "look for a seccomp profile that kills instead of refusing, and for a limit on \
                  memory that is too small for a worker";
    Error::Unsupported { what, remedy, errno: 0 }
}
