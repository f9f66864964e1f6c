//! `fold`, `try_fold` and their like: one item for each leaf.
use super::declare::adaptor;
use crate::iter::ParallelIterator;
use crate::iter::begin::{Begin, Init, With, Work};
use crate::iter::cut::LeavesCallback;
use crate::iter::fallible::Try;
use crate::iter::plumbing::{Consumer, Folder, UnindexedConsumer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;

/// The methods of `ParallelIterator` for an adaptor that folds leaves.
macro_rules! parallel_by_leaves {
    (|$this:ident| $leaves:expr) => {
        fn drive_unindexed<C>(self, consumer: C) -> C::Result
        where
            C: UnindexedConsumer<Self::Item>,
        {
            let $this = self;
            $this.base.drive_unindexed(FoldConsumer { base: consumer, leaves: $leaves })
        }

        fn with_leaves<C, CR, CD, K>(self, consumer: C, callback: K) -> K::Output
        where
            C: UnindexedConsumer<Self::Item, Result = CR, Reducer = CD>,
            K: LeavesCallback<CR, CD>,
        {
            let $this = self;
            $this.base.with_leaves(FoldConsumer { base: consumer, leaves: $leaves }, callback)
        }
    };
}
adaptor! {
    /// Returned by [`ParallelIterator::fold`].
    Fold<I, ID, F> { identity: ID, fold_op: F }
}

impl<I, ID, F, T> ParallelIterator for Fold<I, ID, F>
where
    I: ParallelIterator,
    F: Fn(T, I::Item) -> T + Sync + Send,
    ID: Fn() -> T + Sync + Send,
    T: Send,
{
    type Item = T;

    parallel_by_leaves!(|this| Work { begin: Init(&this.identity), op: &this.fold_op });
}

adaptor! {
    /// Returned by [`ParallelIterator::fold_with`].
    FoldWith<I, T, F> { init: T, fold_op: F }
}

impl<I, F, T> ParallelIterator for FoldWith<I, T, F>
where
    I: ParallelIterator,
    F: Fn(T, I::Item) -> T + Sync + Send,
    T: Send + Clone,
{
    type Item = T;

    parallel_by_leaves!(|this| Work { begin: With(this.init), op: &this.fold_op });
}

adaptor! {
    /// Returned by [`ParallelIterator::try_fold`].
    TryFold<I, R, ID, F> { identity: ID, fold_op: F, result: PhantomData<fn() -> R> }
}

impl<I, ID, F, R> ParallelIterator for TryFold<I, R, ID, F>
where
    I: ParallelIterator,
    F: Fn(R::Output, I::Item) -> R + Sync + Send,
    ID: Fn() -> R::Output + Sync + Send,
    R: Try + Send,
{
    type Item = R;

    parallel_by_leaves!(|this| Trying(
        Work { begin: Init(&this.identity), op: &this.fold_op },
        PhantomData
    ));
}

/// Returned by [`ParallelIterator::try_fold_with`].
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct TryFoldWith<I, R: Try, F> {
    base: I,
    init: R::Output,
    fold_op: F,
}

impl<I, R: Try, F> TryFoldWith<I, R, F> {
    pub(in crate::iter) fn new(base: I, init: R::Output, fold_op: F) -> Self {
        TryFoldWith { base, init, fold_op }
    }
}

impl<I: Clone, R: Try, F: Clone> Clone for TryFoldWith<I, R, F>
where
    R::Output: Clone,
{
    fn clone(&self) -> Self {
        TryFoldWith::new(self.base.clone(), self.init.clone(), self.fold_op.clone())
    }
}

impl<I: fmt::Debug, R: Try, F> fmt::Debug for TryFoldWith<I, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryFoldWith").field("base", &self.base).finish_non_exhaustive()
    }
}

impl<I, F, R> ParallelIterator for TryFoldWith<I, R, F>
where
    I: ParallelIterator,
    F: Fn(R::Output, I::Item) -> R + Sync + Send,
    R: Try + Send,
    R::Output: Clone + Send,
{
    type Item = R;

    parallel_by_leaves!(|this| Trying(
        Work { begin: With(this.init), op: &this.fold_op },
        PhantomData
    ));
}

/// How the items of a leaf are folded.
trait LeafFold<In>: Clone + Send {
    /// What a leaf carries along.
    type State;
    /// What it yields.
    type Out;

    /// Begins a leaf. Called in the child.
    fn begin(self) -> Self::State;

