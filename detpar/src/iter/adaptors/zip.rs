//! `zip` and `zip_eq`.
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

/// Returned by [`IndexedParallelIterator::zip`] and [`IndexedParallelIterator::zip_eq`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Zip<A, B> {
    a: A,
    b: B,
}

impl<A, B> Zip<A, B> {
    pub(in crate::iter) fn new(a: A, b: B) -> Self {
        Zip { a, b }
    }
}

impl<A, B> ParallelIterator for Zip<A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator,
{
    type Item = (A::Item, B::Item);

    parallel_by_bridge!();
}

impl<A, B> IndexedParallelIterator for Zip<A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator,
{
    drive_by_bridge!();

    fn len(&self) -> usize {
        self.a.len().min(self.b.len())
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<Self::Item>,
    {
        // What the longer one has beyond the shorter is cut off here, so that a part's
        // length is that of both its producers and what is left over is dropped by the caller.
        let len = self.len();
        self.a.with_producer(CallbackA { b: self.b, len, callback })
    }
}

struct CallbackA<B, CB> {
    b: B,
    len: usize,
    callback: CB,
}

impl<TA, B, CB> ProducerCallback<TA> for CallbackA<B, CB>
where
    B: IndexedParallelIterator,
    CB: ProducerCallback<(TA, B::Item)>,
{
    type Output = CB::Output;

    fn callback<P: Producer<Item = TA>>(self, a: P) -> CB::Output {
        let (a, _) = a.split_at(self.len);
        self.b.with_producer(CallbackB { a, len: self.len, callback: self.callback })
    }
}

struct CallbackB<PA, CB> {
    a: PA,
    len: usize,
    callback: CB,
}

impl<PA, TB, CB> ProducerCallback<TB> for CallbackB<PA, CB>
where
    PA: Producer,
    CB: ProducerCallback<(PA::Item, TB)>,
{
    type Output = CB::Output;

    fn callback<P: Producer<Item = TB>>(self, b: P) -> CB::Output {
        let (b, _) = b.split_at(self.len);
        self.callback.callback(ZipProducer { a: self.a, b })
    }
}

/// Two producers of the same length.
struct ZipProducer<A, B> {
    a: A,
    b: B,
}

impl<A: Producer, B: Producer> Producer for ZipProducer<A, B> {
    type Item = (A::Item, B::Item);
    type IntoIter = iter::Zip<A::IntoIter, B::IntoIter>;

    fn into_iter(self) -> Self::IntoIter {
        self.a.into_iter().zip(self.b.into_iter())
    }

    fn min_len(&self) -> usize {
        self.a.min_len().max(self.b.min_len())
    }

    fn max_len(&self) -> usize {
        self.a.max_len().min(self.b.max_len())
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let (a_left, a_right) = self.a.split_at(index);
        let (b_left, b_right) = self.b.split_at(index);
        (ZipProducer { a: a_left, b: b_left }, ZipProducer { a: a_right, b: b_right })
    }
}
