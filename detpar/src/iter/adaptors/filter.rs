//! `filter`.
use super::declare::adaptor;
use super::stage::{Op, Stage, parallel_by_stage};
use crate::iter::ParallelIterator;

adaptor! {
    /// Returned by [`ParallelIterator::filter`].
    Filter<I, F> { op: F }
}

impl<I, F> ParallelIterator for Filter<I, F>
where
    I: ParallelIterator,
    F: Fn(&I::Item) -> bool + Sync + Send,
{
    type Item = I::Item;

    parallel_by_stage!(|this| Op::<Filtering, F>::new(&this.op));
}

/// Which stage.
pub(super) enum Filtering {}

impl<In, F> Stage<In> for Op<'_, Filtering, F>
where
    F: Fn(&In) -> bool + Sync,
{
    type Out = In;
    type State = Self;

    fn begin(self) -> Self {
        self
    }

    fn apply<I: Iterator<Item = In>>(state: &mut Self, iter: I) -> impl Iterator<Item = In> {
        iter.filter(state.0)
    }
}
