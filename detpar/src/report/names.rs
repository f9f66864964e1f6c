//! Names of signals and system calls, and what to do instead of a refused call.
use syscalls::Sysno;

/// Name and meaning of the signals that can end a child.
const SIGNALS: &[(i32, &str, &str)] = &[
    (libc::SIGHUP, "SIGHUP", "a hangup"),
    (libc::SIGINT, "SIGINT", "an interrupt"),
    (libc::SIGQUIT, "SIGQUIT", "a request to quit"),
    (libc::SIGILL, "SIGILL", "an illegal instruction"),
    (libc::SIGTRAP, "SIGTRAP", "a trap"),
    (libc::SIGABRT, "SIGABRT", "an abort"),
    (libc::SIGBUS, "SIGBUS", "a bad access to memory"),
    (libc::SIGFPE, "SIGFPE", "an arithmetic error"),
    (libc::SIGKILL, "SIGKILL", "a kill"),
    (libc::SIGUSR1, "SIGUSR1", "a signal of the program's own"),
    (libc::SIGSEGV, "SIGSEGV", "a bad access to memory"),
    (libc::SIGUSR2, "SIGUSR2", "a signal of the program's own"),
    (libc::SIGPIPE, "SIGPIPE", "a pipe without a reader"),
    (libc::SIGALRM, "SIGALRM", "a timer"),
    (libc::SIGTERM, "SIGTERM", "a request to end"),
    (libc::SIGCHLD, "SIGCHLD", "the end of a process"),
    (libc::SIGCONT, "SIGCONT", "a request to go on"),
    (libc::SIGSTOP, "SIGSTOP", "a stop"),
    (libc::SIGTSTP, "SIGTSTP", "a stop from the terminal"),
    (libc::SIGXCPU, "SIGXCPU", "the limit on processor time"),
    (libc::SIGXFSZ, "SIGXFSZ", "the limit on file sizes"),
    (libc::SIGSYS, "SIGSYS", "a bad system call"),
];

/// A signal's name.
pub(crate) fn signal(number: i32) -> String {
    let known = SIGNALS.iter().find(|s| s.0 == number);
    known.map_or_else(|| format!("signal {number}"), |s| s.1.to_owned())
}

/// What a signal stands for.
pub(super) fn signal_meaning(number: i32) -> &'static str {
    SIGNALS.iter().find(|s| s.0 == number).map_or("a signal", |s| s.2)
}

/// A system call's name.
pub(super) fn call(number: i64) -> Option<&'static str> {
    Some(Sysno::new(usize::try_from(number).ok()?)?.name())
}

/// How many arguments a call takes and what to do instead, where that is known.
pub(super) fn usage(number: i64) -> Option<(usize, &'static str)> {
    let row = CALLS.iter().find(|row| row.0 == number)?;
    Some((row.1, row.2))
}

const CLOCK: &str = "read clocks in the master and pass the value";
const SLEEP: &str = "sleep in the master; a child waits for nothing but its own children";
const FILE: &str = "use files in the master, before or after the join";
const NETWORK: &str = "use the network in the master, before or after the join";
const THREAD: &str = "fork children (`detpar::join`, parallel iterators) instead of threads";
const PROCESS: &str = "start and await processes in the master";
const MEMORY: &str = "use the heap; memory is mapped by the master alone";
const SIGNAL: &str = "leave signals to the master";
const EXIT: &str = "return a value or panic; the master alone ends the program";
const MACHINE: &str = "ask in the master, and let no result depend on the machine";

/// What is done instead of any other call.
pub(super) const ELSE: &str = "make the call in the master and pass the result";

