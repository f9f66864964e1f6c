//! Put and get with all their options, for children that stay until they are killed.
//! `docs/calls.md` has the rules.

use super::Job;
use super::aside::Aside;
use super::get::{ChildFailure, GetError, on_own_stack, parent};
use super::open::Frames;
use crate::abi::{Cause, ChildId, End, Failure, PAGE, Perm, Registers, State};
use crate::confine;
use crate::engine::calls::{self, Copy, Wait};
use crate::engine::open::{OpenError, on_control_stack};
use crate::engine::{self, Construct};
use crate::error::Error;
use crate::exec::command::is_image;
use crate::exec::control::{Role, me};
use crate::exec::worker;
use crate::space::permissions;
use crate::sys::{self, cpu::FloatControl};
use core::convert::Infallible;

/// A put: what to do to a child, which it creates where there is none.
///
/// Whatever the order of the methods, the options act in the order Snap, Copy, Zero, Perm,
/// Regs, Start.
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing happens before `call`"]
pub struct Put {
    id: ChildId,
    snap: bool,
    copy: Option<Copy>,
    zero: Option<(usize, usize)>,
    perm: Option<(usize, usize, Perm)>,
    regs: Option<Job>,
    start: bool,
    frames: Frames,
}

/// A get: what to take from a child, once it has stopped.
///
/// Whatever the order of the methods, the options act in the order Merge, Copy, Zero, Perm.
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing happens before `call`"]
pub struct Get {
    id: ChildId,
    merge: bool,
    show: bool,
    copy: Option<Copy>,
    zero: Option<(usize, usize)>,
    perm: Option<(usize, usize, Perm)>,
    wait: Wait,
}

/// What a get found.
#[derive(Debug)]
pub struct Found {
    /// The child's state.
    pub state: State,
    /// What it stopped or ended with.
    pub code: u32,
    /// Where it goes on, if it stopped by a ret.
    pub registers: Registers,
    /// What it said when it failed by a panic.
    pub failure: Option<Box<ChildFailure>>,
}

/// Checks a range: overflow and alignment, then place and permission.
fn check(addr: usize, len: usize, own: Option<bool>, paged: bool) -> Result<(), Error> {
    if addr.checked_add(len).is_none() {
        return Err(Error::Invalid { why: "the end of a range is no address" });
    }
    if paged && !(addr.is_multiple_of(PAGE) && len.is_multiple_of(PAGE)) {
        return Err(Error::Invalid { why: "Perm acts on whole pages" });
    }
    if len > 0 && !is_image(addr, len) {
        return Err(Error::Range);
    }
    match own {
        Some(write) if !permissions::allow(addr, len, write) => Err(Error::Range),
        _ => Ok(()),
    }
}

/// Checks the ranges of a call; `put`: whether they are copied from the caller.
fn check_all(
    copy: Option<Copy>,
    zero: Option<(usize, usize)>,
    perm: Option<(usize, usize, Perm)>,
    put: bool,
) -> Result<(), Error> {
    // Overflow and alignment of all come before place and permission of any.
    for place in [false, true] {
        let sound = |addr, len, own, paged| match check(addr, len, own, paged) {
            Err(Error::Range) if !place => Ok(()),
            r => r,
        };
        if let Some((from, len, to)) = copy {
            sound(from, len, put.then_some(false), false)?;
            sound(to, len, (!put).then_some(true), false)?;
        }
        if let Some((addr, len)) = zero {
            sound(addr, len, (!put).then_some(true), false)?;
        }
        if let Some((addr, len, _)) = perm {
            sound(addr, len, None, true)?;
        }
    }
    Ok(())
}

impl Put {
    /// A put to the child of this name, without options: creates it.
    pub fn new(id: ChildId) -> Put {
        let frames = Frames::From(0);
        Put {
            id,
            snap: false,
            copy: None,
            zero: None,
            perm: None,
            regs: None,
            start: false,
            frames,
        }
    }

    /// Snap: the caller's memory, as of this put, becomes the child's memory and its reference
    /// image.
    pub fn snap(self) -> Put {
        Put { snap: true, ..self }
    }

    /// Copy: `len` bytes of the caller at `from` into the child at `to`.
    pub fn copy(self, from: usize, len: usize, to: usize) -> Put {
        Put { copy: Some((from, len, to)), ..self }
    }

