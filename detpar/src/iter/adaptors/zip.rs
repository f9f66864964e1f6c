//! `zip` and `zip_eq`.
use super::two::{TwoCallback, with_two};
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Exclusive, Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

/// Returned by [`IndexedParallelIterator::zip`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Zip<A, B> {
    a: A,
    b: B,
}

/// Returned by [`IndexedParallelIterator::zip_eq`].
pub type ZipEq<A, B> = Zip<A, B>;

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
        let len = self.len();
        with_two(self.a, self.b, Zipped { len, callback })
    }
}

struct Zipped<CB> {
    len: usize,
    callback: CB,
}

impl<A, B, CB: ProducerCallback<(A, B)>> TwoCallback<A, B> for Zipped<CB> {
    type Output = CB::Output;

    fn callback<P, Q>(self, a: P, b: Q) -> CB::Output
    where
        P: Producer<Item = A>,
        Q: Producer<Item = B>,
    {
        // What the longer one has beyond the shorter is cut off here, so that a part's
        // length is that of both its producers and what is left over is dropped by the caller.
        let ((a, _), (b, _)) = (a.split_at(self.len), b.split_at(self.len));
        self.callback.callback(ZipProducer { a, b })
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

    fn exclusive(&mut self) -> Exclusive {
        self.a.exclusive().or(self.b.exclusive())
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let (a_left, a_right) = self.a.split_at(index);
        let (b_left, b_right) = self.b.split_at(index);
        (ZipProducer { a: a_left, b: b_left }, ZipProducer { a: a_right, b: b_right })
    }
}
