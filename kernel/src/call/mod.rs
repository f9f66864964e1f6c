//! Put, get and ret: check arguments and order the steps. The only module that calls its
//! siblings broadly.
//!
//! This version offers them for *closed* constructs: the parent is suspended from its get
//! until every child is merged, so start and snapshot coincide with the get.

mod get;
mod put;
mod ret;

pub use crate::exec::control::Job;
pub use get::{ChildFailure, Done, GetError};
pub use put::Closed;
pub use ret::{record_location, record_panic};
