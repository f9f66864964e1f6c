//! The side track of the tutorials: Snap, Start and Merge in about 200 lines.
//!
//! The reader repairs what is in `attempt`; ours is in `solution`; `checks` tells them apart.
pub mod attempt;
pub mod checks;
pub mod machine;
pub mod solution;
