//! The calls with flags and numbers, as a C library or another engine's test speaks them.
//!
//! All answer a state (put and get) or 0 (ret), or a negative error number.

use super::get::GetError;
use super::space::{Get, Put, ret};
use super::{Frames, Job, kill, known};
use crate::abi::{Cause, ChildId, GetFlags, Perm, PutFlags, State};

/// States as numbers: `kind | code << 8`.
mod kind {
    pub const CREATED: i64 = 1;
    pub const RUNNING: i64 = 2;
    pub const RET: i64 = 3;
    pub const RETURNED: i64 = 4;
    pub const EXCEPTION: i64 = 5;
}

/// The number of a state; a child that has ended by itself did so with a code.
pub fn number(state: State, code: u32) -> i64 {
    match state {
        State::Created => kind::CREATED,
        State::Ret(code) => kind::RET | i64::from(code) << 8,
        State::Returned => kind::RETURNED | i64::from(code) << 8,
        State::Exception(cause) => {
            let cause = match cause {
                Cause::Panic => 1,
                Cause::Fault(_) => 2,
                Cause::Forbidden(_) => 3,
                Cause::Limit(_) => 4,
                Cause::Killed { .. } => 5,
                Cause::Conflict(_) => 6,
                Cause::Differs(_) => 7,
                Cause::File(_) => 8,
            };
            kind::EXCEPTION | cause << 8
        }
    }
}

/// The negative error number of a failure.
pub fn errno(e: &GetError) -> i64 {
    -i64::from(match e {
        GetError::Kernel(e) => e.errno(),
        GetError::Child(f) => match f.failure.cause {
            Cause::Conflict(_) | Cause::File(_) => libc::ECANCELED,
            Cause::Limit(_) => libc::ENOMEM,
            _ => libc::EIO,
        },
    })
}

/// Permission that two flag bits say; none where they contradict each other.
fn perm(read: bool, write: bool) -> Option<Perm> {
    match (read, write) {
        (false, false) => Some(Perm::None),
        (true, false) => Some(Perm::Read),
        (true, true) => Some(Perm::ReadWrite),
        (false, true) => None,
    }
}

/// A put with one range for all options: Copy takes `[start, start + size)` of the caller to
/// `[dst, dst + size)` of the child; Zero and Perm act on `[dst, dst + size)`. `regs` is looked
/// at with REGS, `frames` with SNAP and where the child is new.
///
/// # Safety
/// As for [`Put::call`] and [`Put::regs`]; `regs` points to a [`Job`] with REGS.
pub unsafe fn dput(
    child: u32,
    flags: u32,
    start: usize,
    size: usize,
    dst: usize,
    regs: *const Job,
    frames: Frames,
) -> i64 {
    let Some(f) = PutFlags::from_bits(flags) else { return -i64::from(libc::EINVAL) };
    if f.intersects(PutFlags::TREE | PutFlags::LIMIT) {
        return -i64::from(libc::EOPNOTSUPP);
    }
    let rights = perm(f.contains(PutFlags::READ), f.contains(PutFlags::WRITE));
    let stray = !f.contains(PutFlags::PERM) && f.intersects(PutFlags::READ | PutFlags::WRITE);
    let (Some(rights), false, false) = (rights, stray, f.contains(PutFlags::COPY | PutFlags::ZERO))
    else {
        return -i64::from(libc::EINVAL);
    };
    let mut put = Put::new(ChildId(child)).frames(frames);
    if f.contains(PutFlags::SNAP) {
        put = put.snap();
    }
    if f.contains(PutFlags::COPY) {
        put = put.copy(start, size, dst);
    }
    if f.contains(PutFlags::ZERO) {
        put = put.zero(dst, size);
    }
    if f.contains(PutFlags::PERM) {
        put = put.perm(dst, size, rights);
    }
    if f.contains(PutFlags::REGS) {
        if regs.is_null() {
            return -i64::from(libc::EFAULT);
        }
        // SAFETY: the caller's contract.
        put = unsafe { put.regs(*regs) };
    }
    let starts = f.contains(PutFlags::START);
    if starts {
        put = put.start();
    }
    // SAFETY: the caller's contract.
    match unsafe { put.call() } {
        Ok(()) if starts => kind::RUNNING,
        Ok(()) => kind::CREATED,
        Err(e) => errno(&e),
    }
}

/// A get with one range for all options, as in [`dput`]: Copy takes from the child at `start`
/// to the caller at `dst`. Signals of the set `signals` may interrupt a wait: see [`Get::signals`].
///
/// # Safety
/// As for [`Get::call`].
pub unsafe fn dget(
    child: u32,
    flags: u32,
    start: usize,
    size: usize,
    dst: usize,
    signals: u64,
) -> i64 {
    let Some(f) = GetFlags::from_bits(flags) else { return -i64::from(libc::EINVAL) };
    if f.contains(GetFlags::TREE) {
        return -i64::from(libc::EOPNOTSUPP);
    }
    let rights = perm(f.contains(GetFlags::READ), f.contains(GetFlags::WRITE));
    let stray = !f.contains(GetFlags::PERM) && f.intersects(GetFlags::READ | GetFlags::WRITE);
    let (Some(rights), false, false) = (rights, stray, f.contains(GetFlags::COPY | GetFlags::ZERO))
    else {
        return -i64::from(libc::EINVAL);
    };
    let mut get = Get::new(ChildId(child));
    if f.contains(GetFlags::MERGE) {
        get = get.merge();
    }
    if f.contains(GetFlags::COPY) {
        get = get.copy(start, size, dst);
    }
    if f.contains(GetFlags::ZERO) {
        get = get.zero(dst, size);
    }
    if f.contains(GetFlags::PERM) {
        get = get.perm(dst, size, rights);
    }
    if f.contains(GetFlags::DONT_WAIT) {
        get = get.dont_wait();
    } else if signals != 0 {
        get = get.signals(signals);
    }
    // SAFETY: the caller's contract.
    match unsafe { get.call() } {
        Ok(found) => number(found.state, found.code),
        Err(e) => errno(&e),
    }
}

/// A ret: 0 once the parent has started this child again.
pub fn dret(code: u32) -> i64 {
    match ret(code) {
        Ok(()) => 0,
        Err(e) => -i64::from(e.errno()),
    }
}

/// Ends a child and everything below it, and answers the state in which its parent last found it. One
/// that was started since is an exception by a kill, whatever it has come to.
///
/// # Safety
/// As for [`kill`].
pub unsafe fn dkill(child: u32) -> i64 {
    let last = known(ChildId(child)).unwrap_or((State::Exception(ENDED), 0));
    // SAFETY: the caller's contract.
    match unsafe { kill(ChildId(child)) } {
        Ok(()) => number(last.0, last.1),
        Err(e) => errno(&e),
    }
}

/// Why a child ended that its parent ended as it ran.
pub const ENDED: Cause = Cause::Killed { signal: libc::SIGKILL };
