//! What a joining construct can fail with.
//!
//! Every failure says which child, what happened and what to do about it. Names of variables
//! and source lines are looked up when an error is printed, from the program's own file: by
//! the master only, because children may not read files, and as far as symbols and debug
//! information are there.
pub(crate) use crate::report::Refused;
pub use crate::report::{
    ChildDiffers, ChildFault, ChildKilled, ChildPanic, FaultKind, FileConflict, ForbiddenCall,
    LimitKind, LimitReached, MergeConflict, Place, Unsupported,
};
#[cfg(feature = "spaces")]
use kernel::abi::{Cause, Failure, Trace, Writer};
#[cfg(feature = "spaces")]
use kernel::error::Error as KernelError;
use std::fmt;

/// Why a joining construct failed. Nothing of any child was merged.
///
/// Of several failures it is that of the child with the lowest index, in every run: children
/// of lower index have finished without one, those of higher index were ended. A conflict
/// is the failure of the higher of its two children; where a child also failed by itself,
/// that is what is reported.
///
/// ```
/// use detpar::JoinError;
///
/// #[detpar::main]
/// fn main() {
///     let e = detpar::try_join(|| 1, || std::fs::read("/etc/hostname").is_ok()).unwrap_err();
///     let JoinError::Forbidden(call) = &e else { panic!("{e}") };
///     assert_eq!((call.child(), call.name()), (1, Some("openat")));
///     assert!(e.to_string().contains("use them in the master, before or after the join"));
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum JoinError {
    /// Two children changed the same byte.
    Conflict(MergeConflict),
    /// Two children changed the same file.
    File(FileConflict),
    /// In checking mode: a child did not do the same when it ran once more.
    Differs(ChildDiffers),
    /// A child panicked.
    Panic(ChildPanic),
    /// A signal ended a child.
    Fault(ChildFault),
    /// Confinement refused a system call.
    Forbidden(ForbiddenCall),
    /// A limit was exhausted.
    Limit(LimitReached),
    /// The child's worker was killed from outside.
    Killed(ChildKilled),
    /// The construct could not run at all.
    Unsupported(Unsupported),
}

impl JoinError {
    /// Index of the child that failed; nothing where the construct could not run at all. Of a
    /// conflict it is the higher one.
    ///
    /// ```
    /// #[detpar::main]
    /// fn main() {
    ///     let error = detpar::try_join(|| 1, || -> u32 { panic!("no") }).unwrap_err();
    ///     assert_eq!(error.child(), Some(1));
    ///     assert!(error.to_string().contains("child 1 panicked"));
    /// }
    /// ```
    pub fn child(&self) -> Option<usize> {
        Some(match self {
            JoinError::Conflict(e) => e.children().1,
            JoinError::File(e) => e.children().1,
            JoinError::Differs(e) => e.child(),
            JoinError::Panic(e) => e.child(),
            JoinError::Fault(e) => e.child(),
            JoinError::Forbidden(e) => e.child(),
            JoinError::Limit(e) => e.child(),
            JoinError::Killed(e) => e.child(),
            JoinError::Unsupported(_) => return None,
        })
    }

    #[cfg(feature = "spaces")]
    pub(crate) fn from_kernel(e: KernelError) -> JoinError {
        JoinError::Unsupported(Unsupported::new(e))
    }

    /// The failure of a child. Its message is that of its panic, or the name that it gave to a
    /// refused call.
    #[cfg(feature = "spaces")]
    pub(crate) fn from_failure(
        failure: Failure,
        message: Option<String>,
        location: Option<String>,
        trace: Option<Trace>,
        writers: [Option<Writer>; 2],
    ) -> JoinError {
        let child = failure.child as usize;
        match failure.cause {
            Cause::Conflict(c) => JoinError::Conflict(MergeConflict::new(c, writers)),
            Cause::File(c) => JoinError::File(FileConflict::new(c, message)),
            Cause::Differs(d) => JoinError::Differs(ChildDiffers::new(child, d)),
            Cause::Panic => JoinError::Panic(ChildPanic::new(child, message, location)),
            Cause::Fault(f) => JoinError::Fault(ChildFault::new(child, f, trace)),
            Cause::Forbidden(c) => {
                JoinError::Forbidden(ForbiddenCall::new(child, c, message, trace))
            }
            Cause::Limit(l) => JoinError::Limit(LimitReached::new(child, l)),
            Cause::Killed { signal } => JoinError::Killed(ChildKilled::new(child, signal)),
        }
    }

    /// Continues a panic that has a message, or panics with this error.
    #[cold]
    #[track_caller]
    pub(crate) fn unwind(self) -> ! {
        let e = match self {
            JoinError::Panic(panic) => match panic.into_payload() {
                Ok(message) => std::panic::resume_unwind(Box::new(message)),
                Err(panic) => JoinError::Panic(panic),
            },
            e => e,
        };
        #[cfg(feature = "spaces")]
        if let JoinError::Conflict(conflict) = &e {
            crate::report::announce(conflict);
        }
        crate::testing::note(&e);
        panic!("{e}")
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Conflict(e) => e.fmt(f),
            JoinError::File(e) => e.fmt(f),
            JoinError::Differs(e) => e.fmt(f),
            JoinError::Panic(e) => e.fmt(f),
            JoinError::Fault(e) => e.fmt(f),
            JoinError::Forbidden(e) => e.fmt(f),
            JoinError::Limit(e) => e.fmt(f),
            JoinError::Killed(e) => e.fmt(f),
            JoinError::Unsupported(e) => e.fmt(f),
        }
    }
}

/// The kind and what `Display` says: what a main that returns the error, or `unwrap`, shows.
impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            JoinError::Conflict(_) => "Conflict",
            JoinError::File(_) => "File",
            JoinError::Differs(_) => "Differs",
            JoinError::Panic(_) => "Panic",
            JoinError::Fault(_) => "Fault",
            JoinError::Forbidden(_) => "Forbidden",
            JoinError::Limit(_) => "Limit",
            JoinError::Killed(_) => "Killed",
            JoinError::Unsupported(_) => "Unsupported",
        };
        write!(f, "{kind}({self})")
    }
}

impl std::error::Error for JoinError {}

const _: () = assert!(size_of::<JoinError>() <= 24);
const _: fn() = || {
    fn shared<T: Clone + Send + Sync + std::error::Error + 'static>() {}
    shared::<JoinError>();
};
