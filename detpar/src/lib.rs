//! Deterministic parallelism: a program's result is a function of its input alone.
#[doc(hidden)]
pub mod __private;
mod boot;
mod child;
pub mod digest;
pub mod error;
mod fork;
mod hidden;
mod hook;
pub mod iter;
mod join;
pub mod odf;
pub mod prelude;
mod report;
mod scope;
mod streams;
pub mod testing;

pub use child::{Child, fork};
pub use detpar_macros::{Digest, deterministic, main, test};
pub use digest::Digest;
pub use error::{JoinError, MergeConflict};
pub use hidden::{Counts, FilledOnce, PerChild, counts, warm, write_once};
pub use join::{join, try_join};
pub use scope::{Scope, scope, try_scope};