/// Calls that are refused, with the number of their arguments.
const CALLS: &[(i64, usize, &str)] = &[
    (libc::SYS_clock_gettime, 2, CLOCK),
    (libc::SYS_clock_getres, 2, CLOCK),
    (libc::SYS_gettimeofday, 2, CLOCK),
    (libc::SYS_time, 1, CLOCK),
    (libc::SYS_times, 1, CLOCK),
    (libc::SYS_getrusage, 2, CLOCK),
    (libc::SYS_timer_create, 3, CLOCK),
    (libc::SYS_timerfd_create, 2, CLOCK),
    (libc::SYS_setitimer, 3, CLOCK),
    (libc::SYS_alarm, 1, CLOCK),
    (libc::SYS_nanosleep, 2, SLEEP),
    (libc::SYS_clock_nanosleep, 4, SLEEP),
    (libc::SYS_pause, 0, SLEEP),
    (libc::SYS_futex, 6, SLEEP),
    (libc::SYS_poll, 3, SLEEP),
    (libc::SYS_ppoll, 5, SLEEP),
    (libc::SYS_select, 5, SLEEP),
    (libc::SYS_pselect6, 6, SLEEP),
    (libc::SYS_epoll_create1, 1, SLEEP),
    (libc::SYS_epoll_wait, 4, SLEEP),
    (libc::SYS_read, 3, FILE),
    (libc::SYS_write, 3, FILE),
    (libc::SYS_readv, 3, FILE),
    (libc::SYS_writev, 3, FILE),
    (libc::SYS_pread64, 4, FILE),
    (libc::SYS_pwrite64, 4, FILE),
    (libc::SYS_open, 3, FILE),
    (libc::SYS_openat, 4, FILE),
    (libc::SYS_openat2, 4, FILE),
    (libc::SYS_creat, 2, FILE),
    (libc::SYS_close, 1, FILE),
    (libc::SYS_stat, 2, FILE),
    (libc::SYS_lstat, 2, FILE),
    (libc::SYS_fstat, 2, FILE),
    (libc::SYS_newfstatat, 4, FILE),
    (libc::SYS_statx, 5, FILE),
    (libc::SYS_lseek, 3, FILE),
    (libc::SYS_ioctl, 3, FILE),
    (libc::SYS_fcntl, 3, FILE),
    (libc::SYS_fsync, 1, FILE),
    (libc::SYS_ftruncate, 2, FILE),
    (libc::SYS_access, 2, FILE),
    (libc::SYS_faccessat, 3, FILE),
    (libc::SYS_faccessat2, 4, FILE),
    (libc::SYS_getdents64, 3, FILE),
    (libc::SYS_getcwd, 2, FILE),
    (libc::SYS_chdir, 1, FILE),
    (libc::SYS_mkdir, 2, FILE),
    (libc::SYS_mkdirat, 3, FILE),
    (libc::SYS_rmdir, 1, FILE),
    (libc::SYS_unlink, 1, FILE),
    (libc::SYS_unlinkat, 3, FILE),
    (libc::SYS_rename, 2, FILE),
    (libc::SYS_renameat, 4, FILE),
    (libc::SYS_renameat2, 5, FILE),
    (libc::SYS_readlink, 3, FILE),
    (libc::SYS_readlinkat, 4, FILE),
    (libc::SYS_dup, 1, FILE),
    (libc::SYS_dup2, 2, FILE),
    (libc::SYS_dup3, 3, FILE),
    (libc::SYS_pipe, 1, FILE),
    (libc::SYS_pipe2, 2, FILE),
    (libc::SYS_memfd_create, 2, FILE),
    (libc::SYS_sendfile, 4, FILE),
    (libc::SYS_copy_file_range, 6, FILE),
    (libc::SYS_socket, 3, NETWORK),
    (libc::SYS_socketpair, 4, NETWORK),
    (libc::SYS_connect, 3, NETWORK),
    (libc::SYS_bind, 3, NETWORK),
    (libc::SYS_listen, 2, NETWORK),
    (libc::SYS_accept, 3, NETWORK),
    (libc::SYS_accept4, 4, NETWORK),
    (libc::SYS_sendto, 6, NETWORK),
    (libc::SYS_recvfrom, 6, NETWORK),
    (libc::SYS_sendmsg, 3, NETWORK),
    (libc::SYS_recvmsg, 3, NETWORK),
    (libc::SYS_clone, 5, THREAD),
    (libc::SYS_clone3, 2, THREAD),
    (libc::SYS_set_robust_list, 2, THREAD),
    (libc::SYS_fork, 0, PROCESS),
    (libc::SYS_vfork, 0, PROCESS),
    (libc::SYS_execve, 3, PROCESS),
    (libc::SYS_execveat, 5, PROCESS),
    (libc::SYS_wait4, 4, PROCESS),
    (libc::SYS_waitid, 5, PROCESS),
    (libc::SYS_mmap, 6, MEMORY),
    (libc::SYS_munmap, 2, MEMORY),
    (libc::SYS_mremap, 5, MEMORY),
    (libc::SYS_mprotect, 3, MEMORY),
    (libc::SYS_madvise, 3, MEMORY),
    (libc::SYS_brk, 1, MEMORY),
    (libc::SYS_shmat, 3, MEMORY),
    (libc::SYS_rt_sigaction, 4, SIGNAL),
    (libc::SYS_sigaltstack, 2, SIGNAL),
    (libc::SYS_kill, 2, SIGNAL),
    (libc::SYS_tkill, 2, SIGNAL),
    (libc::SYS_tgkill, 3, SIGNAL),
    (libc::SYS_exit, 1, EXIT),
    (libc::SYS_exit_group, 1, EXIT),
    (libc::SYS_sched_getaffinity, 3, MACHINE),
    (libc::SYS_sched_setaffinity, 3, MACHINE),
    (libc::SYS_getcpu, 3, MACHINE),
    (libc::SYS_sysinfo, 1, MACHINE),
    (libc::SYS_uname, 1, MACHINE),
    (libc::SYS_prlimit64, 4, MACHINE),
    (libc::SYS_getrlimit, 2, MACHINE),
    (libc::SYS_getuid, 0, MACHINE),
    (libc::SYS_geteuid, 0, MACHINE),
    (libc::SYS_getpgrp, 0, MACHINE),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_no_doubles() {
        for (i, a) in CALLS.iter().enumerate() {
            assert!(CALLS[..i].iter().all(|b| a.0 != b.0), "{} twice", a.0);
            assert!(a.1 <= 6 && call(a.0).is_some());
        }
        for (i, a) in SIGNALS.iter().enumerate() {
            assert!(SIGNALS[..i].iter().all(|b| a.0 != b.0), "{} twice", a.1);
        }
    }

    #[test]
    fn names() {
        assert_eq!((signal(11).as_str(), signal(40).as_str()), ("SIGSEGV", "signal 40"));
        assert_eq!((call(228), call(0), call(-1)), (Some("clock_gettime"), Some("read"), None));
        assert_eq!((call(1 << 20), usage(-1)), (None, None));
        assert_eq!(usage(libc::SYS_clock_gettime), Some((2, CLOCK)));
    }
}
