//! `collect` into a vector, and into parts that other collections are made of.
//!
//! Where the number of items is known the parent allocates the vector, offers its memory to its
//! children (a common grant, docs/exec.md), and each leaf fills its part in place. Else every leaf
//! builds a vector of its own, and the parent moves their items into one allocation of the exact
//! size, in order.
use crate::iter::place::{Filled, Part, Room, room_for};
use crate::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};
use crate::iter::{FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator};

/// The items of one leaf.
pub(super) enum Items<T> {
    Made(Vec<T>),
    Filled(Filled<T>),
}

impl<T> Items<T> {
    fn len(&self) -> usize {
        match self {
            Items::Made(items) => items.len(),
            Items::Filled(items) => items.len(),
        }
    }

    fn into_vec(self) -> Vec<T> {
        match self {
            Items::Made(items) => items,
            Items::Filled(items) => items.into_vec(),
        }
    }
}

/// The items of some neighbouring leaves.
pub(super) enum Parts<T> {
    One(Items<T>),
    Many(Vec<Items<T>>),
}

impl<T> Parts<T> {
    /// Number of items.
    pub(super) fn len(&self) -> usize {
        match self {
            Parts::One(part) => part.len(),
            Parts::Many(parts) => parts.iter().map(Items::len).sum(),
        }
    }

    fn into_parts(self) -> Vec<Items<T>> {
        match self {
            Parts::One(part) => vec![part],
            Parts::Many(parts) => parts,
        }
    }

    /// All items, in order.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        let left = self.len();
        Counted { left, items: self.into_parts().into_iter().flat_map(Items::into_vec) }
    }

    fn append_to(self, target: &mut Vec<T>) {
        for part in self.into_parts() {
            target.append(&mut part.into_vec());
        }
    }

    /// The parts, if all were filled in place.
    fn all_filled(self) -> Result<Vec<Filled<T>>, Parts<T>> {
        let parts = self.into_parts();
        if parts.iter().any(|part| matches!(part, Items::Made(_))) {
            return Err(Parts::Many(parts));
        }
        let filled = |part| match part {
            Items::Filled(items) => Some(items),
            Items::Made(_) => None,
        };
        Ok(parts.into_iter().filter_map(filled).collect())
    }
}

/// Items of several vectors. `flat_map` does not know how many; a map wants to reserve.
struct Counted<I> {
    items: I,
    left: usize,
}

impl<I: Iterator> Iterator for Counted<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let item = self.items.next()?;
        self.left -= 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// Runs the iterator, each leaf into a vector.
pub(super) fn parts<I>(iter: I) -> Parts<I::Item>
where
    I: ParallelIterator,
{
    let len = iter.opt_len();
    iter.drive_unindexed(CollectConsumer { len, part: None })
}

/// Collects `len` items into an empty vector that has room for them; gives the parts back where
/// that was not possible.
fn fill<I>(iter: I, len: usize, target: &mut Vec<I::Item>) -> Result<(), Parts<I::Item>>
where
    I: ParallelIterator,
{
    let Some(mut room) = Room::offer(target, len) else { return Err(counted(parts(iter), len)) };
    let consumer = CollectConsumer { len: Some(len), part: Some(room.part(len)) };
    let filled = counted(iter.drive_unindexed(consumer), len).all_filled()?;
    let made = |filled: Vec<_>| Parts::Many(filled.into_iter().map(Items::Filled).collect());
    room.take(filled).map_err(made)
}

/// # Panics
///
/// Where there are more or fewer items than the iterator said.
fn counted<T>(parts: Parts<T>, len: usize) -> Parts<T> {
    let n = parts.len();
    assert!(n == len, "an iterator that says it has {len} items had {n}");
    parts
}

struct CollectConsumer<T> {
    /// Number of items to come, where it is known.
    len: Option<usize>,
    /// Where they belong, where that is offered.
    part: Option<Part<T>>,
}

impl<T: Send> Consumer<T> for CollectConsumer<T> {
    type Folder = CollectFolder<T>;
    type Reducer = Concatenate;
    type Result = Parts<T>;

    fn split_at(self, index: usize) -> (Self, Self, Concatenate) {
        // Where the length is not known, behind a filter for instance, neither is that of a
        // part: the index counts other items.
        let left = self.len.map(|len| len.min(index));
        let right = self.len.map(|len| len.saturating_sub(index));
        let (left_part, right_part) = self.part.map(|part| part.split_at(index)).unzip();
        let left = CollectConsumer { len: left, part: left_part };
        (left, CollectConsumer { len: right, part: right_part }, Concatenate)
    }

    fn into_folder(self) -> CollectFolder<T> {
        let made = || Items::Made(Vec::with_capacity(self.len.unwrap_or(0)));
        CollectFolder(self.part.and_then(Part::begin).map_or_else(made, Items::Filled))
    }

    fn full(&self) -> bool {
        false
    }
}

impl<T: Send> UnindexedConsumer<T> for CollectConsumer<T> {
    fn split_off_left(&self) -> Self {
        CollectConsumer { len: None, part: None }
    }

    fn to_reducer(&self) -> Concatenate {
        Concatenate
    }
}

struct CollectFolder<T>(Items<T>);

impl<T> Folder<T> for CollectFolder<T> {
    type Result = Parts<T>;

    fn consume(mut self, item: T) -> Self {
        match &mut self.0 {
            Items::Made(items) => items.push(item),
            Items::Filled(items) => items.push(item),
        }
        self
    }

    fn consume_iter<I>(mut self, iter: I) -> Self
    where
        I: IntoIterator<Item = T>,
    {
        match &mut self.0 {
            Items::Made(items) => items.extend(iter),
            Items::Filled(items) => items.extend(iter.into_iter()),
        }
        self
    }

    fn complete(self) -> Parts<T> {
        Parts::One(self.0)
    }

    fn full(&self) -> bool {
        false
    }
}

struct Concatenate;

impl<T> Reducer<Parts<T>> for Concatenate {
    fn reduce(self, left: Parts<T>, right: Parts<T>) -> Parts<T> {
        let mut all = left.into_parts();
        all.extend(right.into_parts());
        Parts::Many(all)
    }
}

impl<T: Send> FromParallelIterator<T> for Vec<T> {
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = T>,
    {
        let iter = par_iter.into_par_iter();
        let Some(len) = iter.opt_len() else { return from_parts(parts(iter)) };
        let mut items = Vec::with_capacity(room_for::<T>(len));
        match fill(iter, len, &mut items) {
            // What is short was given more room than it needs.
            Ok(()) => items.shrink_to_fit(),
            Err(parts) => items = from_parts(parts),
        }
        items
    }
}

fn from_parts<T>(parts: Parts<T>) -> Vec<T> {
    match parts {
        Parts::One(Items::Made(items)) => items,
        parts => {
            let mut items = Vec::with_capacity(parts.len());
            parts.append_to(&mut items);
            items
        }
    }
}

impl<T: Send> ParallelExtend<T> for Vec<T> {
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = T>,
    {
        let iter = par_iter.into_par_iter();
        match iter.opt_len() {
            Some(len) if self.is_empty() && self.capacity().max(len) >= room_for::<T>(len) => {
                self.reserve_exact(len);
                if let Err(parts) = fill(iter, len, self) {
                    // Not into this vector: items of the parts may lie in its memory, anywhere.
                    *self = from_parts(parts);
                }
            }
            Some(_) => self.append(&mut Vec::from_par_iter(iter)),
            None => {
                let parts = parts(iter);
                // Not `reserve_exact` on a vector that may be extended again and again.
                self.reserve(parts.len());
                parts.append_to(self);
            }
        }
    }
}
