//! Get: starts the children, waits for them, merges them all or none.

use super::Job;
use super::aside::Aside;
use super::put::Closed;
use crate::abi::{Cause, Failure, GetFlags, Limit, MAX_CHILDREN, Read, Trace, Writer};
use crate::check::{seen, writers};
use crate::confine::{self, Part};
use crate::engine::{self, Construct};
use crate::error::Error;
use crate::exec::control::{Role, me};
use crate::image::early;
use crate::image::layout::MAX_DEPTH;
use crate::merge::Units;
use crate::space::{loaded, threads};

/// Why a get failed. Nothing was merged.
#[derive(Debug)]
pub enum GetError {
    /// The construct could not run.
    Kernel(Error),
    /// A child failed.
    Child(Box<ChildFailure>),
}

/// A child's failure with what it said.
#[derive(Debug)]
pub struct ChildFailure {
    /// Who and why.
    pub failure: Failure,
    /// The panic's message, if it was a string; the first name among a refused call's arguments; the
    /// path of a file that two changed.
    pub message: Option<String>,
    /// The panic's source location, where known.
    pub location: Option<String>,
    /// Where a child stood that a signal or a refused call ended.
    pub trace: Option<Trace>,
    /// Where the lower and the higher of a conflict stood when they last wrote its byte, as far as
    /// that was found out.
    pub writers: [Option<Writer>; 2],
}

impl From<Error> for GetError {
    fn from(e: Error) -> GetError {
        GetError::Kernel(e)
    }
}

impl GetError {
    /// With what the child said, the `index`-th of its construct.
    pub(super) fn from_failure(failure: Failure, c: Construct, index: usize) -> GetError {
        let (mut message, mut location, mut trace) = (None, None, None);
        let is_traced = matches!(failure.cause, Cause::Fault(_) | Cause::Forbidden(_));
        if let Cause::File(f) = failure.cause {
            message = Some(f.path_in(engine::current().log(c, index)));
        }
        if is_traced || failure.cause == Cause::Panic {
            let (m, l) = engine::current().panic(c, index);
            message = m.map(|m| String::from_utf8_lossy(m).into_owned());
            location = (!l.is_empty()).then(|| String::from_utf8_lossy(l).into_owned());
        }
        if is_traced {
            let (registers, stack) = engine::current().trace(c, index);
            trace = Some(Trace { registers, stack: stack.to_vec() });
        }
        let new = ChildFailure::new(failure);
        GetError::Child(Box::new(ChildFailure { message, location, trace, ..new }))
    }
}

impl ChildFailure {
    fn new(failure: Failure) -> ChildFailure {
        let writers = match &failure.cause {
            Cause::Conflict(c) => writers::of(c),
            _ => [None, None],
        };
        ChildFailure { failure, message: None, location: None, trace: None, writers }
    }
}

impl From<Failure> for GetError {
    fn from(failure: Failure) -> GetError {
        GetError::Child(Box::new(ChildFailure::new(failure)))
    }
}

/// What a child of the master's last closed construct read that a sibling wrote, and where the
/// lower and the higher of the two stood then; once. Nothing where nobody asked for it.
pub fn seen_read() -> Option<(Read, [Option<Writer>; 2])> {
    let read = seen::take().filter(|_| me().role == Role::Master)?;
    Some((read, writers::of(&read.bytes)))
}