    /// Takes all items of an iterator, until full.
    fn all<I: Iterator<Item = In>>(state: Self::State, iter: I) -> Self::State;

    /// Whether no more items are needed.
    fn full(state: &Self::State) -> bool;

    /// Ends a leaf.
    fn end(state: Self::State) -> Self::Out;
}

impl<'f, In, B, F> LeafFold<In> for Work<'f, B, F>
where
    B: Begin,
    F: Fn(B::State, In) -> B::State + Sync,
{
    type State = (B::State, &'f F);
    type Out = B::State;

    fn begin(self) -> Self::State {
        (self.begin.begin(), self.op)
    }

    fn all<I: Iterator<Item = In>>((value, op): Self::State, iter: I) -> Self::State {
        (iter.fold(value, op), op)
    }

    fn full(_: &Self::State) -> bool {
        false
    }

    fn end((value, _): Self::State) -> B::State {
        value
    }
}

/// The same with an operation that may fail.
struct Trying<W, R>(W, PhantomData<fn() -> R>);

impl<W: Clone, R> Clone for Trying<W, R> {
    fn clone(&self) -> Self {
        Trying(self.0.clone(), PhantomData)
    }
}

impl<'f, In, B, F, R> LeafFold<In> for Trying<Work<'f, B, F>, R>
where
    B: Begin<State = R::Output>,
    F: Fn(R::Output, In) -> R + Sync,
    R: Try,
{
    type State = (ControlFlow<R, R::Output>, &'f F);
    type Out = R;

    fn begin(self) -> Self::State {
        (ControlFlow::Continue(self.0.begin.begin()), self.0.op)
    }

    fn all<I: Iterator<Item = In>>((state, op): Self::State, iter: I) -> Self::State {
        let mut value = match state {
            ControlFlow::Continue(value) => value,
            failed => return (failed, op),
        };
        for item in iter {
            value = match op(value, item).branch() {
                ControlFlow::Continue(value) => value,
                failed => return (failed, op),
            };
        }
        (ControlFlow::Continue(value), op)
    }

    fn full((state, _): &Self::State) -> bool {
        state.is_break()
    }

    fn end((state, _): Self::State) -> R {
        match state {
            ControlFlow::Continue(value) => R::from_output(value),
            ControlFlow::Break(failed) => failed,
        }
    }
}

struct FoldConsumer<C, L> {
    base: C,
    leaves: L,
}

impl<In, C, L> Consumer<In> for FoldConsumer<C, L>
where
    C: UnindexedConsumer<L::Out>,
    L: LeafFold<In>,
{
    type Folder = FoldFolder<In, C::Folder, L>;
    type Reducer = C::Reducer;
    type Result = C::Result;

    fn split_at(self, _index: usize) -> (Self, Self, C::Reducer) {
        // The index counts items of the base; behind the fold there is one for each leaf.
        let left = FoldConsumer { base: self.base.split_off_left(), leaves: self.leaves.clone() };
        let reducer = self.base.to_reducer();
        (left, self, reducer)
    }

    fn into_folder(self) -> Self::Folder {
        FoldFolder { base: self.base.into_folder(), state: self.leaves.begin() }
    }

    fn full(&self) -> bool {
        self.base.full()
    }

    fn decided(result: &C::Result) -> bool {
        C::decided(result)
    }
}

impl<In, C, L> UnindexedConsumer<In> for FoldConsumer<C, L>
where
    C: UnindexedConsumer<L::Out>,
    L: LeafFold<In>,
{
    fn split_off_left(&self) -> Self {
        FoldConsumer { base: self.base.split_off_left(), leaves: self.leaves.clone() }
    }

    fn to_reducer(&self) -> C::Reducer {
        self.base.to_reducer()
    }
}

struct FoldFolder<In, B, L: LeafFold<In>> {
    base: B,
    state: L::State,
}

impl<In, B, L> Folder<In> for FoldFolder<In, B, L>
where
    B: Folder<L::Out>,
    L: LeafFold<In>,
{
    type Result = B::Result;

    fn consume(self, item: In) -> Self {
        self.consume_iter([item])
    }

    fn consume_iter<I>(mut self, iter: I) -> Self
    where
        I: IntoIterator<Item = In>,
    {
        // The base can only become full by the one item it gets at the end.
        self.state = L::all(self.state, iter.into_iter());
        self
    }

    fn complete(self) -> B::Result {
        self.base.consume(L::end(self.state)).complete()
    }

    fn full(&self) -> bool {
        self.base.full() || L::full(&self.state)
    }
}
