//! The only caller of the kernel's put and get.
use crate::error::JoinError;
use crate::merge::Shape;
use crate::report;
use kernel::abi::{ChildId, End, GetFlags, PutFlags};
use kernel::call::{self, ChildFailure, Closed, GetError, Job, Joined};
pub(crate) use kernel::call::{Frames, Offer, fills, index, offer, space, task_path, will_read};
use kernel::merge::Units;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `k` children, child `i` with `body(i)`, and returns their results in index order. Child `i`
/// is granted `parts[i]` of this space's memory, address and length; no parts at all grant nothing.
///
/// # Safety
/// Until the construct has ended nobody uses the bytes of a part but the child and its children.
pub(crate) unsafe fn fork_leaves<R, F>(
    k: usize,
    parts: Vec<(usize, usize)>,
    body: F,
) -> Result<Vec<R>, JoinError>
where
    F: Fn(usize) -> R + Sync,
    R: Send,
{
    // SAFETY: the caller's contract.
    unsafe { fork_each_by(k, parts, Units::NONE, body) }
}

/// Like [`fork_leaves`], where nothing is granted and the memory of a shape merges by its units.
pub(crate) fn fork_each_by_units<R, F>(
    k: usize,
    shape: &Shape,
    body: F,
) -> Result<Vec<R>, JoinError>
where
    F: Fn(usize) -> R + Sync,
    R: Send,
{
    // SAFETY: nothing is granted.
    unsafe { fork_each_by(k, Vec::new(), shape.units(), body) }
}

/// # Safety
/// As for [`fork_leaves`].
unsafe fn fork_each_by<R, F>(
    k: usize,
    parts: Vec<(usize, usize)>,
    units: Units<'_>,
    body: F,
) -> Result<Vec<R>, JoinError>
where
    F: Fn(usize) -> R + Sync,
    R: Send,
{
    let job = Job {
        entry: each_entry::<R, F>,
        data: (&raw const body).cast_mut().cast(),
        arg: 0,
        out_size: size_of::<R>(),
    };
    let mut closed = Closed::with_capacity(k);
    for i in 0..k {
        put(&mut closed, i, Job { arg: i, ..job })?;
    }
    if !parts.is_empty() {
        // SAFETY: the caller's contract.
        unsafe { closed.grant(parts) }.map_err(JoinError::from_kernel)?;
    }
    // SAFETY: each entry reads `body` by reference and writes one R.
    let done = unsafe { closed.get_by_units(GetFlags::MERGE, units) }.map_err(from_get)?;
    warn();
    // SAFETY: every child returned, so each result buffer holds an R that is moved out once.
    Ok((0..k).map(|i| unsafe { done.result(i).cast::<R>().read() }).collect())
}

/// Runs one child.
pub(crate) fn fork1<A, RA>(a: A) -> Result<RA, JoinError>
where
    A: FnOnce() -> RA,
{
    let mut a = ManuallyDrop::new(a);
    let mut closed = Closed::with_capacity(1);
    let run = put(&mut closed, 0, once_job(&mut a))
        // SAFETY: the entry moves the closure out of the child's copy and writes one RA.
        .and_then(|()| unsafe { closed.get(GetFlags::MERGE) }.map_err(from_get));
    match run {
        // SAFETY: the child returned, so its buffer holds an RA, moved out once.
        Ok(done) => Ok(unsafe { done.result(0).cast::<RA>().read() }),
        Err(e) => {
            drop(ManuallyDrop::into_inner(a));
            Err(e)
        }
    }
}

/// Runs two children.
pub(crate) fn fork2<A, B, RA, RB>(a: A, b: B) -> Result<(RA, RB), JoinError>
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB,
{
    // SAFETY: nothing is granted.
    unsafe { fork2_in_place(Vec::new(), a, b) }
}

/// The same where each is granted a part of this space's memory; no parts at all grant nothing.
///
/// # Safety
/// As for [`fork_leaves`].
pub(crate) unsafe fn fork2_in_place<A, B, RA, RB>(
    parts: Vec<(usize, usize)>,
    a: A,
    b: B,
) -> Result<(RA, RB), JoinError>
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB,
{
    let mut a = ManuallyDrop::new(a);
    let mut b = ManuallyDrop::new(b);
    let mut closed = Closed::with_capacity(2);
    let run = put(&mut closed, 0, once_job(&mut a))
        .and_then(|()| put(&mut closed, 1, once_job(&mut b)))
        .and_then(|()| {
            if parts.is_empty() {
                return Ok(());
            }
            // SAFETY: the caller's contract.
            unsafe { closed.grant(parts) }.map_err(JoinError::from_kernel)
        })
        // SAFETY: each entry moves its closure out of the child's copy and writes one result.
        .and_then(|()| unsafe { closed.get(GetFlags::MERGE) }.map_err(from_get));
    match run {
        Ok(done) => {
            warn();
            let (a, b) = (done.result(0).cast::<RA>(), done.result(1).cast::<RB>());
            // SAFETY: both returned, so the buffers hold an RA and an RB, each moved out once.
            Ok(unsafe { (a.read(), b.read()) })
        }
        Err(e) => {
            drop(ManuallyDrop::into_inner(a));
            drop(ManuallyDrop::into_inner(b));
            Err(e)
        }
    }
}

/// A closure given to an open child: in the parent until the child is joined, when it is
/// forgotten or dropped.
#[derive(Debug)]
pub(crate) struct Given {
    closure: *mut (),
    drop: unsafe fn(*mut (), bool),
    /// The space whose child it was given to.
    space: u64,
}

impl Given {
    fn new<A>(a: A) -> Given {
        let closure = Box::into_raw(Box::new(a)).cast();
        Given { closure, drop: drop_given::<A>, space: space() }
    }