    /// Zero: makes bytes of the child zero.
    pub fn zero(self, addr: usize, len: usize) -> Put {
        Put { zero: Some((addr, len)), ..self }
    }

    /// Perm: what the child's code may do with whole pages.
    pub fn perm(self, addr: usize, len: usize, perm: Perm) -> Put {
        Put { perm: Some((addr, len, perm)), ..self }
    }

    /// Regs: what the child runs when it starts next, on a fresh stack.
    ///
    /// # Safety
    /// The entry must accept its data and argument in the child's memory as it will be then,
    /// write no result, and not unwind.
    pub unsafe fn regs(self, job: Job) -> Put {
        Put { regs: Some(Job { out_size: 0, ..job }), ..self }
    }

    /// Start: lets the child run, from its entry or on from its ret.
    pub fn start(self) -> Put {
        Put { start: true, ..self }
    }

    /// Which of the caller's frames the child may change for good, as of its creation or a Snap;
    /// all that are live unless said otherwise.
    pub fn frames(self, frames: Frames) -> Put {
        Put { frames, ..self }
    }

    /// Waits until the child has stopped and carries the put out.
    ///
    /// # Errors
    /// As `docs/calls.md` lists them; nothing has changed then.
    ///
    /// # Safety
    /// What the child's memory holds after Copy and Zero must be what its code expects.
    pub unsafe fn call(self) -> Result<(), GetError> {
        parent()?;
        on_own_stack()?;
        check_all(self.copy, self.zero, self.perm, true)?;
        if self.id.0 >= super::open::OWN_IDS {
            return Err(Error::ReservedId.into());
        }
        let _aside = Aside::put();
        let Put { id, snap, copy, zero, perm, regs, start, frames } = self;
        let some = |&(_, len): &(usize, usize)| len > 0;
        let mut put = calls::Put {
            id,
            snap,
            copy: copy.filter(|c| c.1 > 0),
            zero: zero.filter(some),
            perm: perm.filter(|p| p.1 > 0),
            regs,
            start,
            merge_from: frames.merge_from(),
            float: FloatControl::get(),
            result: Ok(()),
        };
        on_control_stack(calls::put, &mut put);
        put.result.map_err(open_error)
    }
}

pub(super) fn open_error(e: OpenError) -> GetError {
    match e {
        OpenError::Kernel(e) => e.into(),
        OpenError::Limit(l) => Failure { child: 0, cause: Cause::Limit(l) }.into(),
    }
}

impl Get {
    /// A get from the child of this name, without options: waits for it.
    pub fn new(id: ChildId) -> Get {
        Get { id, merge: false, show: false, copy: None, zero: None, perm: None, wait: Wait::Ever }
    }

    /// Merge: what the child changed since its snapshot is changed here.
    pub fn merge(self) -> Get {
        Get { merge: true, ..self }
    }

    /// Delivers what the child has printed so far, though nothing of it is merged; a later Merge
    /// does not print it again.
    pub fn show(self) -> Get {
        Get { show: true, ..self }
    }

    /// Copy: `len` bytes of the child at `from` into the caller at `to`.
    pub fn copy(self, from: usize, len: usize, to: usize) -> Get {
        Get { copy: Some((from, len, to)), ..self }
    }

    /// Zero: makes bytes of the caller zero.
    pub fn zero(self, addr: usize, len: usize) -> Get {
        Get { zero: Some((addr, len)), ..self }
    }

    /// Perm: what the caller's own code may do with whole pages.
    pub fn perm(self, addr: usize, len: usize, perm: Perm) -> Get {
        Get { perm: Some((addr, len, perm)), ..self }
    }

    /// Master only: answers [`Error::Again`] at once where the child runs.
    pub fn dont_wait(self) -> Get {
        Get { wait: Wait::Not, ..self }
    }

    /// Master only: a signal of this set (bit `n - 1` for signal `n`) that has a handler and is
    /// not blocked ends the wait with [`Error::Interrupted`].
    pub fn signals(self, set: u64) -> Get {
        Get { wait: Wait::Unless(set), ..self }
    }

