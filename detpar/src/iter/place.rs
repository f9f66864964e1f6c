//! Memory for the items of a collected vector that each leaf writes for itself: the other place
//! where the iterators move values across the border of a space.
//!
//! The parent makes the allocation and offers it to its children; a leaf that may fill its part in
//! place does so, and hands over no more than where its items lie. Nothing of the memory can be
//! read before all leaves are done: it is the spare capacity of a vector.
use crate::engine;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr;

/// Bytes of the smallest allocation that consists of whole pages, as an offer has to.
const LEAST: usize = (32 << 10) + 1;

/// How many items to make room for, so that there is an offer for `len` of them.
pub(super) fn room_for<T>(len: usize) -> usize {
    match size_of::<T>() {
        0 => len,
        size => len.max(LEAST.div_ceil(size)),
    }
}

/// Where the item of some index belongs.
pub(super) struct Place<T>(*mut T);

// SAFETY: a place is an address. Who writes there moves a `T` to it, for which `T: Send` does.
unsafe impl<T: Send> Send for Place<T> {}

impl<T> Place<T> {
    /// That of an item `index` further on.
    ///
    /// # Safety
    /// It must be in the same allocation, or at its end.
    unsafe fn after(&self, index: usize) -> Place<T> {
        // SAFETY: the caller's contract.
        Place(unsafe { self.0.add(index) })
    }
}

/// The part of the memory that `len` items are to fill.
pub(super) struct Part<T> {
    start: Place<T>,
    len: usize,
}

impl<T> Part<T> {
    /// Cuts it at an index.
    pub fn split_at(self, index: usize) -> (Part<T>, Part<T>) {
        let index = index.min(self.len);
        // SAFETY: within the part.
        let right = Part { start: unsafe { self.start.after(index) }, len: self.len - index };
        (Part { start: self.start, len: index }, right)
    }

    /// Begins to fill it, if this space is one of those that it was offered to: a leaf may be cut
    /// further by a parallel call of its own, whose leaves are not.
    pub fn begin(self) -> Option<Filled<T>> {
        let here = engine::fills(self.start.0.cast(), self.len * size_of::<T>());
        here.then(|| Filled { start: self.start, len: 0, room: self.len })
    }
}

/// Items that were written to their place, from its start on. Owns them.
pub(super) struct Filled<T> {
    start: Place<T>,
    len: usize,
    room: usize,
}

impl<T> Filled<T> {
    /// Writes the next item.
    ///
    /// # Panics
    /// Where there is no room left: there are more items than the iterator said.
    pub fn push(&mut self, item: T) {
        assert!(
            self.len < self.room,
            "a part of an iterator that says it has {} items had more",
            self.room
        );
        // SAFETY: within the part, which this space alone fills (`filled-in-place`).
        unsafe { self.start.0.add(self.len).write(item) };
        self.len += 1;
    }

    /// Writes all items of an iterator.
    pub fn extend(&mut self, iter: impl Iterator<Item = T>) {
        let left = self.room - self.len;
        if iter.size_hint().1.is_none_or(|most| most > left) {
            return iter.for_each(|item| self.push(item));
        }
        // SAFETY: the rest of the part, which this space alone fills (`filled-in-place`); memory
        // that was never written is no `MaybeUninit`'s matter.
        let slots = unsafe {
            std::slice::from_raw_parts_mut(
                self.start.0.add(self.len).cast::<MaybeUninit<T>>(),
                left,
            )
        };
        for (slot, item) in slots.iter_mut().zip(iter) {
            slot.write(item);
            self.len += 1;
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Moves them into a vector.
    pub fn into_vec(self) -> Vec<T> {
        let mut items = Vec::with_capacity(self.len);
        let this = ManuallyDrop::new(self);
        // SAFETY: as many items as were written are moved out, once: they are not dropped here.
        unsafe {
            ptr::copy_nonoverlapping(this.start.0, items.as_mut_ptr(), this.len);
            items.set_len(this.len);
        }
        items
    }
}

impl<T> Drop for Filled<T> {
    fn drop(&mut self) {
        let items = ptr::slice_from_raw_parts_mut(self.start.0, self.len);
        // SAFETY: so many were written, and this value owns them.
        unsafe { ptr::drop_in_place(items) };
    }
}

/// The spare capacity of an empty vector, offered to this space's children.
pub(super) struct Room<'a, T> {
    items: &'a mut Vec<T>,
    _offer: engine::Offer,
}

impl<'a, T> Room<'a, T> {
    /// Offers room for `len` items; `None` where it does not consist of whole pages.
    pub fn offer(items: &'a mut Vec<T>, len: usize) -> Option<Room<'a, T>> {
        debug_assert!(items.is_empty() && items.capacity() >= len);
        let start = items.as_mut_ptr().cast();
        // SAFETY: nobody reads the spare capacity of a vector that is borrowed here, and only what
        // `Part::begin` made writes there: each to the part that the others do not have.
        let offer = unsafe { engine::offer(start, len * size_of::<T>()) }?;
        Some(Room { items, _offer: offer })
    }

    /// All of it, for `len` items.
    pub fn part(&mut self, len: usize) -> Part<T> {
        Part { start: Place(self.items.as_mut_ptr()), len: len.min(self.items.capacity()) }
    }

    /// Takes over what was filled: the parts, in order, if they make up one stretch from the
    /// start; else gives them back.
    pub fn take(self, parts: Vec<Filled<T>>) -> Result<(), Vec<Filled<T>>> {
        let mut end = self.items.as_mut_ptr();
        for part in &parts {
            if part.start.0 != end {
                return Err(parts);
            }
            // SAFETY: the part has so many items.
            end = unsafe { end.add(part.len) };
        }
        let len = parts.iter().map(Filled::len).sum();
        parts.into_iter().for_each(std::mem::forget);
        // SAFETY: the parts owned so many items, one after another from the start on.
        unsafe { self.items.set_len(len) };
        Ok(())
    }
}
