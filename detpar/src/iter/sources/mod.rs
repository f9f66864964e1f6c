//! One file for each kind of value that has parallel iterators. Those of std's types are in
//! modules named as in std, the others in the module `iter`.
pub mod array;
mod bridge;
pub mod collections;
mod empty;
mod once;
pub mod option;
mod pieces;
pub mod range;
pub mod range_inclusive;
mod repeat;
pub mod result;
pub mod slice;
mod split;
pub mod str;
pub mod string;
pub mod vec;
mod walk_tree;

pub use bridge::{IterBridge, ParallelBridge};
pub use empty::{Empty, empty};
pub use once::{Once, once};
pub use repeat::{Repeat, RepeatN, repeat, repeat_n};
pub use split::{Split, split};
pub use walk_tree::{
    WalkTree, WalkTreePostfix, WalkTreePrefix, walk_tree, walk_tree_postfix, walk_tree_prefix,
};
