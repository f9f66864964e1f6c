//! Arrays by value.
use super::vec::Owned;
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::ProducerCallback;
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::mem::ManuallyDrop;

/// Parallel iterator over the items of an array.
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct IntoIter<T, const N: usize> {
    array: [T; N],
}

impl<T: Send, const N: usize> IntoParallelIterator for [T; N] {
    type Iter = IntoIter<T, N>;
    type Item = T;

    fn into_par_iter(self) -> IntoIter<T, N> {
        IntoIter { array: self }
    }
}

impl<T: Send, const N: usize> ParallelIterator for IntoIter<T, N> {
    type Item = T;

    parallel_by_bridge!();
}

impl<T: Send, const N: usize> IndexedParallelIterator for IntoIter<T, N> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        N
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<T>,
    {
        let mut array = ManuallyDrop::new(self.array);
        // SAFETY: the array is never dropped nor used again, only its items are, by `Owned`.
        callback.callback(unsafe { Owned::new(array.as_mut_slice()) })
    }
}
