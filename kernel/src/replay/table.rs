//! What each call of the master gets while its inputs are recorded or replayed. A call without a
//! row is refused by name.

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number: the same in both runs.
    Value,
    /// A string that ends with a zero byte.
    Path,
    /// Bytes that the call reads; their number is another argument.
    In(usize),
    /// So many bytes that the call reads.
    InFixed(usize),
    /// So many bytes that the call fills.
    Out(usize),
    /// As many as the call returns; at most as another argument says.
    OutUpTo(usize),
    /// So many bytes, times another argument.
    OutTimes(usize, usize),
}

/// What a call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Recorded, and answered from the record.
    Input(&'static [Kind]),
    /// Done in both runs where it goes to standard output or error; else an input.
    Output,
    /// An error in both runs, after which callers do it by other calls.
    Constant(i64),
    /// The mask of signals, without the one that traps.
    Mask,
    /// The disposition of a signal: no handlers but for faults.
    Disposition,
    /// New memory, not of a file.
    Memory,
    /// A signal to itself.
    Signal,
    /// The end of the program.
    End,
    /// Refused.
    Refuse,
}

use Kind::*;

/// Calls that change this process's memory or wait for nobody: not inputs, done in both runs. The
/// filter lets them pass.
pub(super) const PASS: [i64; 14] = [
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_brk,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_sigaltstack,
    libc::SYS_arch_prctl,
    libc::SYS_futex,
    libc::SYS_set_tid_address,
    libc::SYS_set_robust_list,
    libc::SYS_membarrier,
    libc::SYS_rseq,
];

const NONE: i64 = -(libc::ENOSYS as i64);
const STAT: usize = size_of::<libc::stat>();
const TERMINAL: usize = 36;
const UNAME: usize = 390;
const TIME: usize = 16;

/// Whether a call is about standard output or error.
pub(super) fn is_output(a: &[u64; 6]) -> bool {
    matches!(a[0], 1 | 2)
}

