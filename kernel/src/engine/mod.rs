//! What executes spaces, behind one trait: the only switch point between engines.
//!
//! This version has the engine `spaces`. The trait speaks of children by index, of results,
//! logs and panics by construct, so that another engine can stand behind the same calls.

mod beside;
pub(crate) mod calls;
mod closed;
mod exact;
mod files;
mod joined;
pub(crate) mod open;
mod phases;
mod reads;
mod spaces;

use crate::abi::{Failure, REGISTERS};
use crate::error::Error;
use crate::exec::control::Job;
use crate::exec::inplace::Part;
use crate::merge::Units;

/// Name of a construct within its engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Construct(pub u32);

/// How a construct went.
pub(crate) struct Run {
    /// Set where children ran: their logs and results can be read until it is released.
    pub construct: Option<Construct>,
    /// Merged, or the failure of the lowest index.
    pub outcome: Result<(), Failure>,
    /// Set where the engine itself could not do it.
    pub error: Option<Error>,
}

impl Default for Run {
    fn default() -> Run {
        Run { construct: None, outcome: Ok(()), error: None }
    }
}

/// An engine.
pub(crate) trait Engine: Sync {
    /// Runs the children of a closed construct and merges them, all or none. `units` says where
    /// more than a byte is a unit. `parts`, if not empty, is what each of them is granted in place.
    ///
    /// # Safety
    /// Every entry must accept its data, argument and a result buffer of its size, and must
    /// not unwind. While the construct runs nobody but a child and its own children may read or
    /// write its part.
    unsafe fn run(&self, jobs: &[Job], parts: &[Part], units: Units<'_>) -> Run;

    /// What a child logged.
    fn log(&self, construct: Construct, child: usize) -> &[u8];

    /// Where a child's result lies.
    fn result(&self, construct: Construct, child: usize) -> *const u8;

    /// Message (if it was a string) and location of a child's panic; or the name that it gave to
    /// a refused call.
    fn panic(&self, construct: Construct, child: usize) -> (Option<&[u8]>, &[u8]);

    /// Registers at the end of a child that a signal ended (by DWARF numbers, all zero where
    /// they are not known), and its stack from the stack pointer on.
    fn trace(&self, construct: Construct, child: usize) -> ([u64; REGISTERS], &[u8]);

    /// Logs and results of the construct have been read.
    fn release(&self, construct: Construct);
}

/// The engine of this process.
pub(crate) fn current() -> &'static dyn Engine {
    &spaces::Spaces
}
