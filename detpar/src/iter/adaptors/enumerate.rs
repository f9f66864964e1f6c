//! `enumerate`.
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Exclusive, Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;
use std::ops::Range;

/// Returned by [`IndexedParallelIterator::enumerate`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Enumerate<I> {
    base: I,
}

impl<I> Enumerate<I> {
    pub(in crate::iter) fn new(base: I) -> Self {
        Enumerate { base }
    }
}

impl<I: IndexedParallelIterator> ParallelIterator for Enumerate<I> {
    type Item = (usize, I::Item);

    parallel_by_bridge!();
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for Enumerate<I> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        self.base.len()
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<Self::Item>,
    {
        struct Callback<CB>(CB);

        impl<T, CB: ProducerCallback<(usize, T)>> ProducerCallback<T> for Callback<CB> {
            type Output = CB::Output;

            fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
                self.0.callback(EnumerateProducer { base, offset: 0 })
            }
        }

        self.base.with_producer(Callback(callback))
    }
}

struct EnumerateProducer<P> {
    base: P,
    /// Index of the first item of this part in the whole.
    offset: usize,
}

impl<P: Producer> Producer for EnumerateProducer<P> {
    type Item = (usize, P::Item);
    type IntoIter = iter::Zip<Range<usize>, P::IntoIter>;

    fn into_iter(self) -> Self::IntoIter {
        // std's `enumerate` cannot begin elsewhere than at 0 and a zip with an open range
        // has no length.
        let base = self.base.into_iter();
        let end = self.offset + base.len();
        (self.offset..end).zip(base)
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
        (
            EnumerateProducer { base: left, offset: self.offset },
            EnumerateProducer { base: right, offset: self.offset + index },
        )
    }
}
