//! Vectors by value, and ranges that are taken out of them: the items move into the leaves, the
//! memory stays with the caller.
use crate::engine;
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{
    IndexedParallelIterator, IntoParallelIterator, ParallelDrainRange, ParallelIterator,
};
use std::mem;
use std::ops::{Bound, Range, RangeBounds};
use std::ptr;
use std::slice;

/// Parallel iterator over the items of a vector.
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct IntoIter<T> {
    vec: Vec<T>,
}

impl<T: Send> IntoParallelIterator for Vec<T> {
    type Iter = IntoIter<T>;
    type Item = T;

    fn into_par_iter(self) -> IntoIter<T> {
        IntoIter { vec: self }
    }
}

impl<T: Send> IntoParallelIterator for Box<[T]> {
    type Iter = IntoIter<T>;
    type Item = T;

    fn into_par_iter(self) -> IntoIter<T> {
        self.into_vec().into_par_iter()
    }
}

impl<T: Send> ParallelIterator for IntoIter<T> {
    type Item = T;

    parallel_by_bridge!();
}

impl<T: Send> IndexedParallelIterator for IntoIter<T> {
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

/// Parallel iterator over a range of items that leaves the vector.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Drain<'data, T: Send> {
    vec: &'data mut Vec<T>,
    /// In bounds of the vector as it was.
    range: Range<usize>,
    /// The items behind the range that still have to move up, once those of the range were
    /// given away; the vector ends before the range then.
    tail: Option<usize>,
}

impl<'data, T: Send> ParallelDrainRange<usize> for &'data mut Vec<T> {
    type Iter = Drain<'data, T>;
    type Item = T;

    #[track_caller]
    fn par_drain<R: RangeBounds<usize>>(self, range: R) -> Drain<'data, T> {
        let range = bounds(range, self.len());
        Drain { vec: self, range, tail: None }
    }
}

/// The bounds of a range of a collection of `len` items.
///
/// # Panics
/// Where the range is not within the collection.
#[track_caller]
pub(super) fn bounds(range: impl RangeBounds<usize>, len: usize) -> Range<usize> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.checked_add(1).expect("a range that starts in bounds"),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.checked_add(1).expect("a range that ends in bounds"),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => len,
    };
    assert!(start <= end, "the range starts at {start} but ends at {end}");
    assert!(end <= len, "the range ends at {end}, the collection at {len}");
    start..end
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
        self.tail = Some(self.vec.len() - self.range.end);
        // SAFETY: in bounds; from here on the items of the range are the producer's, and those
        // behind it nobody's until `drop` gives them back.
        unsafe { self.vec.set_len(self.range.start) };
        // SAFETY: within the vector's memory, as the range is in bounds of its old length.
        let first = unsafe { self.vec.as_mut_ptr().add(self.range.start) };
        // SAFETY: these items are initialised, and nobody else refers to them while the vector
        // is not touched, which is until after the callback.
        let items = unsafe { slice::from_raw_parts_mut(first, self.range.len()) };
        // SAFETY: neither the vector nor `drop` uses them any more.
        callback.callback(unsafe { Owned::new(items) })
    }
}

impl<T: Send> Drop for Drain<'_, T> {
    fn drop(&mut self) {
        let Range { start, end } = self.range;
        let Some(tail) = self.tail else {
            self.vec.drain(start..end);
            return;
        };
        let first = self.vec.as_mut_ptr();
        // SAFETY: `tail` items behind the range were initialised and nobody uses those of the
        // range any more: they move up to the end of the vector, which then has them again.
        unsafe {
            ptr::copy(first.add(end), first.add(start), tail);
            self.vec.set_len(start + tail);
        }
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
        engine::will_read(self.items);
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
