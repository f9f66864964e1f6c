//! The traits of the parallel iterators and the attribute macros.
pub use crate::iter::prelude::*;
pub use crate::{Scope, deterministic, join, scope};
