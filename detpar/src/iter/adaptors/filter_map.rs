//! `filter_map`.
use super::declare::adaptor;
use super::stage::{Op, Stage, parallel_by_stage};
use crate::iter::ParallelIterator;

adaptor! {
    /// Returned by [`ParallelIterator::filter_map`].
    FilterMap<I, F> { op: F }
}

impl<I, F, R> ParallelIterator for FilterMap<I, F>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> Option<R> + Sync + Send,
    R: Send,
{
    type Item = R;

    parallel_by_stage!(|this| Op::<FilterMapping, F>::new(&this.op));
}

/// Which stage.
pub(super) enum FilterMapping {}

impl<In, F, R> Stage<In> for Op<'_, FilterMapping, F>
where
    F: Fn(In) -> Option<R> + Sync,
{
    type Out = R;
    type State = Self;

    fn begin(self) -> Self {
        self
    }

    fn apply<I: Iterator<Item = In>>(state: &mut Self, iter: I) -> impl Iterator<Item = R> {
        iter.filter_map(state.0)
    }
}
