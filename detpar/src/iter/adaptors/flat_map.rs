//! `flat_map` and `flatten`: every item becomes a parallel call of its own, in its leaf.
use super::declare::adaptor;
use crate::iter::bridged::parallel_by_other;
use crate::iter::cut::LeavesCallback;
use crate::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};
use crate::iter::{IntoParallelIterator, ParallelIterator};
use std::convert::identity;

adaptor! {
    /// Returned by [`ParallelIterator::flat_map`].
    FlatMap<I, F> { op: F }
}

impl<I, F, PI> ParallelIterator for FlatMap<I, F>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> PI + Sync + Send,
    PI: IntoParallelIterator,
{
    type Item = PI::Item;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<PI::Item>,
    {
        self.base.drive_unindexed(FlatMapConsumer { base: consumer, op: &self.op })
    }

    fn with_leaves<C, R, D, K>(self, consumer: C, callback: K) -> K::Output
    where
        C: UnindexedConsumer<PI::Item, Result = R, Reducer = D>,
        K: LeavesCallback<R, D>,
    {
        self.base.with_leaves(FlatMapConsumer { base: consumer, op: &self.op }, callback)
    }
}

adaptor! {
    /// Returned by [`ParallelIterator::flatten`].
    Flatten<I> {}
}

impl<I, PI> ParallelIterator for Flatten<I>
where
    I: ParallelIterator<Item = PI>,
    PI: IntoParallelIterator + Send,
{
    type Item = PI::Item;

    parallel_by_other!(|this| this.base.flat_map(identity));
}

struct FlatMapConsumer<'f, C, F> {
    base: C,
    op: &'f F,
}

impl<'f, In, C, F, PI> Consumer<In> for FlatMapConsumer<'f, C, F>
where
    C: UnindexedConsumer<PI::Item>,
    F: Fn(In) -> PI + Sync,
    PI: IntoParallelIterator,
{
    type Folder = FlatMapFolder<'f, C, F, C::Result>;
    type Reducer = C::Reducer;
    type Result = C::Result;

    fn split_at(self, _index: usize) -> (Self, Self, C::Reducer) {
        // The index counts items of the base.
        let left = FlatMapConsumer { base: self.base.split_off_left(), op: self.op };
        let reducer = self.base.to_reducer();
        (left, self, reducer)
    }

    fn into_folder(self) -> Self::Folder {
        FlatMapFolder { base: self.base, op: self.op, so_far: None }
    }

    fn full(&self) -> bool {
        self.base.full()
    }

    fn decided(result: &C::Result) -> bool {
        C::decided(result)
    }
}

impl<In, C, F, PI> UnindexedConsumer<In> for FlatMapConsumer<'_, C, F>
where
    C: UnindexedConsumer<PI::Item>,
    F: Fn(In) -> PI + Sync,
    PI: IntoParallelIterator,
{
    fn split_off_left(&self) -> Self {
        FlatMapConsumer { base: self.base.split_off_left(), op: self.op }
    }

    fn to_reducer(&self) -> C::Reducer {
        self.base.to_reducer()
    }
}

struct FlatMapFolder<'f, C, F, R> {
    /// For what is to come.
    base: C,
    op: &'f F,
    so_far: Option<R>,
}

impl<In, C, F, PI> Folder<In> for FlatMapFolder<'_, C, F, C::Result>
where
    C: UnindexedConsumer<PI::Item>,
    F: Fn(In) -> PI,
    PI: IntoParallelIterator,
{
    type Result = C::Result;

    fn consume(mut self, item: In) -> Self {
        let reducer = self.base.to_reducer();
        let consumer = self.base.split_off_left();
        let result = (self.op)(item).into_par_iter().drive_unindexed(consumer);
        self.so_far = Some(match self.so_far {
            None => result,
            Some(so_far) => reducer.reduce(so_far, result),
        });
        self
    }

    fn complete(self) -> C::Result {
        match self.so_far {
            Some(result) => result,
            None => self.base.into_folder().complete(),
        }
    }

    fn full(&self) -> bool {
        self.base.full() || self.so_far.as_ref().is_some_and(C::decided)
    }
}
