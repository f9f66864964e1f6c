//! The methods of every parallel iterator.
use super::adaptors::*;
use super::consumers::{self, Try};
use super::cut::{self, LeavesCallback};
use super::plumbing::UnindexedConsumer;
use super::{FromParallelIterator, IntoParallelIterator};
use std::cmp::Ordering;
use std::iter::{Product, Sum};

/// A parallel iterator. See the [module](super) for when its result depends on what.
pub trait ParallelIterator: Sized + Send {
    /// What it yields.
    type Item: Send;

    /// Runs against a consumer that can be cut anywhere. Called by the methods, not by users.
    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<Self::Item>;

    /// Passes the leaves on instead of running them: how several iterators become one
    /// construct.
    #[doc(hidden)]
    fn with_leaves<C, R, D, K>(self, consumer: C, callback: K) -> K::Output
    where
        C: UnindexedConsumer<Self::Item, Result = R, Reducer = D>,
        K: LeavesCallback<R, D>,
    {
        cut::nested(self, consumer, callback)
    }

    /// The exact number of items, where `drive_unindexed` cuts the consumer by index.
    fn opt_len(&self) -> Option<usize> {
        None
    }

    /// Calls `op` with every item.
    ///
    /// # Conflicts
    /// Two leaves that change the same byte conflict, whatever they write.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut squares = [0; 10];
    ///     squares.par_iter_mut().enumerate().for_each(|(i, s)| *s = i * i);
    ///     assert_eq!(squares[9], 81);
    /// }
    /// ```
    fn for_each<OP>(self, op: OP)
    where
        OP: Fn(Self::Item) + Sync + Send,
    {
        consumers::for_each(self, &op)
    }

    /// Calls `op` with every item until it fails. Returns the first failure in index order.
    ///
    /// A leaf stops at its own first failure; leaves see nothing of each other's.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let r = (0..100).into_par_iter().try_for_each(|i| if i < 70 { Ok(()) } else { Err(i) });
    ///     assert_eq!(r, Err(70));
    /// }
    /// ```
    fn try_for_each<OP, R>(self, op: OP) -> R
    where
        OP: Fn(Self::Item) -> R + Sync + Send,
        R: Try<Output = ()> + Send,
    {
        consumers::try_for_each(self, &op)
    }

    /// The number of items.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!((0..10).into_par_iter().filter(|n| n % 3 == 0).count(), 4);
    /// }
    /// ```
    fn count(self) -> usize {
        self.map(|_| 1usize).sum()
    }

    /// Yields `map_op` of every item.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let lens: Vec<usize> = ["a", "bc"].par_iter().map(|s| s.len()).collect();
    ///     assert_eq!(lens, [1, 2]);
    /// }
    /// ```
    fn map<F, R>(self, map_op: F) -> Map<Self, F>
    where
        F: Fn(Self::Item) -> R + Sync + Send,
        R: Send,
    {
        Map::new(self, map_op)
    }

    /// Yields clones of items that are references.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<String> = ["a".to_string()].par_iter().cloned().collect();
    ///     assert_eq!(v, ["a"]);
    /// }
    /// ```
    fn cloned<'a, T>(self) -> Cloned<Self>
    where
        T: 'a + Clone + Send,
        Self: ParallelIterator<Item = &'a T>,
    {
        Cloned::new(self)
    }

    /// Yields copies of items that are references.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!([1, 2, 3].par_iter().copied().reduce(|| 0, |a, b| a + b), 6);
    /// }
    /// ```
    fn copied<'a, T>(self) -> Copied<Self>
    where
        T: 'a + Copy + Send,
        Self: ParallelIterator<Item = &'a T>,
    {
        Copied::new(self)
    }

    /// Shows every item to `inspect_op` on its way.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let n = (0..4).into_par_iter().inspect(|i| assert!(*i < 4)).count();
    ///     assert_eq!(n, 4);
    /// }
    /// ```
    fn inspect<OP>(self, inspect_op: OP) -> Inspect<Self, OP>
    where
        OP: Fn(&Self::Item) + Sync + Send,
    {
        Inspect::new(self, inspect_op)
    }

