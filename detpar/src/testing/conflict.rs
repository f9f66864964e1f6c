//! The assertion that something conflicts.
use super::message;
use crate::engine::{Engine, engine};
use crate::error::{JoinError, MergeConflict};
use std::cell::RefCell;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// The error with which a construct panicked inside of an assertion that waits for one.
    static CAUGHT: RefCell<Option<Caught>> = const { RefCell::new(None) };
}

/// What the innermost waiting assertion has seen.
#[derive(Default)]
struct Caught(Option<JoinError>);

/// A construct is about to panic with this error.
pub(crate) fn note(e: &JoinError) {
    let _ = CAUGHT.try_with(|c| {
        if let Some(caught) = &mut *c.borrow_mut() {
            caught.0 = Some(e.clone());
        }
    });
}

/// What [`assert_conflict!`](crate::assert_conflict) takes: a result whose error is or holds a
/// [`JoinError`], or a closure that panics with one as [`join`](crate::join()) does. `Kind` is
/// there for the compiler to tell them apart.
pub trait Attempt<Kind> {
    /// The conflict, or what came instead.
    #[doc(hidden)]
    fn conflict(self) -> Result<MergeConflict, String>;
}

/// A result.
#[derive(Debug)]
pub struct OfResult;

/// A closure.
#[derive(Debug)]
pub struct OfClosure<T>(std::marker::PhantomData<T>);

impl<T> Attempt<OfResult> for Result<T, JoinError> {
    fn conflict(self) -> Result<MergeConflict, String> {
        match self {
            Err(JoinError::Conflict(conflict)) => Ok(conflict),
            Err(e) => Err(format!("failed otherwise: {e}")),
            Ok(_) => Err(none()),
        }
    }
}

/// What an attempt without a conflict did.
fn none() -> String {
    match engine() {
        Engine::Spaces => "succeeded: no byte was changed by two children".into(),
        engine => format!(
            "succeeded: the engine `{engine}` finds no conflicts, run it with DETPAR_ENGINE=spaces"
        ),
    }
}

/// The error inside of a boxed one.
fn boxed<T, E: AsRef<dyn Error + 'static>>(result: Result<T, E>) -> Result<MergeConflict, String> {
    match result.as_ref().map_err(|e| e.as_ref().downcast_ref::<JoinError>()) {
        Ok(_) => Err(none()),
        Err(Some(e)) => Err::<T, _>(e.clone()).conflict(),
        Err(None) => Err(format!("failed otherwise: {}", result.err().expect("seen").as_ref())),
    }
}

impl<T> Attempt<OfResult> for Result<T, Box<dyn Error>> {
    fn conflict(self) -> Result<MergeConflict, String> {
        boxed(self)
    }
}

impl<T> Attempt<OfResult> for Result<T, Box<dyn Error + Send + Sync>> {
    fn conflict(self) -> Result<MergeConflict, String> {
        boxed(self.map_err(|e| -> Box<dyn Error> { e }))
    }
}

impl<T, F: FnOnce() -> T> Attempt<OfClosure<T>> for F {
    fn conflict(self) -> Result<MergeConflict, String> {
        let outer = CAUGHT.replace(Some(Caught::default()));
        let end = catch_unwind(AssertUnwindSafe(self)).map(drop);
        let caught = CAUGHT.replace(outer).and_then(|c| c.0);
        let Err(payload) = end else {
            return Err(format!("{} (or the closure handled the failure itself)", none()));
        };
        let message = message(&*payload);
        match caught {
            // An earlier failure may have been handled.
            Some(e) if e.to_string() == message => Err::<(), _>(e).conflict(),
            _ => Err(format!("panicked otherwise: {message}")),
        }
    }
}

/// What [`assert_conflict!`](crate::assert_conflict) does.
///
/// # Panics
/// Where there is no conflict, or one whose report does not hold `part`.
#[track_caller]
pub fn expect_conflict<Kind>(attempt: impl Attempt<Kind>, part: Option<&str>) -> MergeConflict {
    match attempt.conflict() {
        Ok(conflict) => {
            let report = conflict.report();
            if let Some(part) = part
                && !report.contains(part)
            {
                panic!("assert_conflict!: the conflict is another: expected {part:?}\n{report}");
            }
            conflict
        }
        Err(instead) => panic!("assert_conflict!: expected a conflict, but it {instead}"),
    }
}
