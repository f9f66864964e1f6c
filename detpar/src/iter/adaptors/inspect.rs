//! `inspect`.
use super::declare::adaptor;
use super::stage::{ExactStage, Op, Stage, indexed_by_stage, parallel_by_stage};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

adaptor! {
    /// Returned by [`ParallelIterator::inspect`].
    Inspect<I, F> { op: F }
}

impl<I, F> ParallelIterator for Inspect<I, F>
where
    I: ParallelIterator,
    F: Fn(&I::Item) + Sync + Send,
{
    type Item = I::Item;

    parallel_by_stage!(|this| Op::<Inspecting, F>::new(&this.op));

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<I, F> IndexedParallelIterator for Inspect<I, F>
where
    I: IndexedParallelIterator,
    F: Fn(&I::Item) + Sync + Send,
{
    indexed_by_stage!(|this| Op::<Inspecting, F>::new(&this.op));
}

/// Which stage.
pub(super) enum Inspecting {}

impl<In, F> Stage<In> for Op<'_, Inspecting, F>
where
    F: Fn(&In) + Sync,
{
    type Out = In;
    type State = Self;

    fn begin(self) -> Self {
        self
    }

    fn apply<I: Iterator<Item = In>>(state: &mut Self, iter: I) -> impl Iterator<Item = In> {
        iter.inspect(state.0)
    }
}

impl<'f, In, F> ExactStage<In> for Op<'f, Inspecting, F>
where
    F: Fn(&In) + Sync,
{
    type Iter<I>
        = iter::Inspect<I, &'f F>
    where
        I: Iterator<Item = In> + DoubleEndedIterator + ExactSizeIterator;

    fn apply_exact<I>(self, iter: I) -> Self::Iter<I>
    where
        I: Iterator<Item = In> + DoubleEndedIterator + ExactSizeIterator,
    {
        iter.inspect(self.0)
    }
}
