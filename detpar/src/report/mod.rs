//! What is told of a failed construct: one record for each kind of failure, and the names
//! of what lies at an address.
//!
//! Names are looked up when they are asked for, and by the master only: that reads files,
//! which no child may.
mod conflict;
mod describe;
mod differs;
mod ending;
mod fault;
mod forbidden;
mod names;
mod objects;
mod remedy;
mod symbols;
mod types;
mod unwind;

pub use conflict::MergeConflict;
pub use describe::Place;
pub use differs::ChildDiffers;
pub use ending::{ChildKilled, ChildPanic, LimitKind, LimitReached, Unsupported};
pub use fault::{ChildFault, FaultKind};
pub use forbidden::ForbiddenCall;
pub(crate) use names::signal as signal_name;
