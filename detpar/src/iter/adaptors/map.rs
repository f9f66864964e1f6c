//! `map`.
use super::declare::adaptor;
use super::stage::{ExactStage, Op, Stage, indexed_by_stage, parallel_by_stage};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

adaptor! {
    /// Returned by [`ParallelIterator::map`].
    Map<I, F> { op: F }
}

impl<I, F, R> ParallelIterator for Map<I, F>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> R + Sync + Send,
    R: Send,
{
    type Item = R;

    parallel_by_stage!(|this| Op::<Mapping, F>::new(&this.op));

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
    indexed_by_stage!(|this| Op::<Mapping, F>::new(&this.op));
}

/// Which stage.
pub(super) enum Mapping {}

impl<In, F, R> Stage<In> for Op<'_, Mapping, F>
where
    F: Fn(In) -> R + Sync,
{
    type Out = R;
    type State = Self;

    fn begin(self) -> Self {
        self
    }

    fn apply<I: Iterator<Item = In>>(state: &mut Self, iter: I) -> impl Iterator<Item = R> {
        iter.map(state.0)
    }
}

impl<'f, In, F, R> ExactStage<In> for Op<'f, Mapping, F>
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
