//! Put, get and ret: check arguments and order the steps. The only module that calls its
//! siblings broadly.
//!
//! *Closed* constructs suspend the parent from its get until every child is merged, so start
//! and snapshot coincide with the get. *Open* children run beside their parent.

mod get;
mod open;
mod put;
pub mod raw;
mod ret;
mod space;

pub use crate::exec::control::Job;
pub use get::{ChildFailure, Done, GetError};
pub use open::{Frames, Joined, fork, join, kill, space};
pub use put::Closed;
pub use ret::{record_location, record_panic};
pub use space::{Found, Get, Put, barrier, ret};