    /// Whether this space started the child: in any other its name means another child, or
    /// none.
    pub(crate) fn is_ours(&self) -> bool {
        self.space == space()
    }

    /// The child ran it: the parent forgets it.
    pub(crate) fn forget(self) {
        // SAFETY: this value is the only one with the pointer, and is not dropped.
        unsafe { (self.drop)(self.closure, false) };
        std::mem::forget(self);
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        // SAFETY: `forget` did not run, so the closure is still the parent's.
        unsafe { (self.drop)(self.closure, true) };
    }
}

/// Frees the box of a given closure, with or without dropping the closure.
///
/// # Safety
/// `p` must come from a `Box<A>` and not be used again.
unsafe fn drop_given<A>(p: *mut (), whole: bool) {
    // SAFETY: the caller's contract; ManuallyDrop has the layout of what it holds.
    unsafe {
        if whole {
            drop(Box::from_raw(p.cast::<A>()));
        } else {
            drop(Box::from_raw(p.cast::<ManuallyDrop<A>>()));
        }
    }
}

/// Starts an open child that runs a closure; `id` names it, without one the kernel does.
///
/// # Safety
/// What the closure borrows must stay valid until the child is joined or ended, and must lie
/// in `frames` as far as it lies on the stack.
pub(crate) unsafe fn fork_open<A, RA>(
    id: Option<u32>,
    a: A,
    frames: Frames,
) -> Result<(ChildId, Given), JoinError>
where
    A: FnOnce() -> RA,
{
    let given = Given::new(a);
    let job =
        Job { entry: once_entry::<A, RA>, data: given.closure, arg: 0, out_size: size_of::<RA>() };
    // SAFETY: the entry moves the closure out of the child's copy and writes one RA; the
    // caller's contract for what it borrows.
    let started = unsafe { call::fork(id.map(ChildId), job, frames) };
    started.map(|id| (id, given)).map_err(from_get)
}

/// What a use of a child or scope of another space fails with.
pub(crate) fn not_ours() -> JoinError {
    JoinError::from_kernel(kernel::error::Error::NoChild)
}

/// Waits for open children and merges them in order, all or none.
pub(crate) fn join_open(ids: &[ChildId]) -> Result<Joined, JoinError> {
    // SAFETY: called by the handles of these children, which end with it.
    unsafe { call::join(ids) }.map_err(from_get)
}

/// Ends an open child; nothing of it is merged.
pub(crate) fn end_open(id: ChildId) {
    // A child that is gone already needs no end.
    // SAFETY: called for the handle's own child, by the handle that ends with it.
    let _ = unsafe { call::kill(id) };
}

/// Waits in a child of a closed construct until all its siblings wait or have ended, and merges.
pub(crate) fn barrier() -> Result<(), JoinError> {
    call::barrier().map_err(JoinError::from_kernel)
}

/// Tells the kernel where the running child's panic started.
pub(crate) fn note_panic_location(location: &str) {
    kernel::call::record_location(location);
}

/// Tells of a child that read what a sibling wrote, where that is asked for.
fn warn() {
    if let Some((read, places)) = call::seen_read() {
        report::warn(read, places);
    }
}

fn put(closed: &mut Closed, i: usize, job: Job) -> Result<(), JoinError> {
    let flags = PutFlags::REGS | PutFlags::SNAP | PutFlags::START;
    closed.put(ChildId(i as u32), flags, job).map_err(JoinError::from_kernel)
}

fn once_job<A, RA>(a: &mut ManuallyDrop<A>) -> Job
where
    A: FnOnce() -> RA,
{
    Job {
        entry: once_entry::<A, RA>,
        data: (&raw mut *a).cast(),
        arg: 0,
        out_size: size_of::<RA>(),
    }
}

/// Runs the closure of [`once_job`].
///
/// # Safety
/// `data` must be that job's, in the child that owns this copy; `out` must have room for an RA.
unsafe extern "C" fn once_entry<A, RA>(data: *mut (), _arg: usize, out: *mut u8) -> End
where
    A: FnOnce() -> RA,
{
    // SAFETY: `data` is the ManuallyDrop<A> of `once_job`; the child owns its copy and the
    // parent forgets the original when the construct succeeds.
    let a = unsafe { data.cast::<A>().read() };
    // SAFETY: `out` has room for an RA.
    unsafe { finish(a, out.cast::<RA>()) }
}

/// Runs the body of [`fork_leaves`].
///
/// # Safety
/// `data` must be the body that the construct keeps alive; `out` must have room for an R.
unsafe extern "C" fn each_entry<R, F>(data: *mut (), arg: usize, out: *mut u8) -> End
where
    F: Fn(usize) -> R,
{
    // SAFETY: `data` is the body that `fork_each_by` keeps alive.
    let body = unsafe { &*data.cast::<F>() };
    // SAFETY: `out` has room for an R.
    unsafe { finish(|| body(arg), out.cast::<R>()) }
}

/// Runs the body, writes its result or lets its payload go.
///
/// # Safety
/// `out` must be valid for a write of one R.
unsafe fn finish<R>(body: impl FnOnce() -> R, out: *mut R) -> End {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(r) => {
            // SAFETY: the caller's contract.
            unsafe { out.write(r) };
            End::Returned
        }
        Err(payload) => {
            let message = payload
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            kernel::call::record_panic(message);
            End::Panicked
        }
    }
}

/// What to say of a failure of the kernel's calls.
pub fn from_get(e: GetError) -> JoinError {
    match e {
        GetError::Kernel(e) => JoinError::from_kernel(e),
        GetError::Child(child) => {
            let ChildFailure { failure, message, location, trace, writers } = *child;
            JoinError::from_failure(failure, message, location, trace, writers)
        }
    }
}
