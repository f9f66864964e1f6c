//! A worker: a confined process that runs one child after another.

use super::cause::CauseRecord;
use super::collect::Then;
use super::control::*;
use super::{
    changes, chaos, collect, command, common, evict, exits, grants, inplace, layer, stage,
};
use super::{timeline, trace, turns};
use crate::abi::{Cause, End, Limit};
use crate::check::{self, verdict, watch};
use crate::confine::{self, mix};
use crate::heap::class::ZONES;
use crate::image::layout::{CONTROL, PRIVATE, page_ceil, page_floor};
use crate::image::tls;
use crate::space::children;
use crate::space::permissions::{self, Restricted};
use crate::sys;
use crate::sys::cpu::{self, Registers};
use core::sync::atomic::Ordering::*;

mod setup;
pub(super) use setup::start;

/// Cycles for which an idle worker watches its mailbox before it sleeps.
const SPIN: u64 = 150_000;

/// Wakes the master.
pub(super) fn signal_master() {
    let c = control();
    c.event.fetch_add(1, SeqCst);
    if c.told.master_sleeps.load(SeqCst) != 0 {
        sys::futex_wake(&c.event);
    }
}

/// Waits until the master gives the mailbox another turn. Who waits `watching` does so on a
/// processor of its own for a while.
fn wait_go(mail: &Mailbox, watching: bool) {
    let me = me();
    let turn = |me: &mut Me| {
        let go = mail.go.load(SeqCst);
        let changed = go != me.seen_go;
        me.seen_go = go;
        changed
    };
    // The home worker shares the master's processor: it hands that over at once.
    if watching && me.slot != HOME {
        let c = control();
        if c.spinners.fetch_add(1, SeqCst) < c.told.spinners_allowed.load(Relaxed) {
            let start = cpu::cycles();
            while cpu::cycles() - start < SPIN {
                if turn(me) {
                    c.spinners.fetch_sub(1, SeqCst);
                    return;
                }
                core::hint::spin_loop();
            }
        }
        c.spinners.fetch_sub(1, SeqCst);
    }
    chaos::point();
    loop {
        mail.sleeping.store(1, SeqCst);
        if turn(me) {
            break;
        }
        sys::futex_wait(&mail.go, me.seen_go, 0);
    }
    mail.sleeping.store(0, SeqCst);
}

/// Runs children of a construct until none is left to take: first the evicted one that the
/// master gave, if any.
fn serve(construct: u32) {
    let me = me();
    let mail = &control().mail[me.slot as usize];
    let Some(con) = control().constructs.get(construct as usize) else { return };
    let life = mail.life.load(Acquire);
    let mut given = mail.given.swap(0, AcqRel).checked_sub(1);
    loop {
        let evicted = given.is_some();
        let Some(i) = given.take().or_else(|| claim(construct, con, life, me.slot)) else {
            mail.state.store(state::IDLE, SeqCst);
            if control().told.hungry.load(SeqCst) != 0 {
                signal_master();
            }
            return;
        };
        let Some(status) = run_child(con, construct, life, i, evicted) else { return };
        let last = con.next.load(Acquire) >= con.limit.load(Acquire);
        if last {
            // Before the outcome: a master that sees the construct complete sees us idle.
            mail.state.store(state::IDLE, SeqCst);
        }
        publish(con, i, status, me.stage as u64, last);
        changes::tidy(me);
        if last {
            return;
        }
    }
}

fn claim(c: u32, con: &Construct, life: u32, slot: u32) -> Option<u32> {
    chaos::point();
    let fresh = u64::from(life) << 32;
    let mut i = con.next.load(Acquire);
    loop {
        if i >= con.limit.load(Acquire) {
            return None;
        }
        let o = con.outcomes.get(i as usize)?;
        if !turns::may_start(c, i) {
            return None;
        }
        match o.claim.compare_exchange(fresh, fresh | u64::from(slot + 1), AcqRel, Acquire) {
            Ok(_) => {
                con.next.fetch_max(i + 1, AcqRel);
                return Some(i);
            }
            Err(now) if now >> 32 != u64::from(life) => return None,
            Err(_) => i += 1,
        }
    }
}