    /// Waits until the child has stopped and carries the get out. Nothing but its state is
    /// taken from a child that failed.
    ///
    /// # Errors
    /// As `docs/calls.md` lists them, a conflict as the child's failure; nothing has changed
    /// then.
    ///
    /// # Safety
    /// What memory holds after Copy, Zero and Merge must be what the caller's code expects.
    pub unsafe fn call(self) -> Result<Found, GetError> {
        let nested = parent()?;
        on_own_stack()?;
        if self.wait != Wait::Ever && me().role != Role::Master {
            return Err(Error::Permission.into());
        }
        check_all(self.copy, self.zero, self.perm, false)?;
        let _aside = Aside::put();
        let Get { id, merge, show, copy, zero, perm, wait } = self;
        let wait = match wait {
            // One that the program blocks stays pending, whatever becomes of the wait.
            Wait::Unless(set) => Wait::Unless(set & !sys::block_signals(0)),
            wait => wait,
        };
        let some = |&(_, len): &(usize, usize)| len > 0;
        let mut get = calls::Get {
            id,
            merge,
            copy: copy.filter(|c| c.1 > 0),
            zero: zero.filter(some),
            perm: perm.filter(|p| p.1 > 0),
            wait,
            registers: Registers::default(),
            code: 0,
            show,
            deliver: false,
            shown: 0,
            construct: 0,
            result: Ok(State::Created),
        };
        on_control_stack(calls::get, &mut get);
        let construct = Construct(get.construct);
        if get.deliver {
            let merged = merge && get.result.is_ok_and(|s| !matches!(s, State::Exception(_)));
            super::get::deliver(engine::current().log(construct, 0), get.shown, nested, merged);
        }
        let state = get.result.map_err(|e| match e {
            calls::GetError::Call(e) => open_error(e),
            calls::GetError::Conflict(c) => Failure { child: 0, cause: Cause::Conflict(c) }.into(),
            calls::GetError::File(c) => {
                let failure = Failure { child: 0, cause: Cause::File(c) };
                GetError::from_failure(failure, construct, 0)
            }
            calls::GetError::Differs(d) => Failure { child: 0, cause: Cause::Differs(d) }.into(),
        })?;
        let failure = match state {
            State::Exception(cause) => {
                let failure = Failure { child: 0, cause };
                match GetError::from_failure(failure, construct, 0) {
                    GetError::Child(f) => Some(f),
                    GetError::Kernel(e) => return Err(e.into()),
                }
            }
            _ => None,
        };
        Ok(Found { state, code: get.code, registers: get.registers, failure })
    }
}

/// Stops the calling child with a code; returns when its parent has started it again.
///
/// # Errors
/// [`Error::Permission`] in the master and in a child that nobody can start again: one of a
/// closed construct, or of [`fork`](super::fork).
pub fn ret(code: u32) -> Result<(), Error> {
    if !crate::image::early::is_ready() || me().role != Role::Child || !worker::stays() {
        return Err(Error::Permission);
    }
    if let Some(h) = confine::handler() {
        h.before_fork();
    }
    worker::stop(code);
    Ok(())
}

/// Waits, in a child of a closed construct, until all its siblings have come to a barrier or
/// have ended; then all that they changed is merged, and each goes on with memory as it is
/// then. A conflict fails the construct, of which nothing is kept, whatever its phase.
///
/// A child's own stack and thread-local storage stay as they are. Siblings that have ended no
/// longer take part. The model is that of Determinator's barriers (Aviram et al., OSDI 2010,
/// section 4.4.2): ret, merge all, snapshot all.
///
/// # Errors
/// [`Error::Permission`] in the master, in a child that is no child of a closed construct, and
/// in one that has open children.
pub fn barrier() -> Result<(), Error> {
    if !crate::image::early::is_ready() || me().role != Role::Child || !worker::has_siblings() {
        return Err(Error::Permission);
    }
    if let Some(h) = confine::handler() {
        h.before_fork();
    }
    worker::stop(0);
    Ok(())
}

/// Ends the calling child with a code, from whatever depth of its stack: as if its entry had
/// returned, so destructors of its thread-local variables run and those of its frames do not.
///
/// # Errors
/// [`Error::Permission`] outside of a child that was put by its number.
///
/// # Safety
/// Nobody may rely on destructors of the frames that are left.
pub unsafe fn leave(code: u32) -> Result<Infallible, Error> {
    if !crate::image::early::is_ready() || me().role != Role::Child || !worker::stays() {
        return Err(Error::Permission);
    }
    worker::end_by_itself(End::Returned, code)
}
