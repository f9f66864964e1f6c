//! Consumers whose leaves are sequential folds.
use crate::iter::ParallelIterator;
use crate::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};
use std::iter;
use std::marker::PhantomData;

/// How a leaf begins, goes on and ends, and how results of neighbours are combined.
///
/// It is a handle to the user's closures, which stay in the parent's frame: every leaf has a
/// copy of the handle and its snapshot of the closures.
pub(super) trait Accumulate<In>: Copy + Send + Sync {
    /// What a leaf carries along.
    type State;
    /// What a leaf ends with.
    type Result: Send;

    /// Begins a leaf.
    fn begin(self) -> Self::State;

    /// Takes all items of an iterator; it may stop once it is [`full`](Self::full).
    fn all<I: Iterator<Item = In>>(self, state: Self::State, iter: I) -> Self::State;

    /// Whether no more items are needed.
    fn full(_state: &Self::State) -> bool {
        false
    }

    /// Ends a leaf.
    fn end(state: Self::State) -> Self::Result;

    /// Combines the results of two neighbouring parts.
    fn combine(self, left: Self::Result, right: Self::Result) -> Self::Result;

    /// Whether a result stands whatever is to the right of it.
    fn decided(_result: &Self::Result) -> bool {
        false
    }
}

/// Runs the iterator into the accumulation.
pub(super) fn run<I, A>(iter: I, accumulate: A) -> A::Result
where
    I: ParallelIterator,
    A: Accumulate<I::Item>,
{
    iter.drive_unindexed(Accumulator(accumulate))
}

/// Consumer and reducer at once.
#[derive(Clone, Copy)]
struct Accumulator<A>(A);

impl<In, A: Accumulate<In>> Consumer<In> for Accumulator<A> {
    type Folder = AccumulateFolder<A, A::State>;
    type Reducer = ByCombine<A, In>;
    type Result = A::Result;

    fn split_at(self, _index: usize) -> (Self, Self, ByCombine<A, In>) {
        (self, self, ByCombine { accumulate: self.0, items: PhantomData })
    }

    fn into_folder(self) -> Self::Folder {
        AccumulateFolder { accumulate: self.0, state: self.0.begin() }
    }

    fn full(&self) -> bool {
        false
    }

    fn decided(result: &A::Result) -> bool {
        A::decided(result)
    }
}

impl<In, A: Accumulate<In>> UnindexedConsumer<In> for Accumulator<A> {
    fn split_off_left(&self) -> Self {
        *self
    }

    fn to_reducer(&self) -> ByCombine<A, In> {
        ByCombine { accumulate: self.0, items: PhantomData }
    }
}

struct AccumulateFolder<A, S> {
    accumulate: A,
    state: S,
}

impl<In, A: Accumulate<In>> Folder<In> for AccumulateFolder<A, A::State> {
    type Result = A::Result;

    fn consume(self, item: In) -> Self {
        self.consume_iter(iter::once(item))
    }

    fn consume_iter<I>(mut self, iter: I) -> Self
    where
        I: IntoIterator<Item = In>,
    {
        self.state = self.accumulate.all(self.state, iter.into_iter());
        self
    }

    fn complete(self) -> A::Result {
        A::end(self.state)
    }

    fn full(&self) -> bool {
        A::full(&self.state)
    }
}

/// The reducer; the items' type only says which `Accumulate` of `A` is meant.
struct ByCombine<A, In> {
    accumulate: A,
    items: PhantomData<fn(In)>,
}

impl<In, A: Accumulate<In>> Reducer<A::Result> for ByCombine<A, In> {
    fn reduce(self, left: A::Result, right: A::Result) -> A::Result {
        self.accumulate.combine(left, right)
    }
}
