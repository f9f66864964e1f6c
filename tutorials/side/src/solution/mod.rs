//! The same, done right.
pub mod snapshots;
pub mod tables;
