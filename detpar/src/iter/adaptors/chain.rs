//! `chain`.
use super::two::{TwoCallback, with_two};
use crate::iter::bridged::drive_by_bridge;
use crate::iter::cut::{BoxedLeaf, Cut, LeavesCallback};
use crate::iter::plumbing::{Folder, Producer, ProducerCallback, Reducer, UnindexedConsumer};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

/// Returned by [`ParallelIterator::chain`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Chain<A, B> {
    a: A,
    b: B,
}

impl<A, B> Chain<A, B> {
    pub(in crate::iter) fn new(a: A, b: B) -> Self {
        Chain { a, b }
    }
}

impl<A, B> ParallelIterator for Chain<A, B>
where
    A: ParallelIterator,
    B: ParallelIterator<Item = A::Item>,
{
    type Item = A::Item;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<A::Item>,
    {
        self.with_leaves(consumer, Run)
    }

    fn with_leaves<C, R, D, K>(self, consumer: C, callback: K) -> K::Output
    where
        C: UnindexedConsumer<A::Item, Result = R, Reducer = D>,
        K: LeavesCallback<R, D>,
    {
        let Chain { a, b } = self;
        let (left, right, reducer) = match a.opt_len() {
            Some(len) => consumer.split_at(len),
            None => {
                let left = consumer.split_off_left();
                let reducer = consumer.to_reducer();
                (left, consumer, reducer)
            }
        };
        a.with_leaves(left, LeavesA { b, right, reducer, callback })
    }

    fn opt_len(&self) -> Option<usize> {
        self.a.opt_len()?.checked_add(self.b.opt_len()?)
    }
}

impl<A, B> IndexedParallelIterator for Chain<A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator<Item = A::Item>,
{
    drive_by_bridge!();

    fn len(&self) -> usize {
        self.a.len().checked_add(self.b.len()).expect("the length of a chain overflows")
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<Self::Item>,
    {
        let a_len = self.a.len();
        with_two(self.a, self.b, Chained { a_len, callback })
    }
}

/// Runs the leaves of both as one construct.
struct Run;

impl<R: Send, D: Reducer<R>> LeavesCallback<R, D> for Run {
    type Output = R;

    fn callback<'a>(self, cut: Cut<BoxedLeaf<'a, R>, D>) -> R
    where
        R: 'a,
    {
        cut.run_boxed()
    }
}

/// Has the leaves of the first, asks for those of the second.
struct LeavesA<B, C, D, K> {
    b: B,
    right: C,
    reducer: D,
    callback: K,
}

impl<B, C, K> LeavesCallback<C::Result, C::Reducer> for LeavesA<B, C, C::Reducer, K>
where
    B: ParallelIterator,
    C: UnindexedConsumer<B::Item>,
    K: LeavesCallback<C::Result, C::Reducer>,
{
    type Output = K::Output;

    fn callback<'a>(self, cut: Cut<BoxedLeaf<'a, C::Result>, C::Reducer>) -> K::Output
    where
        C::Result: 'a,
    {
        let LeavesA { b, right, reducer, callback } = self;
        b.with_leaves(right, LeavesB { left: cut, reducer, callback })
    }
}

/// Has the leaves of both.
struct LeavesB<'l, R, D, K> {
    left: Cut<BoxedLeaf<'l, R>, D>,
    reducer: D,
    callback: K,
}

impl<R, D, K> LeavesCallback<R, D> for LeavesB<'_, R, D, K>
where
    K: LeavesCallback<R, D>,
{
    type Output = K::Output;

    fn callback<'a>(self, right: Cut<BoxedLeaf<'a, R>, D>) -> K::Output
    where
        R: 'a,
    {
        self.callback.callback(Cut::join(self.left, self.reducer, right))
    }
}

struct Chained<CB> {
    a_len: usize,
    callback: CB,
}

impl<T, CB: ProducerCallback<T>> TwoCallback<T, T> for Chained<CB> {
    type Output = CB::Output;

    fn callback<P, Q>(self, a: P, b: Q) -> CB::Output
    where
        P: Producer<Item = T>,
        Q: Producer<Item = T>,
    {
        self.callback.callback(ChainProducer { a_len: self.a_len, a, b })
    }
}

/// Part of the first, then part of the second; either may be empty.
struct ChainProducer<A, B> {
    a_len: usize,
    a: A,
    b: B,
}

impl<A, B> Producer for ChainProducer<A, B>
where
    A: Producer,
    B: Producer<Item = A::Item>,
{
    type Item = A::Item;
    type IntoIter = ChainIter<A::IntoIter, B::IntoIter>;

    fn into_iter(self) -> Self::IntoIter {
        let (a, b) = (self.a.into_iter(), self.b.into_iter());
        ChainIter { len: a.len() + b.len(), chain: a.chain(b) }
    }

    fn min_len(&self) -> usize {
        self.a.min_len().max(self.b.min_len())
    }

    fn max_len(&self) -> usize {
        self.a.max_len().min(self.b.max_len())
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let left_len = index.min(self.a_len);
        let (a_left, a_right) = self.a.split_at(left_len);
        let (b_left, b_right) = self.b.split_at(index - left_len);
        (
            ChainProducer { a_len: left_len, a: a_left, b: b_left },
            ChainProducer { a_len: self.a_len - left_len, a: a_right, b: b_right },
        )
    }

    fn fold_with<F: Folder<A::Item>>(self, folder: F) -> F {
        let folder = self.a.fold_with(folder);
        if folder.full() { folder } else { self.b.fold_with(folder) }
    }
}

/// std's chain with its length, which std does not promise because of overflow.
struct ChainIter<A, B> {
    chain: iter::Chain<A, B>,
    len: usize,
}

impl<A, B> Iterator for ChainIter<A, B>
where
    A: Iterator,
    B: Iterator<Item = A::Item>,
{
    type Item = A::Item;

    fn next(&mut self) -> Option<A::Item> {
        let item = self.chain.next()?;
        self.len -= 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl<A, B> DoubleEndedIterator for ChainIter<A, B>
where
    A: DoubleEndedIterator,
    B: DoubleEndedIterator<Item = A::Item>,
{
    fn next_back(&mut self) -> Option<A::Item> {
        let item = self.chain.next_back()?;
        self.len -= 1;
        Some(item)
    }
}

impl<A, B> ExactSizeIterator for ChainIter<A, B>
where
    A: Iterator,
    B: Iterator<Item = A::Item>,
{
}
