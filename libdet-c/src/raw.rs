//! The only caller of the kernel's put and get in this library, and the raw calls.

use crate::error::{Failed, guard_raw, usual};
use crate::signals;
use crate::start;
use crate::twice::second_return;
use core::ffi::{c_int, c_long, c_ulong};
use kernel::abi::{Cause, ChildId, Entry, GetFlags, PutFlags, State};
use kernel::apart;
use kernel::call::{self, Closed, Done, Frames, Get, GetError, Job, Put};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Children merge the program's data and heap, never the stack.
const FRAMES: Frames = Frames::None;

/// A flag word that fits the kernel's.
fn word(flags: c_long) -> Option<u32> {
    u32::try_from(flags).ok()
}

/// Bytes that a function which returns twice has saved: six registers and its return address.
const SAVED: usize = 56;

const INVALID: i64 = -(libc::EINVAL as i64);

/// The engine `serial` has fork and join alone.
const UNSUPPORTED: i64 = -(libc::EOPNOTSUPP as i64);

/// The put behind [`det_dput`](crate::det_dput); the caller's registers lie at `saved`.
///
/// # Safety
/// As for `det_dput`, which alone calls it.
pub(crate) unsafe extern "C" fn dput_here(
    child: c_int,
    flags: c_long,
    start: c_ulong,
    size: usize,
    dst: c_ulong,
    saved: *mut (),
) -> c_long {
    guard_raw(|| {
        start::anchor();
        if apart::is_on() {
            return UNSUPPORTED;
        }
        let Some(flags) = word(flags) else { return INVALID };
        if flags & PutFlags::REGS.bits() != 0 && signals::in_handler() {
            return -i64::from(libc::EDEADLK);
        }
        let job = Job { entry: second_return, data: saved, arg: 0, out_size: 0 };
        let (start, dst, child) = (start as usize, dst as usize, child as u32);
        let (regs, snap) = (PutFlags::REGS.bits(), PutFlags::SNAP.bits());
        let go = PutFlags::START.bits();
        // Registers are saved on the stack, which a new child and a snapshot have.
        let has_stack = flags & snap != 0 || !call::is_alive(ChildId(child));
        let first = if flags & regs == 0 || has_stack { flags } else { flags & !go };
        // SAFETY: the contract of `det_dput`.
        let put = |flags, start, size, dst| unsafe {
            call::raw::dput(child, flags, start, size, dst, &raw const job, FRAMES)
        };
        let at = saved.addr();
        let is_new = !call::is_alive(ChildId(child));
        if is_new {
            PENDING.with_borrow_mut(|p| p.remove(&child));
        }
        let again = flags & snap != 0 && flags & regs == 0 && !is_new;
        let own = if again { own_stack(ChildId(child), at + SAVED) } else { None };
        let first = if own.is_some() { flags & !go } else { first };
        let mut state = put(first, start, size, dst);
        if state >= 0 && flags & regs != 0 {
            PENDING.with_borrow_mut(|p| p.insert(child, at));
        }
        let back = match &own {
            Some((to, bytes)) => Some((bytes.as_ptr().addr(), bytes.len(), *to)),
            None if flags & regs != 0 && !has_stack => Some((at, SAVED, at)),
            None => None,
        };
        if let Some((from, len, to)) = back.filter(|_| state >= 0) {
            state = put(PutFlags::COPY.bits(), from, len, to);
            if state < 0 && own.is_some() {
                // It has lost its frames: it is not to go on.
                end(ChildId(child));
            } else if state >= 0 && flags & go != 0 {
                state = put(go, 0, 0, 0);
            }
        }
        state
    })
}

thread_local! {
    /// Where children that this space gave registers last have them on their stacks.
    static PENDING: RefCell<BTreeMap<u32, usize>> = const { RefCell::new(BTreeMap::new()) };
}

/// What a child has on its stack to go on with, as far as it lies below `live`, where the caller's
/// frames begin: its frames where it stands at its ret, its registers where it has not started with
/// them. It lies where the library and functions that the caller has called have frames here, and a
/// snapshot takes these.
fn own_stack(id: ChildId, live: usize) -> Option<(usize, Vec<u8>)> {
    // SAFETY: takes nothing.
    let found = unsafe { Get::new(id).call() }.ok()?;
    let (from, to) = match found.state {
        State::Ret(_) => ((found.registers.stack as usize).checked_sub(RED_ZONE)?, live),
        State::Created => {
            let at = PENDING.with_borrow(|p| p.get(&id.0).copied())?;
            (at, live.min(at + SAVED))
        }
        _ => return None,
    };
    let mut bytes = vec![0; to.checked_sub(from)?];
    // SAFETY: the buffer has so many bytes, any of which will do.
    unsafe { Get::new(id).copy(from, bytes.len(), bytes.as_mut_ptr().addr()).call() }.ok()?;
    Some((from, bytes))
}

/// Bytes below the stack pointer that a function may use.
const RED_ZONE: usize = 128;