    /// Yields the items for which `filter_op` holds.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let even: Vec<i32> = (0..7).into_par_iter().filter(|n| n % 2 == 0).collect();
    ///     assert_eq!(even, [0, 2, 4, 6]);
    /// }
    /// ```
    fn filter<P>(self, filter_op: P) -> Filter<Self, P>
    where
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        Filter::new(self, filter_op)
    }

    /// Yields what `filter_op` returns as `Some`.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<i32> = ["1", "x", "3"].par_iter().filter_map(|s| s.parse().ok()).collect();
    ///     assert_eq!(v, [1, 3]);
    /// }
    /// ```
    fn filter_map<P, R>(self, filter_op: P) -> FilterMap<Self, P>
    where
        P: Fn(Self::Item) -> Option<R> + Sync + Send,
        R: Send,
    {
        FilterMap::new(self, filter_op)
    }

    /// Yields the items of the sequential iterators that `map_op` returns, one after another.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<u8> = (1..4u8).into_par_iter().flat_map_iter(|n| 0..n).collect();
    ///     assert_eq!(v, [0, 0, 1, 0, 1, 2]);
    /// }
    /// ```
    fn flat_map_iter<F, SI>(self, map_op: F) -> FlatMapIter<Self, F>
    where
        F: Fn(Self::Item) -> SI + Sync + Send,
        SI: IntoIterator,
        SI::Item: Send,
    {
        FlatMapIter::new(self, map_op)
    }

    /// Folds each leaf from `identity()` and yields one item for each leaf, in order. The
    /// number of leaves depends on the length alone, see [`width`](super::width).
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let parts: Vec<u32> = (0..64u32).into_par_iter().fold(|| 0, |a, n| a + n).collect();
    ///     assert_eq!(parts.len(), 16);
    ///     assert_eq!(parts[0], 1 + 2 + 3);
    /// }
    /// ```
    fn fold<T, ID, F>(self, identity: ID, fold_op: F) -> Fold<Self, ID, F>
    where
        F: Fn(T, Self::Item) -> T + Sync + Send,
        ID: Fn() -> T + Sync + Send,
        T: Send,
    {
        Fold::new(self, identity, fold_op)
    }

    /// Combines all items with `op`: within a leaf from left to right beginning with
    /// `identity()`, the leaves by the tree of [`width`](super::width). `identity()` of no
    /// items.
    ///
    /// `op` should be associative. Where it is only nearly so, as with floats, the result
    /// still has the same bits in every run.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let gcd = |a: u32, b: u32| { let (mut a, mut b) = (a, b); while b != 0 { (a, b) = (b, a % b) } a };
    ///     assert_eq!([12, 18, 30].par_iter().copied().reduce(|| 0, gcd), 6);
    /// }
    /// ```
    fn reduce<OP, ID>(self, identity: ID, op: OP) -> Self::Item
    where
        OP: Fn(Self::Item, Self::Item) -> Self::Item + Sync + Send,
        ID: Fn() -> Self::Item + Sync + Send,
    {
        consumers::reduce(self, &identity, &op)
    }

    /// Combines all items with `op` as [`reduce`](Self::reduce) does; `None` of no items.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!([3, 9, 4].par_iter().copied().reduce_with(i32::max), Some(9));
    /// }
    /// ```
    fn reduce_with<OP>(self, op: OP) -> Option<Self::Item>
    where
        OP: Fn(Self::Item, Self::Item) -> Self::Item + Sync + Send,
    {
        consumers::reduce_with(self, &op)
    }

    /// The sum of all items: within a leaf as std's `sum` does it, from left to right, the
    /// sums of leaves two by two along the tree of [`width`](super::width).
    ///
    /// The bits of a sum of floats are the same in every run and at any number of workers.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!((1..=100u32).into_par_iter().sum::<u32>(), 5050);
    /// }
    /// ```
    fn sum<S>(self) -> S
    where
        S: Send + Sum<Self::Item> + Sum<S>,
    {
        consumers::sum(self)
    }

    /// The product of all items, in the order of [`sum`](Self::sum).
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!((1..=10u64).into_par_iter().product::<u64>(), 3628800);
    /// }
    /// ```
    fn product<P>(self) -> P
    where
        P: Send + Product<Self::Item> + Product<P>,
    {
        consumers::product(self)
    }

    /// The least item, the first of equals.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!([3, 1, 2].par_iter().min(), Some(&1));
    /// }
    /// ```
    fn min(self) -> Option<Self::Item>
    where
        Self::Item: Ord,
    {
        self.min_by(Ord::cmp)
    }

    /// The least item by a comparison, the first of equals.
    fn min_by<F>(self, f: F) -> Option<Self::Item>
    where
        F: Sync + Send + Fn(&Self::Item, &Self::Item) -> Ordering,
    {
        self.reduce_with(|a, b| if f(&a, &b) == Ordering::Greater { b } else { a })
    }

    /// The item with the least key, the first of equals. The key is made once for an item.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!([-3i32, 2, -1].par_iter().min_by_key(|n| n.abs()), Some(&-1));
    /// }
    /// ```
    fn min_by_key<K, F>(self, f: F) -> Option<Self::Item>
    where
        K: Ord + Send,
        F: Sync + Send + Fn(&Self::Item) -> K,
    {
        let keyed = self.map(|item| (f(&item), item));
        keyed.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, item)| item)
    }

    /// The greatest item, the last of equals.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!([3, 1, 2].par_iter().max(), Some(&3));
    /// }
    /// ```
    fn max(self) -> Option<Self::Item>
    where
        Self::Item: Ord,
    {
        self.max_by(Ord::cmp)
    }

    /// The greatest item by a comparison, the last of equals.
    fn max_by<F>(self, f: F) -> Option<Self::Item>
    where
        F: Sync + Send + Fn(&Self::Item, &Self::Item) -> Ordering,
    {
        self.reduce_with(|a, b| if f(&a, &b) == Ordering::Greater { a } else { b })
    }

    /// The item with the greatest key, the last of equals. The key is made once for an item.
    fn max_by_key<K, F>(self, f: F) -> Option<Self::Item>
    where
        K: Ord + Send,
        F: Sync + Send + Fn(&Self::Item) -> K,
    {
        let keyed = self.map(|item| (f(&item), item));
        keyed.max_by(|a, b| a.0.cmp(&b.0)).map(|(_, item)| item)
    }

    /// All items of `self`, then all of `chain`.
    ///
    /// The leaves of both are children of one construct. Each of the two is cut by its own
    /// length and has a branch of the tree. Behind an adaptor that needs indices, `enumerate`
    /// or `rev` for instance, the chain is cut by the length of the whole.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<i32> = (0..2).into_par_iter().chain(5..7).collect();
    ///     assert_eq!(v, [0, 1, 5, 6]);
    /// }
    /// ```
    fn chain<C>(self, chain: C) -> Chain<Self, C::Iter>
    where
        C: IntoParallelIterator<Item = Self::Item>,
    {
        Chain::new(self, chain.into_par_iter())
    }

    /// The first item for which `predicate` holds. A leaf stops at its own first; leaves see
    /// nothing of each other's.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!((0..100).into_par_iter().find_first(|n| n % 9 == 8), Some(8));
    /// }
    /// ```
    fn find_first<P>(self, predicate: P) -> Option<Self::Item>
    where
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        consumers::find_first(self, &predicate)
    }

    /// The same as [`find_first`](Self::find_first): which item is found must not depend on
    /// who was faster.
    fn find_any<P>(self, predicate: P) -> Option<Self::Item>
    where
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        self.find_first(predicate)
    }

    /// The last item for which `predicate` holds.
    fn find_last<P>(self, predicate: P) -> Option<Self::Item>
    where
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        self.filter(predicate).reduce_with(|_, last| last)
    }

    /// Whether `predicate` holds for one item at least.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert!([1, 2, 3].par_iter().any(|n| *n == 2));
    ///     assert!(![1, 2, 3].par_iter().all(|n| *n == 2));
    /// }
    /// ```
    fn any<P>(self, predicate: P) -> bool
    where
        P: Fn(Self::Item) -> bool + Sync + Send,
    {
        self.map(predicate).find_first(|holds| *holds).is_some()
    }

    /// Whether `predicate` holds for every item.
    fn all<P>(self, predicate: P) -> bool
    where
        P: Fn(Self::Item) -> bool + Sync + Send,
    {
        self.map(predicate).find_first(|holds| !*holds).is_none()
    }

    /// Makes a collection of the items, in order.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<i32> = (0..3).into_par_iter().collect();
    ///     assert_eq!(v, [0, 1, 2]);
    ///
    ///     let r: Result<Vec<i32>, _> = ["1", "x"].par_iter().map(|s| s.parse::<i32>()).collect();
    ///     assert!(r.is_err());
    /// }
    /// ```
    fn collect<C>(self) -> C
    where
        C: FromParallelIterator<Self::Item>,
    {
        C::from_par_iter(self)
    }
}
