//! The parallel methods of slices.
use super::*;
use std::cmp::Ordering;

/// The parallel methods of slices.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     // Anything that is a slice: arrays and vectors among them.
///     assert_eq!(vec![3, 1, 2].par_windows(2).map(|w| w[0] + w[1]).max(), Some(4));
/// }
/// ```
pub trait ParallelSlice<T: Sync> {
    /// The slice.
    fn as_parallel_slice(&self) -> &[T];

    /// Yields what is between the items for which `separator` holds, as `split` of slices does.
    ///
    /// The caller looks for places to cut at, with `separator`.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<usize> = [1, 2, 0, 3].par_split(|n| *n == 0).map(|p| p.len()).collect();
    ///     assert_eq!(v, [2, 1]);
    /// }
    /// ```
    fn par_split<P>(&self, separator: P) -> Split<'_, T, P>
    where
        P: Fn(&T) -> bool + Sync + Send,
    {
        Split { slice: self.as_parallel_slice(), separator }
    }

    /// The same with the separator as the last item of each part.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<usize> = [1, 2, 0, 3].par_split_inclusive(|n| *n == 0).map(|p| p.len()).collect();
    ///     assert_eq!(v, [3, 1]);
    /// }
    /// ```
    fn par_split_inclusive<P>(&self, separator: P) -> SplitInclusive<'_, T, P>
    where
        P: Fn(&T) -> bool + Sync + Send,
    {
        SplitInclusive { slice: self.as_parallel_slice(), separator }
    }

    /// Yields all pieces of `window_size` neighbours, which overlap.
    ///
    /// # Panics
    /// Where `window_size` is 0.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<i32> = [1, 2, 4, 8].par_windows(2).map(|w| w[1] - w[0]).collect();
    ///     assert_eq!(v, [1, 2, 4]);
    /// }
    /// ```
    #[track_caller]
    fn par_windows(&self, window_size: usize) -> Windows<'_, T> {
        assert!(window_size != 0, "window_size must not be zero");
        Windows { size: window_size, slice: self.as_parallel_slice() }
    }

    /// The same as arrays.
    ///
    /// # Panics
    /// Where `N` is 0.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<i32> = [1, 2, 4, 8].par_array_windows().map(|[a, b]| b - a).collect();
    ///     assert_eq!(v, [1, 2, 4]);
    /// }
    /// ```
    #[track_caller]
    fn par_array_windows<const N: usize>(&self) -> ArrayWindows<'_, T, N> {
        assert!(N != 0, "window size must not be zero");
        ArrayWindows { size: N, slice: self.as_parallel_slice() }
    }

    /// Yields pieces of `chunk_size` items; the last one may be shorter.
    ///
    /// # Panics
    /// Where `chunk_size` is 0.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<i32> = [1, 2, 3, 4, 5].par_chunks(2).map(|c| c.iter().sum()).collect();
    ///     assert_eq!(v, [3, 7, 5]);
    /// }
    /// ```
    #[track_caller]
    fn par_chunks(&self, chunk_size: usize) -> Chunks<'_, T> {
        Chunks::new(self.as_parallel_slice(), chunk_size)
    }

    /// Yields pieces of `chunk_size` items; what remains of fewer is in no piece, see
    /// [`remainder`](ChunksExact::remainder).
    ///
    /// # Panics
    /// Where `chunk_size` is 0.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<i32> = [1, 2, 3, 4, 5].par_chunks_exact(2).map(|c| c.iter().sum()).collect();
    ///     assert_eq!(v, [3, 7]);
    /// }
    /// ```
    #[track_caller]
    fn par_chunks_exact(&self, chunk_size: usize) -> ChunksExact<'_, T> {
        ChunksExact::new(self.as_parallel_slice(), chunk_size)
    }

    /// Yields pieces of `chunk_size` items from the end on; the last one may be shorter.
    ///
    /// # Panics
    /// Where `chunk_size` is 0.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<i32> = [1, 2, 3, 4, 5].par_rchunks(2).map(|c| c.iter().sum()).collect();
    ///     assert_eq!(v, [9, 5, 1]);
    /// }
    /// ```
    #[track_caller]
    fn par_rchunks(&self, chunk_size: usize) -> RChunks<'_, T> {
        RChunks::new(self.as_parallel_slice(), chunk_size)
    }

    /// Yields pieces of `chunk_size` items from the end on; what remains of fewer is in no piece,
    /// see [`remainder`](RChunksExact::remainder).
    ///
    /// # Panics
    /// Where `chunk_size` is 0.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<i32> = [1, 2, 3, 4, 5].par_rchunks_exact(2).map(|c| c.iter().sum()).collect();
    ///     assert_eq!(v, [9, 5]);
    /// }
    /// ```
    #[track_caller]
    fn par_rchunks_exact(&self, chunk_size: usize) -> RChunksExact<'_, T> {
        RChunksExact::new(self.as_parallel_slice(), chunk_size)
    }

    /// Yields the longest runs of items in which `pred` holds for all neighbours, as `chunk_by` of
    /// slices does.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<usize> = [1, 1, 2, 3, 3].par_chunk_by(|a, b| a == b).map(|r| r.len()).collect();
    ///     assert_eq!(v, [2, 1, 2]);
    /// }
    /// ```
    fn par_chunk_by<F>(&self, pred: F) -> ChunkBy<'_, T, F>
    where
        F: Fn(&T, &T) -> bool + Sync + Send,
    {
        ChunkBy { slice: self.as_parallel_slice(), pred }
    }
}

