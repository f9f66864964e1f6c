//! What the reader repairs.
pub mod snapshots;
pub mod tables;
