//! What the reader repairs.
pub mod snapshots;
