//! The confinement table: what happens to each system call that a child makes.
//!
//! Every number of x86-64 Linux up to [`LAST`] has one row or lies in an [`UNASSIGNED`] range;
//! that is asserted at compile time. Unknown means refused. A row says what the call gets and
//! why that is deterministic, or why it is refused and what to do instead. `docs/confine.md` is
//! made from it.

use super::table::TOPICS;

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Always the same number.
    Constant(i64),
    /// A reading of the virtual clock, which moves it by a step.
    Clock,
    /// Moves the virtual clock, and waits for nothing.
    Sleep,
    /// Bytes from the seeded generator of the space.
    Random,
    /// A lock operation; waiting for what can never come is a fault.
    Futex,
    /// Sending a signal to itself is a fault with that signal; to others it is refused.
    Signal,
    /// Reads and sets a signal mask that has no effect.
    Mask,
    /// No signal is pending.
    Pending,
    /// The default disposition of a signal; setting one is refused.
    Disposition,
    /// Closing an inherited descriptor is recorded and done by the master after the merge.
    Close,
    /// Reading the flags of an inherited descriptor; other requests are refused.
    Flags,
    /// Taking the signal stack down, as Rust does before it exits, or asking for it.
    SignalStack,
    /// Unmapping a signal stack that was taken down; else refused.
    Unmap,
    /// A hint about memory that changes no contents; other advice is refused.
    Advice,
    /// A memory barrier.
    Barrier,
    /// The groups of the fixed user: none.
    Groups,
    /// The three user or group ids.
    UserIds,
    /// Process group or session of the space itself.
    GroupOf,
    /// Policy or parameters of the space itself.
    Scheduling,
    /// Bounds of a policy's priorities.
    PriorityRange,
    /// The virtual number of processors.
    Affinity,
    /// The virtual processor.
    Processor,
    /// Names of the system.
    Name,
    /// Memory of the machine.
    Machine,
    /// Fixed limits; setting one is refused.
    Limits,
    /// Left to the handler of files and streams, which may refuse.
    Handler,
    /// Answered from the tree of files, where the program has one; refused where it has none.
    Tree,
    /// Linux lets it pass every filter: it has no effect but an error. Older versions refuse it.
    Passes,
    /// Refused: a fault that names the call.
    Refuse,
}

/// What an argument of a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A descriptor. In first place, a call on one that the space closed fails with EBADF.
    Fd,
    /// The descriptor of a directory, or `AT_FDCWD`.
    Dir,
    /// A string that ends with a zero byte.
    Path,
    /// An address.
    Ptr,
    /// A number.
    Num,
    /// A set of bits.
    Bits,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// System call number.
    pub nr: i64,
    /// The call's name.
    pub name: &'static str,
    /// Its arguments.
    pub args: &'static [Arg],
    /// What it gets.
    pub action: Action,
    /// Why that is deterministic; of a refusal: its reason, and what to do instead.
    pub why: &'static str,
}

/// Rows that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// Its heading.
    pub title: &'static str,
    /// What holds for all of it.
    pub intro: &'static str,
    /// Ascending by number.
    pub rows: &'static [Row],
}

/// A row of a call that is answered.
pub(super) const fn row(
    nr: i64,
    name: &'static str,
    args: &'static [Arg],
    action: Action,
    why: &'static str,
) -> Row {
    Row { nr, name, args, action, why }
}

/// A row of a call that is always refused.
pub(super) const fn refuse(
    nr: i64,
    name: &'static str,
    args: &'static [Arg],
    why: &'static str,
) -> Row {
    row(nr, name, args, Action::Refuse, why)
}

/// A row of a call that is answered where the program has a tree of files.
pub(super) const fn tree(
    nr: i64,
    name: &'static str,
    args: &'static [Arg],
    why: &'static str,
) -> Row {
    row(nr, name, args, Action::Tree, why)
}

/// The last number that has a row (Linux 6.19).
pub const LAST: usize = 470;

/// Numbers up to [`LAST`] that no call has: first and last of each range.
pub const UNASSIGNED: &[(usize, usize)] = &[(337, 423)];