/// Says what became of a child, and to the master where that changes what it can do: a worker that
/// goes on to the next child keeps its permit.
fn publish(con: &Construct, i: u32, status: u32, at: u64, idle: bool) {
    chaos::point();
    let Some(o) = con.outcomes.get(i as usize) else { return };
    let stopped = status == outcome::STOPPED;
    o.stage.store(at, Relaxed);
    if status != outcome::RETURNED && !stopped {
        con.limit.fetch_min(i + 1, SeqCst);
    }
    o.status.store(status, SeqCst);
    let reported = con.reported.fetch_add(1, SeqCst).wrapping_add(1);
    let done = reported >= con.limit.load(SeqCst);
    let hungry = idle && control().told.hungry.load(SeqCst) != 0;
    // The home worker leaves its processor to the master, which then watches for the rest.
    let home_idle = me().slot == HOME && con.next.load(SeqCst) >= con.limit.load(SeqCst);
    if done || status != outcome::RETURNED || hungry || home_idle {
        signal_master();
    }
}

/// Runs a child and returns its last outcome; none where it left this worker.
fn run_child(con: &Construct, construct: u32, life: u32, i: u32, evicted: bool) -> Option<u32> {
    let me = me();
    let Some(brief) = brief(construct) else { return Some(outcome::RETURNED) };
    let mut r = brief.request;
    if !watch::wants(r.watch, i) {
        return Some(outcome::RETURNED);
    }
    timeline::begin(me);
    let room = stage::begin(me, construct, life);
    watch::forget();
    me.has_result = false;
    (me.index, me.construct, me.orders) = (i, construct, r.orders);
    let at = con.outcomes.get(i as usize).map_or(0, |o| o.stage.load(Acquire));
    let ready = if evicted { evict::go_on(me, &r, at) } else { set_out(me, &r).map(|()| NO_JOB) };
    let watched = room.ok_or(Limit::Exchange).and_then(|()| watch::begin(me, r.watch));
    let mut job = match watched.and(ready) {
        Ok(job) => job,
        Err(limit) => end_child(Cause::Limit(limit)),
    };
    if evicted {
        evict::go_on_watching(at);
    }
    loop {
        if r.orders & order::PRINTED != 0 {
            me.log_len = 0;
        }
        if r.orders & order::ENTER != 0 {
            job = job_of(&r, i);
            inplace::begin(me, &r, life);
        }
        me.orders = r.orders;
        let mut room = me.stage_end;
        command::carry_out(me, &r);
        if r.orders & order::START != 0 {
            stage::stage(me).record = 0;
            let recorded = may_run_again(me, &r);
            if recorded && let Err(limit) = evict::record(me, &job) {
                end_child(Cause::Limit(limit));
            }
            permissions::enforce();
            watch::protect();
            timeline::entered(me);
            enter(me, &r, &job);
            timeline::left(me);
            permissions::lift();
            watch::lift();
            // What an ended phase has left is needed until the next one begins.
            room = if recorded { room } else { me.stage_end };
        } else {
            me.end = STOPPED;
        }
        let failed = me.end == End::Panicked as u32;
        let can_stay = !failed && !watch::is_once();
        let stays = can_stay && (me.end == STOPPED || r.orders & order::STAY != 0);
        // The end of a computation takes the children of this space with it; a ret does not.
        if me.end != STOPPED || watch::is_once() {
            children::end_all();
        }
        hand_over(me, &job, failed, if stays { Then::Keep } else { Then::Drop });
        timeline::handed_over(me, &r, stays, failed);
        if !stays {
            watch::end();
            stage::keep(me, life, false);
            stage::trim_log(me);
            return Some(if failed { outcome::FAILED } else { outcome::RETURNED });
        }
        if !park(me, con, i, &job, life) {
            return None;
        }
        timeline::begin(me);
        r = brief.request;
        me.stage_end = room;
        if r.orders & order::SNAP != 0
            && let Err(limit) = snap_again(me, &r)
        {
            end_child(Cause::Limit(limit));
        }
    }
}

/// Whether the child goes on from a barrier, and may have to run once more from there. A result
/// that is there already is in no record.
fn may_run_again(me: &Me, r: &Request) -> bool {
    let goes_on = r.orders & (order::SNAP | order::ENTER) == order::SNAP && r.lane == 0;
    goes_on && !me.has_result && check::is_on() && !watch::is_active()
}

