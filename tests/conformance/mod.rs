//! The calls' conformance: what `docs/calls.md` says, as programs that any engine can run.
//!
//! | module | job |
//! |---|---|
//! | [`program`] | programs of operations on a small arena, as data |
//! | [`runner`] | executes one in a space, through the trait [`runner::Calls`] |
//! | [`interpreter`] | that trait as a naive model: a tree of spaces, each with its bytes |
//! | [`table`] | one short program for each rule, with what it shall show |
//! | [`random`] | random programs from a seed |
//! | [`shrink`] | makes a program that fails smaller |
//! | [`spaces`] | the trait for the engine `spaces` |
//! | [`surroundings`] | what that engine's programs meet besides memory |
//! | [`planted`] | errors that the model can make on purpose, to see them found |
//!
//! An engine joins in by implementing [`runner::Calls`] for its real calls.
pub mod interpreter;
pub mod planted;
pub mod program;
pub mod random;
pub mod runner;
pub mod shrink;
pub mod spaces;
pub mod surroundings;
pub mod table;
