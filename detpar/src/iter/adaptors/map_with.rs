//! `map_with` and `map_init`: `map` with a state for each leaf.
use super::declare::adaptor;
use super::stage::{ExactStage, Stage, indexed_by_stage, parallel_by_stage};
use crate::iter::begin::{Begin, Init, With, Work};
use crate::iter::{IndexedParallelIterator, ParallelIterator};

adaptor! {
    /// Returned by [`ParallelIterator::map_with`].
    MapWith<I, T, F> { init: T, op: F }
}

impl<I, T, F, R> ParallelIterator for MapWith<I, T, F>
where
    I: ParallelIterator,
    T: Send + Clone,
    F: Fn(&mut T, I::Item) -> R + Sync + Send,
    R: Send,
{
    type Item = R;

    parallel_by_stage!(|this| Work { begin: With(this.init), op: &this.op });

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<I, T, F, R> IndexedParallelIterator for MapWith<I, T, F>
where
    I: IndexedParallelIterator,
    T: Send + Clone,
    F: Fn(&mut T, I::Item) -> R + Sync + Send,
    R: Send,
{
    indexed_by_stage!(|this| Work { begin: With(this.init), op: &this.op });
}

adaptor! {
    /// Returned by [`ParallelIterator::map_init`].
    MapInit<I, INIT, F> { init: INIT, op: F }
}

impl<I, INIT, T, F, R> ParallelIterator for MapInit<I, INIT, F>
where
    I: ParallelIterator,
    INIT: Fn() -> T + Sync + Send,
    F: Fn(&mut T, I::Item) -> R + Sync + Send,
    R: Send,
{
    type Item = R;

    parallel_by_stage!(|this| Work { begin: Init(&this.init), op: &this.op });

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<I, INIT, T, F, R> IndexedParallelIterator for MapInit<I, INIT, F>
where
    I: IndexedParallelIterator,
    INIT: Fn() -> T + Sync + Send,
    F: Fn(&mut T, I::Item) -> R + Sync + Send,
    R: Send,
{
    indexed_by_stage!(|this| Work { begin: Init(&this.init), op: &this.op });
}

impl<'f, In, B, F, R> Stage<In> for Work<'f, B, F>
where
    B: Begin,
    F: Fn(&mut B::State, In) -> R + Sync,
{
    type Out = R;
    type State = (B::State, &'f F);

    fn begin(self) -> Self::State {
        (self.begin.begin(), self.op)
    }

    fn apply<I: Iterator<Item = In>>(
        (state, op): &mut Self::State,
        iter: I,
    ) -> impl Iterator<Item = R> {
        iter.map(|item| op(state, item))
    }
}

impl<'f, In, B, F, R> ExactStage<In> for Work<'f, B, F>
where
    B: Begin,
    F: Fn(&mut B::State, In) -> R + Sync,
{
    type Iter<I>
        = Mapped<'f, I, B::State, F>
    where
        I: Iterator<Item = In> + DoubleEndedIterator + ExactSizeIterator;

    fn apply_exact<I>(self, iter: I) -> Self::Iter<I>
    where
        I: Iterator<Item = In> + DoubleEndedIterator + ExactSizeIterator,
    {
        Mapped { iter, state: self.begin.begin(), op: self.op }
    }
}

/// std's `map` cannot be named with a closure that owns a state.
pub(super) struct Mapped<'f, I, T, F> {
    iter: I,
    state: T,
    op: &'f F,
}

impl<I, T, F, R> Iterator for Mapped<'_, I, T, F>
where
    I: Iterator,
    F: Fn(&mut T, I::Item) -> R,
{
    type Item = R;

    fn next(&mut self) -> Option<R> {
        self.iter.next().map(|item| (self.op)(&mut self.state, item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.size_hint()
    }
}

impl<I, T, F, R> DoubleEndedIterator for Mapped<'_, I, T, F>
where
    I: DoubleEndedIterator,
    F: Fn(&mut T, I::Item) -> R,
{
    fn next_back(&mut self) -> Option<R> {
        self.iter.next_back().map(|item| (self.op)(&mut self.state, item))
    }
}

impl<I, T, F, R> ExactSizeIterator for Mapped<'_, I, T, F>
where
    I: ExactSizeIterator,
    F: Fn(&mut T, I::Item) -> R,
{
}
