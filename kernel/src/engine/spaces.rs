//! The engine `spaces`: confined worker processes on stock Linux.

use super::{Construct, Engine, Run};
use crate::abi::{Cause, Failure, Limit, MAX_CHILDREN};
use crate::confine;
use crate::error::Error;
use crate::exec::changes;
use crate::exec::claims::{self, Staged};
use crate::exec::control;
use crate::exec::control::{Job, Outcome, Request, Role, View, control, me, outcome, private};
use crate::exec::master::master;
use crate::exec::worker;
use crate::heap::Heap;
use crate::image::layout::{MAX_WORKERS, PRIVATE};
use crate::image::regions;
use crate::merge::{self, Child, Cursor, Page, PlanError, Target};
use crate::space::descriptors;
use crate::space::memory::{self, Space};
use crate::sys::{self, cpu::FloatControl};
use core::sync::atomic::Ordering::*;

/// The engine.
pub(crate) struct Spaces;

impl Engine for Spaces {
    unsafe fn run(&self, jobs: &[Job]) -> Run {
        let mut get = Get { jobs, float: FloatControl::get(), run: Run::default() };
        let top = PRIVATE + private::CONTROL_STACK;
        // SAFETY: the control stack is free: user code runs, which never runs on it.
        unsafe { sys::on_stack(top, on_control_stack, &raw mut get as usize) };
        get.run
    }

    fn log(&self, construct: Construct, child: usize) -> &[u8] {
        let o = &control().constructs[construct.0 as usize].outcomes[child];
        let status = o.status.load(SeqCst);
        if status != outcome::RETURNED && status != outcome::FAILED {
            return &[];
        }
        let slot = slot_of(o);
        let stage = claims::stage_at(slot, o.stage.load(SeqCst));
        stage.and_then(|s| claims::log(slot, s)).unwrap_or(&[])
    }

    fn result(&self, construct: Construct, child: usize) -> *const u8 {
        let o = &control().constructs[construct.0 as usize].outcomes[child];
        let stage = claims::stage_at(slot_of(o), o.stage.load(SeqCst));
        stage.map_or(core::ptr::null(), |s| s.result as *const u8)
    }

    fn panic(&self, construct: Construct, child: usize) -> (Option<&[u8]>, &[u8]) {
        let o = &control().constructs[construct.0 as usize].outcomes[child];
        let slot = slot_of(o);
        match claims::stage_at(slot, o.stage.load(SeqCst)) {
            Some(stage) => claims::message(slot, stage),
            None => (None, &[]),
        }
    }

    fn release(&self, construct: Construct) {
        if me().role == Role::Master {
            master().release(construct.0);
        } else {
            control().constructs[construct.0 as usize].released.store(1, SeqCst);
        }
    }
}

/// A run as it travels to the control stack and back.
struct Get<'a> {
    jobs: &'a [Job],
    float: FloatControl,
    run: Run,
}

/// The steps that must not disturb user memory; `stack` is the parent's stack pointer.
extern "C" fn on_control_stack(get: usize, stack: usize) {
    // SAFETY: `run` keeps the record alive and unused while it waits.
    let get = unsafe { &mut *(get as *mut Get) };
    let me = me();
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
        float: get.float,
        sequences: heap.sequences(),
        view: View::default(),
    };
    let construct = if me.role == Role::Master {
        let m = master();
        let c = m.run(&request);
        // What other workers did all the same is as good as ever.
        let error = core::mem::take(&mut m.setup_error);
        if error != 0 && lacks_workers(c, k) {
            get.run.error = Some(setup_error(error));
            m.release(c);
            return;
        }
        c
    } else {
        match worker::suspend(&mut request) {
            Ok(c) => c,
            Err(limit) => {
                get.run.outcome = Err(Failure { child: 0, cause: Cause::Limit(limit) });
                return;
            }
        }
    };
    let outcome = merge_children(construct, get.jobs, heap, session);
    // The record lies in the parent's memory, which is the reference image until here.
    get.run.construct = Some(Construct(construct));
    get.run.outcome = outcome;
    changes::widen(me, &heap.sequences());
    if get.run.outcome.is_err() {
        memory::note_failed_grants();
    }
}

fn setup_error(code: u64) -> Error {
    let what = match code >> 32 {
        1 => "installing signal handlers in a worker",
        2 => "patching the vDSO in a worker",
        3 => "installing a seccomp filter in a worker",
        4 => "tying a worker to its master (setpgid, prctl, fcntl)",
        5 => "opening the page map of a worker",
        6 => "closing inherited descriptors in a worker",
        8 => "controlling workers by descriptors (pidfd_send_signal, waitid)",
        10 => "creating a worker (clone)",
        9 => return killed_in_setup(code as u32),
        _ => "mapping the image in a worker",
    };
    let remedy = "allow this call to unprivileged processes (container profiles may deny it) \
                  and raise limits on address space";
    Error::Unsupported { what, remedy, errno: (code as u32) as i32 }
}

