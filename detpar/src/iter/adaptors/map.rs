//! `map`.
use super::stage::{ExactStage, Stage, indexed_by_stage, parallel_by_stage};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

/// Returned by [`ParallelIterator::map`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Map<I, F> {
    base: I,
    op: F,
}

impl<I, F> Map<I, F> {
    pub(in crate::iter) fn new(base: I, op: F) -> Self {
        Map { base, op }
    }

    fn parts(self) -> (I, F) {
        (self.base, self.op)
    }

    fn stage(op: &F) -> Op<'_, F> {
        Op(op)
    }
}

impl<I, F, R> ParallelIterator for Map<I, F>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> R + Sync + Send,
    R: Send,
{
    type Item = R;

    parallel_by_stage!();

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<I, F, R> IndexedParallelIterator for Map<I, F>
where
    I: IndexedParallelIterator,
    F: Fn(I::Item) -> R + Sync + Send,
    R: Send,
{
    indexed_by_stage!();
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
    F: Fn(In) -> R + Sync,
{
    type Out = R;

    fn apply<I: Iterator<Item = In>>(self, iter: I) -> impl Iterator<Item = R> {
        iter.map(self.0)
    }
}

impl<'f, In, F, R> ExactStage<In> for Op<'f, F>
where
    F: Fn(In) -> R + Sync,
{
    type Iter<I>
        = iter::Map<I, &'f F>
    where
        I: Iterator<Item = In> + DoubleEndedIterator + ExactSizeIterator;

    fn apply_exact<I>(self, iter: I) -> Self::Iter<I>
    where
        I: Iterator<Item = In> + DoubleEndedIterator + ExactSizeIterator,
    {
        iter.map(self.0)
    }
}
