//! `flat_map_iter` and `flatten_iter`.
use super::declare::adaptor;
use super::stage::{Op, Stage, parallel_by_stage};
use crate::iter::ParallelIterator;
use crate::iter::bridged::parallel_by_other;
use std::convert::identity;

adaptor! {
    /// Returned by [`ParallelIterator::flat_map_iter`].
    FlatMapIter<I, F> { op: F }
}

impl<I, F, SI> ParallelIterator for FlatMapIter<I, F>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> SI + Sync + Send,
    SI: IntoIterator,
    SI::Item: Send,
{
    type Item = SI::Item;

    parallel_by_stage!(|this| Op::<FlatMapping, F>::new(&this.op));
}

/// Which stage.
pub(super) enum FlatMapping {}

impl<In, F, SI> Stage<In> for Op<'_, FlatMapping, F>
where
    F: Fn(In) -> SI + Sync,
    SI: IntoIterator,
{
    type Out = SI::Item;
    type State = Self;

    fn begin(self) -> Self {
        self
    }

    fn apply<I: Iterator<Item = In>>(state: &mut Self, iter: I) -> impl Iterator<Item = SI::Item> {
        iter.flat_map(state.0)
    }
}

adaptor! {
    /// Returned by [`ParallelIterator::flatten_iter`].
    FlattenIter<I> {}
}

impl<I, SI> ParallelIterator for FlattenIter<I>
where
    I: ParallelIterator<Item = SI>,
    SI: IntoIterator + Send,
    SI::Item: Send,
{
    type Item = SI::Item;

    parallel_by_other!(|this| this.base.flat_map_iter(identity));
}
