//! The engine `serial`: children run one after another, in index order, on the thread of their
//! parent; one that is started beside its parent runs at its start. A debugger follows it as it
//! follows any function call.
//!
//! A failure does not keep later children from running: what there is to see afterwards is the
//! same as under `threads`, at any number of workers.
use super::here::{self, Name};
use crate::error::JoinError;
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::rc::Rc;

pub(super) fn fork1<A, RA>(a: A) -> Result<RA, JoinError>
where
    A: FnOnce() -> RA,
{
    here::may_fork()?;
    here::child(0, a)
}

pub(super) fn fork2<A, B, RA, RB>(a: A, b: B) -> Result<(RA, RB), JoinError>
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB,
{
    here::may_fork()?;
    let (a, b) = (here::child(0, a), here::child(1, b));
    Ok((a?, b?))
}

pub(super) fn leaves<L, R>(leaves: Vec<L>, body: impl Fn(L) -> R) -> Result<Vec<R>, JoinError> {
    here::may_fork()?;
    let run = |(i, leaf)| here::child(i, || body(leaf));
    let ends: Vec<_> = leaves.into_iter().enumerate().map(run).collect();
    ends.into_iter().collect()
}

/// Children of a scope.
pub(crate) struct Children<'scope> {
    number: Cell<usize>,
    /// The failure of the first that failed.
    failed: Rc<RefCell<Option<JoinError>>>,
    space: u64,
    marker: PhantomData<&'scope ()>,
}

impl<'scope> Children<'scope> {
    pub fn spawn(&self, child: impl FnOnce() + 'scope) -> Result<(), JoinError> {
        here::check_space(self.space)?;
        let index = self.number.replace(self.number.get() + 1);
        if let Err(e) = here::child_beside(index, child) {
            self.failed.borrow_mut().get_or_insert(e);
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.number.get()
    }
}

pub(super) fn scope<'scope, OP, R>(op: OP) -> Result<R, JoinError>
where
    OP: FnOnce(super::Children<'scope>) -> (R, Option<JoinError>),
{
    here::may_fork()?;
    let failed = Rc::<RefCell<_>>::default();
    let children = Children {
        number: Cell::new(0),
        failed: Rc::clone(&failed),
        space: here::space(),
        marker: PhantomData,
    };
    let (r, refused) = op(super::Children::Serial(children));
    refused.or(failed.take()).map_or(Ok(r), Err)
}

/// A child that ran when it was started.
#[derive(Debug)]
pub(crate) struct Started<R> {
    name: Name,
    end: Result<R, JoinError>,
}

impl<R> Started<R> {
    pub fn join(self) -> Result<R, JoinError> {
        self.name.check()?;
        self.end
    }
}

pub(super) fn beside<F, R>(id: u32, f: F) -> Result<super::Started<R>, JoinError>
where
    F: FnOnce() -> R,
{
    here::may_fork()?;
    let name = Name::take(id)?;
    Ok(super::Started::Serial(Started { name, end: here::child(0, f) }))
}
