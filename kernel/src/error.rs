//! Typed errors of the calls: who is to blame and what to do about it.

use std::fmt;

/// An error of the kernel itself, not of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No master space: the program did not start through `detpar::main`.
    NoMaster,
    /// This system cannot run the engine; `what` failed with `errno`.
    Unsupported {
        /// The step that failed.
        what: &'static str,
        /// What to do about it.
        remedy: &'static str,
        /// The system's error number, 0 where there is none.
        errno: i32,
    },
    /// The program runs threads of its own while it forks children.
    ForeignThreads {
        /// How many.
        count: usize,
    },
    /// A flag or combination of flags that this kernel does not offer.
    Flags,
    /// The id is in use by a live child.
    Exists,
    /// The id is one of those that the kernel gives itself.
    ReservedId,
    /// No live child has the id.
    NoChild,
    /// Options that contradict each other or the state of the child.
    Invalid {
        /// What is wrong.
        why: &'static str,
    },
    /// A range outside of the image, or one that the caller may not read or write.
    Range,
    /// The child runs, and the caller did not want to wait.
    Again,
    /// A signal of the set arrived while the caller waited.
    Interrupted,
    /// What only the master may do, or only a child that was put by its id.
    Permission,
    /// The process has other threads.
    Busy,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoMaster => f.write_str(
                "no master space: mark the program's main with #[detpar::main] (deterministic \
                 code was called outside of it)",
            ),
            Error::Unsupported { what, remedy, errno } => {
                write!(f, "this system cannot run deterministic children: {what}")?;
                if *errno != 0 {
                    write!(f, " failed: {}", std::io::Error::from_raw_os_error(*errno))?;
                }
                let remedy = match *errno {
                    libc::EMFILE | libc::ENFILE => "raise the limit on open files (ulimit -n)",
                    libc::EFBIG => "raise the limit on file sizes (ulimit -f)",
                    _ => remedy,
                };
                write!(f, "; {remedy}; `detpar doctor` shows what this system lacks")
            }
            Error::ForeignThreads { count } => write!(
                f,
                "{count} other thread(s) of this program are alive while children are forked; \
                 they could write memory behind the snapshot: end them before the call"
            ),
            Error::Flags => f.write_str("unsupported combination of flags"),
            Error::Exists => f.write_str("a child with this id is alive"),
            Error::ReservedId => f.write_str("ids of children lie below 2^31"),
            Error::Invalid { why } => write!(f, "invalid call: {why}"),
            Error::Range => f.write_str(
                "a range outside of the image (heap, stack, statics), or one that the caller may \
                 not read or write",
            ),
            Error::Again => f.write_str("the child still runs"),
            Error::Interrupted => f.write_str("a signal interrupted the wait"),
            Error::Permission => f.write_str("not allowed to this space"),
            Error::Busy => f.write_str("the process has other threads: end them before"),
            Error::NoChild => f.write_str("no child with this id is alive"),
        }
    }
}

impl Error {
    /// The error number of the raw calls, as in `errno(3)`.
    pub fn errno(&self) -> i32 {
        match self {
            Error::NoMaster | Error::Permission => libc::EPERM,
            Error::Unsupported { .. } => libc::EOPNOTSUPP,
            Error::ForeignThreads { .. } | Error::Busy => libc::EBUSY,
            Error::Flags | Error::ReservedId | Error::Invalid { .. } => libc::EINVAL,
            Error::Exists => libc::EEXIST,
            Error::NoChild => libc::ECHILD,
            Error::Range => libc::EFAULT,
            Error::Again => libc::EAGAIN,
            Error::Interrupted => libc::EINTR,
        }
    }
}

impl std::error::Error for Error {}