/// The results of a construct that succeeded.
#[derive(Debug)]
pub struct Done {
    construct: Option<Construct>,
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
        // SAFETY: the caller's contract.
        unsafe { self.get_by_units(flags, Units::NONE) }
    }

    /// The same where in some of the parent's memory more than a byte is a unit.
    ///
    /// # Errors
    /// As [`get`](Closed::get).
    ///
    /// # Safety
    /// As for [`get`](Closed::get).
    pub unsafe fn get_by_units(self, flags: GetFlags, units: Units<'_>) -> Result<Done, GetError> {
        if flags != GetFlags::MERGE {
            return Err(Error::Flags.into());
        }
        let nested = check(&self.jobs)?;
        on_own_stack()?;
        if self.jobs.is_empty() {
            return Ok(Done { construct: None });
        }
        let _aside = Aside::put();
        // SAFETY: the caller's contract.
        let run = unsafe { engine::current().run(&self.jobs, &self.parts, units) };
        // Whatever ran is released with this.
        let done = Done { construct: run.construct };
        if let Some(e) = run.error {
            return Err(e.into());
        }
        let count = self.jobs.len();
        match run.outcome {
            Ok(()) => {
                done.deliver(count, nested, true);
                Ok(done)
            }
            Err(failure) => {
                done.deliver((failure.child as usize + 1).min(count), nested, false);
                Err(done.error(failure))
            }
        }
    }
}

/// Checks what can be checked before anything is touched; whether the parent is a child.
fn check(jobs: &[Job]) -> Result<bool, GetError> {
    let nested = parent()?;
    let limit = |limit| Failure { child: 0, cause: Cause::Limit(limit) };
    if jobs.len() > MAX_CHILDREN {
        return Err(limit(Limit::Children).into());
    }
    Ok(nested)
}

/// Whether the caller, who is about to have children, is a child itself.
pub(super) fn parent() -> Result<bool, GetError> {
    if !early::is_ready() {
        return Err(Error::NoMaster.into());
    }
    let me = me();
    let nested = match me.role {
        Role::Master => false,
        Role::Child => true,
        Role::Plain | Role::Worker => return Err(Error::NoMaster.into()),
    };
    if !nested {
        threads::refuse_foreign()?;
        if loaded::note() {
            // Workers made before lack the library, or still have it.
            crate::master::new_epoch();
        }
    }
    if nested && me.depth as usize + 2 > MAX_DEPTH {
        return Err(Failure { child: 0, cause: Cause::Limit(Limit::Depth) }.into());
    }
    Ok(nested)
}

/// Fails where the caller runs on a stack of its own making (a coroutine's, say): what is live of
/// the caller could not be told from memory that merges.
pub(super) fn on_own_stack() -> Result<(), Error> {
    let here = 0u8;
    if crate::master::in_stack((&raw const here).addr()) {
        return Ok(());
    }
    Err(Error::Invalid {
        why: "children start and merge on the stack that the space was started on, not on one \
              that the program made: leave the coroutine before",
    })
}

/// Delivers what a child printed, beyond `shown` bytes of its log: to the outside, or to the log of
/// a child. Where it was merged its changes to files become its parent's.
pub(super) fn deliver(log: &[u8], shown: usize, nested: bool, merged: bool) {
    let Some(h) = confine::handler().filter(|_| !log.is_empty()) else { return };
    let (before, rest) = log.split_at(shown.min(log.len()));
    let kept = match (nested, merged) {
        (false, _) => {
            h.deliver(rest);
            // Its other children started before this was its own.
            let keep = merged && me().open_count > 0 && h.claims(log) > 0;
            !keep || confine::Log::append(log)
        }
        (true, true) => {
            h.part(before, Part::Files, &mut confine::Log::append) && confine::Log::append(rest)
        }
        (true, false) => h.part(rest, Part::Printed, &mut confine::Log::append),
    };
    if !kept {
        confine::no_room();
    }
    if merged {
        h.merged(log);
    }
}

impl Done {
    /// Where child `i`'s result lies until this value is dropped.
    pub fn result(&self, i: usize) -> *const u8 {
        self.construct.map_or(core::ptr::null(), |c| engine::current().result(c, i))
    }

    /// Delivers the output of the first `count` children, in program order.
    fn deliver(&self, count: usize, nested: bool, merged: bool) {
        let Some(construct) = self.construct else { return };
        for i in 0..count {
            deliver(engine::current().log(construct, i), 0, nested, merged);
        }
    }

    fn error(&self, failure: Failure) -> GetError {
        match self.construct {
            Some(c) => GetError::from_failure(failure, c, failure.child as usize),
            None => failure.into(),
        }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if let Some(c) = self.construct {
            engine::current().release(c);
        }
    }
}
