//! `rev`.
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Exclusive, Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

/// Returned by [`IndexedParallelIterator::rev`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Rev<I> {
    base: I,
}

impl<I> Rev<I> {
    pub(in crate::iter) fn new(base: I) -> Self {
        Rev { base }
    }
}

impl<I: IndexedParallelIterator> ParallelIterator for Rev<I> {
    type Item = I::Item;

    parallel_by_bridge!();
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for Rev<I> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        self.base.len()
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<Self::Item>,
    {
        struct Callback<CB> {
            len: usize,
            callback: CB,
        }

        impl<T, CB: ProducerCallback<T>> ProducerCallback<T> for Callback<CB> {
            type Output = CB::Output;

            fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
                self.callback.callback(RevProducer { base, len: self.len })
            }
        }

        let len = self.base.len();
        self.base.with_producer(Callback { len, callback })
    }
}

struct RevProducer<P> {
    base: P,
    /// Number of items of `base`: it is cut from its end.
    len: usize,
}

impl<P: Producer> Producer for RevProducer<P> {
    type Item = P::Item;
    type IntoIter = iter::Rev<P::IntoIter>;

    fn into_iter(self) -> Self::IntoIter {
        self.base.into_iter().rev()
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
        let rest = self.len - index;
        let (front, back) = self.base.split_at(rest);
        (RevProducer { base: back, len: index }, RevProducer { base: front, len: rest })
    }
}