/// A get. See `det_dget(3)`.
///
/// # Safety
/// What memory holds then must be what the caller's code expects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_dget(
    child: c_int,
    flags: c_long,
    start: c_ulong,
    size: usize,
    dst: c_ulong,
) -> c_long {
    guard_raw(|| {
        start::anchor();
        if apart::is_on() {
            return UNSUPPORTED;
        }
        let Some(flags) = word(flags) else { return INVALID };
        // SAFETY: the caller's contract.
        unsafe {
            let (start, dst) = (start as usize, dst as usize);
            call::raw::dget(child as u32, flags, start, size, dst, signals::set())
        }
    })
}

/// A ret: stops the calling child with a code; 0 when its parent has started it again.
pub(crate) fn ret(code: c_int) -> i64 {
    guard_raw(|| if apart::is_on() { UNSUPPORTED } else { call::raw::dret(code as u32) })
}

/// Fails where only the engine `spaces` has a call.
pub(crate) fn supported(what: &str) -> Result<(), Failed> {
    if !apart::is_on() {
        return Ok(());
    }
    let text = format!(
        "{what}: the engine `serial` has fork and join alone; run with \
         DETPAR_ENGINE=spaces"
    );
    Err(Failed::new(libc::EOPNOTSUPP, text))
}

/// Reads what lies at an address of a child that has stopped; whether it stopped by a ret.
pub(crate) fn read<T: Copy>(id: c_int, from: usize, to: &mut T) -> Result<bool, Failed> {
    let id = name(id)?;
    supported("det_get_regs and det_put_regs")?;
    let size = size_of::<T>();
    // Through the heap: a caller's variable may lie outside of the image.
    let mut buffer = vec![0u8; size];
    // SAFETY: the buffer has `size` bytes, any of which will do.
    let got = unsafe { Get::new(id).copy(from, size, buffer.as_mut_ptr().addr()).call() };
    let state = got.map_err(|e| of_child(id, e))?.state;
    // SAFETY: as many bytes of a type that is copied as such: any bytes are valid for the two that
    // it is used with, a number and registers.
    unsafe { buffer.as_ptr().copy_to_nonoverlapping(core::ptr::from_mut(to).cast(), size) };
    Ok(matches!(state, State::Ret(_)))
}

/// Writes memory of the caller to an address of a child that has stopped.
pub(crate) fn write(id: c_int, from: usize, size: usize, to: usize) -> Result<(), Failed> {
    let id = name(id)?;
    // SAFETY: the contract of `det_put_regs`.
    unsafe { Put::new(id).copy(from, size, to).call() }.map_err(|e| of_child(id, e))
}

/// Ends a child and everything below it: the state in which its parent last found it.
///
/// # Safety
/// Nothing of it may be used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_dkill(child: c_int) -> c_long {
    guard_raw(|| {
        if apart::is_on() {
            return UNSUPPORTED;
        }
        // SAFETY: the caller's contract.
        unsafe { call::raw::dkill(child as u32) }
    })
}

impl From<GetError> for Failed {
    fn from(e: GetError) -> Failed {
        let errno = -call::raw::errno(&e) as c_int;
        Failed::of(errno, detpar::__private::explain(e))
    }
}

/// The kernel's name of a child.
fn name(id: c_int) -> Result<ChildId, Failed> {
    let bad =
        |_| Failed::new(libc::EINVAL, format!("{id} is no number of a child: none is negative"));
    u32::try_from(id).map(ChildId).map_err(bad)
}

/// Says by the child's own number what is said of the only child of a call.
fn of_child(id: ChildId, e: GetError) -> Failed {
    match e {
        GetError::Child(mut f) => {
            f.failure.child = id.0;
            if let kernel::abi::Cause::Conflict(c) = &mut f.failure.cause {
                c.higher = id.0;
            }
            GetError::Child(f).into()
        }
        e => e.into(),
    }
}

fn is_alive(id: ChildId) -> bool {
    if apart::is_on() { apart::is_alive(id.0) } else { call::is_alive(id) }
}

/// Whether the program has a master space, and this is a part of it.
pub(crate) fn has_spaces() -> bool {
    apart::is_on() || kernel::master::is_master() || kernel::master::in_child()
}

/// Whether this is a child.
pub(crate) fn in_child() -> bool {
    if apart::is_on() { apart::in_child() } else { kernel::master::in_child() }
}

/// Starts a child with its entry from a snapshot of memory as of now.
///
/// # Safety
/// The entry must accept its data and argument, write no result, and not unwind.
pub(crate) unsafe fn fork(
    id: c_int,
    entry: Entry,
    data: *mut (),
    arg: usize,
) -> Result<(), Failed> {
    start::anchor();
    let id = name(id)?;
    signals::outside_of_handlers()?;
    if is_alive(id) {
        return Err(Failed::new(
            libc::EEXIST,
            format!("child {} is alive: join or kill it before its number is used again", id.0),
        ));
    }
    let job = Job { entry, data, arg, out_size: 0 };
    if apart::is_on() {
        // SAFETY: the caller's contract.
        return unsafe { apart::fork(id.0, job) }.map_err(Failed::from);
    }
    // SAFETY: the caller's contract.
    unsafe { Put::new(id).snap().regs(job).start().frames(FRAMES).call() }
        .map_err(|e| of_child(id, e))
}

