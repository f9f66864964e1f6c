//! Vectors by value: the items move into the leaves, the memory stays with the caller.
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::mem;
use std::ptr;
use std::slice;

/// Parallel iterator over the items of a vector.
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct VecIntoIter<T> {
    vec: Vec<T>,
}

impl<T: Send> IntoParallelIterator for Vec<T> {
    type Iter = VecIntoIter<T>;
    type Item = T;

    fn into_par_iter(self) -> VecIntoIter<T> {
        VecIntoIter { vec: self }
    }
}

impl<T: Send> ParallelIterator for VecIntoIter<T> {
    type Item = T;

    parallel_by_bridge!();
}

impl<T: Send> IndexedParallelIterator for VecIntoIter<T> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        self.vec.len()
    }

    fn with_producer<CB>(mut self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<T>,
    {
        let len = self.vec.len();
        // SAFETY: 0 is in bounds; the items are the producer's from here on and the vector,
        // which outlives it, only frees the memory.
        unsafe { self.vec.set_len(0) };
        // SAFETY: the first `len` items are initialised, and nobody else refers to them while
        // the vector is not touched, which is until after the callback.
        let items = unsafe { slice::from_raw_parts_mut(self.vec.as_mut_ptr(), len) };
        // SAFETY: the vector does not drop them any more.
        callback.callback(unsafe { Owned::new(items) })
    }
}

/// A slice whose items this value owns, but not their memory.
pub(super) struct Owned<'data, T: Send> {
    /// Initialised, and dropped or moved out by this value alone.
    items: &'data mut [T],
}

impl<'data, T: Send> Owned<'data, T> {
    /// # Safety
    /// Nobody else drops the items or uses them afterwards.
    pub(super) unsafe fn new(items: &'data mut [T]) -> Self {
        Owned { items }
    }
}

impl<'data, T: Send> Producer for Owned<'data, T> {
    type Item = T;
    type IntoIter = OwnedIter<'data, T>;

    fn into_iter(mut self) -> OwnedIter<'data, T> {
        // The items go to the iterator, nothing is left for the destructor.
        OwnedIter { items: mem::take(&mut self.items).iter_mut() }
    }

    fn split_at(mut self, index: usize) -> (Self, Self) {
        let (left, right) = mem::take(&mut self.items).split_at_mut(index);
        (Owned { items: left }, Owned { items: right })
    }
}

impl<T: Send> Drop for Owned<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the field's invariant.
        unsafe { ptr::drop_in_place(&raw mut *self.items) }
    }
}

/// Moves the items out one after another and drops those that nobody asked for.
pub(super) struct OwnedIter<'data, T: Send> {
    /// The items not yet moved out, as in [`Owned`].
    items: slice::IterMut<'data, T>,
}

impl<T: Send> Iterator for OwnedIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let item = self.items.next()?;
        // SAFETY: the field's invariant; `items` has passed this one and never returns to it.
        Some(unsafe { ptr::read(item) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<T: Send> DoubleEndedIterator for OwnedIter<'_, T> {
    fn next_back(&mut self) -> Option<T> {
        let item = self.items.next_back()?;
        // SAFETY: as in `next`.
        Some(unsafe { ptr::read(item) })
    }
}

impl<T: Send> ExactSizeIterator for OwnedIter<'_, T> {}

impl<T: Send> Drop for OwnedIter<'_, T> {
    fn drop(&mut self) {
        let rest = mem::take(&mut self.items).into_slice();
        // SAFETY: the field's invariant: what was moved out is not in `rest`.
        unsafe { ptr::drop_in_place(&raw mut *rest) }
    }
}
