//! Tests where children run in the program's own process: on a thread of the test's own, which
//! is the master's.
use super::message;
use crate::start;
use std::panic::resume_unwind;
use std::process::{ExitCode, Termination};

/// A test, as a static of the program that has it.
#[derive(Debug)]
pub struct Entry {
    run: fn() -> bool,
}

impl Entry {
    /// A test by its path and name, which the harness knows; `run` runs it and tells whether it
    /// returned a success. Whether it must panic is the harness's matter.
    pub const fn new(_name: &'static str, run: fn() -> bool, _should_panic: bool) -> Entry {
        Entry { run }
    }
}

/// Runs a test.
///
/// # Panics
/// As the test does, and where it returns a failure.
pub fn run(entry: &'static Entry) {
    // A thread becomes a worker for as long as it lives, and the harness uses one for many tests.
    let end = std::thread::scope(|s| s.spawn(|| start::run(entry.run)).join());
    match end {
        Ok(true) => {}
        Ok(false) => resume_unwind(Box::new("the test returned a failure".to_owned())),
        Err(payload) => resume_unwind(Box::new(message(&*payload))),
    }
}

/// Whether what a test returned is a success.
pub fn succeeded<R: Termination>(result: R) -> bool {
    result.report() == ExitCode::SUCCESS
}
