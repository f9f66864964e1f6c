//! `find_first` and what is made of it.
use super::accumulate::{self, Accumulate};
use crate::iter::ParallelIterator;

pub(in crate::iter) fn find_first<I, P>(iter: I, predicate: P) -> Option<I::Item>
where
    I: ParallelIterator,
    P: Fn(&I::Item) -> bool + Sync,
{
    accumulate::run(iter, &FindFirst(predicate))
}

struct FindFirst<P>(P);

impl<T, P> Accumulate<T> for &FindFirst<P>
where
    T: Send,
    P: Fn(&T) -> bool + Sync,
{
    type State = Option<T>;
    type Result = Option<T>;

    fn begin(self) -> Option<T> {
        None
    }

    fn all<I: Iterator<Item = T>>(self, state: Option<T>, mut iter: I) -> Option<T> {
        state.or_else(|| iter.find(&self.0))
    }

    fn full(state: &Option<T>) -> bool {
        state.is_some()
    }

    fn end(state: Option<T>) -> Option<T> {
        state
    }

    fn combine(self, left: Option<T>, right: Option<T>) -> Option<T> {
        left.or(right)
    }

    fn decided(result: &Option<T>) -> bool {
        result.is_some()
    }
}
