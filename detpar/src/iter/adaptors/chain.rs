//! `chain`.
use crate::fork;
use crate::iter::bridged::drive_by_bridge;
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
        let Chain { a, b } = self;
        let (left, right, reducer) = match a.opt_len() {
            Some(len) => consumer.split_at(len),
            None => {
                let left = consumer.split_off_left();
                let reducer = consumer.to_reducer();
                (left, consumer, reducer)
            }
        };
        match fork::fork2(|| a.drive_unindexed(left), || b.drive_unindexed(right)) {
            Ok((left, right)) => reducer.reduce(left, right),
            Err(e) => e.unwind(),
        }
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
        self.a.with_producer(CallbackA { a_len, b: self.b, callback })
    }
}

struct CallbackA<B, CB> {
    a_len: usize,
    b: B,
    callback: CB,
}

impl<B, CB> ProducerCallback<B::Item> for CallbackA<B, CB>
where
    B: IndexedParallelIterator,
    CB: ProducerCallback<B::Item>,
{
    type Output = CB::Output;

    fn callback<P: Producer<Item = B::Item>>(self, a: P) -> CB::Output {
        self.b.with_producer(CallbackB { a_len: self.a_len, a, callback: self.callback })
    }
}

struct CallbackB<PA, CB> {
    a_len: usize,
    a: PA,
    callback: CB,
}

impl<PA, CB> ProducerCallback<PA::Item> for CallbackB<PA, CB>
where
    PA: Producer,
    CB: ProducerCallback<PA::Item>,
{
    type Output = CB::Output;

    fn callback<P: Producer<Item = PA::Item>>(self, b: P) -> CB::Output {
        self.callback.callback(ChainProducer { a_len: self.a_len, a: self.a, b })
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
