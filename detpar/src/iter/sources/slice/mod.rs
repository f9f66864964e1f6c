//! Slices, and vectors and arrays by reference.
mod chunks;
mod iter;
mod methods;
mod sort;
mod split;
mod windows;

pub use chunks::{
    Chunks, ChunksExact, ChunksExactMut, ChunksMut, RChunks, RChunksExact, RChunksExactMut,
    RChunksMut,
};
pub use iter::{Iter, IterMut};
pub use methods::{ParallelSlice, ParallelSliceMut};
pub use split::{ChunkBy, ChunkByMut, Split, SplitInclusive, SplitInclusiveMut, SplitMut};
pub use windows::{ArrayWindows, Windows};
