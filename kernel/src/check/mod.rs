//! Checking mode (`DETPAR_CHECK=1`): exact write sets, so that a write which restores the old
//! value counts (rule R4, and R12: two siblings that lock one mutex).
//!
//! The children of a construct run as always. Pages that several of them touched are then on a
//! *watch list*, and the children that wrote them run once more from the same snapshot with
//! those pages write-protected: each write traps, [`decode`] says which bytes it is about to
//! write, they are noted, and the instruction runs alone with the page open. The merge then
//! looks for conflicts with these sets instead of differences. `docs/check.md` tells the rest.

pub(crate) mod allocated;
mod decode;
pub(crate) mod differ;
mod loads;
mod machine;
pub(crate) mod seen;
pub(crate) mod sight;
pub(crate) mod touched;
mod vector;
pub(crate) mod verdict;
pub(crate) mod watch;
pub(crate) mod writers;
pub(crate) mod written;

use crate::exec::control::control;
use core::sync::atomic::Ordering::Relaxed;

/// How many times children ran once more so far.
pub(crate) fn second_runs() -> u32 {
    control().second_runs.load(Relaxed)
}

/// How many writes of a child are watched for who wrote the byte of a conflict; 0: none, children
/// do not run once more for it.
pub(crate) fn patience() -> u64 {
    control().told.patience.load(Relaxed)
}

/// How many reads of a child are watched for what siblings of it wrote; 0: none.
#[inline]
pub(crate) fn reads() -> u64 {
    control().told.reads.load(Relaxed)
}

/// Whether children whose changes are to be merged may run once more: they start from the image
/// file, and leave it as it is.
#[inline]
pub(crate) fn may_repeat() -> bool {
    is_on() || reads() != 0
}

/// Whether this run takes exact write sets.
#[inline]
pub(crate) fn is_on() -> bool {
    control().told.check.load(Relaxed) != 0
}
