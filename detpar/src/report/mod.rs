//! What is told of a failed construct: one record for each kind of failure, and the names
//! of what lies at an address.
//!
//! Names are looked up when they are asked for, and by the master only: that reads files,
//! which no child may.
#[cfg(not(feature = "spaces"))]
mod absent;
#[cfg(feature = "spaces")]
mod conflict;
mod describe;
#[cfg(feature = "spaces")]
mod details;
#[cfg(feature = "spaces")]
mod differs;
#[cfg(feature = "spaces")]
mod ending;
#[cfg(feature = "spaces")]
mod fault;
#[cfg(feature = "spaces")]
mod field;
#[cfg(feature = "spaces")]
mod file;
#[cfg(feature = "spaces")]
mod forbidden;
#[cfg(feature = "spaces")]
mod image;
#[cfg(feature = "spaces")]
mod json;
mod kinds;
#[cfg(feature = "spaces")]
mod locals;
#[cfg(feature = "spaces")]
mod names;
#[cfg(feature = "spaces")]
mod objects;
mod panic;
#[cfg(feature = "spaces")]
mod read;
#[cfg(feature = "spaces")]
mod remedy;
#[cfg(feature = "spaces")]
mod render;
#[cfg(feature = "spaces")]
mod shown;
#[cfg(feature = "spaces")]
mod symbols;
#[cfg(feature = "spaces")]
mod told;
#[cfg(feature = "spaces")]
mod types;
mod unsupported;
#[cfg(feature = "spaces")]
mod unwind;

#[cfg(not(feature = "spaces"))]
pub use absent::{
    ChildDiffers, ChildFault, ChildKilled, FileConflict, ForbiddenCall, LimitReached, MergeConflict,
};
pub use describe::Place;
pub use kinds::{FaultKind, LimitKind};
#[cfg(feature = "spaces")]
pub(crate) use names::signal as signal_name;
pub use panic::ChildPanic;
#[cfg(feature = "spaces")]
pub(crate) use shown::{Format, announce, choose, show, warn};
pub(crate) use unsupported::Refused;
pub use unsupported::Unsupported;
#[cfg(feature = "spaces")]
pub use {
    conflict::MergeConflict,
    differs::ChildDiffers,
    ending::{ChildKilled, LimitReached},
    fault::ChildFault,
    file::FileConflict,
    forbidden::ForbiddenCall,
};
