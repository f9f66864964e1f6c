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
    /// Closing an inherited descriptor is recorded and done by the master after the merge.
    Close,
    /// Reading the flags of an inherited descriptor; other requests are refused.
    Flags,
    /// Taking the signal stack down, as Rust does before it exits; else refused.
    SignalStack,
    /// Unmapping a signal stack that was taken down; else refused.
    Unmap,
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
    row(libc::SYS_close, Action::Close, "recorded in the image, and merged with it"),
    row(libc::SYS_fcntl, Action::Flags, "every inherited descriptor closes on exec"),
    row(libc::SYS_sigaltstack, Action::SignalStack, "no signal reaches a child"),
    row(libc::SYS_munmap, Action::Unmap, "memory that no child can read anyway"),
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

/// Calls whose first argument is a descriptor: in a space that closed it they fail as they
/// would outside.
const BY_DESCRIPTOR: &[i64] = &[
    libc::SYS_close,
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_fcntl,
    libc::SYS_ioctl,
    libc::SYS_dup,
    libc::SYS_dup2,
    libc::SYS_dup3,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_flock,
    libc::SYS_fchmod,
    libc::SYS_fchown,
    libc::SYS_fchdir,
    libc::SYS_getdents64,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_shutdown,
];

/// Whether the first argument of call `nr` is known to be a descriptor.
pub fn takes_descriptor(nr: i64) -> bool {
    BY_DESCRIPTOR.contains(&nr)
}

/// Numbers of arguments: `ARITY[n]` lists calls with `n`.
const ARITY: [&[i64]; 7] = {
    use libc::*;
    [
        &[],
        &[
            SYS_close,
            SYS_brk,
            SYS_pipe,
            SYS_dup,
            SYS_exit,
            SYS_exit_group,
            SYS_uname,
            SYS_chdir,
            SYS_rmdir,
            SYS_unlink,
            SYS_times,
            SYS_time,
            SYS_sysinfo,
            SYS_fsync,
            SYS_umask,
            SYS_personality,
            SYS_timerfd_create,
            SYS_epoll_create1,
        ],
        &[
            SYS_stat,
            SYS_fstat,
            SYS_lstat,
            SYS_munmap,
            SYS_access,
            SYS_pipe2,
            SYS_dup2,
            SYS_nanosleep,
            SYS_getitimer,
            SYS_listen,
            SYS_kill,
            SYS_tkill,
            SYS_getcwd,
            SYS_rename,
            SYS_mkdir,
            SYS_chmod,
            SYS_gettimeofday,
            SYS_clone3,
            SYS_sigaltstack,
            SYS_clock_gettime,
            SYS_clock_getres,
            SYS_clock_settime,
            SYS_memfd_create,
            SYS_getrusage,
            SYS_ftruncate,
            SYS_truncate,
            SYS_flock,
            SYS_set_robust_list,
            SYS_arch_prctl,
            SYS_eventfd2,
        ],
        &[
            SYS_read,
            SYS_write,
            SYS_open,
            SYS_poll,
            SYS_lseek,
            SYS_mprotect,
            SYS_ioctl,
            SYS_readv,
            SYS_writev,
            SYS_madvise,
            SYS_dup3,
            SYS_socket,
            SYS_connect,
            SYS_accept,
            SYS_bind,
            SYS_sendmsg,
            SYS_recvmsg,
            SYS_execve,
            SYS_tgkill,
            SYS_fcntl,
            SYS_readlink,
            SYS_getrandom,
            SYS_sched_getaffinity,
            SYS_sched_setaffinity,
            SYS_getdents64,
            SYS_unlinkat,
            SYS_mkdirat,
            SYS_faccessat,
            SYS_getcpu,
            SYS_close_range,
            SYS_setitimer,
        ],
        &[
            SYS_openat,
            SYS_newfstatat,
            SYS_pread64,
            SYS_pwrite64,
            SYS_clock_nanosleep,
            SYS_sendfile,
            SYS_accept4,
            SYS_socketpair,
            SYS_wait4,
            SYS_rt_sigaction,
            SYS_rt_sigprocmask,
            SYS_prlimit64,
            SYS_rseq,
            SYS_openat2,
            SYS_readlinkat,
            SYS_faccessat2,
            SYS_epoll_wait,
            SYS_epoll_ctl,
            SYS_fallocate,
        ],
        &[
            SYS_select,
            SYS_mremap,
            SYS_clone,
            SYS_waitid,
            SYS_statx,
            SYS_prctl,
            SYS_setsockopt,
            SYS_getsockopt,
            SYS_renameat2,
            SYS_linkat,
        ],
        &[SYS_mmap, SYS_sendto, SYS_recvfrom, SYS_futex, SYS_copy_file_range, SYS_splice],
    ]
};

/// How many arguments of call `nr` are known to mean something; 0 where it is not listed.
pub fn arity(nr: i64) -> usize {
    ARITY.iter().position(|calls| calls.contains(&nr)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_one_arity() {
        let all: Vec<i64> = ARITY.iter().flat_map(|c| c.iter().copied()).collect();
        for (i, nr) in all.iter().enumerate() {
            assert!(!all[..i].contains(nr), "call {nr} twice");
        }
        assert_eq!((arity(libc::SYS_mmap), arity(libc::SYS_getpid), arity(-1)), (6, 0, 0));
    }

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
