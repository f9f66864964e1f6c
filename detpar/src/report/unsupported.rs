//! A construct that could not run at all.
#[cfg(feature = "spaces")]
use crate::engine::Engine;
#[cfg(feature = "spaces")]
use kernel::error::Error;
use std::fmt;

/// The construct could not run here at all.
#[derive(Debug, Clone)]
pub struct Unsupported(Box<Why>);

#[derive(Debug, Clone)]
enum Why {
    #[cfg(feature = "spaces")]
    Kernel(Error),
    Refused(Refused),
}

/// Why an engine without spaces of its own cannot do what it was asked for. What the kernel
/// refuses as well is told in its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    NoMaster,
    ForeignThread,
    Exists,
    ReservedId,
    NoChild,
    #[cfg(feature = "threads")]
    NoThreads,
    /// What only spaces can do, under this engine.
    #[cfg(feature = "spaces")]
    NeedsSpaces(Engine),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::NoMaster => {
                "no master space: mark the program's main with #[detpar::main] (deterministic \
                 code was called outside of it)"
            }
            Refused::ForeignThread => {
                "a thread that the program made cannot have children: fork them on the thread \
                 that runs main"
            }
            Refused::Exists => "a child with this id is alive",
            Refused::ReservedId => "ids of children lie below 2^31",
            Refused::NoChild => "no child with this id is alive",
            #[cfg(feature = "threads")]
            Refused::NoThreads => {
                "the threads of the engine `threads` could not be started: raise the limit on \
                 processes (`ulimit -u`, the container's), set DETPAR_WORKERS to a smaller \
                 number, or DETPAR_ENGINE=serial"
            }
            #[cfg(feature = "spaces")]
            Refused::NeedsSpaces(engine) => {
                return write!(
                    f,
                    "the engine `{engine}` has no memory of their own for children, which this \
                     needs: run the program with DETPAR_ENGINE=spaces"
                );
            }
        })
    }
}

impl Unsupported {
    #[cfg(feature = "spaces")]
    pub(crate) fn new(error: Error) -> Unsupported {
        Unsupported(Box::new(match (error, crate::engine::engine()) {
            // There is a main, but none that the kernel knows of.
            (Error::NoMaster, engine) if engine != Engine::Spaces => {
                Why::Refused(Refused::NeedsSpaces(engine))
            }
            (error, _) => Why::Kernel(error),
        }))
    }

    pub(crate) fn refused(why: Refused) -> Unsupported {
        Unsupported(Box::new(Why::Refused(why)))
    }

    /// The system's error number (`errno`), where a call of the system failed.
    pub fn os_error(&self) -> Option<i32> {
        match *self.0 {
            #[cfg(feature = "spaces")]
            Why::Kernel(Error::Unsupported { errno, .. }) if errno != 0 => Some(errno),
            _ => None,
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            #[cfg(feature = "spaces")]
            Why::Kernel(e) => e.fmt(f),
            Why::Refused(why) => why.fmt(f),
        }
    }
}

#[cfg(all(test, feature = "spaces"))]
mod tests {
    use super::*;

    #[test]
    fn unsupported() {
        let e = Error::Unsupported { what: "w", remedy: "r", errno: libc::EPERM };
        assert_eq!(Unsupported::new(e).os_error(), Some(libc::EPERM));
        assert_eq!(Unsupported::new(Error::NoMaster).os_error(), None);
    }

    #[test]
    fn the_kernels_words() {
        let pairs = [
            (Refused::NoMaster, Error::NoMaster),
            (Refused::Exists, Error::Exists),
            (Refused::ReservedId, Error::ReservedId),
            (Refused::NoChild, Error::NoChild),
        ];
        for (ours, kernels) in pairs {
            assert_eq!(ours.to_string(), kernels.to_string());
        }
    }
}
