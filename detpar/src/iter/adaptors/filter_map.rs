//! `filter_map`.
use super::stage::{Stage, parallel_by_stage};
use crate::iter::ParallelIterator;

/// Returned by [`ParallelIterator::filter_map`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct FilterMap<I, F> {
    base: I,
    op: F,
}

impl<I, F> FilterMap<I, F> {
    pub(in crate::iter) fn new(base: I, op: F) -> Self {
        FilterMap { base, op }
    }

    fn parts(self) -> (I, F) {
        (self.base, self.op)
    }

    fn stage(op: &F) -> Op<'_, F> {
        Op(op)
    }
}

impl<I, F, R> ParallelIterator for FilterMap<I, F>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> Option<R> + Sync + Send,
    R: Send,
{
    type Item = R;

    parallel_by_stage!();
}

/// The closure.
struct Op<'f, F>(&'f F);

impl<F> Clone for Op<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Op<'_, F> {}

impl<In, F, R> Stage<In> for Op<'_, F>
where
    F: Fn(In) -> Option<R> + Sync,
{
    type Out = R;

    fn apply<I: Iterator<Item = In>>(self, iter: I) -> impl Iterator<Item = R> {
        iter.filter_map(self.0)
    }
}
