//! What the end-to-end tests share: [`harness`] starts programs, [`deny`] takes calls away from
//! them, [`docker`] those that a container does, [`program`] is for the programs themselves.
//!
//! A program is a master space, which a test harness with threads cannot be. So each program
//! in `programs` has cases, and a test in `tests` runs them and looks at output and exit code.
#[path = "../conformance/mod.rs"]
pub mod conformance;
pub mod deny;
pub mod docker;
pub mod harness;
pub mod program;
