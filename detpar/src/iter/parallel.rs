//! The methods of every parallel iterator.
use super::adaptors::*;
use super::consumers;
use super::cut::{self, LeavesCallback};
use super::example::example;
use super::fallible::Try;
use super::plumbing::UnindexedConsumer;
use super::{FromParallelIterator, IntoParallelIterator, ParallelExtend};
use either::Either;
use std::cmp::Ordering;
use std::collections::LinkedList;
use std::iter::{Product, Sum};
use std::marker::PhantomData;

/// A parallel iterator. See the [module](super) for when its result depends on what.
///
/// "The first" always means the first in the order of the items, never in time. States, of
/// `map_init` or `fold` for instance, are made once for each leaf; how many leaves there are
/// depends on the length alone, see [`width`](super::width).
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
    #[doc = example!(
        "let mut squares = [0; 10];"
        "squares.par_iter_mut().enumerate().for_each(|(i, s)| *s = i * i);"
        "assert_eq!(squares[9], 81);"
    )]
    fn for_each<OP>(self, op: OP)
    where
        OP: Fn(Self::Item) + Sync + Send,
    {
        consumers::for_each(self, op)
    }

    /// [`for_each`](Self::for_each) with a state: a clone of `init` for each leaf.
    ///
    #[doc = example!(
        "let mut v = [0; 3];"
        "v.par_iter_mut().for_each_with(10, |add, n| *n += *add);"
        "assert_eq!(v, [10, 10, 10]);"
    )]
    fn for_each_with<OP, T>(self, init: T, op: OP)
    where
        OP: Fn(&mut T, Self::Item) + Sync + Send,
        T: Send + Clone,
    {
        self.map_with(init, op).for_each(drop)
    }

    /// [`for_each`](Self::for_each) with a state: `init()` for each leaf.
    ///
    #[doc = example!(
        "let mut words = vec![String::new(); 3];"
        "words.par_iter_mut().enumerate().for_each_init("
        "    || String::with_capacity(8),"
        "    |buffer, (i, word)| {"
        "        buffer.clear();"
        "        buffer.push_str(&i.to_string());"
        "        word.push_str(buffer);"
        "    },"
        ");"
        r#"assert_eq!(words, ["0", "1", "2"]);"#
    )]
    fn for_each_init<OP, INIT, T>(self, init: INIT, op: OP)
    where
        OP: Fn(&mut T, Self::Item) + Sync + Send,
        INIT: Fn() -> T + Sync + Send,
    {
        self.map_init(init, op).for_each(drop)
    }

    /// Calls `op` with every item until it fails. Returns the first failure.
    ///
    /// A leaf stops at its own first failure; leaves see nothing of each other's.
    ///
    #[doc = example!(
        "let r = (0..100).into_par_iter().try_for_each(|i| if i < 70 { Ok(()) } else { Err(i) });"
        "assert_eq!(r, Err(70));"
    )]
    fn try_for_each<OP, R>(self, op: OP) -> R
    where
        OP: Fn(Self::Item) -> R + Sync + Send,
        R: Try<Output = ()> + Send,
    {
        consumers::try_for_each(self, op)
    }

    /// [`try_for_each`](Self::try_for_each) with a state: a clone of `init` for each leaf.
    ///
    #[doc = example!(
        "let check = |limit: &mut u32, n: u32| if n < *limit { Ok(()) } else { Err(n) };"
        "assert_eq!((0..100).into_par_iter().try_for_each_with(70, check), Err(70));"
    )]
    fn try_for_each_with<OP, T, R>(self, init: T, op: OP) -> R
    where
        OP: Fn(&mut T, Self::Item) -> R + Sync + Send,
        T: Send + Clone,
        R: Try<Output = ()> + Send,
    {
        self.map_with(init, op).try_for_each(|result| result)
    }

    /// [`try_for_each`](Self::try_for_each) with a state: `init()` for each leaf.
    ///
    #[doc = example!(
        "let check = |seen: &mut Vec<u32>, n| {"
        "    seen.push(n);"
        "    if seen.len() < 5 { Ok(()) } else { Err(n) }"
        "};"
        "// Leaves of 64 items have four, of 80 five: the first leaf ends with item 4."
        "assert_eq!((0..64).into_par_iter().try_for_each_init(Vec::new, check), Ok(()));"
        "assert_eq!((0..80).into_par_iter().try_for_each_init(Vec::new, check), Err(4));"
    )]
    fn try_for_each_init<OP, INIT, T, R>(self, init: INIT, op: OP) -> R
    where
        OP: Fn(&mut T, Self::Item) -> R + Sync + Send,
        INIT: Fn() -> T + Sync + Send,
        R: Try<Output = ()> + Send,
    {
        self.map_init(init, op).try_for_each(|result| result)
    }

    /// The number of items.
    ///
    #[doc = example!("assert_eq!((0..10).into_par_iter().filter(|n| n % 3 == 0).count(), 4);")]
    fn count(self) -> usize {
        self.map(|_| 1usize).sum()
    }

    /// Yields `map_op` of every item.
    ///
    #[doc = example!(
        r#"let lens: Vec<usize> = ["a", "bc"].par_iter().map(|s| s.len()).collect();"#
        "assert_eq!(lens, [1, 2]);"
    )]
    fn map<F, R>(self, map_op: F) -> Map<Self, F>
    where
        F: Fn(Self::Item) -> R + Sync + Send,
        R: Send,
    {
        Map::new(self, map_op)
    }

    /// [`map`](Self::map) with a state: a clone of `init` for each leaf.
    ///
    #[doc = example!(
        "// Each of the 16 leaves counts its four items from a clone of the zero."
        "let v: Vec<u32> = (0..64).into_par_iter().map_with(0, |n, _| { *n += 1; *n }).collect();"
        "assert_eq!(v[..8], [1, 2, 3, 4, 1, 2, 3, 4]);"
    )]
    fn map_with<F, T, R>(self, init: T, map_op: F) -> MapWith<Self, T, F>
    where
        F: Fn(&mut T, Self::Item) -> R + Sync + Send,
        T: Send + Clone,
        R: Send,
    {
        MapWith::new(self, init, map_op)
    }

    /// [`map`](Self::map) with a state: `init()` for each leaf. A generator of random numbers
    /// that is seeded from the first item of its leaf gives the same numbers in every run.
    ///
    #[doc = example!(
        "let v: Vec<u32> = (0..64).into_par_iter().map_init(|| 0, |n, _| { *n += 1; *n }).collect();"
        "assert_eq!(v[..8], [1, 2, 3, 4, 1, 2, 3, 4]);"
    )]
    fn map_init<F, INIT, T, R>(self, init: INIT, map_op: F) -> MapInit<Self, INIT, F>
    where
        F: Fn(&mut T, Self::Item) -> R + Sync + Send,
        INIT: Fn() -> T + Sync + Send,
        R: Send,
    {
        MapInit::new(self, init, map_op)
    }

    /// Yields clones of items that are references.
    ///
    #[doc = example!(
        r#"let v: Vec<String> = ["a".to_string()].par_iter().cloned().collect();"#
        r#"assert_eq!(v, ["a"]);"#
    )]
    fn cloned<'a, T>(self) -> Cloned<Self>
    where
        T: 'a + Clone + Send,
        Self: ParallelIterator<Item = &'a T>,
    {
        Cloned::new(self)
    }

    /// Yields copies of items that are references.
    ///
    #[doc = example!("assert_eq!([1, 2, 3].par_iter().copied().reduce(|| 0, |a, b| a + b), 6);")]
    fn copied<'a, T>(self) -> Copied<Self>
    where
        T: 'a + Copy + Send,
        Self: ParallelIterator<Item = &'a T>,
    {
        Copied::new(self)
    }

    /// Shows every item to `inspect_op` on its way.
    ///
    #[doc = example!(
        "let n = (0..4).into_par_iter().inspect(|i| assert!(*i < 4)).count();"
        "assert_eq!(n, 4);"
    )]
    fn inspect<OP>(self, inspect_op: OP) -> Inspect<Self, OP>
    where
        OP: Fn(&Self::Item) + Sync + Send,
    {
        Inspect::new(self, inspect_op)
    }

    /// Changes every item on its way.
    ///
    #[doc = example!(
        "let v: Vec<_> = (0..3).into_par_iter().update(|n| *n *= 2).collect();"
        "assert_eq!(v, [0, 2, 4]);"
    )]
    fn update<F>(self, update_op: F) -> Update<Self, F>
    where
        F: Fn(&mut Self::Item) + Sync + Send,
    {
        Update::new(self, update_op)
    }

    /// Yields the items for which `filter_op` holds.
    ///
    #[doc = example!(
        "let even: Vec<i32> = (0..7).into_par_iter().filter(|n| n % 2 == 0).collect();"
        "assert_eq!(even, [0, 2, 4, 6]);"
    )]
    fn filter<P>(self, filter_op: P) -> Filter<Self, P>
    where
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        Filter::new(self, filter_op)
    }

    /// Yields what `filter_op` returns as `Some`.
    ///
    #[doc = example!(
        r#"let v: Vec<i32> = ["1", "x", "3"].par_iter().filter_map(|s| s.parse().ok()).collect();"#
        "assert_eq!(v, [1, 3]);"
    )]
    fn filter_map<P, R>(self, filter_op: P) -> FilterMap<Self, P>
    where
        P: Fn(Self::Item) -> Option<R> + Sync + Send,
        R: Send,
    {
        FilterMap::new(self, filter_op)
    }

    /// Yields the items of the parallel iterators that `map_op` returns, one after another.
    ///
    /// Each of them is cut into leaves of its own, within the leaf of its item: worth it where
    /// they are long. For short ones [`flat_map_iter`](Self::flat_map_iter) is much cheaper.
    ///
    #[doc = example!(
        "let v: Vec<u8> = (1..4u8).into_par_iter().flat_map(|n| 0..n).collect();"
        "assert_eq!(v, [0, 0, 1, 0, 1, 2]);"
    )]
    fn flat_map<F, PI>(self, map_op: F) -> FlatMap<Self, F>
    where
        F: Fn(Self::Item) -> PI + Sync + Send,
        PI: IntoParallelIterator,
    {
        FlatMap::new(self, map_op)
    }

    /// Yields the items of the sequential iterators that `map_op` returns, one after another.
    ///
    #[doc = example!(
        "let v: Vec<u8> = (1..4u8).into_par_iter().flat_map_iter(|n| 0..n).collect();"
        "assert_eq!(v, [0, 0, 1, 0, 1, 2]);"
    )]
    fn flat_map_iter<F, SI>(self, map_op: F) -> FlatMapIter<Self, F>
    where
        F: Fn(Self::Item) -> SI + Sync + Send,
        SI: IntoIterator<Item: Send>,
    {
        FlatMapIter::new(self, map_op)
    }

    /// Yields the items of the items, each a parallel call as in [`flat_map`](Self::flat_map).
    ///
    #[doc = example!(
        "let v: Vec<i32> = vec![vec![1], vec![], vec![2, 3]].into_par_iter().flatten().collect();"
        "assert_eq!(v, [1, 2, 3]);"
    )]
    fn flatten(self) -> Flatten<Self>
    where
        Self::Item: IntoParallelIterator,
    {
        Flatten::new(self)
    }

    /// Yields the items of the items, in a leaf one after another.
    ///
    #[doc = example!(
        "let v: Vec<i32> = vec![Some(1), None, Some(3)].into_par_iter().flatten_iter().collect();"
        "assert_eq!(v, [1, 3]);"
    )]
    fn flatten_iter(self) -> FlattenIter<Self>
    where
        Self::Item: IntoIterator<Item: Send>,
    {
        FlattenIter::new(self)
    }

    /// Folds each leaf from `identity()` and yields one item for each leaf, in order. The
    /// number of leaves depends on the length alone, see [`width`](super::width).
    ///
    #[doc = example!(
        "let parts: Vec<u32> = (0..64u32).into_par_iter().fold(|| 0, |a, n| a + n).collect();"
        "assert_eq!(parts.len(), 16);"
        "assert_eq!(parts[0], 1 + 2 + 3);"
    )]
    fn fold<T, ID, F>(self, identity: ID, fold_op: F) -> Fold<Self, ID, F>
    where
        F: Fn(T, Self::Item) -> T + Sync + Send,
        ID: Fn() -> T + Sync + Send,
        T: Send,
    {
        Fold::new(self, identity, fold_op)
    }

    /// [`fold`](Self::fold) from a clone of `init`.
    ///
    #[doc = example!(
        "let sums: Vec<u32> = (0..64u32).into_par_iter().fold_with(0, |sum, n| sum + n).collect();"
        "assert_eq!((sums.len(), sums[0]), (16, 1 + 2 + 3));"
    )]
    fn fold_with<F, T>(self, init: T, fold_op: F) -> FoldWith<Self, T, F>
    where
        F: Fn(T, Self::Item) -> T + Sync + Send,
        T: Send + Clone,
    {
        FoldWith::new(self, init, fold_op)
    }

    /// [`fold`](Self::fold) with an operation that may fail. A leaf stops at its first failure
    /// and yields it.
    ///
    #[doc = example!(
        "let add = |sum: u8, n: u8| sum.checked_add(n);"
        "let sums = (1..=32u8).into_par_iter().try_fold(|| 0, add);"
        "assert_eq!(sums.try_reduce(|| 0, add), None);"
    )]
    fn try_fold<T, R, ID, F>(self, identity: ID, fold_op: F) -> TryFold<Self, R, ID, F>
    where
        F: Fn(T, Self::Item) -> R + Sync + Send,
        ID: Fn() -> T + Sync + Send,
        R: Try<Output = T> + Send,
    {
        TryFold::new(self, identity, fold_op, PhantomData)
    }

    /// [`try_fold`](Self::try_fold) from a clone of `init`.
    ///
    #[doc = example!(
        "let add = |sum: u8, n: u8| sum.checked_add(n);"
        "let sums = (1..=32u8).into_par_iter().try_fold_with(0, add);"
        "assert_eq!(sums.try_reduce(|| 0, add), None);"
    )]
    fn try_fold_with<F, T, R>(self, init: T, fold_op: F) -> TryFoldWith<Self, R, F>
    where
        F: Fn(T, Self::Item) -> R + Sync + Send,
        R: Try<Output = T> + Send,
        T: Clone + Send,
    {
        TryFoldWith::new(self, init, fold_op)
    }

    /// Combines all items with `op`: within a leaf from left to right beginning with
    /// `identity()`, the leaves by the tree of [`width`](super::width). `identity()` of no
    /// items.
    ///
    /// `op` should be associative. Where it is only nearly so, as with floats, the result
    /// still has the same bits in every run.
    ///
    #[doc = example!(
        "fn gcd(a: u32, b: u32) -> u32 { if b == 0 { a } else { gcd(b, a % b) } }"
        "assert_eq!([12, 18, 30].par_iter().copied().reduce(|| 0, gcd), 6);"
    )]
    fn reduce<OP, ID>(self, identity: ID, op: OP) -> Self::Item
    where
        OP: Fn(Self::Item, Self::Item) -> Self::Item + Sync + Send,
        ID: Fn() -> Self::Item + Sync + Send,
    {
        consumers::reduce(self, identity, op)
    }

    /// Combines all items with `op` as [`reduce`](Self::reduce) does; `None` of no items.
    ///
    #[doc = example!("assert_eq!([3, 9, 4].par_iter().copied().reduce_with(i32::max), Some(9));")]
    fn reduce_with<OP>(self, op: OP) -> Option<Self::Item>
    where
        OP: Fn(Self::Item, Self::Item) -> Self::Item + Sync + Send,
    {
        consumers::reduce_with(self, op)
    }

    /// [`reduce`](Self::reduce) of what the items hold, or the first failure: of an item, or
    /// of `op`.
    ///
    #[doc = example!(
        r#"let sum = |words: &[&str]| words.par_iter().map(|w| w.parse::<u8>().ok())"#
        "    .try_reduce(|| 0, |a, b| a.checked_add(b));"
        r#"assert_eq!((sum(&["1", "2"]), sum(&["1", "x"]), sum(&["9", "250"])), (Some(3), None, None));"#
    )]
    fn try_reduce<T, OP, ID>(self, identity: ID, op: OP) -> Self::Item
    where
        OP: Fn(T, T) -> Self::Item + Sync + Send,
        ID: Fn() -> T + Sync + Send,
        Self::Item: Try<Output = T>,
    {
        consumers::try_reduce(self, identity, op)
    }

    /// [`try_reduce`](Self::try_reduce) without an identity; `None` of no items.
    ///
    #[doc = example!(
        "let sum = |v: &[u8]| v.par_iter().map(|n| Some(*n)).try_reduce_with(u8::checked_add);"
        "assert_eq!(sum(&[1, 2]), Some(Some(3)));"
        "assert_eq!(sum(&[250, 9]), Some(None));"
        "assert_eq!(sum(&[]), None);"
    )]
    fn try_reduce_with<T, OP>(self, op: OP) -> Option<Self::Item>
    where
        OP: Fn(T, T) -> Self::Item + Sync + Send,
        Self::Item: Try<Output = T>,
    {
        consumers::try_reduce_with(self, op)
    }

    /// The sum of all items: within a leaf as std's `sum` does it, from left to right, the
    /// sums of leaves two by two along the tree of [`width`](super::width).
    ///
    /// The bits of a sum of floats are the same in every run and at any number of workers.
    ///
    #[doc = example!("assert_eq!((1..=100u32).into_par_iter().sum::<u32>(), 5050);")]
    fn sum<S>(self) -> S
    where
        S: Send + Sum<Self::Item> + Sum<S>,
    {
        consumers::sum(self)
    }

    /// The product of all items, in the order of [`sum`](Self::sum).
    ///
    #[doc = example!("assert_eq!((1..=10u64).into_par_iter().product::<u64>(), 3628800);")]
    fn product<P>(self) -> P
    where
        P: Send + Product<Self::Item> + Product<P>,
    {
        consumers::product(self)
    }

    /// The least item, the first of equals.
    ///
    #[doc = example!("assert_eq!([3, 1, 2].par_iter().min(), Some(&1));")]
    fn min(self) -> Option<Self::Item>
    where
        Self::Item: Ord,
    {
        self.min_by(Ord::cmp)
    }

    /// The least item by a comparison, the first of equals.
    ///
    #[doc = example!(
        "let v = [0.5f64, -1.5, 2.0];"
        "assert_eq!(v.par_iter().min_by(|a, b| a.total_cmp(b)), Some(&-1.5));"
    )]
    fn min_by<F>(self, f: F) -> Option<Self::Item>
    where
        F: Sync + Send + Fn(&Self::Item, &Self::Item) -> Ordering,
    {
        self.reduce_with(|a, b| if f(&a, &b) == Ordering::Greater { b } else { a })
    }

    /// The item with the least key, the first of equals. The key is made once for an item.
    ///
    #[doc = example!("assert_eq!([-3i32, 2, -1].par_iter().min_by_key(|n| n.abs()), Some(&-1));")]
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
    #[doc = example!("assert_eq!([3, 1, 2].par_iter().max(), Some(&3));")]
    fn max(self) -> Option<Self::Item>
    where
        Self::Item: Ord,
    {
        self.max_by(Ord::cmp)
    }

    /// The greatest item by a comparison, the last of equals.
    ///
    #[doc = example!(
        "let v = [0.5f64, -1.5, 2.0];"
        "assert_eq!(v.par_iter().max_by(|a, b| a.total_cmp(b)), Some(&2.0));"
    )]
    fn max_by<F>(self, f: F) -> Option<Self::Item>
    where
        F: Sync + Send + Fn(&Self::Item, &Self::Item) -> Ordering,
    {
        self.reduce_with(|a, b| if f(&a, &b) == Ordering::Greater { a } else { b })
    }

    /// The item with the greatest key, the last of equals. The key is made once for an item.
    ///
    #[doc = example!(
        "// Of -3 and 3 the last."
        "assert_eq!([-3i32, 2, 3].par_iter().max_by_key(|n| n.abs()), Some(&3));"
    )]
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
    #[doc = example!(
        "let v: Vec<i32> = (0..2).into_par_iter().chain(5..7).collect();"
        "assert_eq!(v, [0, 1, 5, 6]);"
    )]
    fn chain<C>(self, chain: C) -> Chain<Self, C::Iter>
    where
        C: IntoParallelIterator<Item = Self::Item>,
    {
        Chain::new(self, chain.into_par_iter())
    }

    /// The first item for which `predicate` holds. A leaf stops at its own first; leaves see
    /// nothing of each other's.
    ///
    #[doc = example!("assert_eq!((0..100).into_par_iter().find_first(|n| n % 9 == 8), Some(8));")]
    fn find_first<P>(self, predicate: P) -> Option<Self::Item>
    where
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        consumers::find_first(self, predicate)
    }

    /// The same as [`find_first`](Self::find_first): which item is found must not depend on
    /// who was faster.
    ///
    #[doc = example!(
        "// rayon may return any of 10, 20, 30..."
        "assert_eq!((1..100).into_par_iter().find_any(|n| n % 10 == 0), Some(10));"
    )]
    fn find_any<P>(self, predicate: P) -> Option<Self::Item>
    where
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        self.find_first(predicate)
    }

    /// The same as [`find_first`](Self::find_first), by the name of std's.
    ///
    #[doc = example!("assert_eq!((1..100).into_par_iter().find(|n| n % 10 == 0), Some(10));")]
    fn find<P>(self, predicate: P) -> Option<Self::Item>
    where
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        self.find_first(predicate)
    }

    /// The last item for which `predicate` holds.
    ///
    #[doc = example!(
        "assert_eq!((1..100).into_par_iter().find_last(|n| n % 10 == 0), Some(90));"
    )]
    fn find_last<P>(self, predicate: P) -> Option<Self::Item>
    where
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        self.filter(predicate).reduce_with(|_, last| last)
    }

    /// The first `Some` that `predicate` returns.
    ///
    #[doc = example!(
        r#"let words = ["x", "7", "y", "9"];"#
        "assert_eq!(words.par_iter().find_map_first(|w| w.parse::<u8>().ok()), Some(7));"
        "assert_eq!(words.par_iter().find_map_last(|w| w.parse::<u8>().ok()), Some(9));"
    )]
    fn find_map_first<P, R>(self, predicate: P) -> Option<R>
    where
        P: Fn(Self::Item) -> Option<R> + Sync + Send,
        R: Send,
    {
        self.filter_map(predicate).find_first(|_| true)
    }

    /// The same as [`find_map_first`](Self::find_map_first).
    ///
    #[doc = example!(
        r#"let words = ["x", "7", "y", "9"];"#
        "assert_eq!(words.par_iter().find_map_any(|w| w.parse::<u8>().ok()), Some(7));"
    )]
    fn find_map_any<P, R>(self, predicate: P) -> Option<R>
    where
        P: Fn(Self::Item) -> Option<R> + Sync + Send,
        R: Send,
    {
        self.find_map_first(predicate)
    }

    /// The last `Some` that `predicate` returns.
    ///
    #[doc = example!(
        r#"let words = ["x", "7", "y", "9"];"#
        "assert_eq!(words.par_iter().find_map_last(|w| w.parse::<u8>().ok()), Some(9));"
    )]
    fn find_map_last<P, R>(self, predicate: P) -> Option<R>
    where
        P: Fn(Self::Item) -> Option<R> + Sync + Send,
        R: Send,
    {
        self.filter_map(predicate).find_last(|_| true)
    }

    /// Whether `predicate` holds for one item at least.
    ///
    #[doc = example!(
        "assert!([1, 2, 3].par_iter().any(|n| *n == 2));"
        "assert!(![1, 2, 3].par_iter().all(|n| *n == 2));"
    )]
    fn any<P>(self, predicate: P) -> bool
    where
        P: Fn(Self::Item) -> bool + Sync + Send,
    {
        self.map(predicate).find_first(|holds| *holds).is_some()
    }

    /// Whether `predicate` holds for every item.
    ///
    #[doc = example!(
        "assert!([2, 4].par_iter().all(|n| n % 2 == 0));"
        "assert!(![2, 3].par_iter().all(|n| n % 2 == 0));"
    )]
    fn all<P>(self, predicate: P) -> bool
    where
        P: Fn(Self::Item) -> bool + Sync + Send,
    {
        self.map(predicate).find_first(|holds| !*holds).is_none()
    }

    /// Yields what the items hold, up to the first that is `None`.
    ///
    /// This and the methods of `take_any` and its like make two parallel calls: one that
    /// gathers the items, of which a leaf stops where it can, and one of what follows, which
    /// sees the items that are meant and no others.
    ///
    #[doc = example!(
        "let v: Vec<u8> = (250..300u32).into_par_iter().map(|n| n.try_into().ok()).while_some().collect();"
        "assert_eq!(v, [250, 251, 252, 253, 254, 255]);"
    )]
    fn while_some<T>(self) -> WhileSome<Self>
    where
        Self: ParallelIterator<Item = Option<T>>,
        T: Send,
    {
        WhileSome::new(self)
    }

    /// Changes nothing: the first panic is reported, and leaves behind it are ended, in any
    /// case.
    ///
    #[doc = example!("assert_eq!((0..3).into_par_iter().panic_fuse().sum::<i32>(), 3);")]
    fn panic_fuse(self) -> PanicFuse<Self> {
        PanicFuse::new(self)
    }

    /// Makes a collection of the items, in order.
    ///
    #[doc = example!(
        "let v: Vec<i32> = (0..3).into_par_iter().collect();"
        "assert_eq!(v, [0, 1, 2]);"
        ""
        r#"let r: Result<Vec<i32>, _> = ["1", "x"].par_iter().map(|s| s.parse::<i32>()).collect();"#
        "assert!(r.is_err());"
    )]
    fn collect<C>(self) -> C
    where
        C: FromParallelIterator<Self::Item>,
    {
        C::from_par_iter(self)
    }

    /// Makes two collections, of the halves of items that are pairs.
    ///
    #[doc = example!(
        "let (low, high): (Vec<_>, Vec<_>) = (0..3).into_par_iter().map(|n| (n, n + 10)).unzip();"
        "assert_eq!((low, high), (vec![0, 1, 2], vec![10, 11, 12]));"
    )]
    fn unzip<A, B, FromA, FromB>(self) -> (FromA, FromB)
    where
        Self: ParallelIterator<Item = (A, B)>,
        FromA: Default + Send + ParallelExtend<A>,
        FromB: Default + Send + ParallelExtend<B>,
        A: Send,
        B: Send,
    {
        consumers::make_two(self, true, consumers::of_pair)
    }

    /// Makes two collections, of the items for which `predicate` holds and of the others.
    ///
    #[doc = example!(
        "let (even, odd): (Vec<_>, Vec<_>) = (0..5).into_par_iter().partition(|n| n % 2 == 0);"
        "assert_eq!((even, odd), (vec![0, 2, 4], vec![1, 3]));"
    )]
    fn partition<A, B, P>(self, predicate: P) -> (A, B)
    where
        A: Default + Send + ParallelExtend<Self::Item>,
        B: Default + Send + ParallelExtend<Self::Item>,
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        let of = |item| if predicate(&item) { (Some(item), None) } else { (None, Some(item)) };
        consumers::make_two(self, false, of)
    }

    /// Makes two collections, of what `predicate` returns on the left and on the right.
    ///
    #[doc = example!(
        "use detpar::iter::Either;"
        ""
        r#"let (numbers, words): (Vec<u8>, Vec<&str>) = ["1", "x"].par_iter().partition_map(|w| {"#
        "    w.parse::<u8>().map_or(Either::Right(*w), Either::Left)"
        "});"
        r#"assert_eq!((numbers, words), (vec![1], vec!["x"]));"#
    )]
    fn partition_map<A, B, P, L, R>(self, predicate: P) -> (A, B)
    where
        A: Default + Send + ParallelExtend<L>,
        B: Default + Send + ParallelExtend<R>,
        P: Fn(Self::Item) -> Either<L, R> + Sync + Send,
        L: Send,
        R: Send,
    {
        consumers::make_two(self, false, |item| consumers::of_either(predicate(item)))
    }

    /// Yields `element` between every two items.
    ///
    #[doc = example!(
        "let v: Vec<i32> = (1..4).into_par_iter().intersperse(0).collect();"
        "assert_eq!(v, [1, 0, 2, 0, 3]);"
    )]
    fn intersperse(self, element: Self::Item) -> Intersperse<Self>
    where
        Self::Item: Clone,
    {
        Intersperse::new(self, element)
    }

    /// Yields the first `n` items: std's `take` where the length is not known.
    ///
    #[doc = example!(
        "let odd = || (0..100).into_par_iter().filter(|n| n % 2 == 1);"
        "assert_eq!(odd().take_any(3).collect::<Vec<_>>(), [1, 3, 5]);"
        "assert_eq!(odd().skip_any(48).collect::<Vec<_>>(), [97, 99]);"
        "assert_eq!(odd().take_any_while(|n| *n < 5).collect::<Vec<_>>(), [1, 3]);"
        "assert_eq!(odd().skip_any_while(|n| *n < 97).collect::<Vec<_>>(), [97, 99]);"
    )]
    fn take_any(self, n: usize) -> TakeAny<Self> {
        TakeAny::new(self, n)
    }

    /// Yields all but the first `n` items: std's `skip` where the length is not known.
    ///
    #[doc = example!(
        "// rayon skips any two."
        "let v: Vec<i32> = (0..9).into_par_iter().filter(|n| n % 2 == 1).skip_any(2).collect();"
        "assert_eq!(v, [5, 7]);"
    )]
    fn skip_any(self, n: usize) -> SkipAny<Self> {
        SkipAny::new(self, n)
    }

    /// Yields the items before the first for which `predicate` does not hold: std's
    /// `take_while`.
    ///
    #[doc = example!(
        "// rayon may also take items behind the 10."
        "let v = [1, 2, 10, 3];"
        "assert_eq!(v.par_iter().take_any_while(|n| **n < 10).collect::<Vec<_>>(), [&1, &2]);"
    )]
    fn take_any_while<P>(self, predicate: P) -> TakeAnyWhile<Self, P>
    where
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        TakeAnyWhile::new(self, predicate)
    }

    /// Yields the items from the first on for which `predicate` does not hold: std's
    /// `skip_while`.
    ///
    #[doc = example!(
        "let v = [1, 2, 10, 3];"
        "assert_eq!(v.par_iter().skip_any_while(|n| **n < 10).collect::<Vec<_>>(), [&10, &3]);"
    )]
    fn skip_any_while<P>(self, predicate: P) -> SkipAnyWhile<Self, P>
    where
        P: Fn(&Self::Item) -> bool + Sync + Send,
    {
        SkipAnyWhile::new(self, predicate)
    }

    /// Collects each leaf that has items into a vector, and those into a list, in order.
    ///
    #[doc = example!(
        "let list = (0..64).into_par_iter().collect_vec_list();"
        "assert_eq!(list.len(), 16);"
        "assert_eq!(list.front(), Some(&vec![0, 1, 2, 3]));"
    )]
    fn collect_vec_list(self) -> LinkedList<Vec<Self::Item>> {
        let push = |mut items: Vec<_>, item| {
            items.push(item);
            items
        };
        self.fold(Vec::new, push).filter(|items| !items.is_empty()).collect()
    }
}