/// Something kills every new worker, by this signal (0: they end without one).
fn killed_in_setup(signal: u32) -> Error {
    let what = match signal as i32 {
        libc::SIGSYS => "setting up a worker: SIGSYS kills it",
        libc::SIGKILL => "setting up a worker: SIGKILL kills it",
        _ => "setting up a worker: it dies",
    };
    let remedy = "look for a seccomp profile that kills instead of refusing, and for a limit on \
                  memory that is too small for a worker";
    Error::Unsupported { what, remedy, errno: 0 }
}

/// Whether a construct failed because no worker could be had.
fn lacks_workers(construct: u32, k: usize) -> bool {
    let con = &control().constructs[construct as usize];
    let failing = con.outcomes.get(first_failure(con, k));
    failing.is_some_and(|o| o.status.load(SeqCst) == outcome::NO_WORKER)
}

/// Index below which children count: the failing one of lowest index, or all.
fn first_failure(con: &control::Construct, k: usize) -> usize {
    con.outcomes[..k].iter().position(|o| o.status.load(SeqCst) != outcome::RETURNED).unwrap_or(k)
}

fn slot_of(o: &Outcome) -> u32 {
    (o.claim.load(SeqCst) as u32).wrapping_sub(1) % MAX_WORKERS as u32
}

/// Parent memory as the merge sees it: this process's own view.
struct Memory;

impl Target for Memory {
    fn page(&self, addr: u64) -> &Page {
        // SAFETY: the addresses come from stages whose claims were checked: pages of the
        // image, mapped readable in every space; the parent is suspended here.
        unsafe { &*(addr as usize as *const Page) }
    }

    fn page_mut(&mut self, addr: u64) -> &mut Page {
        // SAFETY: as above; nothing else refers to user memory on the control stack.
        unsafe { &mut *(addr as usize as *mut Page) }
    }
}

/// Plans over all children, then applies, or applies nothing.
fn merge_children(construct: u32, jobs: &[Job], heap: Heap, session: u64) -> Result<(), Failure> {
    let con = &control().constructs[construct as usize];
    let k = jobs.len();
    let failing = first_failure(con, k);
    let corrupt = |i: usize| Failure { child: i as u32, cause: Cause::Killed { signal: 0 } };
    // Scratch: children, cursors; both tables fit (asserted below).
    let mut n = 0;
    for (i, job) in jobs.iter().enumerate().take(failing) {
        let o = &con.outcomes[i];
        let slot = slot_of(o);
        let staged = claims::stage_at(slot, o.stage.load(SeqCst))
            .and_then(|st| claims::staged(slot, st, job.out_size))
            .ok_or(corrupt(i))?;
        let Staged { addrs, pages, frees } = staged;
        let index = i as u32;
        // SAFETY: fewer than MAX_CHILDREN entries fit; written before they are read.
        unsafe {
            (scratch_children() as *mut Child).add(n).write(Child { index, addrs, pages, frees });
            (scratch_cursors() as *mut Cursor).add(n).write(Cursor::NEW);
        }
        n += 1;
    }
    // SAFETY: the first `n` entries of both tables were just written.
    let (children, cursors) = unsafe {
        (
            core::slice::from_raw_parts(scratch_children() as *const Child, n),
            core::slice::from_raw_parts_mut(scratch_cursors() as *mut Cursor, n),
        )
    };
    let plan = match merge::plan(&Memory, children, regions::policies(), cursors) {
        Ok(plan) => plan,
        Err(PlanError::Conflict(c)) => {
            return Err(Failure { child: c.higher, cause: Cause::Conflict(c) });
        }
        Err(PlanError::Malformed { child }) => return Err(corrupt(child as usize)),
        // One cursor a child, and the policy table keeps its order: neither can be.
        Err(PlanError::Scratch { .. } | PlanError::Regions) => return Err(corrupt(0)),
    };
    if failing < k {
        return Err(own_failure(&con.outcomes[failing], failing));
    }
    merge::apply(plan, &mut Memory);
    for c in children {
        for b in c.frees {
            Heap::free(&mut Space, b.addr as usize);
        }
    }
    heap.adopt(k, session);
    if me().role == Role::Master {
        children.iter().for_each(|c| descriptors::close_merged(c.addrs));
    }
    Ok(())
}

fn own_failure(o: &Outcome, i: usize) -> Failure {
    let cause = match o.status.load(SeqCst) {
        outcome::KILLED => Cause::Killed { signal: o.stage.load(SeqCst) as i32 },
        outcome::NO_WORKER => Cause::Limit(match o.stage.load(SeqCst) as i32 {
            libc::EMFILE | libc::ENFILE => Limit::Descriptors,
            libc::ENOMEM => Limit::Memory,
            _ => Limit::Workers,
        }),
        _ => claims::stage_at(slot_of(o), o.stage.load(SeqCst))
            .map_or(Cause::Killed { signal: 0 }, |st| st.cause.read()),
    };
    Failure { child: i as u32, cause }
}

fn scratch_children() -> usize {
    PRIVATE + private::MERGE
}

fn scratch_cursors() -> usize {
    scratch_children() + MAX_CHILDREN * size_of::<Child>()
}

const _: () = assert!(
    MAX_CHILDREN * (size_of::<Child>() + size_of::<Cursor>()) < private::MASTER - private::MERGE
);
