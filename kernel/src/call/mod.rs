//! Put, get and ret: check arguments and order the steps. The only module that calls its
//! siblings broadly.
//!
//! *Closed* constructs suspend the parent from its get until every child is merged, so start
//! and snapshot coincide with the get. *Open* children run beside their parent.

mod aside;
mod common;
mod get;
mod open;
mod path;
mod put;
pub mod raw;
mod ret;
mod space;

pub use crate::exec::control::Job;
pub use common::{Offer, fills, offer, will_read};
pub use get::{ChildFailure, Done, GetError, seen_read};
pub use open::{Frames, Joined, fork, index, is_alive, join, kill, known, space};
pub use path::task_path;
pub use put::Closed;
pub use ret::{record_location, record_panic};
pub use space::{Found, Get, Put, barrier, leave, ret};