/// How a get waits and whether it merges.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Join,
    JoinNow,
    Wait,
    Look,
}

/// A child's state as a number, once it has stopped. A failed one is `Err` where it was to be merged.
pub(crate) fn get(id: c_int, how: How) -> Result<i64, Failed> {
    let id = name(id)?;
    if !is_alive(id) && has_spaces() {
        return Err(Failed::no_child());
    }
    let merges = matches!(how, How::Join | How::JoinNow);
    if apart::is_on() {
        if matches!(how, How::JoinNow | How::Look) && in_child() {
            return Err(GetError::Kernel(kernel::error::Error::Permission).into());
        }
        return if merges {
            apart::join(id.0).map(i64::from).map_err(Failed::from)
        } else {
            Ok(number_apart(apart::state(id.0)?))
        };
    }
    let mut get = Get::new(id);
    if merges {
        get = get.merge();
    }
    if how == How::Wait {
        get = get.show();
    }
    if matches!(how, How::JoinNow | How::Look) {
        get = get.dont_wait();
    } else if signals::set() != 0 {
        get = get.signals(signals::set());
    }
    // SAFETY: what is merged is what the program's own child wrote.
    let found = match unsafe { get.call() } {
        Ok(found) => found,
        Err(GetError::Kernel(kernel::error::Error::Again)) if how == How::Look => {
            return Ok(RUNNING);
        }
        Err(e) => {
            let ends = merges && matches!(e, GetError::Child(_));
            let e = of_child(id, e);
            if ends {
                end(id);
            }
            return Err(e);
        }
    };
    if !merges {
        return Ok(call::raw::number(found.state, found.code));
    }
    let failed = found.failure.map(|f| of_child(id, GetError::Child(f)));
    end(id);
    match (found.state, failed) {
        (State::Exception(_), Some(e)) => Err(e),
        _ => Ok(i64::from(found.code)),
    }
}

/// State of a child that runs: the kernel's number.
const RUNNING: i64 = 2;

fn end(id: ChildId) {
    // SAFETY: it was merged, or failed: nothing of it is used any more.
    let _ = unsafe { call::kill(id) };
}

/// Ends a child: the state in which its parent last found it.
pub(crate) fn kill(id: c_int) -> Result<i64, Failed> {
    let id = name(id)?;
    if !is_alive(id) && has_spaces() {
        return Err(Failed::no_child());
    }
    if apart::is_on() {
        return Ok(number_apart(apart::kill(id.0)?.unwrap_or(Err(call::raw::ENDED))));
    }
    // SAFETY: C's program has no typed handles.
    match unsafe { call::raw::dkill(id.0) } {
        state if state >= 0 => Ok(state),
        e => Err(Failed::new(-e as c_int, usual(-e as c_int).to_string_lossy())),
    }
}

/// The number of an end under the engine `serial`.
fn number_apart(end: Result<u32, Cause>) -> i64 {
    match end {
        Ok(code) => call::raw::number(State::Returned, code),
        Err(cause) => call::raw::number(State::Exception(cause), 0),
    }
}

/// Ends the calling child; comes back where that cannot be.
pub(crate) fn exit(code: c_int) {
    if apart::is_on() {
        return apart::library(|| apart::exit(code as u32));
    }
    // SAFETY: frames of C have no destructors.
    let _ = unsafe { call::leave(code as u32) };
}

/// Runs the children of a closed construct and merges them, all or none.
///
/// # Safety
/// As for [`Closed::get`].
pub(crate) unsafe fn run(count: usize, job: Job) -> Result<Results, Failed> {
    start::anchor();
    if apart::is_on() {
        let jobs: Vec<Job> = (0..count).map(|arg| Job { arg, ..job }).collect();
        // The caller's frames lie above what the children are given, which is the library's.
        // SAFETY: the caller's contract.
        let done = unsafe { apart::run(&jobs, job.data.addr()) };
        return done.map(Results::Apart).map_err(Failed::from);
    }
    let mut closed = Closed::with_capacity(count);
    for i in 0..count {
        let flags = PutFlags::REGS | PutFlags::SNAP | PutFlags::START;
        let put = closed.put(ChildId(i as u32), flags, Job { arg: i, ..job });
        put.map_err(|e| Failed::from(GetError::Kernel(e)))?;
    }
    // SAFETY: the caller's contract.
    unsafe { closed.get(GetFlags::MERGE) }.map(Results::Spaces).map_err(Failed::from)
}

/// The results of a closed construct.
pub(crate) enum Results {
    Spaces(Done),
    Apart(apart::Results),
}

impl Results {
    /// Where the result of child `i` lies, while this lives.
    pub fn result(&self, i: usize) -> *const u8 {
        match self {
            Results::Spaces(done) => done.result(i),
            Results::Apart(results) => results.of(i),
        }
    }
}

/// Waits for the siblings at a barrier.
pub(crate) fn barrier() -> Result<(), Failed> {
    let met = if apart::is_on() { apart::barrier() } else { call::barrier() };
    met.map_err(|e| GetError::Kernel(e).into())
}

pub(crate) use kernel::call::Job as Work;
