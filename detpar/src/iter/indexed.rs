//! The methods of parallel iterators whose length is known and that can be cut at any index.
use super::adaptors::*;
use super::consumers;
use super::example::example;
use super::plumbing::{Consumer, ProducerCallback};
use super::{IntoParallelIterator, ParallelExtend, ParallelIterator};
use std::cmp::Ordering;

/// A parallel iterator of known length that can be cut at any index.
#[expect(clippy::len_without_is_empty, reason = "rayon's trait has no such method")]
pub trait IndexedParallelIterator: ParallelIterator {
    /// The exact number of items.
    ///
    #[doc = example!("assert_eq!((0..100).into_par_iter().map(|n| n * n).len(), 100);")]
    fn len(&self) -> usize;

    /// Runs against a consumer. Called by the methods, not by users.
    fn drive<C>(self, consumer: C) -> C::Result
    where
        C: Consumer<Self::Item>;

    /// Passes the producer of the items to the callback.
    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<Self::Item>;

    /// Cuts the items into blocks of 16, 32, 64... and runs one block after another, each a
    /// parallel call: a search stops at the first block that has what it looks for.
    ///
    /// # Panics
    /// As every method; what blocks before the failing one wrote is kept.
    ///
    #[doc = example!(
        "let long = (0..usize::MAX).into_par_iter();"
        "assert_eq!(long.by_exponential_blocks().find_first(|n| n % 1000 == 999), Some(999));"
    )]
    fn by_exponential_blocks(self) -> ExponentialBlocks<Self> {
        ExponentialBlocks::new(self)
    }

    /// [`by_exponential_blocks`](Self::by_exponential_blocks) with blocks of one size.
    ///
    /// # Panics
    /// Where `block_size` is 0; and as the other.
    ///
    #[doc = example!(
        "let long = (0..usize::MAX).into_par_iter();"
        "assert_eq!(long.by_uniform_blocks(500).find_first(|n| n % 1000 == 999), Some(999));"
    )]
    #[track_caller]
    fn by_uniform_blocks(self, block_size: usize) -> UniformBlocks<Self> {
        assert_ne!(block_size, 0, "blocks have at least one item");
        UniformBlocks::new(self, block_size)
    }

    /// Collects into a vector, whose old contents are dropped and whose memory is used again
    /// where it suffices.
    ///
    /// # Panics
    ///
    /// Where there are more or fewer items than [`len`](Self::len) said: an error of the iterator.
    ///
    #[doc = example!(
        "let mut v = vec![7; 100];"
        "(0..3).into_par_iter().collect_into_vec(&mut v);"
        "assert_eq!(v, [0, 1, 2]);"
    )]
    fn collect_into_vec(self, target: &mut Vec<Self::Item>) {
        target.clear();
        target.par_extend(self);
    }

    /// [`unzip`](ParallelIterator::unzip) into vectors, as
    /// [`collect_into_vec`](Self::collect_into_vec).
    ///
    #[doc = example!(
        "let (mut a, mut b) = (vec![7], vec![]);"
        "[1, 2].par_iter().copied().zip(3..5).unzip_into_vecs(&mut a, &mut b);"
        "assert_eq!((a, b), (vec![1, 2], vec![3, 4]));"
    )]
    fn unzip_into_vecs<A, B>(self, left: &mut Vec<A>, right: &mut Vec<B>)
    where
        Self: IndexedParallelIterator<Item = (A, B)>,
        A: Send,
        B: Send,
    {
        left.clear();
        right.clear();
        consumers::extend_two(self, true, consumers::of_pair, left, right);
    }

    /// Yields every item with its index.
    ///
    #[doc = example!(
        r#"let v: Vec<_> = ["a", "b"].par_iter().enumerate().collect();"#
        r#"assert_eq!(v, [(0, &"a"), (1, &"b")]);"#
    )]
    fn enumerate(self) -> Enumerate<Self> {
        Enumerate::new(self)
    }

    /// Yields pairs with the items of another iterator, as long as both have some.
    ///
    #[doc = example!(
        r#"let v: Vec<_> = (1..4).into_par_iter().zip(vec!["a", "b"]).collect();"#
        r#"assert_eq!(v, [(1, "a"), (2, "b")]);"#
    )]
    fn zip<Z>(self, zip_op: Z) -> Zip<Self, Z::Iter>
    where
        Z: IntoParallelIterator<Iter: IndexedParallelIterator>,
    {
        Zip::new(self, zip_op.into_par_iter())
    }

    /// The same as [`zip`](Self::zip) with an iterator of the same length.
    ///
    /// # Panics
    /// Where the lengths differ.
    ///
    #[doc = example!(
        "let v: Vec<(i32, char)> = [1, 2].into_par_iter().zip_eq(['a', 'b']).collect();"
        "assert_eq!(v, [(1, 'a'), (2, 'b')]);"
    )]
    #[track_caller]
    fn zip_eq<Z>(self, zip_op: Z) -> ZipEq<Self, Z::Iter>
    where
        Z: IntoParallelIterator<Iter: IndexedParallelIterator>,
    {
        let other = zip_op.into_par_iter();
        assert_eq!(self.len(), other.len(), "zip_eq of iterators of different lengths");
        Zip::new(self, other)
    }

    /// Yields an item of `self` and one of `other` in turn; when one has no more, the rest of
    /// the other.
    ///
    #[doc = example!(
        "let v: Vec<i32> = (1..3).into_par_iter().interleave(10..14).collect();"
        "assert_eq!(v, [1, 10, 2, 11, 12, 13]);"
        "let v: Vec<i32> = (1..3).into_par_iter().interleave_shortest(10..14).collect();"
        "assert_eq!(v, [1, 10, 2, 11]);"
    )]
    fn interleave<I>(self, other: I) -> Interleave<Self, I::Iter>
    where
        I: IntoParallelIterator<Item = Self::Item, Iter: IndexedParallelIterator>,
    {
        Interleave::new(self, other.into_par_iter())
    }

    /// The same as [`interleave`](Self::interleave) up to where the one whose turn it is has no
    /// more.
    ///
    #[doc = example!(
        "let v: Vec<i32> = (1..3).into_par_iter().interleave_shortest(10..14).collect();"
        "assert_eq!(v, [1, 10, 2, 11]);"
    )]
    fn interleave_shortest<I>(self, other: I) -> InterleaveShortest<Self, I::Iter>
    where
        I: IntoParallelIterator<Item = Self::Item, Iter: IndexedParallelIterator>,
    {
        InterleaveShortest::new(self, other.into_par_iter())
    }

    /// Yields vectors of `chunk_size` neighbouring items; the last may have fewer.
    ///
    /// # Panics
    /// Where `chunk_size` is 0.
    ///
    #[doc = example!(
        "let v: Vec<Vec<i32>> = (0..5).into_par_iter().chunks(2).collect();"
        "assert_eq!(v, [vec![0, 1], vec![2, 3], vec![4]]);"
    )]
    #[track_caller]
    fn chunks(self, chunk_size: usize) -> Chunks<Self> {
        assert_ne!(chunk_size, 0, "chunks have at least one item");
        Chunks::new(self, chunk_size)
    }

    /// Folds every chunk of `chunk_size` neighbouring items from `identity()`. Unlike the items
    /// of [`fold`](ParallelIterator::fold) those of this do not depend on how work is cut.
    ///
    /// # Panics
    /// Where `chunk_size` is 0.
    ///
    #[doc = example!(
        "let sums: Vec<i32> = (0..5).into_par_iter().fold_chunks(2, || 0, |a, n| a + n).collect();"
        "assert_eq!(sums, [1, 5, 4]);"
    )]
    #[track_caller]
    fn fold_chunks<T, ID, F>(
        self,
        chunk_size: usize,
        identity: ID,
        fold_op: F,
    ) -> FoldChunks<Self, ID, F>
    where
        ID: Fn() -> T + Send + Sync,
        F: Fn(T, Self::Item) -> T + Send + Sync,
        T: Send,
    {
        assert_ne!(chunk_size, 0, "chunks have at least one item");
        FoldChunks::new(self, chunk_size, identity, fold_op)
    }

    /// [`fold_chunks`](Self::fold_chunks) from clones of `init`.
    ///
    /// # Panics
    /// Where `chunk_size` is 0.
    ///
    #[doc = example!(
        "let sums = (0..7).into_par_iter().fold_chunks_with(3, 0, |sum, n| sum + n);"
        "assert_eq!(sums.collect::<Vec<i32>>(), [3, 12, 6]);"
    )]
    #[track_caller]
    fn fold_chunks_with<T, F>(
        self,
        chunk_size: usize,
        init: T,
        fold_op: F,
    ) -> FoldChunksWith<Self, T, F>
    where
        T: Send + Clone,
        F: Fn(T, Self::Item) -> T + Send + Sync,
    {
        assert_ne!(chunk_size, 0, "chunks have at least one item");
        FoldChunksWith::new(self, chunk_size, init, fold_op)
    }

    /// Compares with the items of another iterator, in the order of words in a dictionary: by
    /// the first two that differ, or the lengths.
    ///
    #[doc = example!(
        "use std::cmp::Ordering;"
        ""
        "assert_eq!([1, 2].par_iter().cmp(&[1, 3]), Ordering::Less);"
        "assert_eq!([1.0].par_iter().partial_cmp(&[f64::NAN]), None);"
        "assert!([1, 2].par_iter().gt(&[1]));"
        "assert!([1, 2].par_iter().eq(&[1, 2]));"
    )]
    fn cmp<I>(self, other: I) -> Ordering
    where
        I: IntoParallelIterator<Item = Self::Item, Iter: IndexedParallelIterator>,
        Self::Item: Ord,
    {
        let other = other.into_par_iter();
        let lens = self.len().cmp(&other.len());
        let items = self.zip(other).map(|(a, b)| a.cmp(&b));
        items.find_first(|order| order.is_ne()).unwrap_or(lens)
    }

    /// [`cmp`](Self::cmp) of items that may not be comparable; `None` where that decides.
    ///
    #[doc = example!(
        "use std::cmp::Ordering;"
        ""
        "assert_eq!([1.0, 2.0].par_iter().partial_cmp(&[1.0, 3.0]), Some(Ordering::Less));"
        "assert_eq!([1.0].par_iter().partial_cmp(&[f64::NAN]), None);"
    )]
    fn partial_cmp<I>(self, other: I) -> Option<Ordering>
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        Self::Item: PartialOrd<I::Item>,
    {
        let other = other.into_par_iter();
        let lens = self.len().cmp(&other.len());
        let items = self.zip(other).map(|(a, b)| a.partial_cmp(&b));
        items.find_first(|order| *order != Some(Ordering::Equal)).unwrap_or(Some(lens))
    }

    /// Whether another iterator has as many items and each equals its counterpart.
    ///
    #[doc = example!(
        "assert!([1, 2].par_iter().eq(&[1, 2]));"
        "assert!(![1, 2].par_iter().eq(&[1, 2, 3]));"
    )]
    fn eq<I>(self, other: I) -> bool
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        Self::Item: PartialEq<I::Item>,
    {
        let other = other.into_par_iter();
        self.len() == other.len() && self.zip(other).all(|(a, b)| a == b)
    }

    /// Whether [`eq`](Self::eq) does not hold.
    ///
    #[doc = example!("assert!([1, 2].par_iter().ne(&[1, 3]));")]
    fn ne<I>(self, other: I) -> bool
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        Self::Item: PartialEq<I::Item>,
    {
        !self.eq(other)
    }

    /// Whether it is less by [`partial_cmp`](Self::partial_cmp).
    ///
    #[doc = example!(
        "assert!([1, 2].par_iter().lt(&[1, 3]));"
        "assert!(![f64::NAN].par_iter().lt(&[1.0]));"
    )]
    fn lt<I>(self, other: I) -> bool
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        Self::Item: PartialOrd<I::Item>,
    {
        self.partial_cmp(other) == Some(Ordering::Less)
    }

    /// Whether it is less or equal by [`partial_cmp`](Self::partial_cmp).
    ///
    #[doc = example!("assert!([1, 2].par_iter().le(&[1, 2]));")]
    fn le<I>(self, other: I) -> bool
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        Self::Item: PartialOrd<I::Item>,
    {
        self.partial_cmp(other).is_some_and(Ordering::is_le)
    }

    /// Whether it is greater by [`partial_cmp`](Self::partial_cmp).
    ///
    #[doc = example!("assert!([1, 2].par_iter().gt(&[1]));")]
    fn gt<I>(self, other: I) -> bool
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        Self::Item: PartialOrd<I::Item>,
    {
        self.partial_cmp(other) == Some(Ordering::Greater)
    }

    /// Whether it is greater or equal by [`partial_cmp`](Self::partial_cmp).
    ///
    #[doc = example!("assert!([2].par_iter().ge(&[1, 9]));")]
    fn ge<I>(self, other: I) -> bool
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        Self::Item: PartialOrd<I::Item>,
    {
        self.partial_cmp(other).is_some_and(Ordering::is_ge)
    }

    /// Yields the items from the last to the first.
    ///
    #[doc = example!(
        "let v: Vec<i32> = (0..3).into_par_iter().rev().collect();"
        "assert_eq!(v, [2, 1, 0]);"
    )]
    fn rev(self) -> Rev<Self> {
        Rev::new(self)
    }

    /// Yields the first item and then every `step`-th.
    ///
    /// # Panics
    /// Where `step` is 0.
    ///
    #[doc = example!(
        "let v: Vec<i32> = (0..10).into_par_iter().step_by(4).collect();"
        "assert_eq!(v, [0, 4, 8]);"
    )]
    #[track_caller]
    fn step_by(self, step: usize) -> StepBy<Self> {
        assert_ne!(step, 0, "a step is at least one item");
        StepBy::new(self, step)
    }

    /// Yields the first `n` items.
    ///
    #[doc = example!(
        "let v: Vec<i32> = (0..10).into_par_iter().skip(2).take(3).collect();"
        "assert_eq!(v, [2, 3, 4]);"
    )]
    fn take(self, n: usize) -> Take<Self> {
        Take::new(self, n)
    }

    /// Yields all but the first `n` items. What leads to the skipped ones, a `map` for
    /// instance, is not run for them.
    ///
    #[doc = example!(
        "let v: Vec<i32> = (0..5).into_par_iter().skip(3).collect();"
        "assert_eq!(v, [3, 4]);"
    )]
    fn skip(self, n: usize) -> Skip<Self> {
        Skip::new(self, n)
    }

    /// Gives every leaf at least `min` items, where there are so many. It is part of what the
    /// cut depends on, see [`width`](super::width).
    ///
    #[doc = example!(
        "let range = || (0..100).into_par_iter();"
        "assert_eq!(range().with_min_len(30).fold(|| (), |_, _| ()).count(), 3);"
        "assert_eq!(range().with_max_len(1).fold(|| (), |_, _| ()).count(), 100);"
    )]
    fn with_min_len(self, min: usize) -> MinLen<Self> {
        MinLen::new(self, min)
    }

    /// Gives every leaf at most `max` items, as far as [`width::MOST`](super::width::MOST)
    /// leaves suffice: 1 gives each of few heavy items a child of its own.
    ///
    #[doc = example!(
        "// `fold` yields one item for each leaf: 16, and 100."
        "let leaves = |range: detpar::iter::MaxLen<_>| range.fold(|| (), |_, _| ()).count();"
        "assert_eq!(leaves((0..100).into_par_iter().with_max_len(50)), 16);"
        "assert_eq!(leaves((0..100).into_par_iter().with_max_len(1)), 100);"
    )]
    fn with_max_len(self, max: usize) -> MaxLen<Self> {
        MaxLen::new(self, max)
    }

    /// The index of the first item for which `predicate` holds.
    ///
    #[doc = example!(
        "let v = [5, 6, 7];"
        "assert_eq!(v.par_iter().position_first(|n| *n > 5), Some(1));"
        "assert_eq!(v.par_iter().position_last(|n| *n > 5), Some(2));"
        "assert_eq!(v.par_iter().positions(|n| *n > 5).collect::<Vec<_>>(), [1, 2]);"
    )]
    fn position_first<P>(self, predicate: P) -> Option<usize>
    where
        P: Fn(Self::Item) -> bool + Sync + Send,
    {
        self.positions(predicate).find_first(|_| true)
    }

    /// The same as [`position_first`](Self::position_first).
    ///
    #[doc = example!(
        "// rayon may return 1 or 2."
        "assert_eq!([5, 6, 7].par_iter().position_any(|n| *n > 5), Some(1));"
    )]
    fn position_any<P>(self, predicate: P) -> Option<usize>
    where
        P: Fn(Self::Item) -> bool + Sync + Send,
    {
        self.position_first(predicate)
    }

    /// The same as [`position_first`](Self::position_first), by the name of std's.
    ///
    #[doc = example!("assert_eq!([5, 6, 7].par_iter().position(|n| *n > 5), Some(1));")]
    fn position<P>(self, predicate: P) -> Option<usize>
    where
        P: Fn(Self::Item) -> bool + Sync + Send,
    {
        self.position_first(predicate)
    }

    /// The index of the last item for which `predicate` holds.
    ///
    #[doc = example!("assert_eq!([5, 6, 7].par_iter().position_last(|n| *n > 5), Some(2));")]
    fn position_last<P>(self, predicate: P) -> Option<usize>
    where
        P: Fn(Self::Item) -> bool + Sync + Send,
    {
        self.positions(predicate).find_last(|_| true)
    }

    /// Yields the indices of the items for which `predicate` holds.
    ///
    #[doc = example!(
        "let v: Vec<usize> = [5, 6, 7].par_iter().positions(|n| *n > 5).collect();"
        "assert_eq!(v, [1, 2]);"
    )]
    fn positions<P>(self, predicate: P) -> Positions<Self, P>
    where
        P: Fn(Self::Item) -> bool + Sync + Send,
    {
        Positions::new(self, predicate)
    }
}
