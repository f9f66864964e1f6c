//! `take`.
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};

/// Returned by [`IndexedParallelIterator::take`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Take<I> {
    base: I,
    /// At most the length of `base`.
    n: usize,
}

impl<I: IndexedParallelIterator> Take<I> {
    pub(in crate::iter) fn new(base: I, n: usize) -> Self {
        let n = n.min(base.len());
        Take { base, n }
    }
}

impl<I: IndexedParallelIterator> ParallelIterator for Take<I> {
    type Item = I::Item;

    parallel_by_bridge!();
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for Take<I> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        self.n
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<Self::Item>,
    {
        self.base.with_producer(Callback { n: self.n, callback })
    }
}

struct Callback<CB> {
    n: usize,
    callback: CB,
}

impl<T, CB: ProducerCallback<T>> ProducerCallback<T> for Callback<CB> {
    type Output = CB::Output;

    fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
        // Cut off before the call: what is not taken is dropped here, not in a child.
        let (taken, _) = base.split_at(self.n);
        self.callback.callback(taken)
    }
}
