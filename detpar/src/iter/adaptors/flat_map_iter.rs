//! `flat_map_iter`.
use super::stage::{Stage, parallel_by_stage};
use crate::iter::ParallelIterator;

/// Returned by [`ParallelIterator::flat_map_iter`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct FlatMapIter<I, F> {
    base: I,
    op: F,
}

impl<I, F> FlatMapIter<I, F> {
    pub(in crate::iter) fn new(base: I, op: F) -> Self {
        FlatMapIter { base, op }
    }

    fn parts(self) -> (I, F) {
        (self.base, self.op)
    }

    fn stage(op: &F) -> Op<'_, F> {
        Op(op)
    }
}

impl<I, F, SI> ParallelIterator for FlatMapIter<I, F>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> SI + Sync + Send,
    SI: IntoIterator,
    SI::Item: Send,
{
    type Item = SI::Item;

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

impl<In, F, SI> Stage<In> for Op<'_, F>
where
    F: Fn(In) -> SI + Sync,
    SI: IntoIterator,
{
    type Out = SI::Item;

    fn apply<I: Iterator<Item = In>>(self, iter: I) -> impl Iterator<Item = SI::Item> {
        iter.flat_map(self.0)
    }
}
