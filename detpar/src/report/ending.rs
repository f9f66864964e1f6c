//! How else a child can end: by a panic, at a limit, from outside; or never begin.
use super::names;
use kernel::abi::{Limit, MAX_CHILDREN};
use kernel::error::Error;
use std::fmt;

/// A child's panic.
#[derive(Debug, Clone)]
pub struct ChildPanic(Box<Panic>);

#[derive(Debug, Clone)]
struct Panic {
    child: usize,
    message: Option<String>,
    location: Option<String>,
}

impl ChildPanic {
    pub(crate) fn new(child: usize, message: Option<String>, location: Option<String>) -> Self {
        ChildPanic(Box::new(Panic { child, message, location }))
    }

    /// Index of the child.
    pub fn child(&self) -> usize {
        self.0.child
    }

    /// The message; nothing where the payload was no string, since only strings cross.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// Where it panicked, `file:line:column`, where that is known.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// The payload with which the parent's panic continues this one.
    pub(crate) fn into_payload(self) -> Result<String, Self> {
        let ChildPanic(mut panic) = self;
        panic.message.take().ok_or(ChildPanic(panic))
    }
}

impl fmt::Display for ChildPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "child {} panicked", self.child())?;
        if let Some(location) = self.location() {
            write!(f, " at {location}")?;
        }
        write!(f, ": {}", self.message().unwrap_or("non-string payload"))
    }
}

/// A limit that a child or its construct exhausted.
#[derive(Debug, Clone)]
pub struct LimitReached {
    child: usize,
    limit: Limit,
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitKind {
    /// Children of one construct.
    Children,
    /// Memory of one space's heap.
    Heap,
    /// Spaces inside of each other.
    Depth,
    /// Memory that one child changed, and what it printed.
    Exchange,
    /// Worker processes.
    Workers,
    /// Blocks of its parent that one child freed.
    Frees,
    /// Ranges of memory with permissions of their own.
    Permissions,
    /// Open files: each worker process needs a descriptor.
    Descriptors,
    /// Memory for a worker process.
    Memory,
    /// What the system must allow worker processes.
    Setup,
}

impl LimitReached {
    pub(crate) fn new(child: usize, limit: Limit) -> LimitReached {
        LimitReached { child, limit }
    }

    /// Index of the child; 0 where it is the construct that is too large or too deep.
    pub fn child(&self) -> usize {
        self.child
    }

    /// Which limit.
    pub fn kind(&self) -> LimitKind {
        match self.limit {
            Limit::Children => LimitKind::Children,
            Limit::Heap => LimitKind::Heap,
            Limit::Depth => LimitKind::Depth,
            Limit::Exchange => LimitKind::Exchange,
            Limit::Workers => LimitKind::Workers,
            Limit::Frees => LimitKind::Frees,
            Limit::Regions => LimitKind::Permissions,
            Limit::Descriptors => LimitKind::Descriptors,
            Limit::Memory => LimitKind::Memory,
            Limit::Setup => LimitKind::Setup,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self.kind() {
            LimitKind::Children => "give each child more of the work, or nest constructs",
            LimitKind::Heap => {
                "allocate less in one child, nest spaces less deep, or let the parent allocate \
                 before the join"
            }
            LimitKind::Depth => {
                "fork wider instead of deeper: below a certain size, work without a join"
            }
            LimitKind::Exchange => "give each child less of the work",
            LimitKind::Workers => {
                "raise the limit on processes (`ulimit -u`, the container's), or set \
                 DETPAR_WORKERS to a smaller number"
            }
            LimitKind::Descriptors => {
                "raise the limit on open files (`ulimit -n`), close files, or set \
                 DETPAR_WORKERS to a smaller number"
            }
            LimitKind::Memory => {
                "free memory, raise the container's limit on it, or set DETPAR_WORKERS to a \
                 smaller number"
            }
            LimitKind::Setup => {
                "allow the calls of a worker to unprivileged processes (container profiles may \
                 deny them), and raise limits on address space; a join in main says which"
            }
            LimitKind::Frees => "let the parent free what it allocated, after the join",
            LimitKind::Permissions => "set permissions of fewer and longer ranges",
        }
    }
}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let child = self.child;
        match self.kind() {
            LimitKind::Children => {
                write!(f, "one construct has more than {MAX_CHILDREN} children")
            }
            LimitKind::Heap => {
                write!(f, "the addresses of child {child}'s heap are used up")
            }
            LimitKind::Depth => f.write_str("spaces are nested too deep"),
            LimitKind::Exchange => {
                write!(f, "child {child} changed or printed more than can be handed over")
            }
            LimitKind::Workers => write!(
                f,
                "no worker process could be made for child {child}, since a limit on processes \
                 is reached"
            ),
            LimitKind::Descriptors => write!(
                f,
                "no worker process could be made for child {child}, since too many files are open"
            ),
            LimitKind::Setup => write!(
                f,
                "no worker process could be set up for child {child}, since the system denies \
                 what it takes"
            ),
            LimitKind::Memory => write!(
                f,
                "no worker process could be made for child {child}, since memory is used up"
            ),
            LimitKind::Frees => {
                write!(f, "child {child} freed more of its parent's blocks than can be recorded")
            }
            LimitKind::Permissions => {
                f.write_str("too many ranges of memory have permissions of their own")
            }
        }?;
        write!(f, ": {}", self.remedy())
    }
}

