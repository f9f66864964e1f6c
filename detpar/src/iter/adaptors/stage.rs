//! Adaptors that treat items one by one: a stage says what becomes of a sequential iterator,
//! and the consumer, folder and producer here do the rest for all of them.
use crate::iter::plumbing::{Consumer, Folder, Producer, ProducerCallback, UnindexedConsumer};
use std::iter;

/// What an adaptor does to the items of a leaf.
///
/// It is a handle to the adaptor's closure, which stays in the parent's frame: every leaf
/// has a copy of the handle and its snapshot of the closure.
pub(super) trait Stage<In>: Copy + Send + Sync {
    /// What it yields.
    type Out;

    /// Treats the items of an iterator.
    fn apply<I: Iterator<Item = In>>(self, iter: I) -> impl Iterator<Item = Self::Out>;
}

/// A stage that yields one item for each, so that indices stay what they are.
pub(super) trait ExactStage<In>: Stage<In> {
    /// The iterator that `apply_exact` returns.
    type Iter<I>: Iterator<Item = Self::Out> + DoubleEndedIterator + ExactSizeIterator
    where
        I: Iterator<Item = In> + DoubleEndedIterator + ExactSizeIterator;

    /// Treats the items of an iterator.
    fn apply_exact<I>(self, iter: I) -> Self::Iter<I>
    where
        I: Iterator<Item = In> + DoubleEndedIterator + ExactSizeIterator;
}

/// A consumer behind a stage.
pub(super) struct StageConsumer<C, S> {
    pub(super) base: C,
    pub(super) stage: S,
}

impl<In, C, S> Consumer<In> for StageConsumer<C, S>
where
    S: Stage<In>,
    C: Consumer<S::Out>,
{
    type Folder = StageFolder<C::Folder, S>;
    type Reducer = C::Reducer;
    type Result = C::Result;

    fn split_at(self, index: usize) -> (Self, Self, C::Reducer) {
        let stage = self.stage;
        let (left, right, reducer) = self.base.split_at(index);
        (StageConsumer { base: left, stage }, StageConsumer { base: right, stage }, reducer)
    }

    fn into_folder(self) -> Self::Folder {
        StageFolder { base: self.base.into_folder(), stage: self.stage }
    }

    fn full(&self) -> bool {
        self.base.full()
    }
}

impl<In, C, S> UnindexedConsumer<In> for StageConsumer<C, S>
where
    S: Stage<In>,
    C: UnindexedConsumer<S::Out>,
{
    fn split_off_left(&self) -> Self {
        StageConsumer { base: self.base.split_off_left(), stage: self.stage }
    }

    fn to_reducer(&self) -> C::Reducer {
        self.base.to_reducer()
    }
}

/// A folder behind a stage.
pub(super) struct StageFolder<F, S> {
    base: F,
    stage: S,
}

impl<In, F, S> Folder<In> for StageFolder<F, S>
where
    S: Stage<In>,
    F: Folder<S::Out>,
{
    type Result = F::Result;

    fn consume(self, item: In) -> Self {
        self.consume_iter(iter::once(item))
    }

    fn consume_iter<I>(mut self, iter: I) -> Self
    where
        I: IntoIterator<Item = In>,
    {
        self.base = self.base.consume_iter(self.stage.apply(iter.into_iter()));
        self
    }

    fn complete(self) -> F::Result {
        self.base.complete()
    }

    fn full(&self) -> bool {
        self.base.full()
    }
}

/// A producer with a stage behind it.
pub(super) struct StageProducer<P, S> {
    base: P,
    stage: S,
}

impl<P, S> Producer for StageProducer<P, S>
where
    P: Producer,
    S: ExactStage<P::Item>,
{
    type Item = S::Out;
    type IntoIter = S::Iter<P::IntoIter>;

    fn into_iter(self) -> Self::IntoIter {
        self.stage.apply_exact(self.base.into_iter())
    }

    fn min_len(&self) -> usize {
        self.base.min_len()
    }

    fn max_len(&self) -> usize {
        self.base.max_len()
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let stage = self.stage;
        let (left, right) = self.base.split_at(index);
        (StageProducer { base: left, stage }, StageProducer { base: right, stage })
    }

    fn fold_with<F>(self, folder: F) -> F
    where
        F: Folder<S::Out>,
    {
        self.base.fold_with(StageFolder { base: folder, stage: self.stage }).base
    }
}

/// Passes a producer on with a stage behind it.
pub(super) struct StageCallback<CB, S> {
    pub(super) callback: CB,
    pub(super) stage: S,
}

impl<In, CB, S> ProducerCallback<In> for StageCallback<CB, S>
where
    S: ExactStage<In>,
    CB: ProducerCallback<S::Out>,
{
    type Output = CB::Output;

    fn callback<P>(self, base: P) -> CB::Output
    where
        P: Producer<Item = In>,
    {
        self.callback.callback(StageProducer { base, stage: self.stage })
    }
}

/// The methods of `ParallelIterator` for an adaptor with a `base` and a method `stage`.
macro_rules! parallel_by_stage {
    () => {
        fn drive_unindexed<C>(self, consumer: C) -> C::Result
        where
            C: $crate::iter::plumbing::UnindexedConsumer<Self::Item>,
        {
            let (base, op) = self.parts();
            let stage = Self::stage(&op);
            base.drive_unindexed($crate::iter::adaptors::stage::StageConsumer {
                base: consumer,
                stage,
            })
        }

        fn with_leaves<C, CR, CD, K>(self, consumer: C, callback: K) -> K::Output
        where
            C: $crate::iter::plumbing::UnindexedConsumer<Self::Item, Result = CR, Reducer = CD>,
            K: $crate::iter::cut::LeavesCallback<CR, CD>,
        {
            let (base, op) = self.parts();
            let stage = Self::stage(&op);
            let consumer = $crate::iter::adaptors::stage::StageConsumer { base: consumer, stage };
            base.with_leaves(consumer, callback)
        }
    };
}

/// The methods of `IndexedParallelIterator` for the same.
macro_rules! indexed_by_stage {
    () => {
        fn len(&self) -> usize {
            self.base.len()
        }

        fn drive<C>(self, consumer: C) -> C::Result
        where
            C: $crate::iter::plumbing::Consumer<Self::Item>,
        {
            let (base, op) = self.parts();
            let stage = Self::stage(&op);
            base.drive($crate::iter::adaptors::stage::StageConsumer { base: consumer, stage })
        }

        fn with_producer<CB>(self, callback: CB) -> CB::Output
        where
            CB: $crate::iter::plumbing::ProducerCallback<Self::Item>,
        {
            let (base, op) = self.parts();
            let stage = Self::stage(&op);
            base.with_producer($crate::iter::adaptors::stage::StageCallback { callback, stage })
        }
    };
}

pub(super) use {indexed_by_stage, parallel_by_stage};
