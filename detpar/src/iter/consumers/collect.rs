//! `collect` into a vector, and into parts that other collections are made of.
//!
//! Every leaf builds a vector of its own. The parent moves their items into one allocation
//! of the exact size, in order: the leaves cannot write to one they share, as what a child
//! writes is merged by pages and must be the parent's memory to begin with.
use crate::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};
use crate::iter::{FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator};

/// The vectors of some neighbouring leaves.
pub(super) enum Parts<T> {
    One(Vec<T>),
    Many(Vec<Vec<T>>),
}

impl<T> Parts<T> {
    /// Number of items.
    pub(super) fn len(&self) -> usize {
        self.as_slice().iter().map(Vec::len).sum()
    }

    fn as_slice(&self) -> &[Vec<T>] {
        match self {
            Parts::One(part) => std::slice::from_ref(part),
            Parts::Many(parts) => parts,
        }
    }

    fn into_vecs(self) -> Vec<Vec<T>> {
        match self {
            Parts::One(part) => vec![part],
            Parts::Many(parts) => parts,
        }
    }

    /// All items, in order.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        Items { left: self.len(), items: self.into_vecs().into_iter().flatten() }
    }

    fn append_to(self, target: &mut Vec<T>) {
        target.reserve_exact(self.len());
        for mut part in self.into_vecs() {
            target.append(&mut part);
        }
    }
}

/// Items of several vectors. `flatten` does not know how many; a map wants to reserve.
struct Items<I> {
    items: I,
    left: usize,
}

impl<I: Iterator> Iterator for Items<I> {
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
    iter.drive_unindexed(CollectConsumer { len })
}

struct CollectConsumer {
    /// Number of items to come, where it is known.
    len: Option<usize>,
}

impl<T: Send> Consumer<T> for CollectConsumer {
    type Folder = CollectFolder<T>;
    type Reducer = Concatenate;
    type Result = Parts<T>;

    fn split_at(self, index: usize) -> (Self, Self, Concatenate) {
        // Where the length is not known, behind a filter for instance, neither is that of a
        // part: the index counts other items.
        let left = self.len.map(|len| len.min(index));
        let right = self.len.map(|len| len.saturating_sub(index));
        (CollectConsumer { len: left }, CollectConsumer { len: right }, Concatenate)
    }

    fn into_folder(self) -> CollectFolder<T> {
        CollectFolder { items: Vec::with_capacity(self.len.unwrap_or(0)) }
    }

    fn full(&self) -> bool {
        false
    }
}

impl<T: Send> UnindexedConsumer<T> for CollectConsumer {
    fn split_off_left(&self) -> Self {
        CollectConsumer { len: None }
    }

    fn to_reducer(&self) -> Concatenate {
        Concatenate
    }
}

struct CollectFolder<T> {
    items: Vec<T>,
}

impl<T> Folder<T> for CollectFolder<T> {
    type Result = Parts<T>;

    fn consume(mut self, item: T) -> Self {
        self.items.push(item);
        self
    }

    fn consume_iter<I>(mut self, iter: I) -> Self
    where
        I: IntoIterator<Item = T>,
    {
        self.items.extend(iter);
        self
    }

    fn complete(self) -> Parts<T> {
        Parts::One(self.items)
    }

    fn full(&self) -> bool {
        false
    }
}

struct Concatenate;

impl<T> Reducer<Parts<T>> for Concatenate {
    fn reduce(self, left: Parts<T>, right: Parts<T>) -> Parts<T> {
        let mut all = left.into_vecs();
        all.extend(right.into_vecs());
        Parts::Many(all)
    }
}

impl<T: Send> FromParallelIterator<T> for Vec<T> {
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = T>,
    {
        match parts(par_iter.into_par_iter()) {
            Parts::One(part) => part,
            many => {
                let mut items = Vec::new();
                many.append_to(&mut items);
                items
            }
        }
    }
}

impl<T: Send> ParallelExtend<T> for Vec<T> {
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = T>,
    {
        // Not `reserve_exact` on a vector that may be extended again and again.
        let parts = parts(par_iter.into_par_iter());
        self.reserve(parts.len());
        for mut part in parts.into_vecs() {
            self.append(&mut part);
        }
    }
}
