//! Deterministic parallelism: a program's result is a function of its input alone.
mod boot;
pub mod error;
mod fork;
pub mod iter;
mod join;
pub mod prelude;
mod streams;
#[doc(hidden)]
pub mod __private;

pub use detpar_macros::{deterministic, main};
pub use error::{JoinError, MergeConflict};
pub use join::{join, try_join};