/// Why a call without a row is refused, and what to do instead.
pub const UNKNOWN: &str = "a call that is not known: make it in the master and pass the result";

/// The rows by number.
static BY_NUMBER: [Option<&Row>; LAST + 1] = by_number();

/// Builds the index; fails to compile where a number has no row, or two.
const fn by_number() -> [Option<&'static Row>; LAST + 1] {
    let mut all = [None; LAST + 1];
    let mut t = 0;
    while t < TOPICS.len() {
        let rows = TOPICS[t].rows;
        let mut i = 0;
        while i < rows.len() {
            let r = &rows[i];
            let nr = r.nr as usize;
            assert!(i == 0 || rows[i - 1].nr < r.nr, "rows of a topic ascend");
            assert!(all[nr].is_none(), "a number has one row");
            assert!(r.args.len() <= 6 && !r.name.is_empty() && !r.why.is_empty());
            all[nr] = Some(r);
            i += 1;
        }
        t += 1;
    }
    let (mut nr, mut gap) = (0, 0);
    while nr <= LAST {
        if gap < UNASSIGNED.len() && nr == UNASSIGNED[gap].0 {
            while nr <= UNASSIGNED[gap].1 {
                assert!(all[nr].is_none(), "an unassigned number has a row");
                nr += 1;
            }
            gap += 1;
        } else {
            assert!(all[nr].is_some(), "a number has no row");
            nr += 1;
        }
    }
    assert!(gap == UNASSIGNED.len(), "unassigned ranges ascend");
    all
}

/// All topics.
pub fn topics() -> &'static [Topic] {
    TOPICS
}

/// The row of a call, where it has one.
pub fn row_of(nr: i64) -> Option<&'static Row> {
    *BY_NUMBER.get(usize::try_from(nr).ok()?)?
}

/// What call `nr` gets.
pub fn action(nr: i64) -> Action {
    row_of(nr).map_or(Action::Refuse, |r| r.action)
}

/// How many arguments of call `nr` are known to mean something; 0 where it has no row.
pub fn arity(nr: i64) -> usize {
    row_of(nr).map_or(0, |r| r.args.len())
}

/// Whether the first argument of call `nr` is known to be a descriptor.
pub fn takes_descriptor(nr: i64) -> bool {
    row_of(nr).is_some_and(|r| r.args.first() == Some(&Arg::Fd))
}

#[cfg(test)]
mod tests {
    use super::*;
    use syscalls::Sysno;

    #[test]
    fn names_and_numbers_are_those_of_linux() {
        for call in Sysno::iter() {
            let row = row_of(call.id().into()).expect("every call has a row");
            assert_eq!(row.name, call.name());
        }
        let rows = TOPICS.iter().flat_map(|t| t.rows);
        for r in rows.filter(|r| r.nr <= Sysno::last().id().into()) {
            assert_eq!(Sysno::new(r.nr as usize).map(|s| s.name()), Some(r.name));
        }
    }

    #[test]
    fn unknown_means_refused() {
        for nr in [-1, 337, 423, 471, 512, 100_000, i64::MIN, i64::MAX, 0x4000_0000] {
            assert_eq!((action(nr), arity(nr), takes_descriptor(nr)), (Action::Refuse, 0, false));
        }
    }

    #[test]
    fn what_must_never_be_allowed() {
        let calls = [
            libc::SYS_socket,
            libc::SYS_mmap,
            libc::SYS_mprotect,
            libc::SYS_clone,
            libc::SYS_execve,
            libc::SYS_exit_group,
            libc::SYS_ptrace,
            libc::SYS_prctl,
            libc::SYS_rt_sigreturn,
            libc::SYS_process_vm_writev,
            libc::SYS_io_uring_setup,
        ];
        for nr in calls {
            assert_eq!(action(nr), Action::Refuse, "call {nr}");
        }
        assert_eq!((arity(libc::SYS_mmap), takes_descriptor(libc::SYS_read)), (6, true));
    }
}
