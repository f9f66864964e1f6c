//! `try_for_each`, `try_reduce` and `try_reduce_with`.
use super::accumulate::{self, Accumulate};
use crate::iter::ParallelIterator;
use crate::iter::fallible::Try;
use std::ops::ControlFlow::{self, Break, Continue};

pub(in crate::iter) fn try_for_each<I, OP, R>(iter: I, op: OP) -> R
where
    I: ParallelIterator,
    OP: Fn(I::Item) -> R + Sync + Send,
    R: Try<Output = ()> + Send,
{
    try_reduce(iter.map(op), || (), |(), ()| R::from_output(()))
}

pub(in crate::iter) fn try_reduce<I, T, ID, OP>(iter: I, identity: ID, op: OP) -> I::Item
where
    I: ParallelIterator,
    I::Item: Try<Output = T>,
    ID: Fn() -> T + Sync,
    OP: Fn(T, T) -> I::Item + Sync,
{
    accumulate::run(iter, &TryReduce { identity, op })
}

struct TryReduce<ID, OP> {
    identity: ID,
    op: OP,
}

impl<R, ID, OP> Accumulate<R> for &TryReduce<ID, OP>
where
    R: Try + Send,
    ID: Fn() -> R::Output + Sync,
    OP: Fn(R::Output, R::Output) -> R + Sync,
{
    type State = ControlFlow<R, R::Output>;
    type Result = R;

    fn begin(self) -> Self::State {
        Continue((self.identity)())
    }

    fn all<I: Iterator<Item = R>>(self, state: Self::State, iter: I) -> Self::State {
        go_on(&self.op, state, iter)
    }

    fn full(state: &Self::State) -> bool {
        state.is_break()
    }

    fn end(state: Self::State) -> R {
        close(state)
    }

    fn combine(self, left: R, right: R) -> R {
        combine(&self.op, left, right)
    }

    fn decided(result: &R) -> bool {
        !result.is_output()
    }
}

pub(in crate::iter) fn try_reduce_with<I, T, OP>(iter: I, op: OP) -> Option<I::Item>
where
    I: ParallelIterator,
    I::Item: Try<Output = T>,
    OP: Fn(T, T) -> I::Item + Sync,
{
    accumulate::run(iter, &TryReduceWith(op))
}

struct TryReduceWith<OP>(OP);

impl<R, OP> Accumulate<R> for &TryReduceWith<OP>
where
    R: Try + Send,
    OP: Fn(R::Output, R::Output) -> R + Sync,
{
    type State = Option<ControlFlow<R, R::Output>>;
    type Result = Option<R>;

    fn begin(self) -> Self::State {
        None
    }

    fn all<I: Iterator<Item = R>>(self, state: Self::State, mut iter: I) -> Self::State {
        let state = state.or_else(|| iter.next().map(R::branch))?;
        Some(go_on(&self.0, state, iter))
    }

    fn full(state: &Self::State) -> bool {
        state.as_ref().is_some_and(ControlFlow::is_break)
    }

    fn end(state: Self::State) -> Option<R> {
        state.map(close)
    }

    fn combine(self, left: Option<R>, right: Option<R>) -> Option<R> {
        match (left, right) {
            (Some(left), Some(right)) => Some(combine(&self.0, left, right)),
            (left, right) => left.or(right),
        }
    }

    fn decided(result: &Option<R>) -> bool {
        result.as_ref().is_some_and(|r| !r.is_output())
    }
}

/// Reduces the items of a leaf until the first failure.
fn go_on<R: Try>(
    op: impl Fn(R::Output, R::Output) -> R,
    mut state: ControlFlow<R, R::Output>,
    mut iter: impl Iterator<Item = R>,
) -> ControlFlow<R, R::Output> {
    while let Continue(left) = state {
        let Some(item) = iter.next() else { return Continue(left) };
        state = match item.branch() {
            Continue(right) => op(left, right).branch(),
            failed => failed,
        };
    }
    state
}

fn close<R: Try>(state: ControlFlow<R, R::Output>) -> R {
    match state {
        Continue(value) => R::from_output(value),
        Break(failed) => failed,
    }
}

/// The failure with the lower index, or the two reduced.
fn combine<R: Try>(op: impl Fn(R::Output, R::Output) -> R, left: R, right: R) -> R {
    match (left.branch(), right.branch()) {
        (Break(failed), _) | (_, Break(failed)) => failed,
        (Continue(left), Continue(right)) => op(left, right),
    }
}