/// What a child runs that was not given anything to run: it is not entered.
const NO_JOB: Job = Job { entry: not_entered, data: core::ptr::null_mut(), arg: 0, out_size: 0 };

extern "C" fn not_entered(_: *mut (), _: usize, _: *mut u8) -> End {
    End::Returned
}

/// What child `i` runs.
fn job_of(r: &Request, i: u32) -> Job {
    // SAFETY: the jobs lie in the parent's image, of which this worker has its snapshot.
    r.job.unwrap_or_else(|| unsafe { *r.jobs.add(i as usize) })
}

/// Takes over what the parent's code may do with pages.
fn take_permissions(r: &Request) {
    let ranges = match r.restricted {
        0 => &[][..],
        // SAFETY: `control`: the parent wrote so many to its exchange area and keeps them
        // while it waits or has open children.
        at => unsafe { core::slice::from_raw_parts(at as *const Restricted, r.restricted_count) },
    };
    permissions::take_over(ranges);
}

/// Value of `me.end` for a child that stopped in the middle.
const STOPPED: u32 = 2;

/// Makes this worker the space of child `i`, which has the parent's memory and has not run.
fn set_out(me: &mut Me, r: &Request) -> Result<(), Limit> {
    grants::seal(me);
    changes::clear_dead_stack(me, r.stack);
    (me.depth, me.child_registers) = (r.depth, Registers::default());
    (me.parent_stack, me.merge_from) = (r.stack, r.merge_from);
    (me.base, me.chain) = (r.chain, r.chain);
    (me.freed_count, me.freed_lost) = (0, 0);
    (me.scan_below, me.table_below) = ([0; ZONES], [0; ZONES]);
    common::bring(me, r, r.chain)?;
    layer::watch_copied(me);
    take_permissions(r);
    turns::take_lane(me, r)?;
    me.path = child_path(r.path, me.index);
    (me.constructs, me.files, me.drawn, me.leaving) = (0, 0, 0, 0);
    me.read = 0;
    (me.clock, me.mask) = (r.clock, 0);
    (me.message_len, me.location_len, me.message_is_string) = (0, 0, 0);
    (me.log_len, me.free_count, me.tail_pages) = (0, 0, 0);
    (me.offered, me.part) = ((0, 0), (0, 0));
    Ok(())
}

/// Takes the parent's memory afresh for a child that has stopped here: its own frames and its
/// thread-local storage stay, all else becomes the parent's.
fn snap_again(me: &mut Me, r: &Request) -> Result<(), Limit> {
    collect::drop_changes(me);
    grants::seal(me);
    take_snapshot(me, r)
}

/// The same in a worker whose memory has no changes and no grants of the child.
pub(super) fn take_snapshot(me: &mut Me, r: &Request) -> Result<(), Limit> {
    (me.base, me.chain) = (r.chain, r.chain);
    me.free_count = 0;
    me.merge_from = r.merge_from;
    me.clock = me.clock.max(r.clock);
    if r.orders & order::AFRESH != 0 {
        me.parent_stack = r.stack;
        changes::clear_dead_stack(me, r.stack);
    }
    common::bring(me, r, r.chain)?;
    layer::watch_copied(me);
    take_permissions(r);
    turns::take_lane(me, r)?;
    me.clean_faults = sys::faults();
    Ok(())
}

/// Runs the child until it ends or stops.
fn enter(me: &mut Me, r: &Request, job: &Job) {
    if r.orders & order::ENTER != 0 {
        if job.out_size > private::RESULT_SIZE {
            end_child(Cause::Limit(Limit::Exchange));
        }
        start_thread(me, r.depth);
        // Checking mode would take it for a write of the child's.
        if r.restricted == 0 && !check::is_on() {
            changes::expect(me);
        }
        if watch::is_active() {
            // What nobody has written is the same in every run: a child may copy such bytes along.
            changes::clear_own_stack(me);
            // SAFETY: `control` and `own`; that it fits was checked.
            unsafe { (RESULT as *mut u8).write_bytes(0, job.out_size) };
        }
        let stack = page_floor(me.parent_stack - 128);
        // SAFETY: the pages below the parent's live frames belong to dead frames only; the job
        // lives in `run_child`'s frame until the child has ended.
        me.child_registers = unsafe {
            Registers::at_start(child_main, core::ptr::from_ref(job) as usize, stack, r.float)
        };
    }
    me.role = Role::Child;
    // SAFETY: the record is a start, or was made when the child stopped.
    unsafe { cpu::resume(&mut me.worker_registers, &me.child_registers) };
    me.role = Role::Worker;
}

