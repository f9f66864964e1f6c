//! `par_chunks` and `par_chunks_mut`.
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};

/// The parallel methods of slices.
pub trait ParallelSlice<T: Sync> {
    /// The slice.
    fn as_parallel_slice(&self) -> &[T];

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
        assert!(chunk_size != 0, "chunk_size must not be zero");
        Chunks { size: chunk_size, slice: self.as_parallel_slice() }
    }
}

impl<T: Sync> ParallelSlice<T> for [T] {
    fn as_parallel_slice(&self) -> &[T] {
        self
    }
}

/// The parallel methods of mutable slices.
pub trait ParallelSliceMut<T: Send> {
    /// The slice.
    fn as_parallel_slice_mut(&mut self) -> &mut [T];

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
    ///     let mut rows = [0; 6];
    ///     rows.par_chunks_mut(3).enumerate().for_each(|(i, row)| row.fill(i));
    ///     assert_eq!(rows, [0, 0, 0, 1, 1, 1]);
    /// }
    /// ```
    #[track_caller]
    fn par_chunks_mut(&mut self, chunk_size: usize) -> ChunksMut<'_, T> {
        assert!(chunk_size != 0, "chunk_size must not be zero");
        ChunksMut { size: chunk_size, slice: self.as_parallel_slice_mut() }
    }
}

impl<T: Send> ParallelSliceMut<T> for [T] {
    fn as_parallel_slice_mut(&mut self) -> &mut [T] {
        self
    }
}

/// Parallel iterator over pieces of a slice.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Chunks<'data, T> {
    size: usize,
    slice: &'data [T],
}

impl<T> Clone for Chunks<'_, T> {
    fn clone(&self) -> Self {
        Chunks { size: self.size, slice: self.slice }
    }
}

/// Parallel iterator over mutable pieces of a slice.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct ChunksMut<'data, T> {
    size: usize,
    slice: &'data mut [T],
}

macro_rules! chunks {
    (
        $iter:ident, $producer:ident, [$($mutable:tt)?], $bound:ident, $split:ident, $chunks:ident,
        $std:ident
    ) => {
        impl<'data, T: $bound> ParallelIterator for $iter<'data, T> {
            type Item = &'data $($mutable)? [T];

            parallel_by_bridge!();
        }

        impl<'data, T: $bound> IndexedParallelIterator for $iter<'data, T> {
            drive_by_bridge!();

            fn len(&self) -> usize {
                self.slice.len().div_ceil(self.size)
            }

            fn with_producer<CB>(self, callback: CB) -> CB::Output
            where
                CB: ProducerCallback<Self::Item>,
            {
                callback.callback($producer { size: self.size, slice: self.slice })
            }
        }

        struct $producer<'data, T> {
            size: usize,
            slice: &'data $($mutable)? [T],
        }

        impl<'data, T: $bound> Producer for $producer<'data, T> {
            type Item = &'data $($mutable)? [T];
            type IntoIter = std::slice::$std<'data, T>;

            fn into_iter(self) -> Self::IntoIter {
                self.slice.$chunks(self.size)
            }

            fn split_at(self, index: usize) -> (Self, Self) {
                // The last piece may be short: its end is the slice's. The product is below
                // the length of a slice unless it is to be cut there.
                let size = self.size;
                let items = index.saturating_mul(size).min(self.slice.len());
                let (left, right) = self.slice.$split(items);
                ($producer { size, slice: left }, $producer { size, slice: right })
            }
        }
    };
}

chunks!(Chunks, ChunksProducer, [], Sync, split_at, chunks, Chunks);
chunks!(ChunksMut, ChunksMutProducer, [mut], Send, split_at_mut, chunks_mut, ChunksMut);