impl<T: Sync> ParallelSlice<T> for [T] {
    fn as_parallel_slice(&self) -> &[T] {
        self
    }
}

/// The parallel methods of mutable slices.
///
/// # Sorting
///
/// A slice of fewer than 32768 items is sorted by the caller. A longer one is cut
/// by its length into runs, children sort the runs, and further children merge them, each a
/// part of the result. The result of a stable sort is that of std's; that of an unstable one has
/// equal items in an order that depends on the input alone. So has the result of a comparison
/// that is no total order, unless it panics.
///
/// If the comparison panics the slice still has all its items, in some order.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let mut v: Vec<u32> = (0..40_000u32).rev().collect();
///     v.par_sort_unstable();
///     assert_eq!((v[0], v[39_999]), (0, 39_999));
/// }
/// ```
pub trait ParallelSliceMut<T: Send> {
    /// The slice.
    fn as_parallel_slice_mut(&mut self) -> &mut [T];

    /// Yields what is between the items for which `separator` holds, as mutable slices.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [1, 2, 0, 3];
    ///     v.par_split_mut(|n| *n == 0).for_each(|part| part.reverse());
    ///     assert_eq!(v, [2, 1, 0, 3]);
    /// }
    /// ```
    fn par_split_mut<P>(&mut self, separator: P) -> SplitMut<'_, T, P>
    where
        P: Fn(&T) -> bool + Sync + Send,
    {
        SplitMut { slice: self.as_parallel_slice_mut(), separator }
    }

    /// The same with the separator as the last item of each part.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [1, 2, 0, 3];
    ///     v.par_split_inclusive_mut(|n| *n == 0).for_each(|part| part.reverse());
    ///     assert_eq!(v, [0, 2, 1, 3]);
    /// }
    /// ```
    fn par_split_inclusive_mut<P>(&mut self, separator: P) -> SplitInclusiveMut<'_, T, P>
    where
        P: Fn(&T) -> bool + Sync + Send,
    {
        SplitInclusiveMut { slice: self.as_parallel_slice_mut(), separator }
    }

