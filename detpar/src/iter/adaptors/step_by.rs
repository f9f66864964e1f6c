//! `step_by`.
use super::declare::adaptor;
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

adaptor! {
    /// Returned by [`IndexedParallelIterator::step_by`].
    StepBy<I> { step: usize }
}

impl<I: IndexedParallelIterator> ParallelIterator for StepBy<I> {
    type Item = I::Item;

    parallel_by_bridge!();
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for StepBy<I> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        self.base.len().div_ceil(self.step)
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<Self::Item>,
    {
        let (len, step) = (self.base.len(), self.step);
        self.base.with_producer(Callback { len, step, callback })
    }
}

struct Callback<CB> {
    len: usize,
    step: usize,
    callback: CB,
}

impl<T, CB: ProducerCallback<T>> ProducerCallback<T> for Callback<CB> {
    type Output = CB::Output;

    fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
        self.callback.callback(StepByProducer { base, len: self.len, step: self.step })
    }
}

/// A part; it begins with an item to yield.
struct StepByProducer<P> {
    base: P,
    /// Number of items of `base`.
    len: usize,
    step: usize,
}

impl<P: Producer> Producer for StepByProducer<P> {
    type Item = P::Item;
    type IntoIter = iter::StepBy<P::IntoIter>;

    fn into_iter(self) -> Self::IntoIter {
        self.base.into_iter().step_by(self.step)
    }

    fn min_len(&self) -> usize {
        self.base.min_len().div_ceil(self.step)
    }

    fn max_len(&self) -> usize {
        (self.base.max_len() / self.step).max(1)
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let StepByProducer { base, len, step } = self;
        let at = index.saturating_mul(step).min(len);
        let (left, right) = base.split_at(at);
        (
            StepByProducer { base: left, len: at, step },
            StepByProducer { base: right, len: len - at, step },
        )
    }
}
