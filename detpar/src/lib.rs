//! Deterministic parallelism: a program's result is a function of its input alone.
//!
//! Children run in private snapshots of memory, and a join merges what they changed. Two that
//! changed the same place are a conflict, in every run: [`JoinError::Conflict`].
//!
//! ```
//! use detpar::prelude::*;
//!
//! #[detpar::main]
//! fn main() {
//!     // At any number of workers the same bits.
//!     let sum: f64 = (1..=1000).into_par_iter().map(|n| 1.0 / f64::from(n)).sum();
//!     let (least, most) = detpar::join(|| sum.floor(), || sum.ceil());
//!     assert_eq!((least, most), (7.0, 8.0));
//! }
//! ```
//!
//! | to do | there is |
//! |---|---|
//! | mark the program's main | [`main`](macro@main) |
//! | run two closures, or many | [`join()`], [`scope()`], [`fork()`] |
//! | cut work on items | [`prelude`], [`iter`] |
//! | check functions as they are compiled | [`deterministic`](macro@deterministic) |
//! | test | [`test`](macro@test), [`assert_deterministic!`], [`assert_conflict!`], [`testing`] |
#![cfg_attr(
    feature = "spaces",
    doc = "| give children `&mut` to one value | [`workspace()`], [`par_for()`], [`Barrier`], [`Merge`](trait@Merge) |"
)]
#![cfg_attr(feature = "spaces", doc = "| give children files | [`fs`] |")]
#[doc(hidden)]
pub mod __private;
#[cfg(feature = "spaces")]
mod barrier;
#[cfg(feature = "spaces")]
mod boot;
mod child;
mod counter;
pub mod digest;
mod engine;
pub mod error;
#[cfg(feature = "spaces")]
mod fork;
#[cfg(feature = "spaces")]
pub mod fs;
mod hidden;
mod hook;
#[cfg(feature = "spaces")]
mod inputs;
pub mod iter;
mod join;
#[cfg(feature = "spaces")]
pub mod merge;
#[cfg(feature = "spaces")]
pub mod odf;
#[cfg(feature = "spaces")]
mod par_for;
mod pool;
pub mod prelude;
#[cfg(feature = "spaces")]
mod reducer;
mod report;
mod scope;
mod start;
#[cfg(feature = "spaces")]
mod streams;
pub mod testing;
#[cfg(feature = "spaces")]
mod workspace;

#[cfg(feature = "spaces")]
pub use barrier::Barrier;
pub use child::{Child, fork};
pub use counter::Counter;
#[cfg(feature = "spaces")]
pub use detpar_macros::Merge;
pub use detpar_macros::{Digest, deterministic, main, test};
pub use digest::Digest;
pub use engine::{Engine, engine};
pub use error::{JoinError, MergeConflict};
pub use hidden::{Counts, FilledOnce, PerChild, counts, warm, write_once};
pub use iter::sources::{
    array, collections, option, range, range_inclusive, result, slice, str, string, vec,
};
pub use join::{join, join_mut, try_join, try_join_mut};
#[cfg(feature = "spaces")]
pub use merge::Merge;
#[cfg(feature = "spaces")]
pub use par_for::{
    par_for, par_for_blocks, par_for_with_barrier, try_par_for, try_par_for_blocks,
    try_par_for_with_barrier,
};
pub use pool::{
    BroadcastContext, FnContext, ScopeFifo, ThreadHandler, ThreadPool, ThreadPoolBuildError,
    ThreadPoolBuilder, Yield, broadcast, current_num_threads, current_thread_has_pending_tasks,
    current_thread_index, in_place_scope_fifo, join_context, max_num_threads, scope_fifo, spawn,
    spawn_broadcast, spawn_fifo, yield_local, yield_now,
};
#[cfg(feature = "spaces")]
pub use reducer::Reducer;
pub use scope::{Scope, in_place_scope, scope, try_scope};

#[cfg(feature = "spaces")]
pub use workspace::{try_workspace, try_workspace_with_barrier, workspace, workspace_with_barrier};
