//! One file for each kind of value that has parallel iterators.
mod array;
mod chunks;
mod option;
mod range;
mod range_inclusive;
mod slice;
mod vec;

pub use array::ArrayIntoIter;
pub use chunks::{Chunks, ChunksMut, ParallelSlice, ParallelSliceMut};
pub use option::OptionIntoIter;
pub use range::{RangeInteger, RangeIter};
pub use range_inclusive::RangeInclusiveIter;
pub use slice::{SliceIter, SliceIterMut};
pub use vec::VecIntoIter;