/// Gives the child thread-local storage from the template.
pub(super) fn start_thread(me: &mut Me, depth: u32) {
    exits::copy_template(me);
    // SAFETY: the slot of this depth belongs to the child that starts.
    let tp = unsafe { tls::reset(depth as usize) };
    if me.tls_depth != depth {
        // SAFETY: `reset` filled a complete block.
        unsafe { cpu::set_thread_pointer(tp) };
        me.tls_depth = depth;
    }
}

/// Where the running child's entry leaves its result.
const RESULT: usize = PRIVATE + private::RESULT;

/// Stages what the child that ended or stopped hands over.
fn hand_over(me: &mut Me, job: &Job, failed: bool, then: Then) {
    // One that runs once more ends where it stopped, and leaves what it left there before.
    let ended = !failed && then == Then::Drop && me.end != STOPPED;
    let in_turn = me.orders & order::IN_TURN != 0;
    let vacated = if is_open(me) && !in_turn { None } else { turns::leave(me, ended) };
    let staged = stage_result(me, job)
        .and_then(|()| collect::stage_changes(me, failed, then, vacated))
        .and_then(|()| collect::stage_frees(me))
        .and_then(|()| collect::stage_log(me))
        .and_then(|()| verdict::stage(me));
    if let Err(limit) = staged {
        end_child(Cause::Limit(limit));
    }
    let st = stage::stage(me);
    st.failed = u32::from(failed);
    st.code = me.ret_code;
    (st.clock, st.constructs, st.files) = (me.clock, me.constructs, me.files);
    st.ended = u32::from(me.end == End::Returned as u32);
    st.registers = me.child_registers.place();
    st.cause = CauseRecord::new(Cause::Panic);
}

/// Stages the result, if there is one by now; a child that stopped has the room for it.
fn stage_result(me: &mut Me, job: &Job) -> Result<(), Limit> {
    /// Bytes from which on pages are given back.
    const LARGE: usize = 4 << 20;
    let at = stage::take(me, job.out_size).ok_or(Limit::Exchange)?;
    stage::stage(me).result = at;
    if me.end == End::Returned as u32 {
        // SAFETY: `control` and `own`: the entry filled so much; so much was just taken.
        unsafe {
            core::ptr::copy_nonoverlapping(RESULT as *const u8, at as *mut u8, job.out_size);
            if job.out_size > LARGE {
                let _ = sys::drop_pages(RESULT, page_ceil(job.out_size));
            }
        }
    }
    Ok(())
}

/// Whether somebody can start the running child again after it has stopped.
pub(crate) fn stays() -> bool {
    me().orders & order::STAY != 0
}

/// Whether the running child belongs to a closed construct, and has no open children that
/// would outlive its snapshot.
pub(crate) fn has_siblings() -> bool {
    let me = me();
    !is_open(me) && me.open_count == 0
}

/// Whether the running child is an open one.
fn is_open(me: &Me) -> bool {
    brief(me.construct).is_none_or(|b| b.request.lane != 0)
}

/// Stops the running child: control comes back when its parent lets it go on. On the child's
/// own stack.
pub(crate) fn stop(code: u32) {
    let me = me();
    me.end = STOPPED;
    me.ret_code = code;
    // SAFETY: `run_child` waits at its record and resumes this one, once.
    unsafe { cpu::resume(&mut me.child_registers, &me.worker_registers) };
}

