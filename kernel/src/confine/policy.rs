//! The confinement table: what happens to a system call that a child makes.
//!
//! Unknown means refused. A row says what the call gets and why that is deterministic.

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Always the same number.
    Constant(i64),
    /// Bytes from the seeded generator of the space.
    Random,
    /// A lock operation; waiting for what can never come is a fault.
    Futex,
    /// Sending a signal to itself is a fault with that signal; to others it is refused.
    Signal,
    /// Left to the handler of files and streams, which may refuse.
    Handler,
    /// Refused: a fault that names the call.
    Refuse,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// System call number.
    pub nr: i64,
    /// What it gets.
    pub action: Action,
    /// Why that is deterministic.
    pub why: &'static str,
}

const fn row(nr: i64, action: Action, why: &'static str) -> Row {
    Row { nr, action, why }
}

/// Every call that is not refused.
pub const TABLE: &[Row] = &[
    row(libc::SYS_getpid, Action::Constant(super::VIRTUAL_ID), "the same in every space"),
    row(libc::SYS_gettid, Action::Constant(super::VIRTUAL_ID), "the same in every space"),
    row(libc::SYS_getppid, Action::Constant(super::VIRTUAL_PARENT_ID), "the same in every space"),
    row(libc::SYS_sched_yield, Action::Constant(0), "there is nobody to yield to"),
    row(libc::SYS_rt_sigprocmask, Action::Constant(0), "no signal reaches a child"),
    row(libc::SYS_getrandom, Action::Random, "a function of seed, task path and draw"),
    row(libc::SYS_futex, Action::Futex, "only uncontended operations succeed"),
    row(libc::SYS_tgkill, Action::Signal, "abort and raise end the child"),
    row(libc::SYS_tkill, Action::Signal, "abort and raise end the child"),
    row(libc::SYS_kill, Action::Signal, "abort and raise end the child"),
    row(libc::SYS_write, Action::Handler, "standard streams are captured"),
    row(libc::SYS_writev, Action::Handler, "standard streams are captured"),
    row(libc::SYS_ioctl, Action::Handler, "standard streams are no terminals"),
    row(libc::SYS_fstat, Action::Handler, "standard streams are pipes"),
    row(libc::SYS_newfstatat, Action::Handler, "standard streams are pipes"),
    row(libc::SYS_lseek, Action::Handler, "standard streams cannot seek"),
];

/// What call `nr` gets.
pub fn action(nr: i64) -> Action {
    TABLE.iter().find(|r| r.nr == nr).map_or(Action::Refuse, |r| r.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_unique_and_unknown_means_refused() {
        for (i, r) in TABLE.iter().enumerate() {
            assert!(TABLE[..i].iter().all(|o| o.nr != r.nr), "call {} twice", r.nr);
            assert!(!r.why.is_empty() && r.action != Action::Refuse);
        }
        let refused = [
            libc::SYS_clock_gettime,
            libc::SYS_openat,
            libc::SYS_socket,
            libc::SYS_mmap,
            libc::SYS_clone,
            libc::SYS_exit_group,
            libc::SYS_rt_sigaction,
            100_000,
            -1,
        ];
        for nr in refused {
            assert_eq!(action(nr), Action::Refuse, "call {nr}");
        }
    }
}
