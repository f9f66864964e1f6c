//! Open children: a put that starts, and a get that merges while the parent went on between.

use super::Job;
use super::aside::Aside;
use super::get::{GetError, deliver, on_own_stack, parent};
use super::space::open_error;
use crate::abi::{ChildId, State};
use crate::engine::calls;
use crate::engine::open::{self, Join, Start};
use crate::engine::{self, Construct};
use crate::exec::control::{Role, me};
use crate::image::layout::STACK_END;
use crate::space::children::{self, has};
use crate::sys::cpu::FloatControl;

/// Which frames of the parent's stack an open child may change for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frames {
    /// None: what it writes there is dropped.
    None,
    /// Those at this address and above: the frame that holds it is live until the join.
    From(usize),
}

impl Frames {
    /// The lowest address of the stack that merges.
    pub(super) fn merge_from(self) -> usize {
        match self {
            Frames::None => STACK_END,
            Frames::From(at) => at,
        }
    }
}

/// A number for the running space: names of children mean something in it alone.
pub fn space() -> u64 {
    me().path
}

/// Whether the running space has a child of this name.
pub fn is_alive(id: ChildId) -> bool {
    crate::image::early::is_ready() && children::find(id).is_some()
}

/// What the running space knows of its child: the state in which it last found it, and the code of
/// that. Nothing of one that was started since: what it has come to depends on the machine.
pub fn known(id: ChildId) -> Option<(State, u32)> {
    let child = children::at(is_alive(id).then(|| children::find(id)).flatten()?);
    (child.has & has::RUNNING == 0).then(|| (calls::state(child), child.code))
}

/// The index of the running child in its construct; `None` in the master.
pub fn index() -> Option<u32> {
    let child = crate::image::early::is_ready() && me().role == Role::Child;
    child.then(|| me().index)
}

/// Ids from here on are given by the kernel.
pub(super) const OWN_IDS: u32 = 1 << 31;

/// Starts a child from a snapshot of the running space, which goes on beside it: the put with
/// Regs, Snap and Start. Without an id the child gets one that no caller can choose.
///
/// # Errors
/// [`GetError::Kernel`] for an id that is in use and where the system has not what it takes;
/// [`GetError::Child`] with a [`Limit`](crate::abi::Limit). Nothing was started then.
///
/// # Safety
/// The job's entry must accept its data, argument and a result buffer of its size, must not
/// unwind, and must be given nothing but what stays valid until the child has ended.
pub unsafe fn fork(id: Option<ChildId>, job: Job, frames: Frames) -> Result<ChildId, GetError> {
    parent()?;
    on_own_stack()?;
    let own = || children::free_place().map_or(u32::MAX, |i| OWN_IDS + i as u32);
    let id = match id {
        Some(id) if id.0 >= OWN_IDS => return Err(crate::error::Error::ReservedId.into()),
        Some(id) => id,
        None => ChildId(own()),
    };
    let _aside = Aside::put();
    let merge_from = frames.merge_from();
    let float = FloatControl::get();
    let mut start = Start { id, job, merge_from, float, result: Ok(()) };
    open::on_control_stack(open::start, &mut start);
    start.result.map(|()| id).map_err(open_error)
}

/// The results of open children that were merged.
#[derive(Debug)]
pub struct Joined {
    count: usize,
}

/// Waits for children and merges them in the given order, all or none: gets with Merge.
///
/// # Errors
/// [`GetError::Child`] with the failure of the first child in that order which failed or
/// conflicts, its index being the position in `ids`: those before it have finished, those
/// after it were ended; nothing was merged. [`GetError::Kernel`] with
/// [`NoChild`](crate::error::Error::NoChild) for an id that no child has, or that comes twice.
///
/// In every case but the last all the ids are free again once the result is dropped.
///
/// # Safety
/// As for [`kill`]: only a typed handle itself may join the child it names.
pub unsafe fn join(ids: &[ChildId]) -> Result<Joined, GetError> {
    let nested = parent()?;
    let unique = |(i, id): (usize, &ChildId)| !ids[..i].contains(id);
    let live = |id: &ChildId| children::find(*id).is_some();
    if !ids.iter().all(live) || !ids.iter().enumerate().all(unique) {
        return Err(crate::error::Error::NoChild.into());
    }
    // The parent's own output comes before that of the children.
    let _aside = Aside::put();
    let mut j = Join { ids: ids.as_ptr(), count: ids.len(), read: 0, result: Ok(()) };
    open::on_control_stack(open::join, &mut j);
    let joined = Joined { count: j.read };
    for i in 0..j.read {
        deliver(engine::current().log(joined.construct(i), 0), 0, nested, j.result.is_ok());
    }
    match j.result {
        Ok(()) => Ok(joined),
        Err(failure) => {
            let last = joined.construct(failure.child as usize);
            Err(GetError::from_failure(failure, last, 0))
        }
    }
}

/// Ends a child and everything below it; nothing of it is merged.
///
/// # Errors
/// [`NoChild`](crate::error::Error::NoChild).
///
/// # Safety
/// No typed handle (`detpar::Child`, a scope) may name the child: its id may be given to a child
/// of another kind from then on.
pub unsafe fn kill(id: ChildId) -> Result<(), GetError> {
    parent()?;
    Ok(open::kill(id)?)
}

impl Joined {
    fn construct(&self, i: usize) -> Construct {
        Construct(children::at(open::joined(i)).construct)
    }

    /// Where the result of the `i`-th child lies until this value is dropped. No other open
    /// child may be joined meanwhile.
    pub fn result(&self, i: usize) -> *const u8 {
        engine::current().result(self.construct(i), 0)
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        open::release(self.count);
    }
}
