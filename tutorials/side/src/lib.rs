//! The side tracks of the tutorials: Snap, Start and Merge in about 200 lines, and a model of fork
//! on demand.
//!
//! The reader repairs what is in `attempt`; ours is in `solution`; `checks` tells them apart.
pub mod attempt;
pub mod checks;
pub mod machine;
pub mod solution;
pub mod tables;
