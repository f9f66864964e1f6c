//! Spaces, snapshot and merge, confinement: the kernel of detpar.
pub mod abi;
pub mod call;
pub mod child;
pub mod error;
pub mod merge;