/// A child whose worker was killed from outside.
#[derive(Debug, Clone)]
pub struct ChildKilled {
    child: usize,
    signal: i32,
}

impl ChildKilled {
    pub(crate) fn new(child: usize, signal: i32) -> ChildKilled {
        ChildKilled { child, signal }
    }

    /// Index of the child.
    pub fn child(&self) -> usize {
        self.child
    }

    /// The signal; nothing where the worker ended without one or handed over a record that
    /// is not valid.
    pub fn signal(&self) -> Option<i32> {
        (self.signal != 0).then_some(self.signal)
    }

    /// The signal's name, such as `SIGKILL`.
    pub fn signal_name(&self) -> Option<String> {
        self.signal().map(names::signal)
    }
}

impl fmt::Display for ChildKilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let child = self.child;
        match (self.signal(), self.signal_name()) {
            (Some(libc::SIGKILL), _) => write!(
                f,
                "the worker of child {child} was killed from outside (SIGKILL): see whether the \
                 system ran out of memory, and run again"
            ),
            (_, Some(name)) => {
                write!(f, "the worker of child {child} was killed from outside ({name}): run again")
            }
            (_, None) => write!(
                f,
                "the worker of child {child} died or handed over an invalid record: look for \
                 unsafe code that writes where it should not; otherwise please report it"
            ),
        }
    }
}

/// The construct could not run here at all.
#[derive(Debug, Clone)]
pub struct Unsupported(Box<Error>);

impl Unsupported {
    pub(crate) fn new(error: Error) -> Unsupported {
        Unsupported(Box::new(error))
    }

    /// The system's error number (`errno`), where a call of the system failed.
    pub fn os_error(&self) -> Option<i32> {
        match *self.0 {
            Error::Unsupported { errno, .. } if errno != 0 => Some(errno),
            _ => None,
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_say_what_to_do() {
        use Limit::*;
        let mut texts: Vec<String> =
            [Children, Heap, Depth, Exchange, Workers, Frees, Descriptors, Memory, Setup]
                .map(|limit| LimitReached::new(3, limit).to_string())
                .into();
        assert_eq!(
            texts[0],
            "one construct has more than 1024 children: give each child more of the work, or \
             nest constructs"
        );
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 9);
    }

    #[test]
    fn killed() {
        let killed = |signal| ChildKilled::new(1, signal);
        assert!(killed(9).to_string().contains("SIGKILL"));
        assert!(killed(15).to_string().contains("SIGTERM"));
        assert!(killed(0).signal_name().is_none() && killed(0).to_string().contains("invalid"));
    }

    #[test]
    fn panics() {
        let full = ChildPanic::new(0, Some("m".into()), Some("f.rs:1:2".into()));
        assert_eq!(full.to_string(), "child 0 panicked at f.rs:1:2: m");
        assert_eq!(full.into_payload().ok().as_deref(), Some("m"));
        let none = ChildPanic::new(1, None, None);
        assert_eq!(none.to_string(), "child 1 panicked: non-string payload");
        assert!(none.into_payload().is_err());
    }

    #[test]
    fn unsupported() {
        let e = Error::Unsupported { what: "w", remedy: "r", errno: libc::EPERM };
        assert_eq!(Unsupported::new(e).os_error(), Some(libc::EPERM));
        assert_eq!(Unsupported::new(Error::NoMaster).os_error(), None);
    }
}
