//! `reduce` and `reduce_with`.
use super::accumulate::{self, Accumulate};
use crate::iter::ParallelIterator;

pub(in crate::iter) fn reduce<I, ID, OP>(iter: I, identity: ID, op: OP) -> I::Item
where
    I: ParallelIterator,
    ID: Fn() -> I::Item + Sync,
    OP: Fn(I::Item, I::Item) -> I::Item + Sync,
{
    accumulate::run(iter, &Reduce { identity, op })
}

struct Reduce<ID, OP> {
    identity: ID,
    op: OP,
}

impl<T, ID, OP> Accumulate<T> for &Reduce<ID, OP>
where
    T: Send,
    ID: Fn() -> T + Sync,
    OP: Fn(T, T) -> T + Sync,
{
    type State = T;
    type Result = T;

    fn begin(self) -> T {
        (self.identity)()
    }

    fn all<I: Iterator<Item = T>>(self, state: T, iter: I) -> T {
        iter.fold(state, &self.op)
    }

    fn end(state: T) -> T {
        state
    }

    fn combine(self, left: T, right: T) -> T {
        (self.op)(left, right)
    }
}

pub(in crate::iter) fn reduce_with<I, OP>(iter: I, op: OP) -> Option<I::Item>
where
    I: ParallelIterator,
    OP: Fn(I::Item, I::Item) -> I::Item + Sync,
{
    accumulate::run(iter, &ReduceWith(op))
}

struct ReduceWith<OP>(OP);

impl<T, OP> Accumulate<T> for &ReduceWith<OP>
where
    T: Send,
    OP: Fn(T, T) -> T + Sync,
{
    type State = Option<T>;
    type Result = Option<T>;

    fn begin(self) -> Option<T> {
        None
    }

    fn all<I: Iterator<Item = T>>(self, state: Option<T>, mut iter: I) -> Option<T> {
        let first = state.or_else(|| iter.next())?;
        Some(iter.fold(first, &self.0))
    }

    fn end(state: Option<T>) -> Option<T> {
        state
    }

    fn combine(self, left: Option<T>, right: Option<T>) -> Option<T> {
        match (left, right) {
            (Some(left), Some(right)) => Some((self.0)(left, right)),
            (left, right) => left.or(right),
        }
    }
}
