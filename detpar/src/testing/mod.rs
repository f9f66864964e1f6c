//! Tests of deterministic programs: [`test`](macro@crate::test),
//! [`assert_conflict!`](crate::assert_conflict),
//! [`assert_deterministic!`](crate::assert_deterministic). `docs/testing.md` is the guide.
//!
//! A test harness runs tests in threads, and a master space has to be a process's main thread
//! without others beside it. So each `#[detpar::test]` gets a process of its own: what the
//! harness calls starts the test's binary once more, with a mark in the environment, waits, and
//! then passes or fails as that process did. In there a constructor finds the mark and puts a
//! main of ours in place of the harness's.
mod conflict;
#[cfg(feature = "spaces")]
mod deterministic;
#[cfg(feature = "spaces")]
mod entry;
#[cfg(feature = "spaces")]
mod inner;
#[cfg(feature = "spaces")]
mod mark;
#[cfg(feature = "spaces")]
mod outer;
#[cfg(not(feature = "spaces"))]
mod portable;
#[cfg(feature = "spaces")]
mod process;
#[cfg(feature = "spaces")]
mod runs;

pub use conflict::{Attempt, OfClosure, OfResult, expect_conflict};
#[doc(hidden)]
#[cfg(not(feature = "spaces"))]
pub use portable::{Entry, run, succeeded};
#[cfg(feature = "spaces")]
pub use runs::Runs;
#[doc(hidden)]
#[cfg(feature = "spaces")]
pub use {deterministic::check_whole, entry::Entry, inner::succeeded, outer::run};

pub(crate) use conflict::note;
#[cfg(feature = "spaces")]
pub(crate) use mark::Mark;

/// A panic's message.
fn message(payload: &(dyn std::any::Any + Send)) -> String {
    match payload.downcast_ref::<&str>() {
        Some(message) => (*message).to_owned(),
        None => payload
            .downcast_ref::<String>()
            .cloned()
            .unwrap_or_else(|| "non-string payload".to_owned()),
    }
}

/// Asserts that something fails with a conflict, and returns it.
///
/// Takes a `Result` whose error is a [`JoinError`](crate::JoinError), or a box with one in it,
/// or a closure that panics with one, as [`join`](crate::join()) and parallel iterators do. As a
/// second argument, a part of the conflict's [`report`](crate::MergeConflict::report) that must
/// be there: the name of a variable, say.
///
/// ```
/// use detpar::prelude::*;
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
///
/// static COUNT: AtomicU32 = AtomicU32::new(0);
///
/// #[detpar::main]
/// fn main() {
///     let count = || COUNT.store(COUNT.load(Relaxed) + 1, Relaxed);
///     let conflict = detpar::assert_conflict!(detpar::try_join(count, count), "COUNT");
///     assert_eq!(conflict.values(), (0, 1, 1));
///
///     let conflict = detpar::assert_conflict!(|| (0..4).into_par_iter().for_each(|_| count()));
///     assert_eq!(conflict.children(), (0, 1));
/// }
/// ```
///
/// # Panics
/// Where it succeeds, fails otherwise (with what came instead), or the conflict's report does
/// not hold the part.
#[macro_export]
macro_rules! assert_conflict {
    ($attempt:expr $(,)?) => {
        $crate::testing::expect_conflict($attempt, ::core::option::Option::None)
    };
    ($attempt:expr, $part:expr $(,)?) => {
        $crate::testing::expect_conflict($attempt, ::core::option::Option::Some($part))
    };
}

/// Asserts that a closure gives the same value and the same output in every run, and returns
/// its value.
///
/// The program is run again several times up to this place, each time with another number of
/// workers, another chaotic schedule, with and without address-space randomisation; there the
/// closure runs, and digests of its value ([`Digest`](crate::Digest)) and the bytes it wrote are
/// compared. Then it runs here. What leads to the assertion runs in each of these processes as
/// well: keep it short, and free of effects that a second run would trip over.
///
/// The closure belongs to the master, whose input is not confined: a clock, a random number or
/// a thread's number that finds its way into the value is caught, since it differs from run to
/// run. What is the same on one machine every time (its host name, the order of a directory) is
/// not.
///
/// The second argument, which may be left out, says which [`Runs`](crate::testing::Runs) to
/// make; the variable `DETPAR_TEST_RUNS` overrides it, and a failure says how to use that to run
/// again what differed.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let numbers: Vec<f64> = (1..1000).map(f64::from).collect();
///     let sum: f64 =
///         detpar::assert_deterministic!(|| numbers.par_iter().map(|n| 1.0 / n).sum::<f64>());
///     assert!((sum - 7.48).abs() < 0.01);
/// }
/// ```
///
/// In a test, all of it can be checked: `#[detpar::test(deterministic)]`.
///
/// # Panics
/// Where a run differs from the first; the message says which, how, and how to run it again.
/// Where the closure panics (equally in all runs). In a child, and outside of
/// [`main`](macro@crate::main) and [`test`](macro@crate::test).
#[cfg(feature = "spaces")]
#[macro_export]
macro_rules! assert_deterministic {
    ($body:expr $(,)?) => {
        $crate::testing::Runs::check(&$crate::testing::Runs::new(), $body)
    };
    ($body:expr, $runs:expr $(,)?) => {
        $crate::testing::Runs::check(&$runs, $body)
    };
}
