//! The same item again and again.
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge, unindexed_by_method};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator, Zip, width};
use std::iter;

/// Parallel iterator over clones of one item without end; see [`repeat`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Repeat<T> {
    element: T,
}

/// Yields clones of an item without end. Only with [`take`](Repeat::take) or
/// [`zip`](Repeat::zip), or where every leaf stops by itself, as in `find_first`, does it end.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     use detpar::prelude::*;
///     let v: Vec<(char, i32)> = detpar::iter::repeat('x').zip(0..2).collect();
///     assert_eq!(v, [('x', 0), ('x', 1)]);
/// }
/// ```
pub fn repeat<T: Clone + Send>(element: T) -> Repeat<T> {
    Repeat { element }
}

impl<T: Clone + Send> Repeat<T> {
    /// Yields `n` clones.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<char> = detpar::iter::repeat('x').take(3).collect();
    ///     assert_eq!(v, ['x', 'x', 'x']);
    /// }
    /// ```
    pub fn take(self, n: usize) -> RepeatN<T> {
        repeat_n(self.element, n)
    }

    /// Yields pairs with the items of an iterator, as many as it has.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<(char, u8)> = detpar::iter::repeat('x').zip([1, 2]).collect();
    ///     assert_eq!(v, [('x', 1), ('x', 2)]);
    /// }
    /// ```
    pub fn zip<Z>(self, zip_op: Z) -> Zip<RepeatN<T>, Z::Iter>
    where
        Z: IntoParallelIterator<Iter: IndexedParallelIterator>,
    {
        let other = zip_op.into_par_iter();
        let n = other.len();
        self.take(n).zip(other)
    }

    fn inner(&mut self) -> impl ParallelIterator<Item = T> {
        // As many leaves as a long input has, none of which ends by itself.
        repeat_n(self.element.clone(), width::USUAL).with_max_len(1).flat_map_iter(iter::repeat)
    }
}

unindexed_by_method!([T: Clone + Send] Repeat<T>, T);

/// Parallel iterator over clones of one item; see [`repeat_n`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct RepeatN<T> {
    clones: Clones<T>,
}

/// Yields `n` clones of an item.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     use detpar::prelude::*;
///     assert_eq!(detpar::iter::repeat_n(2u64, 10).product::<u64>(), 1024);
/// }
/// ```
pub fn repeat_n<T: Clone + Send>(element: T, n: usize) -> RepeatN<T> {
    RepeatN { clones: Clones { element: (n > 0).then_some(element), left: n } }
}

impl<T: Clone + Send> ParallelIterator for RepeatN<T> {
    type Item = T;

    parallel_by_bridge!();
}

impl<T: Clone + Send> IndexedParallelIterator for RepeatN<T> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        self.clones.left
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<T>,
    {
        callback.callback(self.clones)
    }
}

/// Producer and sequential iterator at once.
#[derive(Clone, Debug)]
struct Clones<T> {
    /// `None` when nothing is left: the last one is the item itself.
    element: Option<T>,
    left: usize,
}

impl<T: Clone + Send> Producer for Clones<T> {
    type Item = T;
    type IntoIter = Clones<T>;

    fn into_iter(self) -> Clones<T> {
        self
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let rest = self.left - index;
        let (left, right) = match (index, rest) {
            (0, _) => (None, self.element),
            (_, 0) => (self.element, None),
            _ => (self.element.clone(), self.element),
        };
        (Clones { element: left, left: index }, Clones { element: right, left: rest })
    }
}

impl<T: Clone> Iterator for Clones<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 { self.element.take() } else { self.element.clone() }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T: Clone> DoubleEndedIterator for Clones<T> {
    fn next_back(&mut self) -> Option<T> {
        self.next()
    }
}

impl<T: Clone> ExactSizeIterator for Clones<T> {}
