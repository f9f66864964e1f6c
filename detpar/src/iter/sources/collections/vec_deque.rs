//! Double-ended queues. By reference their two slices are cut as one.
use crate::iter::bridged::{drive_by_bridge, indexed_by_inner, parallel_by_bridge};
use crate::iter::plumbing::ProducerCallback;
use crate::iter::{
    Chain, IndexedParallelIterator, IntoParallelIterator, ParallelDrainRange, ParallelIterator,
};
use crate::{slice, vec};
use std::collections::VecDeque;
use std::mem;
use std::ops::{Range, RangeBounds};

/// Parallel iterator over the items of a queue, by value.
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct IntoIter<T> {
    inner: vec::IntoIter<T>,
}

indexed_by_inner!([T: Send] IntoIter<T>, T);

impl<T: Send> IntoParallelIterator for VecDeque<T> {
    type Iter = IntoIter<T>;
    type Item = T;

    fn into_par_iter(self) -> IntoIter<T> {
        IntoIter { inner: Vec::from(self).into_par_iter() }
    }
}

/// Parallel iterator over references to the items of a queue.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Iter<'a, T> {
    inner: Chain<slice::Iter<'a, T>, slice::Iter<'a, T>>,
}

indexed_by_inner!(['a, T: Sync] Iter<'a, T>, &'a T);

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter { inner: self.inner.clone() }
    }
}

impl<'a, T: Sync> IntoParallelIterator for &'a VecDeque<T> {
    type Iter = Iter<'a, T>;
    type Item = &'a T;

    fn into_par_iter(self) -> Self::Iter {
        let (front, back) = self.as_slices();
        Iter { inner: front.into_par_iter().chain(back) }
    }
}

/// Parallel iterator over mutable references to the items of a queue.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct IterMut<'a, T> {
    inner: Chain<slice::IterMut<'a, T>, slice::IterMut<'a, T>>,
}

indexed_by_inner!(['a, T: Send] IterMut<'a, T>, &'a mut T);

impl<'a, T: Send> IntoParallelIterator for &'a mut VecDeque<T> {
    type Iter = IterMut<'a, T>;
    type Item = &'a mut T;

    fn into_par_iter(self) -> Self::Iter {
        let (front, back) = self.as_mut_slices();
        IterMut { inner: front.into_par_iter().chain(back) }
    }
}

/// Parallel iterator over a range of items that leaves the queue.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Drain<'a, T: Send> {
    deque: &'a mut VecDeque<T>,
    /// In bounds; empty once the items are taken out.
    range: Range<usize>,
}

impl<'a, T: Send> ParallelDrainRange<usize> for &'a mut VecDeque<T> {
    type Iter = Drain<'a, T>;
    type Item = T;

    #[track_caller]
    fn par_drain<R: RangeBounds<usize>>(self, range: R) -> Drain<'a, T> {
        let range = vec::bounds(range, self.len());
        Drain { deque: self, range }
    }
}

impl<T: Send> ParallelIterator for Drain<'_, T> {
    type Item = T;

    parallel_by_bridge!();
}

impl<T: Send> IndexedParallelIterator for Drain<'_, T> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        self.range.len()
    }

    fn with_producer<CB>(mut self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<T>,
    {
        /// The items as a vector; they go back however the callback ends.
        struct AsVec<'a, T> {
            vec: Vec<T>,
            deque: &'a mut VecDeque<T>,
        }

        impl<T> Drop for AsVec<'_, T> {
            fn drop(&mut self) {
                *self.deque = mem::take(&mut self.vec).into();
            }
        }

        let range = mem::take(&mut self.range);
        let vec = mem::take(self.deque).into();
        let mut all = AsVec { vec, deque: self.deque };
        all.vec.par_drain(range).with_producer(callback)
    }
}

impl<T: Send> Drop for Drain<'_, T> {
    fn drop(&mut self) {
        drop(self.deque.drain(self.range.clone()));
    }
}
