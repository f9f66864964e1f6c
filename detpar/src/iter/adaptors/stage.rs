//! Adaptors that treat items one by one: a stage says what becomes of a sequential iterator,
//! and the consumer, folder and producer here do the rest for all of them.
use crate::iter::plumbing::{
    Consumer, Exclusive, Folder, Producer, ProducerCallback, UnindexedConsumer,
};
use std::iter;
use std::marker::PhantomData;

/// What an adaptor does to the items of a leaf.
///
/// As a rule it is a handle to the adaptor's closure, which stays in the parent's frame: every
/// leaf has a copy of the handle and its snapshot of the closure.
pub(super) trait Stage<In>: Clone + Send {
    /// What it yields.
    type Out;

    /// What a leaf carries along.
    type State;

    /// Begins a leaf. Called in the child.
    fn begin(self) -> Self::State;

    /// Treats the items of an iterator. A leaf may have several, one after another.
    fn apply<I: Iterator<Item = In>>(
        state: &mut Self::State,
        iter: I,
    ) -> impl Iterator<Item = Self::Out>;
}

/// The stage of an adaptor that has one closure; `K` says which adaptor.
pub(super) struct Op<'f, K, F>(pub(super) &'f F, PhantomData<fn(K)>);

impl<'f, K, F> Op<'f, K, F> {
    pub(super) fn new(op: &'f F) -> Self {
        Op(op, PhantomData)
    }
}

impl<K, F> Clone for Op<'_, K, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, F> Copy for Op<'_, K, F> {}

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
    type Folder = StageFolder<In, C::Folder, S>;
    type Reducer = C::Reducer;
    type Result = C::Result;

    fn split_at(self, index: usize) -> (Self, Self, C::Reducer) {
        let (left, right, reducer) = self.base.split_at(index);
        let left = StageConsumer { base: left, stage: self.stage.clone() };
        (left, StageConsumer { base: right, stage: self.stage }, reducer)
    }

    fn into_folder(self) -> Self::Folder {
        StageFolder { base: self.base.into_folder(), state: self.stage.begin() }
    }

    fn full(&self) -> bool {
        self.base.full()
    }

    fn decided(result: &C::Result) -> bool {
        C::decided(result)
    }
}

impl<In, C, S> UnindexedConsumer<In> for StageConsumer<C, S>
where
    S: Stage<In>,
    C: UnindexedConsumer<S::Out>,
{
    fn split_off_left(&self) -> Self {
        StageConsumer { base: self.base.split_off_left(), stage: self.stage.clone() }
    }

    fn to_reducer(&self) -> C::Reducer {
        self.base.to_reducer()
    }
}

/// A folder behind a stage.
pub(super) struct StageFolder<In, F, S: Stage<In>> {
    base: F,
    state: S::State,
}

impl<In, F, S> Folder<In> for StageFolder<In, F, S>
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
        self.base = self.base.consume_iter(S::apply(&mut self.state, iter.into_iter()));
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

    fn exclusive(&mut self) -> Exclusive {
        self.base.exclusive()
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let (left, right) = self.base.split_at(index);
        let left = StageProducer { base: left, stage: self.stage.clone() };
        (left, StageProducer { base: right, stage: self.stage })
    }

    fn fold_with<F>(self, folder: F) -> F
    where
        F: Folder<S::Out>,
    {
        let folder = StageFolder::<_, F, S> { base: folder, state: self.stage.begin() };
        self.base.fold_with(folder).base
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

/// The methods of `ParallelIterator`, but for the length, for an adaptor that is a stage. The
/// stage may borrow all fields but the base.
macro_rules! parallel_by_stage {
    (|$this:ident| $stage:expr) => {
        fn drive_unindexed<C>(self, consumer: C) -> C::Result
        where
            C: $crate::iter::plumbing::UnindexedConsumer<Self::Item>,
        {
            let $this = self;
            let consumer =
                $crate::iter::adaptors::stage::StageConsumer { base: consumer, stage: $stage };
            $this.base.drive_unindexed(consumer)
        }

        fn with_leaves<C, CR, CD, K>(self, consumer: C, callback: K) -> K::Output
        where
            C: $crate::iter::plumbing::UnindexedConsumer<Self::Item, Result = CR, Reducer = CD>,
            K: $crate::iter::cut::LeavesCallback<CR, CD>,
        {
            let $this = self;
            let consumer =
                $crate::iter::adaptors::stage::StageConsumer { base: consumer, stage: $stage };
            $this.base.with_leaves(consumer, callback)
        }
    };
}

/// The methods of `IndexedParallelIterator` for the same.
macro_rules! indexed_by_stage {
    (|$this:ident| $stage:expr) => {
        fn len(&self) -> usize {
            self.base.len()
        }

        fn drive<C>(self, consumer: C) -> C::Result
        where
            C: $crate::iter::plumbing::Consumer<Self::Item>,
        {
            let $this = self;
            let consumer =
                $crate::iter::adaptors::stage::StageConsumer { base: consumer, stage: $stage };
            $this.base.drive(consumer)
        }

        fn with_producer<CB>(self, callback: CB) -> CB::Output
        where
            CB: $crate::iter::plumbing::ProducerCallback<Self::Item>,
        {
            let $this = self;
            let callback = $crate::iter::adaptors::stage::StageCallback { callback, stage: $stage };
            $this.base.with_producer(callback)
        }
    };
}

pub(super) use {indexed_by_stage, parallel_by_stage};
