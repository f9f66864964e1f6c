//! Parallel iterators: rayon's names and bounds, and the same result in every run.
//!
//! ```
//! use detpar::prelude::*;
//!
//! #[detpar::main]
//! fn main() {
//!     let words = ["deterministic", "parallel", "iterators"];
//!     let letters: usize = words.par_iter().map(|w| w.len()).sum();
//!     assert_eq!(letters, 30);
//!
//!     let mut numbers = vec![1, 2, 3];
//!     numbers.par_iter_mut().for_each(|n| *n *= 10);
//!     assert_eq!(numbers, [10, 20, 30]);
//! }
//! ```
//!
//! A parallel call cuts its input into leaves, runs each leaf in a child with a private
//! snapshot of memory, merges the children all or nothing, and combines the leaves' results
//! in a fixed tree. How many leaves there are, where they begin and what the tree looks like
//! depends on the length alone: the rule is in [`width`]. Within a leaf items are taken one
//! after another, in order.
//!
//! # What differs from rayon
//!
//! - A sum or reduction of floats has the same bits in every run: the order of the operations
//!   is the leaf's and the tree's. It may differ from a sequential sum's in rounding.
//! - [`fold`](ParallelIterator::fold) yields as many items as there are leaves, a function of
//!   the length; rayon's number varies.
//! - `find_any` is `find_first`; the error a fallible `collect` or `try_for_each` reports is
//!   the first in index order.
//! - A leaf that found what it looked for stops; the others run on, as they see nothing of it.
//!   [`by_uniform_blocks`](IndexedParallelIterator::by_uniform_blocks) and
//!   [`by_exponential_blocks`](IndexedParallelIterator::by_exponential_blocks) run the next
//!   block only where that can matter.
//! - `take_any`, `skip_any`, their `_while` and `while_some` mean std's `take`, `skip`,
//!   `take_while`, `skip_while` and `map_while`: the items are gathered first, and what follows
//!   sees those that are meant and no others.
//! - The states of `map_init`, `map_with`, `fold` and their like are made once for each leaf;
//!   rayon's number varies.
//! - A closure that writes to shared memory, an atomic counter for instance, is a conflict
//!   (two leaves changed the same byte) and panics with the report. Return values instead.
//!
//! # Panics
//!
//! A panic in a closure is continued in the caller with its message. If several leaves fail,
//! the failure with the lowest index is reported. Nothing the leaves wrote is kept, and the
//! input (of a `Vec` by value, for instance) is dropped once.
//!
//! # Writing your own
//!
//! See [`plumbing`].
mod begin;
mod bridged;
mod convert;
mod cut;
mod example;
mod exclusive;
mod fallible;
mod indexed;
mod leaf;
mod parallel;
mod place;
pub mod plumbing;
pub mod width;

pub(crate) use exclusive::Exclusive;

mod adaptors;
mod consumers;
pub(crate) mod sources;

/// The traits that make the methods available.
pub mod prelude {
    pub use super::sources::slice::{ParallelSlice, ParallelSliceMut};
    pub use super::sources::str::ParallelString;
    pub use super::{
        FromParallelIterator, IndexedParallelIterator, IntoParallelIterator,
        IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelBridge, ParallelDrainFull,
        ParallelDrainRange, ParallelExtend, ParallelIterator,
    };
}

pub use adaptors::*;
pub use convert::{
    FromParallelIterator, IntoParallelIterator, IntoParallelRefIterator,
    IntoParallelRefMutIterator, ParallelDrainFull, ParallelDrainRange, ParallelExtend,
};
pub use either::Either;
pub use indexed::IndexedParallelIterator;
pub use parallel::ParallelIterator;
pub use sources::{
    Empty, IterBridge, Once, ParallelBridge, Repeat, RepeatN, Split, WalkTree, WalkTreePostfix,
    WalkTreePrefix, empty, once, repeat, repeat_n, split, walk_tree, walk_tree_postfix,
    walk_tree_prefix,
};
