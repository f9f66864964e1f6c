//! Get: starts the children, waits for them, merges them all or none.

use super::put::Closed;
use crate::abi::{Cause, Failure, GetFlags, Limit, MAX_CHILDREN};
use crate::confine;
use crate::error::Error;
use crate::exec::claims::{self, Staged};
use crate::exec::collect;
use crate::exec::control::*;
use crate::exec::master::master;
use crate::exec::worker;
use crate::heap::Heap;
use crate::image::layout::{MAX_DEPTH, PRIVATE};
use crate::image::regions;
use crate::merge::{self, Child, Cursor, Page, PlanError, Target};
use crate::space::memory::{self, Space};
use crate::space::threads;
use crate::sys::{self, cpu::FloatControl};
use core::sync::atomic::Ordering::*;

/// Why a get failed. Nothing was merged.
#[derive(Debug)]
pub enum GetError {
    /// The construct could not run.
    Kernel(Error),
    /// A child failed.
    Child {
        /// Who and why.
        failure: Failure,
        /// The panic's message, if it was a string.
        message: Option<String>,
        /// The panic's source location, where known.
        location: Option<String>,
    },
}

impl From<Error> for GetError {
    fn from(e: Error) -> GetError {
        GetError::Kernel(e)
    }
}

/// The results of a construct that succeeded.
#[derive(Debug)]
pub struct Done {
    construct: u32,
    count: u32,
}

/// A get as it travels to the control stack and back.
struct Get<'a> {
    jobs: &'a [Job],
    float: FloatControl,
    construct: u32,
    outcome: Result<(), Failure>,
    /// Set where the kernel itself could not do it.
    error: Option<Error>,
}

impl Closed {
    /// Starts all children, waits for them and merges them: all or nothing.
    ///
    /// # Errors
    /// [`GetError::Child`] with the failure of the lowest index: children of lower index
    /// have finished, higher ones were killed. [`GetError::Kernel`] where nothing could run.
    ///
    /// # Safety
    /// Every job's entry must accept its data, argument and a result buffer of its size, and
    /// must not unwind.
    pub unsafe fn get(self, flags: GetFlags) -> Result<Done, GetError> {
        if flags != GetFlags::MERGE {
            return Err(Error::Flags.into());
        }
        let depth = check(&self.jobs)?;
        if let Some(h) = confine::handler() {
            h.before_fork();
        }
        let mut get = Get {
            jobs: &self.jobs,
            float: FloatControl::get(),
            construct: 0,
            outcome: Ok(()),
            error: None,
        };
        let top = PRIVATE + private::CONTROL_STACK;
        // SAFETY: the control stack is free: user code runs, which never runs on it.
        unsafe { sys::on_stack(top, on_control_stack, &raw mut get as usize) };
        if let Some(e) = get.error {
            return Err(e.into());
        }
        let done = Done { construct: get.construct, count: self.jobs.len() as u32 };
        deliver(&done, &get.outcome, depth);
        match get.outcome {
            Ok(()) => Ok(done),
            Err(failure) => Err(done.error(failure)),
        }
    }
}

/// Checks what can be checked before anything is touched; the depth of the children.
fn check(jobs: &[Job]) -> Result<usize, GetError> {
    let me = me_if_ready().ok_or(Error::NoMaster)?;
    let depth = match me.role {
        Role::Master => 1,
        Role::Child => me.depth as usize + 1,
        Role::Plain | Role::Worker => return Err(Error::NoMaster.into()),
    };
    if me.role == Role::Master {
        threads::refuse_foreign()?;
    }
    let limit = |limit| GetError::Child {
        failure: Failure { child: 0, cause: Cause::Limit(limit) },
        message: None,
        location: None,
    };
    if jobs.len() > MAX_CHILDREN {
        return Err(limit(Limit::Children));
    }
    if depth >= MAX_DEPTH {
        return Err(limit(Limit::Depth));
    }
    Ok(depth)
}

fn me_if_ready() -> Option<&'static mut Me> {
    crate::image::early::is_ready().then(me)
}

