//! The methods of parallel iterators whose length is known and that can be cut at any index.
use super::adaptors::*;
use super::plumbing::{Consumer, ProducerCallback};
use super::{IntoParallelIterator, ParallelExtend, ParallelIterator};

/// A parallel iterator of known length that can be cut at any index.
#[expect(clippy::len_without_is_empty, reason = "rayon's trait has no such method")]
pub trait IndexedParallelIterator: ParallelIterator {
    /// The exact number of items.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!((0..100).into_par_iter().map(|n| n * n).len(), 100);
    /// }
    /// ```
    fn len(&self) -> usize;

    /// Runs against a consumer. Called by the methods, not by users.
    fn drive<C>(self, consumer: C) -> C::Result
    where
        C: Consumer<Self::Item>;

    /// Passes the producer of the items to the callback.
    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<Self::Item>;

    /// Collects into a vector, whose old contents are dropped and whose memory is used again
    /// where it suffices.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = vec![7; 100];
    ///     (0..3).into_par_iter().collect_into_vec(&mut v);
    ///     assert_eq!(v, [0, 1, 2]);
    /// }
    /// ```
    fn collect_into_vec(self, target: &mut Vec<Self::Item>) {
        target.clear();
        target.par_extend(self);
    }

    /// Yields every item with its index.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<_> = ["a", "b"].par_iter().enumerate().collect();
    ///     assert_eq!(v, [(0, &"a"), (1, &"b")]);
    /// }
    /// ```
    fn enumerate(self) -> Enumerate<Self> {
        Enumerate::new(self)
    }

    /// Yields pairs with the items of another iterator, as long as both have some.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<_> = (1..4).into_par_iter().zip(vec!["a", "b"]).collect();
    ///     assert_eq!(v, [(1, "a"), (2, "b")]);
    /// }
    /// ```
    fn zip<Z>(self, zip_op: Z) -> Zip<Self, Z::Iter>
    where
        Z: IntoParallelIterator,
        Z::Iter: IndexedParallelIterator,
    {
        Zip::new(self, zip_op.into_par_iter())
    }

    /// The same as [`zip`](Self::zip) with an iterator of the same length.
    ///
    /// # Panics
    /// Where the lengths differ.
    #[track_caller]
    fn zip_eq<Z>(self, zip_op: Z) -> Zip<Self, Z::Iter>
    where
        Z: IntoParallelIterator,
        Z::Iter: IndexedParallelIterator,
    {
        let other = zip_op.into_par_iter();
        assert_eq!(self.len(), other.len(), "zip_eq of iterators of different lengths");
        Zip::new(self, other)
    }

    /// Yields the items from the last to the first.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<i32> = (0..3).into_par_iter().rev().collect();
    ///     assert_eq!(v, [2, 1, 0]);
    /// }
    /// ```
    fn rev(self) -> Rev<Self> {
        Rev::new(self)
    }

    /// Yields the first `n` items.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<i32> = (0..10).into_par_iter().skip(2).take(3).collect();
    ///     assert_eq!(v, [2, 3, 4]);
    /// }
    /// ```
    fn take(self, n: usize) -> Take<Self> {
        Take::new(self, n)
    }

    /// Yields all but the first `n` items. What leads to the skipped ones, a `map` for
    /// instance, is not run for them.
    fn skip(self, n: usize) -> Skip<Self> {
        Skip::new(self, n)
    }

    /// Gives every leaf at least `min` items, where there are so many. It is part of what the
    /// cut depends on, see [`width`](super::width).
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let leaves = (0..100).into_par_iter().with_min_len(30).fold(|| (), |_, _| ()).count();
    ///     assert_eq!(leaves, 3);
    /// }
    /// ```
    fn with_min_len(self, min: usize) -> MinLen<Self> {
        MinLen::new(self, min)
    }

    /// Gives every leaf at most `max` items, as far as [`width::MOST`](super::width::MOST)
    /// leaves suffice: 1 gives each of few heavy items a child of its own.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let leaves = (0..100).into_par_iter().with_max_len(1).fold(|| (), |_, _| ()).count();
    ///     assert_eq!(leaves, 100);
    /// }
    /// ```
    fn with_max_len(self, max: usize) -> MaxLen<Self> {
        MaxLen::new(self, max)
    }

    /// The index of the first item for which `predicate` holds.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!([5, 6, 7].par_iter().position_first(|n| *n > 5), Some(1));
    /// }
    /// ```
    fn position_first<P>(self, predicate: P) -> Option<usize>
    where
        P: Fn(Self::Item) -> bool + Sync + Send,
    {
        self.map(predicate).enumerate().find_first(|(_, holds)| *holds).map(|(i, _)| i)
    }

    /// The same as [`position_first`](Self::position_first).
    fn position_any<P>(self, predicate: P) -> Option<usize>
    where
        P: Fn(Self::Item) -> bool + Sync + Send,
    {
        self.position_first(predicate)
    }
}
