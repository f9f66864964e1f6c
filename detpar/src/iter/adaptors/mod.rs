//! One file for each adaptor, or for a few of one kind.
//!
//! Adaptors that work on items one by one are stages, see [`stage`]; those that change
//! indices are producers around producers; and some are other iterators under a name of their
//! own, see [`declare`].
mod blocks;
mod chain;
mod chunks;
mod copied;
mod cut_short;
mod declare;
mod either;
mod enumerate;
mod filter;
mod filter_map;
mod flat_map;
mod flat_map_iter;
mod fold;
mod inspect;
mod interleave;
mod intersperse;
mod len_limits;
mod map;
mod map_with;
mod multizip;
mod panic_fuse;
mod positions;
mod rev;
mod stage;
mod step_by;
mod take_skip;
mod two;
mod update;
mod zip;

pub use blocks::{ExponentialBlocks, UniformBlocks};
pub use chain::Chain;
pub use chunks::{Chunks, FoldChunks, FoldChunksWith};
pub use copied::{Cloned, Copied};
pub use cut_short::{SkipAny, SkipAnyWhile, TakeAny, TakeAnyWhile, WhileSome};
pub use enumerate::Enumerate;
pub use filter::Filter;
pub use filter_map::FilterMap;
pub use flat_map::{FlatMap, Flatten};
pub use flat_map_iter::{FlatMapIter, FlattenIter};
pub use fold::{Fold, FoldWith, TryFold, TryFoldWith};
pub use inspect::Inspect;
pub use interleave::{Interleave, InterleaveShortest};
pub use intersperse::Intersperse;
pub use len_limits::{MaxLen, MinLen};
pub use map::Map;
pub use map_with::{MapInit, MapWith};
pub use multizip::MultiZip;
pub use panic_fuse::PanicFuse;
pub use positions::Positions;
pub use rev::Rev;
pub use step_by::StepBy;
pub use take_skip::{Skip, Take};
pub use update::Update;
pub use zip::{Zip, ZipEq};
