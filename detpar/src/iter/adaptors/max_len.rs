//! `with_max_len`.
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Folder, Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};

/// Returned by [`IndexedParallelIterator::with_max_len`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct MaxLen<I> {
    base: I,
    max: usize,
}

impl<I> MaxLen<I> {
    pub(in crate::iter) fn new(base: I, max: usize) -> Self {
        MaxLen { base, max }
    }
}

impl<I: IndexedParallelIterator> ParallelIterator for MaxLen<I> {
    type Item = I::Item;

    parallel_by_bridge!();
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for MaxLen<I> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        self.base.len()
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<Self::Item>,
    {
        self.base.with_producer(Callback { max: self.max, callback })
    }
}

struct Callback<CB> {
    max: usize,
    callback: CB,
}

impl<T, CB: ProducerCallback<T>> ProducerCallback<T> for Callback<CB> {
    type Output = CB::Output;

    fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
        self.callback.callback(MaxLenProducer { base, max: self.max })
    }
}

struct MaxLenProducer<P> {
    base: P,
    max: usize,
}

impl<P: Producer> Producer for MaxLenProducer<P> {
    type Item = P::Item;
    type IntoIter = P::IntoIter;

    fn into_iter(self) -> P::IntoIter {
        self.base.into_iter()
    }

    fn max_len(&self) -> usize {
        self.base.max_len().min(self.max)
    }

    fn min_len(&self) -> usize {
        self.base.min_len()
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let max = self.max;
        let (left, right) = self.base.split_at(index);
        (MaxLenProducer { base: left, max }, MaxLenProducer { base: right, max })
    }

    fn fold_with<F: Folder<P::Item>>(self, folder: F) -> F {
        self.base.fold_with(folder)
    }
}
