//! `fold`.
use crate::iter::ParallelIterator;
use crate::iter::cut::LeavesCallback;
use crate::iter::plumbing::{Consumer, Folder, UnindexedConsumer};

/// Returned by [`ParallelIterator::fold`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Fold<I, ID, F> {
    base: I,
    identity: ID,
    fold_op: F,
}

impl<I, ID, F> Fold<I, ID, F> {
    pub(in crate::iter) fn new(base: I, identity: ID, fold_op: F) -> Self {
        Fold { base, identity, fold_op }
    }
}

impl<I, ID, F, T> ParallelIterator for Fold<I, ID, F>
where
    I: ParallelIterator,
    F: Fn(T, I::Item) -> T + Sync + Send,
    ID: Fn() -> T + Sync + Send,
    T: Send,
{
    type Item = T;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<T>,
    {
        self.base.drive_unindexed(FoldConsumer {
            base: consumer,
            identity: &self.identity,
            fold_op: &self.fold_op,
        })
    }

    fn with_leaves<C, R, D, K>(self, consumer: C, callback: K) -> K::Output
    where
        C: UnindexedConsumer<T, Result = R, Reducer = D>,
        K: LeavesCallback<R, D>,
    {
        let consumer =
            FoldConsumer { base: consumer, identity: &self.identity, fold_op: &self.fold_op };
        self.base.with_leaves(consumer, callback)
    }
}

struct FoldConsumer<'f, C, ID, F> {
    base: C,
    identity: &'f ID,
    fold_op: &'f F,
}

impl<'f, In, T, C, ID, F> Consumer<In> for FoldConsumer<'f, C, ID, F>
where
    C: UnindexedConsumer<T>,
    F: Fn(T, In) -> T + Sync,
    ID: Fn() -> T + Sync,
{
    type Folder = FoldFolder<'f, C::Folder, T, F>;
    type Reducer = C::Reducer;
    type Result = C::Result;

    fn split_at(self, _index: usize) -> (Self, Self, C::Reducer) {
        // The index counts items of the base; behind the fold there is one for each leaf.
        let left = FoldConsumer { base: self.base.split_off_left(), ..self };
        let reducer = self.base.to_reducer();
        (left, self, reducer)
    }

    fn into_folder(self) -> Self::Folder {
        FoldFolder {
            base: self.base.into_folder(),
            value: (self.identity)(),
            fold_op: self.fold_op,
        }
    }

    fn full(&self) -> bool {
        self.base.full()
    }
}

impl<In, T, C, ID, F> UnindexedConsumer<In> for FoldConsumer<'_, C, ID, F>
where
    C: UnindexedConsumer<T>,
    F: Fn(T, In) -> T + Sync,
    ID: Fn() -> T + Sync,
{
    fn split_off_left(&self) -> Self {
        FoldConsumer { base: self.base.split_off_left(), ..*self }
    }

    fn to_reducer(&self) -> C::Reducer {
        self.base.to_reducer()
    }
}

struct FoldFolder<'f, B, T, F> {
    base: B,
    value: T,
    fold_op: &'f F,
}

impl<In, T, B, F> Folder<In> for FoldFolder<'_, B, T, F>
where
    B: Folder<T>,
    F: Fn(T, In) -> T,
{
    type Result = B::Result;

    fn consume(mut self, item: In) -> Self {
        self.value = (self.fold_op)(self.value, item);
        self
    }

    fn consume_iter<I>(mut self, iter: I) -> Self
    where
        I: IntoIterator<Item = In>,
    {
        // The base can only become full by the one item it gets at the end.
        self.value = iter.into_iter().fold(self.value, self.fold_op);
        self
    }

    fn complete(self) -> B::Result {
        self.base.consume(self.value).complete()
    }

    fn full(&self) -> bool {
        self.base.full()
    }
}