    /// Yields mutable pieces of `chunk_size` items; the last one may be shorter.
    ///
    /// # Panics
    /// Where `chunk_size` is 0.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [9; 5];
    ///     v.par_chunks_mut(2).enumerate().for_each(|(i, piece)| piece.fill(i));
    ///     assert_eq!(v, [0, 0, 1, 1, 2]);
    /// }
    /// ```
    #[track_caller]
    fn par_chunks_mut(&mut self, chunk_size: usize) -> ChunksMut<'_, T> {
        ChunksMut::new(self.as_parallel_slice_mut(), chunk_size)
    }

    /// Yields mutable pieces of `chunk_size` items;
    /// what remains of fewer is in no piece, see [`remainder`](ChunksExactMut::remainder).
    ///
    /// # Panics
    /// Where `chunk_size` is 0.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [9; 5];
    ///     v.par_chunks_exact_mut(2).enumerate().for_each(|(i, piece)| piece.fill(i));
    ///     assert_eq!(v, [0, 0, 1, 1, 9]);
    /// }
    /// ```
    #[track_caller]
    fn par_chunks_exact_mut(&mut self, chunk_size: usize) -> ChunksExactMut<'_, T> {
        ChunksExactMut::new(self.as_parallel_slice_mut(), chunk_size)
    }

    /// Yields mutable pieces of `chunk_size` items from the end on; the last one may be shorter.
    ///
    /// # Panics
    /// Where `chunk_size` is 0.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [9; 5];
    ///     v.par_rchunks_mut(2).enumerate().for_each(|(i, piece)| piece.fill(i));
    ///     assert_eq!(v, [2, 1, 1, 0, 0]);
    /// }
    /// ```
    #[track_caller]
    fn par_rchunks_mut(&mut self, chunk_size: usize) -> RChunksMut<'_, T> {
        RChunksMut::new(self.as_parallel_slice_mut(), chunk_size)
    }

    /// Yields mutable pieces of `chunk_size` items from the end on;
    /// what remains of fewer is in no piece, see [`remainder`](RChunksExactMut::remainder).
    ///
    /// # Panics
    /// Where `chunk_size` is 0.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [9; 5];
    ///     v.par_rchunks_exact_mut(2).enumerate().for_each(|(i, piece)| piece.fill(i));
    ///     assert_eq!(v, [9, 1, 1, 0, 0]);
    /// }
    /// ```
    #[track_caller]
    fn par_rchunks_exact_mut(&mut self, chunk_size: usize) -> RChunksExactMut<'_, T> {
        RChunksExactMut::new(self.as_parallel_slice_mut(), chunk_size)
    }

    /// Sorts; equal items keep their order.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [3, 1, 2];
    ///     v.par_sort();
    ///     assert_eq!(v, [1, 2, 3]);
    /// }
    /// ```
    fn par_sort(&mut self)
    where
        T: Ord,
    {
        sort::stable(self.as_parallel_slice_mut(), &T::cmp);
    }

    /// Sorts by a comparison; equal items keep their order.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [3, 1, 2];
    ///     v.par_sort_by(|a, b| b.cmp(a));
    ///     assert_eq!(v, [3, 2, 1]);
    /// }
    /// ```
    fn par_sort_by<F>(&mut self, compare: F)
    where
        F: Fn(&T, &T) -> Ordering + Sync,
    {
        sort::stable(self.as_parallel_slice_mut(), &compare);
    }

    /// Sorts by a key, which is made for every comparison; items with equal keys keep their order.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [3i32, -1, 2];
    ///     v.par_sort_by_key(|n| n.abs());
    ///     assert_eq!(v, [-1, 2, 3]);
    /// }
    /// ```
    fn par_sort_by_key<K, F>(&mut self, f: F)
    where
        K: Ord,
        F: Fn(&T) -> K + Sync,
    {
        sort::stable(self.as_parallel_slice_mut(), &|a: &T, b: &T| f(a).cmp(&f(b)));
    }

    /// Sorts by a key that is made once for each item; items with equal keys keep their order.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [30, 4, 100];
    ///     v.par_sort_by_cached_key(|n| n.to_string());
    ///     assert_eq!(v, [100, 30, 4]);
    /// }
    /// ```
    fn par_sort_by_cached_key<K, F>(&mut self, f: F)
    where
        K: Ord + Send,
        F: Fn(&T) -> K + Sync,
    {
        sort::by_cached_key(self.as_parallel_slice_mut(), &f);
    }

    /// Sorts. Equal items may change places, in the same way in each run.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [3, 1, 2];
    ///     v.par_sort_unstable();
    ///     assert_eq!(v, [1, 2, 3]);
    /// }
    /// ```
    fn par_sort_unstable(&mut self)
    where
        T: Ord,
    {
        sort::unstable(self.as_parallel_slice_mut(), &T::cmp);
    }

    /// Sorts by a comparison. Equal items may change places, in the same way in each run.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [3, 1, 2];
    ///     v.par_sort_unstable_by(|a, b| b.cmp(a));
    ///     assert_eq!(v, [3, 2, 1]);
    /// }
    /// ```
    fn par_sort_unstable_by<F>(&mut self, compare: F)
    where
        F: Fn(&T, &T) -> Ordering + Sync,
    {
        sort::unstable(self.as_parallel_slice_mut(), &compare);
    }

    /// Sorts by a key, which is made for every comparison. Items with equal keys may change places,
    /// in the same way in each run.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [3i32, -1, 2];
    ///     v.par_sort_unstable_by_key(|n| n.abs());
    ///     assert_eq!(v, [-1, 2, 3]);
    /// }
    /// ```
    fn par_sort_unstable_by_key<K, F>(&mut self, f: F)
    where
        K: Ord,
        F: Fn(&T) -> K + Sync,
    {
        sort::unstable(self.as_parallel_slice_mut(), &|a: &T, b: &T| f(a).cmp(&f(b)));
    }

    /// Yields the longest runs of items in which `pred` holds for all neighbours, as mutable slices.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let mut v = [1, 1, 2, 3, 3];
    ///     v.par_chunk_by_mut(|a, b| a == b).for_each(|run| run[0] = 0);
    ///     assert_eq!(v, [0, 1, 0, 0, 3]);
    /// }
    /// ```
    fn par_chunk_by_mut<F>(&mut self, pred: F) -> ChunkByMut<'_, T, F>
    where
        F: Fn(&T, &T) -> bool + Sync + Send,
    {
        ChunkByMut { slice: self.as_parallel_slice_mut(), pred }
    }
}

impl<T: Send> ParallelSliceMut<T> for [T] {
    fn as_parallel_slice_mut(&mut self) -> &mut [T] {
        self
    }
}
