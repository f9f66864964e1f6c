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
                write!(f, "; {remedy}")
            }
            Error::ForeignThreads { count } => write!(
                f,
                "{count} other thread(s) of this program are alive while children are forked; \
                 they could write memory behind the snapshot: end them before the call"
            ),
            Error::Flags => f.write_str("unsupported combination of flags"),
            Error::Exists => f.write_str("a child with this id is alive"),
            Error::ReservedId => f.write_str("ids of children lie below 2^31"),
            Error::NoChild => f.write_str("no child with this id is alive"),
        }
    }
}

impl std::error::Error for Error {}
