//! Pieces of slices of equal length, counted from the front or from the back; the last one may be
//! shorter, or is left out as the remainder.
use crate::engine;
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Exclusive, Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::mem;

/// Where to cut a slice of `len` items so that `index` pieces are in front.
fn from_front(len: usize, size: usize, index: usize) -> usize {
    // The last piece may be short: its end is the slice's. The product is below the length of
    // a slice unless it is to be cut there.
    index.saturating_mul(size).min(len)
}

/// The same where `index` pieces are behind.
fn from_back(len: usize, size: usize, index: usize) -> usize {
    len - from_front(len, size, index)
}

macro_rules! chunks {
    (
        $(#[$doc:meta])*
        $iter:ident, $producer:ident, [$($mutable:tt)?] $slice:ty, $bound:ident, $split:ident, $chunks:ident,
        $std:ident, $end:ident $(, $remainder:ident)?
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "a parallel iterator does nothing until it is consumed"]
        pub struct $iter<'data, T> {
            size: usize,
            slice: $slice,
            $($remainder: $slice,)?
        }

        impl<'data, T> $iter<'data, T> {
            #[track_caller]
            pub(super) fn new(slice: $slice, size: usize) -> Self {
                assert!(size != 0, "chunk_size must not be zero");
                $(
                    let pieces = slice.len() / size;
                    let at = $end(slice.len(), size, pieces);
                    let (slice, $remainder) = chunks!(@pair $end slice.$split(at));
                )?
                $iter { size, slice, $($remainder)? }
            }
        }

        chunks!(@clone [$($mutable)?] $iter $($remainder)?);

        impl<'data, T: $bound> ParallelIterator for $iter<'data, T> {
            type Item = $slice;

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
            slice: $slice,
        }

        impl<'data, T: $bound> Producer for $producer<'data, T> {
            type Item = $slice;
            type IntoIter = std::slice::$std<'data, T>;

            fn into_iter(self) -> Self::IntoIter {
                chunks!(@ahead [$($mutable)?] self.slice);
                self.slice.$chunks(self.size)
            }

            fn split_at(self, index: usize) -> (Self, Self) {
                let $producer { size, slice } = self;
                let at = $end(slice.len(), size, index);
                let (left, right) = chunks!(@pair $end slice.$split(at));
                ($producer { size, slice: left }, $producer { size, slice: right })
            }

            chunks!(@exclusive [$($mutable)?]);
        }
    };
    (@ahead [] $items:expr) => { engine::will_read($items) };
    (@ahead [mut] $items:expr) => {};
    (@exclusive []) => {};
    (@exclusive [mut]) => {
        fn exclusive(&mut self) -> Exclusive {
            Exclusive::of(self.slice)
        }
    };
    (@pair from_front $pair:expr) => { $pair };
    (@pair from_back $pair:expr) => {{
        let (behind, first) = $pair;
        (first, behind)
    }};
    (@clone [] $iter:ident $($remainder:ident)?) => {
        impl<T> Clone for $iter<'_, T> {
            fn clone(&self) -> Self {
                $iter { ..*self }
            }
        }

        $(
            impl<'data, T> $iter<'data, T> {
                /// The items that are in no piece.
                ///
                /// ```
                /// use detpar::prelude::*;
                ///
                /// #[detpar::main]
                /// fn main() {
                ///     let chunks = [1, 2, 3, 4, 5].par_chunks_exact(2);
                ///     assert_eq!(chunks.remainder(), [5]);
                /// }
                /// ```
                pub fn remainder(&self) -> &'data [T] {
                    self.$remainder
                }
            }
        )?
    };
    (@clone [mut] $iter:ident $($remainder:ident)?) => {
        $(
            impl<'data, T> $iter<'data, T> {
                /// The items that are in no piece, instead of the iterator.
                ///
                /// ```
                /// use detpar::prelude::*;
                ///
                /// #[detpar::main]
                /// fn main() {
                ///     let mut v = [1, 2, 3, 4, 5];
                ///     v.par_chunks_exact_mut(2).into_remainder()[0] = 0;
                ///     assert_eq!(v, [1, 2, 3, 4, 0]);
                /// }
                /// ```
                pub fn into_remainder(self) -> &'data mut [T] {
                    self.$remainder
                }

                /// The items that are in no piece.
                ///
                /// ```
                /// use detpar::prelude::*;
                ///
                /// #[detpar::main]
                /// fn main() {
                ///     let mut v = [1, 2, 3, 4, 5];
                ///     assert_eq!(v.par_chunks_exact_mut(2).remainder(), [5]);
                /// }
                /// ```
                pub fn remainder(&mut self) -> &mut [T] {
                    self.$remainder
                }

                /// The items that are in no piece; an empty slice if they were taken before.
                ///
                /// ```
                /// use detpar::prelude::*;
                ///
                /// #[detpar::main]
                /// fn main() {
                ///     let mut v = [1, 2, 3, 4, 5];
                ///     let mut chunks = v.par_chunks_exact_mut(2);
                ///     let rest = chunks.take_remainder();
                ///     chunks.for_each(|pair| pair.swap(0, 1));
                ///     rest[0] = 0;
                ///     assert_eq!(v, [2, 1, 4, 3, 0]);
                /// }
                /// ```
                pub fn take_remainder(&mut self) -> &'data mut [T] {
                    mem::take(&mut self.$remainder)
                }
            }
        )?
    };
}

chunks! {
    /// Parallel iterator over pieces of a slice.
    Chunks, ChunksProducer, [] &'data [T], Sync, split_at, chunks, Chunks, from_front
}
chunks! {
    /// Parallel iterator over mutable pieces of a slice.
    ChunksMut, ChunksMutProducer, [mut] &'data mut [T], Send, split_at_mut, chunks_mut, ChunksMut, from_front
}
chunks! {
    /// Parallel iterator over pieces of a slice, all of the same length.
    ChunksExact, ChunksExactProducer, [] &'data [T], Sync, split_at,
    chunks_exact, ChunksExact, from_front, rest
}
chunks! {
    /// Parallel iterator over mutable pieces of a slice, all of the same length.
    ChunksExactMut, ChunksExactMutProducer, [mut] &'data mut [T], Send, split_at_mut,
    chunks_exact_mut, ChunksExactMut, from_front, rest
}
chunks! {
    /// Parallel iterator over pieces of a slice, counted from its end.
    RChunks, RChunksProducer, [] &'data [T], Sync, split_at, rchunks, RChunks, from_back
}
chunks! {
    /// Parallel iterator over mutable pieces of a slice, counted from its end.
    RChunksMut, RChunksMutProducer, [mut] &'data mut [T], Send, split_at_mut, rchunks_mut, RChunksMut, from_back
}
chunks! {
    /// Parallel iterator over pieces of a slice, counted from its end, all of the same length.
    RChunksExact, RChunksExactProducer, [] &'data [T], Sync, split_at,
    rchunks_exact, RChunksExact, from_back, rest
}
chunks! {
    /// Parallel iterator over mutable pieces of a slice, counted from its end, all of the same length.
    RChunksExactMut, RChunksExactMutProducer, [mut] &'data mut [T], Send, split_at_mut,
    rchunks_exact_mut, RChunksExactMut, from_back, rest
}
