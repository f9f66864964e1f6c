//! Inclusive ranges of integers and of `char`.
use super::range::sealed::ShortInclusive;
use super::range::{RangeInteger, RangeProducer, drive, len};
use crate::iter::bridged::drive_by_bridge;
use crate::iter::cut::{self, LeavesCallback};
use crate::iter::plumbing::{ProducerCallback, UnindexedConsumer};
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::ops::RangeInclusive;

/// Parallel iterator over an inclusive range of integers or of `char`. It is indexed for
/// integers of up to 16 bits and `char`, as rayon's is.
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Iter<T> {
    range: RangeInclusive<T>,
}

impl<T: RangeInteger> IntoParallelIterator for RangeInclusive<T> {
    type Iter = Iter<T>;
    type Item = T;

    fn into_par_iter(self) -> Iter<T> {
        Iter { range: self }
    }
}

impl<T: RangeInteger> Iter<T> {
    /// The number of steps from the first value to the last; `None` of no values.
    fn steps(&self) -> Option<u128> {
        if self.range.is_empty() {
            return None;
        }
        Some(self.range.start().distance(*self.range.end()))
    }
}

impl<T: RangeInteger> ParallelIterator for Iter<T> {
    type Item = T;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<T>,
    {
        drive(*self.range.start(), self.steps(), consumer)
    }

    fn with_leaves<C, R, D, K>(self, consumer: C, callback: K) -> K::Output
    where
        C: UnindexedConsumer<T, Result = R, Reducer = D>,
        K: LeavesCallback<R, D>,
    {
        match self.opt_len() {
            Some(len) => {
                let producer = RangeProducer::new(*self.range.start(), len);
                cut::leaves_of_producer(len, producer, consumer, callback)
            }
            None => cut::nested(self, consumer, callback),
        }
    }

    fn opt_len(&self) -> Option<usize> {
        len(self.steps())
    }
}

impl<T: RangeInteger + ShortInclusive> IndexedParallelIterator for Iter<T> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        len(self.steps()).expect("a short range")
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<T>,
    {
        let len = self.len();
        callback.callback(RangeProducer::new(*self.range.start(), len))
    }
}