/// What call `nr` gets with these arguments.
pub(super) fn way(nr: i64, a: &[u64; 6]) -> Way {
    let kinds: &[Kind] = match nr {
        libc::SYS_write | libc::SYS_writev => return Way::Output,
        libc::SYS_rt_sigprocmask => return Way::Mask,
        libc::SYS_rt_sigaction => return Way::Disposition,
        libc::SYS_mmap => return Way::Memory,
        libc::SYS_tgkill => return Way::Signal,
        libc::SYS_exit_group => return Way::End,
        libc::SYS_copy_file_range | libc::SYS_sendfile | libc::SYS_splice => {
            return Way::Constant(NONE);
        }
        // A stream that is another one from now on would get what the other run prints.
        libc::SYS_close | libc::SYS_dup2 | libc::SYS_dup3 => {
            let to = a[usize::from(nr != libc::SYS_close)];
            if matches!(to, 1 | 2) || is_output(a) {
                return Way::Refuse;
            }
            match nr {
                libc::SYS_close => &[Value],
                libc::SYS_dup2 => &[Value, Value],
                _ => &[Value, Value, Value],
            }
        }
        // A replay does not write to other numbers than 1 and 2.
        libc::SYS_dup if is_output(a) => return Way::Refuse,
        libc::SYS_fcntl => match a[1] as i32 {
            libc::F_DUPFD | libc::F_DUPFD_CLOEXEC if is_output(a) => return Way::Refuse,
            libc::F_GETFD | libc::F_GETFL => &[Value, Value],
            libc::F_SETFD | libc::F_SETFL | libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => {
                &[Value, Value, Value]
            }
            _ => return Way::Refuse,
        },
        libc::SYS_ioctl => match a[1] {
            libc::TCGETS => &[Value, Value, Out(TERMINAL)],
            libc::TIOCGWINSZ => &[Value, Value, Out(8)],
            libc::FIONREAD => &[Value, Value, Out(4)],
            _ => return Way::Refuse,
        },
        libc::SYS_read => &[Value, OutUpTo(2), Value],
        libc::SYS_pread64 => &[Value, OutUpTo(2), Value, Value],
        libc::SYS_pwrite64 => &[Value, In(2), Value, Value],
        libc::SYS_getrandom => &[OutUpTo(1), Value, Value],
        libc::SYS_open => &[Path, Value, Value],
        libc::SYS_openat => &[Value, Path, Value, Value],
        libc::SYS_stat | libc::SYS_lstat => &[Path, Out(STAT)],
        libc::SYS_fstat => &[Value, Out(STAT)],
        libc::SYS_newfstatat => &[Value, Path, Out(STAT), Value],
        libc::SYS_statx => &[Value, Path, Value, Value, Out(size_of::<libc::statx>())],
        libc::SYS_statfs => &[Path, Out(size_of::<libc::statfs>())],
        libc::SYS_fstatfs => &[Value, Out(size_of::<libc::statfs>())],
        libc::SYS_lseek => &[Value, Value, Value],
        libc::SYS_access => &[Path, Value],
        libc::SYS_faccessat => &[Value, Path, Value],
        libc::SYS_faccessat2 => &[Value, Path, Value, Value],
        libc::SYS_readlink => &[Path, OutUpTo(2), Value],
        libc::SYS_readlinkat => &[Value, Path, OutUpTo(3), Value],
        libc::SYS_getcwd => &[OutUpTo(1), Value],
        libc::SYS_getdents64 => &[Value, OutUpTo(2), Value],
        libc::SYS_chdir | libc::SYS_rmdir | libc::SYS_unlink => &[Path],
        libc::SYS_mkdir | libc::SYS_chmod | libc::SYS_truncate => &[Path, Value],
        libc::SYS_mkdirat | libc::SYS_unlinkat => &[Value, Path, Value],
        libc::SYS_rename => &[Path, Path],
        libc::SYS_renameat => &[Value, Path, Value, Path],
        libc::SYS_renameat2 => &[Value, Path, Value, Path, Value],
        libc::SYS_symlink | libc::SYS_link => &[Path, Path],
        libc::SYS_symlinkat => &[Path, Value, Path],
        libc::SYS_linkat => &[Value, Path, Value, Path, Value],
        libc::SYS_fchmod | libc::SYS_ftruncate | libc::SYS_flock => &[Value, Value],
        libc::SYS_fsync | libc::SYS_fdatasync | libc::SYS_dup | libc::SYS_umask => &[Value],
        libc::SYS_fadvise64 => &[Value, Value, Value, Value],
        libc::SYS_utimensat => &[Value, Path, InFixed(2 * TIME), Value],
        libc::SYS_pipe2 => &[Out(8), Value],
        libc::SYS_poll => &[OutTimes(8, 1), Value, Value],
        libc::SYS_clock_gettime | libc::SYS_clock_getres => &[Value, Out(TIME)],
        libc::SYS_gettimeofday => &[Out(TIME), Out(8)],
        libc::SYS_time => &[Out(8)],
        libc::SYS_times => &[Out(size_of::<libc::tms>())],
        libc::SYS_getrusage => &[Value, Out(size_of::<libc::rusage>())],
        libc::SYS_nanosleep => &[InFixed(TIME), Out(TIME)],
        libc::SYS_clock_nanosleep => &[Value, Value, InFixed(TIME), Out(TIME)],
        libc::SYS_getpid | libc::SYS_gettid | libc::SYS_getppid | libc::SYS_getuid => &[],
        libc::SYS_geteuid | libc::SYS_getgid | libc::SYS_getegid | libc::SYS_getpgrp => &[],
        libc::SYS_getpgid | libc::SYS_getsid => &[Value],
        libc::SYS_uname => &[Out(UNAME)],
        libc::SYS_sysinfo => &[Out(size_of::<libc::sysinfo>())],
        libc::SYS_getrlimit => &[Value, Out(16)],
        libc::SYS_prlimit64 if a[2] == 0 => &[Value, Value, Value, Out(16)],
        libc::SYS_sched_getaffinity => &[Value, Value, OutUpTo(1)],
        libc::SYS_getcpu => &[Out(4), Out(4)],
        _ => return Way::Refuse,
    };
    Way::Input(kinds)
}
