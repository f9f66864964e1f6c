//! How else a child can end: at a limit, or from outside.
use super::kinds::LimitKind;
use super::names;
use kernel::abi::{Limit, MAX_CHILDREN};
use std::fmt;

/// A limit that a child or its construct exhausted.
///
/// ```
/// use detpar::error::{JoinError, LimitKind};
///
/// #[detpar::main]
/// fn main() {
///     let failed = detpar::try_workspace(&mut [0; 2000], 2000, |i, all| all[i] = i);
///     let Err(JoinError::Limit(limit)) = failed else { unreachable!() };
///     assert_eq!(limit.kind(), LimitKind::Children);
///     assert!(limit.remedy().contains("give each child more of the work"));
/// }
/// ```
#[derive(Debug, Clone)]
pub struct LimitReached {
    child: usize,
    limit: Limit,
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
///
/// ```no_run
/// use detpar::JoinError;
///
/// #[detpar::main]
/// fn main() {
///     match detpar::try_join(|| 1, || 2) {
///         Ok(sum) => println!("{sum:?}"),
///         // The system ran out of memory, say.
///         Err(JoinError::Killed(killed)) => {
///             println!("child {} by {:?}", killed.child(), killed.signal_name());
///         }
///         Err(e) => println!("{e}"),
///     }
/// }
/// ```
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
}
