//! `filter`.
use super::stage::{Stage, parallel_by_stage};
use crate::iter::ParallelIterator;

/// Returned by [`ParallelIterator::filter`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Filter<I, F> {
    base: I,
    op: F,
}

impl<I, F> Filter<I, F> {
    pub(in crate::iter) fn new(base: I, op: F) -> Self {
        Filter { base, op }
    }

    fn parts(self) -> (I, F) {
        (self.base, self.op)
    }

    fn stage(op: &F) -> Op<'_, F> {
        Op(op)
    }
}

impl<I, F> ParallelIterator for Filter<I, F>
where
    I: ParallelIterator,
    F: Fn(&I::Item) -> bool + Sync + Send,
{
    type Item = I::Item;

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

impl<In, F> Stage<In> for Op<'_, F>
where
    F: Fn(&In) -> bool + Sync,
{
    type Out = In;

    fn apply<I: Iterator<Item = In>>(self, iter: I) -> impl Iterator<Item = In> {
        iter.filter(self.0)
    }
}