/// The steps that must not disturb user memory; `stack` is the parent's stack pointer.
extern "C" fn on_control_stack(get: usize, stack: usize) {
    // SAFETY: `Closed::get` keeps the record alive and unused while it waits.
    let get = unsafe { &mut *(get as *mut Get) };
    if get.jobs.is_empty() {
        get.construct = u32::MAX;
        return;
    }
    let me = me();
    let heap = Heap(me.heap);
    let k = get.jobs.len();
    let Some(session) = heap.prepare(&mut Space, k) else {
        get.outcome = Err(Failure { child: 0, cause: Cause::Limit(Limit::Heap) });
        get.construct = u32::MAX;
        return;
    };
    me.constructs += 1;
    // Lanes lie in segments that were not granted to this space but taken for its children.
    collect::widen(me, &heap.sequences());
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
        if m.setup_error != 0 {
            get.error = Some(setup_error(core::mem::take(&mut m.setup_error)));
            m.release(c);
            return;
        }
        c
    } else {
        match worker::suspend(&mut request) {
            Ok(c) => c,
            Err(limit) => {
                get.outcome = Err(Failure { child: 0, cause: Cause::Limit(limit) });
                get.construct = u32::MAX;
                return;
            }
        }
    };
    get.construct = construct;
    get.outcome = merge_children(construct, get.jobs, heap, session);
    collect::widen(me, &heap.sequences());
    if get.outcome.is_err() {
        memory::note_failed_grants();
    }
}

fn setup_error(code: u64) -> Error {
    let what = match code >> 32 {
        1 => "installing signal handlers in a worker",
        2 => "patching the vDSO in a worker",
        3 => "installing a seccomp filter in a worker",
        4 => "detaching a worker from the program's process group",
        5 => "opening the page map of a worker",
        6 => "closing inherited descriptors in a worker",
        _ => "mapping the image in a worker",
    };
    let remedy = "allow this call to unprivileged processes (container profiles may deny it) \
                  and raise limits on address space";
    Error::Unsupported { what, remedy, errno: (code as u32) as i32 }
}

/// Index below which children count: the failing one of lowest index, or all.
fn first_failure(con: &Construct, k: usize) -> usize {
    con.outcomes[..k]
        .iter()
        .position(|o| o.status.load(SeqCst) != outcome::RETURNED)
        .unwrap_or(k)
}

fn slot_of(o: &Outcome) -> u32 {
    (o.claim.load(SeqCst) as u32).wrapping_sub(1) % crate::image::layout::MAX_WORKERS as u32
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
fn merge_children(
    construct: u32,
    jobs: &[Job],
    heap: Heap,
    session: u64,
) -> Result<(), Failure> {
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
    Ok(())
}

fn own_failure(o: &Outcome, i: usize) -> Failure {
    let cause = match o.status.load(SeqCst) {
        outcome::KILLED => Cause::Killed { signal: o.stage.load(SeqCst) as i32 },
        outcome::NO_WORKER => Cause::Limit(Limit::Workers),
        _ => claims::stage_at(slot_of(o), o.stage.load(SeqCst))
            .map_or(Cause::Killed { signal: 0 }, |st| st.cause),
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

/// Delivers the output of the children that count, in program order.
fn deliver(done: &Done, outcome: &Result<(), Failure>, child_depth: usize) {
    if done.construct == u32::MAX {
        return;
    }
    let con = &control().constructs[done.construct as usize];
    let upto = match outcome {
        Ok(()) => done.count,
        Err(f) => (f.child + 1).min(done.count),
    };
    for o in &con.outcomes[..upto as usize] {
        let slot = slot_of(o);
        let status = o.status.load(SeqCst);
        if status != outcome::RETURNED && status != outcome::FAILED {
            continue;
        }
        let log = claims::stage_at(slot, o.stage.load(SeqCst)).and_then(|s| claims::log(slot, s));
        let Some(log) = log.filter(|l| !l.is_empty()) else { continue };
        if child_depth > 1 {
            if !confine::Log::append(log) {
                worker::end_child(Cause::Limit(Limit::Exchange));
            }
        } else if let Some(h) = confine::handler() {
            h.deliver(log);
        }
    }
}

impl Done {
    /// Where child `i`'s result lies until this value is dropped.
    pub fn result(&self, i: usize) -> *const u8 {
        let o = &control().constructs[self.construct as usize].outcomes[i];
        let slot = slot_of(o);
        claims::stage_at(slot, o.stage.load(SeqCst)).map_or(core::ptr::null(), |s| s.result as _)
    }

    fn error(&self, failure: Failure) -> GetError {
        let (mut message, mut location) = (None, None);
        if failure.cause == Cause::Panic && self.construct != u32::MAX {
            let o = &control().constructs[self.construct as usize].outcomes[failure.child as usize];
            let slot = slot_of(o);
            if let Some(st) = claims::stage_at(slot, o.stage.load(SeqCst)) {
                let (m, l) = claims::message(slot, st);
                message = m.map(|m| String::from_utf8_lossy(m).into_owned());
                location = (!l.is_empty()).then(|| String::from_utf8_lossy(l).into_owned());
            }
        }
        GetError::Child { failure, message, location }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if self.construct == u32::MAX {
            return;
        }
        if me().role == Role::Master {
            master().release(self.construct);
        } else {
            control().constructs[self.construct as usize].released.store(1, SeqCst);
        }
    }
}