/// Reports a child that has stopped, and waits until it is wanted again. False where it left
/// this worker meanwhile.
fn park(me: &mut Me, con: &Construct, i: u32, job: &Job, life: u32) -> bool {
    let mail = &control().mail[me.slot as usize];
    // It may be merged while it is parked.
    stage::stage(me).owner = [me.construct, life, i];
    mail.ask.store(ask::PARK, SeqCst);
    // Before the outcome: a master that sees the construct complete sees us parked.
    mail.state.store(state::REQUEST, SeqCst);
    publish(con, i, outcome::STOPPED, me.stage as u64, true);
    loop {
        signal_master();
        wait_go(mail, false);
        if mail.reply.load(Acquire) != tell::LEAVE {
            return true;
        }
        let left = evict::leave(me, job, life);
        mail.state.store(if left { state::IDLE } else { state::REQUEST }, SeqCst);
        if left {
            signal_master();
            return false;
        }
    }
}

/// Hash of the path of child `i` of the construct whose path is `parent`.
pub(super) fn child_path(parent: u64, i: u32) -> u64 {
    mix(parent ^ mix(u64::from(i) + 1))
}

/// The child's outermost frame, on the child's stack.
extern "C" fn child_main(job: usize) -> ! {
    // SAFETY: the job lies on the suspended control stack.
    let job = unsafe { &*(job as *const Job) };
    // SAFETY: the contract of `call::Closed::get`; `enter` made sure that the result fits.
    let end = unsafe { (job.entry)(job.data, job.arg, RESULT as *mut u8) };
    end_by_itself(end, 0)
}

/// Ends the running child, whose entry has returned or will not. On the child's stack.
pub(crate) fn end_by_itself(end: End, code: u32) -> ! {
    me().has_result = true;
    exits::run();
    if let Some(h) = confine::handler() {
        h.child_ends();
    }
    let me = me();
    (me.end, me.ret_code, me.has_result) = (end as u32, code, false);
    // SAFETY: `run_child` waits at its record; this flow of control is not resumed again.
    unsafe { cpu::resume(&mut me.child_registers, &me.worker_registers) };
    sys::exit(77)
}

/// Ends the running child at once, and this worker with it: what a fault left behind is
/// nobody's to run on. No destructors run.
pub(crate) fn end_child(cause: Cause) -> ! {
    let me = me();
    if me.stage == 0 || me.stage_end + (2 << 20) > me.stage_limit {
        // No room for the record: the master sees a worker that died.
        sys::exit(75);
    }
    me.role = Role::Worker;
    if let Some(handler) = crate::confine::handler() {
        handler.child_faulted(&mut confine::Log::append);
    }
    let st = stage::stage(me);
    (st.log, st.log_len) = (me.stage_end, 0);
    (st.message, st.message_len, st.location_len) = (me.stage_end, u64::MAX, 0);
    st.failed = 1;
    st.cause = CauseRecord::new(cause);
    trace::stage(me);
    finish_end()
}

/// Reports the child whose end was staged, and ends this worker.
pub(crate) fn finish_end() -> ! {
    let me = me();
    let slot = me.slot;
    let _ = collect::stage_log(me).and_then(|()| verdict::stage(me));
    timeline::ended(me);
    let life = control().mail[slot as usize].life.load(Acquire);
    stage::keep(me, life, false);
    if let Some(con) = control().constructs.get(me.construct as usize) {
        control().mail[slot as usize].state.store(state::FAULTED, SeqCst);
        publish(con, me.index, outcome::FAILED, me.stage as u64, true);
    }
    sys::exit(0)
}

/// Suspends the running child, asks the master for something and returns its answer. Runs on
/// the control stack.
pub(crate) fn ask(what: u32, target: u32, request: Option<&Request>) -> Option<u32> {
    let me = me();
    let mail = &control().mail[me.slot as usize];
    let role = core::mem::replace(&mut me.role, Role::Worker);
    if let Some(r) = request {
        // SAFETY: `control`: the mailbox is this worker's; the master reads the request only
        // after the state below.
        unsafe { (&raw const mail.request).cast_mut().write(*r) };
    }
    mail.ask.store(what, SeqCst);
    mail.target.store(target, SeqCst);
    mail.state.store(state::REQUEST, SeqCst);
    signal_master();
    // A child that waits for its own children leaves them its processor.
    let at_once = ![ask::RUN, ask::WAIT, ask::AGAIN].contains(&what);
    wait_go(mail, at_once);
    me.role = role;
    Some(mail.reply.load(Acquire)).filter(|&r| r != u32::MAX)
}

const _: () = assert!(size_of::<Control>() < crate::image::layout::PRIVATE - CONTROL);
