//! The same, done right.
pub mod snapshots;
