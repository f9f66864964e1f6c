//! What a join can fail with.
use kernel::abi;
use kernel::error::Error as KernelError;
use std::fmt;

/// Why a joining construct failed. Nothing of any child was merged (rule R3).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum JoinError {
    /// Two children changed the same byte.
    Conflict(MergeConflict),
    /// A child panicked.
    Panic(ChildPanic),
    /// A signal ended a child.
    Fault {
        /// Index of the child.
        child: usize,
        /// The signal.
        fault: abi::Fault,
    },
    /// Confinement refused a system call.
    Forbidden {
        /// Index of the child.
        child: usize,
        /// The call.
        call: abi::Forbidden,
    },
    /// A limit was exhausted.
    Limit {
        /// Index of the child.
        child: usize,
        /// Which.
        limit: abi::Limit,
    },
    /// The child's worker was killed from outside.
    Killed {
        /// Index of the child.
        child: usize,
        /// The signal.
        signal: i32,
    },
    /// The construct could not run at all.
    Unsupported(KernelError),
}

/// Two children changed the same byte since the snapshot.
#[derive(Debug, Clone)]
pub struct MergeConflict {
    pub(crate) record: abi::Conflict,
}

impl MergeConflict {
    /// Address of the lowest conflicting byte.
    pub fn address(&self) -> usize {
        self.record.address as usize
    }
    /// Indices of the two children, lower first.
    pub fn children(&self) -> (usize, usize) {
        (self.record.lower as usize, self.record.higher as usize)
    }
    /// The byte in the reference image, as the lower and as the higher child left it.
    pub fn values(&self) -> (u8, u8, u8) {
        let i = (self.record.address & 7) as usize;
        let r = &self.record;
        (r.reference[i], r.lower_value[i], r.higher_value[i])
    }
}

/// A child's panic.
#[derive(Debug, Clone)]
pub struct ChildPanic {
    pub(crate) child: usize,
    pub(crate) message: Option<String>,
    pub(crate) location: Option<String>,
}

impl JoinError {
    /// Continues a panic, or panics with this error.
    #[track_caller]
    pub(crate) fn unwind(self) -> ! {
        match self {
            JoinError::Panic(ChildPanic { message: Some(m), .. }) => {
                std::panic::resume_unwind(Box::new(m))
            }
            e => panic!("{e}"),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
impl std::error::Error for JoinError {}
