//! The only home of operating-system calls.
//!
//! Invariant `raw`: a system call made here touches memory only through the pointers it is
//! given; each wrapper states what its caller must guarantee. The calls use no thread-local
//! storage (no `errno`) and no allocation, so that the control plane may use them.

mod action;
pub(crate) mod cpu;
pub(crate) mod gate;
mod memory;
pub(crate) mod scan;
pub(crate) mod tools;

pub(crate) use action::{Action, Handler, action};
use core::sync::atomic::AtomicU32;
use libc::{c_int, c_long};
pub(crate) use memory::*;

/// A system call's result: the value, or the positive error number.
pub(crate) type Sys<T> = Result<T, i32>;

fn check(r: isize) -> Sys<usize> {
    if (-4095..0).contains(&r) { Err(-r as i32) } else { Ok(r as usize) }
}

/// Any system call with up to six arguments.
///
/// # Safety
/// The call's own contract.
#[inline]
pub(crate) unsafe fn call(nr: c_long, a: [usize; 6]) -> Sys<usize> {
    // SAFETY: invariant `raw`, forwarded to the caller.
    check(unsafe { gate::det_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]) })
}

/// Any system call, made by libc and so from outside the gate: in a child, confinement sees
/// it as the program's own. Sets `errno` as libc does.
///
/// # Safety
/// The call's own contract.
pub(crate) unsafe fn as_program(nr: c_long, a: [usize; 6]) -> isize {
    // SAFETY: the caller's contract.
    unsafe { libc::syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]) as isize }
}

/// Writes memory to a place of a file.
///
/// # Safety
/// `len` bytes at `from` must be readable.
pub(crate) unsafe fn write_at(fd: c_int, from: usize, len: usize, offset: usize) -> Sys<()> {
    let mut done = 0;
    while done < len {
        let a = [fd as usize, from + done, len - done, offset + done, 0, 0];
        // SAFETY: the caller's contract.
        match unsafe { call(libc::SYS_pwrite64, a) } {
            Ok(0) => return Err(libc::EIO),
            Ok(n) => done += n,
            Err(libc::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Opens the file of a descriptor once more: a description of its own, with locks of its own; for
/// a short time, at the next free number.
pub(crate) fn reopen(fd: c_int) -> Sys<c_int> {
    let mut path = *b"/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0";
    let mut digits = [0u8; 10];
    let (mut n, mut rest) = (0, fd.unsigned_abs());
    while n == 0 || rest > 0 {
        digits[n] = b'0' + (rest % 10) as u8;
        rest /= 10;
        n += 1;
    }
    for (to, digit) in path[14..].iter_mut().zip(digits[..n].iter().rev()) {
        *to = *digit;
    }
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
    let a = [libc::AT_FDCWD as usize, path.as_ptr() as usize, flags, 0, 0, 0];
    // SAFETY: the path is a C string: ten digits leave its last byte zero.
    unsafe { call(libc::SYS_openat, a) }.map(|fd| fd as c_int)
}

/// Locks or unlocks the file of a descriptor (`flock(2)`).
pub(crate) fn lock_file(fd: c_int, how: c_int) -> Sys<()> {
    // SAFETY: has no memory operands.
    unsafe { call(libc::SYS_flock, [fd as usize, how as usize, 0, 0, 0, 0]) }.map(drop)
}

/// Blocks these signals of this thread, too; returns those that were blocked before.
pub(crate) fn block_signals(set: u64) -> u64 {
    let mut before = 0u64;
    let (set, old) = (&raw const set as usize, &raw mut before as usize);
    // SAFETY: the kernel reads and writes one word each.
    let _ =
        unsafe { call(libc::SYS_rt_sigprocmask, [libc::SIG_BLOCK as usize, set, old, 8, 0, 0]) };
    before
}

/// Signals that are blocked and have arrived.
pub(crate) fn pending_signals() -> u64 {
    let mut set = 0u64;
    // SAFETY: the kernel writes one word.
    let _ = unsafe { call(libc::SYS_rt_sigpending, [&raw mut set as usize, 8, 0, 0, 0, 0]) };
    set
}

/// Blocks exactly these signals.
pub(crate) fn restore_signals(before: u64) {
    let set = &raw const before as usize;
    // SAFETY: the kernel reads one word.
    let _ =
        unsafe { call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, set, 0, 8, 0, 0]) };
}

/// Process id and thread id of the caller.
pub(crate) fn ids() -> (i32, i32) {
    // SAFETY: the calls have no operands and do not fail.
    unsafe {
        let of = |nr| call(nr, [0; 6]).unwrap_or(0) as i32;
        (of(libc::SYS_getpid), of(libc::SYS_gettid))
    }
}

/// How many threads this process has; `None` where /proc does not say.
pub(crate) fn thread_count() -> Option<usize> {
    let mut x = core::mem::MaybeUninit::<libc::statx>::zeroed();
    let path = c"/proc/self/task".as_ptr() as usize;
    let a =
        [libc::AT_FDCWD as usize, path, 0, libc::STATX_NLINK as usize, x.as_mut_ptr() as usize, 0];
    // SAFETY: the path is a C string; the kernel fills the structure, whose fields are integers.
    let links = unsafe { call(libc::SYS_statx, a).ok().map(|_| x.assume_init().stx_nlink) }?;
    // A directory's link count is 2 plus one per thread.
    (links as usize).checked_sub(2)
}

/// Creates an anonymous memory file of the given size, close-on-exec, at a high number so
/// that the program's own descriptors keep the numbers they would have without us.
pub(crate) fn memory_file(name: &core::ffi::CStr, size: usize) -> Sys<c_int> {
    // SAFETY: the name is a C string; the other calls take the descriptor just made.
    unsafe {
        let cloexec = libc::MFD_CLOEXEC as usize;
        let low = call(libc::SYS_memfd_create, [name.as_ptr() as usize, cloexec, 0, 0, 0, 0])?;
        if let Err(e) = call(libc::SYS_ftruncate, [low, size, 0, 0, 0, 0]) {
            close(low as c_int);
            return Err(e);
        }
        Ok(raise_fd(low as c_int))
    }
}

/// Whether a limit on file sizes would kill us for making a large memory file.
pub(crate) fn file_size_limited() -> bool {
    let mut limit = [0u64; 2];
    let a = [0, libc::RLIMIT_FSIZE as usize, 0, limit.as_mut_ptr() as usize, 0, 0];
    // SAFETY: the kernel writes two words.
    unsafe { call(libc::SYS_prlimit64, a) }.is_ok() && limit[0] != libc::RLIM_INFINITY
}

/// Moves a descriptor to a high number, as far as the limit allows, and away from those of
/// the standard streams.
pub(crate) fn raise_fd(low: c_int) -> c_int {
    for at in [900usize, 200, 50, 3] {
        if low as usize >= at {
            return low;
        }
        // SAFETY: duplicates and closes a descriptor that the caller owns.
        unsafe {
            let dup = [low as usize, libc::F_DUPFD_CLOEXEC as usize, at, 0, 0, 0];
            if let Ok(high) = call(libc::SYS_fcntl, dup) {
                let _ = call(libc::SYS_close, [low as usize, 0, 0, 0, 0, 0]);
                return high as c_int;
            }
        }
    }
    low
}

/// Reads a range of a file to an address.
pub(crate) fn read_at(fd: c_int, to: usize, len: usize, off: usize) -> Sys<()> {
    let mut done = 0;
    while done < len {
        let a = [fd as usize, to + done, len - done, off + done, 0, 0];
        // SAFETY: callers pass writable memory of theirs; a bad address answers EFAULT.
        match unsafe { call(libc::SYS_pread64, a) }? {
            0 => return Err(libc::EIO),
            n => done += n,
        }
    }
    Ok(())
}

/// Gives the pages of a file range back to the system; the range reads as zeros.
///
/// # Safety
/// The contents of the range are lost for every mapping of it.
pub(crate) unsafe fn punch(fd: c_int, off: usize, len: usize) -> Sys<()> {
    let mode = (libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE) as usize;
    // SAFETY: the caller's contract.
    unsafe { call(libc::SYS_fallocate, [fd as usize, mode, off, len, 0, 0]) }.map(drop)
}

/// Waits until the word is woken, unless it no longer holds `value`. Spurious returns are
/// possible; `nanos` 0 waits without a limit.
#[inline]
pub(crate) fn futex_wait(word: &AtomicU32, value: u32, nanos: u64) {
    let ts = [(nanos / 1_000_000_000) as i64, (nanos % 1_000_000_000) as i64];
    let tp = if nanos == 0 { 0 } else { ts.as_ptr() as usize };
    let a = [word.as_ptr() as usize, libc::FUTEX_WAIT as usize, value as usize, tp, 0, 0];
    // SAFETY: the word and the timeout are alive during the call.
    let _ = unsafe { call(libc::SYS_futex, a) };
}

/// Wakes one waiter of the word, in whatever process.
#[inline]
pub(crate) fn futex_wake(word: &AtomicU32) {
    let a = [word.as_ptr() as usize, libc::FUTEX_WAKE as usize, 1, 0, 0, 0];
    // SAFETY: the word is only used as an address.
    let _ = unsafe { call(libc::SYS_futex, a) };
}

/// Clones this process, memory copied on write; the child calls `f(arg)` on the stack that
/// ends at `stack`. No signal tells the parent of its end. Returns pid and pidfd.
///
/// # Safety
/// The stack must be private memory that the parent does not use; `f` never returns.
pub(crate) unsafe fn clone_process(
    stack: usize,
    f: extern "C" fn(usize) -> !,
    arg: usize,
) -> Sys<(i32, c_int)> {
    let mut pidfd: c_int = -1;
    // SAFETY: the caller's contract; pidfd is alive during the call.
    let pid = check(unsafe {
        gate::det_clone(libc::CLONE_PIDFD as usize, stack, &mut pidfd, f as usize, arg)
    })?;
    // High, so that the program's own descriptors do not depend on the number of workers.
    Ok((pid as i32, raise_fd(pidfd)))
}

/// Forks this process as the C library's `fork` would see it from the kernel: the new process
/// returns 0 from here, its end raises SIGCHLD.
pub(crate) fn fork_here() -> Sys<i32> {
    // SAFETY: no flag shares memory; both processes go on from here, each on its own copy of
    // private memory. The caller keeps off shared mappings.
    unsafe { call(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0, 0, 0]) }.map(|p| p as i32)
}

/// Whether a child of this process has ended; reaps it only with `take`.
pub(crate) fn reap_pid(pid: i32, take: bool) -> bool {
    let mut info = core::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | if take { 0 } else { libc::WNOHANG | libc::WNOWAIT };
    let p = info.as_mut_ptr() as usize;
    let a = [libc::P_PID as usize, pid as usize, p, flags as usize, 0, 0];
    // SAFETY: the kernel fills the structure; zeroed it is valid as well.
    unsafe { call(libc::SYS_waitid, a).is_ok() && info.assume_init_ref().si_pid() != 0 }
}

/// Offset of the next data of a file, at or after `from`; ENXIO where there is none.
pub(crate) fn seek_data(fd: c_int, from: usize) -> Sys<usize> {
    // SAFETY: has no memory operands.
    unsafe { call(libc::SYS_lseek, [fd as usize, from, libc::SEEK_DATA as usize, 0, 0, 0]) }
}

/// The next range of a file that holds data, at or after `from`.
pub(crate) fn next_data(fd: c_int, from: usize) -> Option<(usize, usize)> {
    let start = seek_data(fd, from).ok()?;
    // SAFETY: has no memory operands.
    let end =
        unsafe { call(libc::SYS_lseek, [fd as usize, start, libc::SEEK_HOLE as usize, 0, 0, 0]) };
    Some((start, end.ok()?))
}

/// Calls `f(arg, caller's stack pointer)` on the stack that ends at `stack` (16-aligned).
///
/// # Safety
/// The stack must be unused and large enough; `f` must return normally.
#[inline]
pub(crate) unsafe fn on_stack(stack: usize, f: extern "C" fn(usize, usize), arg: usize) {
    // SAFETY: the caller's contract.
    unsafe { gate::det_switch(stack, f as usize, arg) }
}

/// Ends the whole process at once.
pub(crate) fn exit(code: i32) -> ! {
    loop {
        // SAFETY: has no memory operands.
        let _ = unsafe { call(libc::SYS_exit_group, [code as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Writes a message to standard error without allocation and ends the process (EX_CONFIG).
pub(crate) fn die(parts: &[&str]) -> ! {
    for p in parts {
        let _ = write_all(2, p.as_bytes());
    }
    let _ = write_all(2, b"\n");
    exit(78)
}

/// Writes all bytes to a descriptor.
pub(crate) fn write_all(fd: c_int, mut b: &[u8]) -> Sys<()> {
    while !b.is_empty() {
        // SAFETY: the slice is readable.
        match unsafe { call(libc::SYS_write, [fd as usize, b.as_ptr() as usize, b.len(), 0, 0, 0]) }
        {
            Ok(n) => b = &b[n..],
            Err(libc::EINTR) => {}
            Err(libc::EAGAIN) => {
                // SAFETY: has no operands.
                let _ = unsafe { call(libc::SYS_sched_yield, [0; 6]) };
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Reads from a descriptor.
pub(crate) fn read(fd: c_int, to: &mut [u8]) -> Sys<usize> {
    let a = [fd as usize, to.as_mut_ptr() as usize, to.len(), 0, 0, 0];
    // SAFETY: the slice is writable.
    unsafe { call(libc::SYS_read, a) }
}

/// Moves a descriptor's place; returns the new one.
pub(crate) fn seek(fd: c_int, by: i64, whence: c_int) -> Sys<usize> {
    // SAFETY: has no memory operands.
    unsafe { call(libc::SYS_lseek, [fd as usize, by as usize, whence as usize, 0, 0, 0]) }
}

/// Whether a read of a descriptor would return at once; waits so many nanoseconds for that.
pub(crate) fn is_readable(fd: c_int, nanos: u64) -> bool {
    let mut p = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let ts = [(nanos / 1_000_000_000) as i64, (nanos % 1_000_000_000) as i64];
    let a = [&raw mut p as usize, 1, ts.as_ptr() as usize, 0, 0, 0];
    // SAFETY: the record and the timeout are alive during the call.
    unsafe { call(libc::SYS_ppoll, a) == Ok(1) }
}

/// A clock that only goes on, in nanoseconds.
pub(crate) fn nanos() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let a = [libc::CLOCK_MONOTONIC as usize, &raw mut t as usize, 0, 0, 0, 0];
    // SAFETY: the kernel fills the structure.
    let _ = unsafe { call(libc::SYS_clock_gettime, a) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

/// Page faults of the calling thread so far, minor and major. A worker has no other, and to ask for
/// the process takes half as long again. Where the system does not say, a number that grows
/// whatever happens: too many faults cost time, too few would lose changes.
#[inline]
pub(crate) fn faults() -> u64 {
    let mut u = core::mem::MaybeUninit::<libc::rusage>::zeroed();
    let a = [libc::RUSAGE_THREAD as usize, u.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the kernel fills the structure, whose fields are plain integers.
    unsafe {
        if call(libc::SYS_getrusage, a).is_err() {
            return cpu::cycles();
        }
        let u = u.assume_init();
        (u.ru_minflt + u.ru_majflt) as u64
    }
}

/// A pipe that nothing is ever written to: whoever holds its second end is alive. Both ends
/// close when this process becomes another program.
pub(crate) fn life_line() -> Sys<[c_int; 2]> {
    let mut ends: [c_int; 2] = [-1; 2];
    let a = [ends.as_mut_ptr() as usize, libc::O_CLOEXEC as usize, 0, 0, 0, 0];
    // SAFETY: the kernel writes two numbers.
    unsafe { call(libc::SYS_pipe2, a) }?;
    Ok(ends.map(raise_fd))
}

/// Has the kernel kill this process once nobody holds the other end of a life line. Returns
/// the descriptor that must stay open for it.
pub(crate) fn die_with(line: c_int) -> Sys<c_int> {
    // The owner who is signalled belongs to an open file, so this process opens one of its own.
    let mut path = *b"/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0";
    let (mut digits, mut rest) = (1, line);
    while rest > 9 {
        (digits, rest) = (digits + 1, rest / 10);
    }
    let mut rest = line;
    for at in (14..14 + digits).rev() {
        path[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let kind = (libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC) as usize;
    const SET_SIGNAL: usize = 10;
    // SAFETY: the path ends with a zero and lives during the call; the other calls take the
    // descriptor just made and have no memory operands.
    unsafe {
        let cwd = libc::AT_FDCWD as usize;
        let fd = call(libc::SYS_openat, [cwd, path.as_ptr() as usize, kind, 0, 0, 0])?;
        let set = |what: usize, to: usize| call(libc::SYS_fcntl, [fd, what, to, 0, 0, 0]);
        set(libc::F_SETOWN as usize, ids().0 as usize)?;
        set(SET_SIGNAL, libc::SIGKILL as usize)?;
        set(libc::F_SETFL as usize, (libc::O_ASYNC | libc::O_NONBLOCK) as usize)?;
        Ok(fd as c_int)
    }
}

/// Makes this process the leader of a group of its own that is killed when the thread which
/// made it ends.
pub(crate) fn tie_to_parent() -> Sys<()> {
    let on_death = [libc::PR_SET_PDEATHSIG as usize, libc::SIGKILL as usize, 0, 0, 0, 0];
    // SAFETY: have no memory operands.
    unsafe {
        call(libc::SYS_setpgid, [0; 6])?;
        call(libc::SYS_prctl, on_death).map(drop)
    }
}

/// Closes the descriptors of a range, both ends included.
pub(crate) fn close_between(first: u32, last: u32) -> Sys<()> {
    // SAFETY: has no memory operands.
    unsafe { call(libc::SYS_close_range, [first as usize, last as usize, 0, 0, 0, 0]) }.map(drop)
}

/// Sets how this process executes programs; returns how it did before. All bits set: only asks.
pub(crate) fn personality(value: usize) -> Sys<usize> {
    // SAFETY: has no memory operands; mappings that exist stay as they are.
    unsafe { call(libc::SYS_personality, [value, 0, 0, 0, 0, 0]) }
}

/// Lets a stopped process go on.
pub(crate) fn go_on(pidfd: c_int) {
    let a = [pidfd as usize, libc::SIGCONT as usize, 0, 0, 0, 0];
    // SAFETY: has no memory operands.
    let _ = unsafe { call(libc::SYS_pidfd_send_signal, a) };
}

/// Whether a process can be signalled and reaped through its pidfd.
pub(crate) fn probe_pidfd(pidfd: c_int) -> Sys<()> {
    let mut info = core::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let p = info.as_mut_ptr() as usize;
    let flags = (libc::WEXITED | libc::__WALL | libc::WNOHANG | libc::WNOWAIT) as usize;
    // SAFETY: signal 0 does nothing; the kernel fills the record.
    unsafe {
        call(libc::SYS_pidfd_send_signal, [pidfd as usize, 0, 0, 0, 0, 0])?;
        call(libc::SYS_waitid, [libc::P_PIDFD as usize, pidfd as usize, p, flags, 0, 0]).map(drop)
    }
}

/// Kills a child of this process and reaps it by its number.
pub(crate) fn kill_without_pidfd(pid: i32) {
    // SAFETY: have no memory operands: the status is not asked for.
    unsafe {
        let _ = call(libc::SYS_kill, [pid as usize, libc::SIGKILL as usize, 0, 0, 0, 0]);
        let all = libc::__WALL as usize;
        while call(libc::SYS_wait4, [pid as usize, 0, all, 0, 0, 0]) == Err(libc::EINTR) {}
    }
}

/// Kills a process through its pidfd and reaps it.
pub(crate) fn kill_and_reap(pidfd: c_int) -> Option<i32> {
    let a = [pidfd as usize, libc::SIGKILL as usize, 0, 0, 0, 0];
    // SAFETY: has no memory operands.
    let _ = unsafe { call(libc::SYS_pidfd_send_signal, a) };
    reap(pidfd, true)
}

/// Reaps a process: the signal that killed it (0 if it exited), or `None` while it is alive.
pub(crate) fn reap(pidfd: c_int, wait: bool) -> Option<i32> {
    let mut info = core::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::__WALL | if wait { 0 } else { libc::WNOHANG };
    loop {
        let a = [
            libc::P_PIDFD as usize,
            pidfd as usize,
            info.as_mut_ptr() as usize,
            flags as usize,
            0,
            0,
        ];
        // SAFETY: the kernel fills the structure; zeroed it is valid as well.
        let (r, info) = unsafe { (call(libc::SYS_waitid, a), info.assume_init_ref()) };
        match r {
            Err(libc::EINTR) => continue,
            Err(_) => return Some(0),
            // SAFETY: waitid filled the fields of SIGCHLD.
            Ok(_) => unsafe {
                if info.si_pid() == 0 {
                    return None;
                }
                // A worker that exits by itself was killed by nobody.
                let killed = info.si_code == libc::CLD_KILLED || info.si_code == libc::CLD_DUMPED;
                return Some(if killed { info.si_status() } else { 0 });
            },
        }
    }
}

/// Closes a descriptor that the caller owns.
pub(crate) fn close(fd: c_int) {
    // SAFETY: has no memory operands.
    let _ = unsafe { call(libc::SYS_close, [fd as usize, 0, 0, 0, 0, 0]) };
}

/// A set of processors.
pub(crate) type CpuMask = [u64; 16];

/// Lets a process (0: the caller) run on one processor only.
pub(crate) fn pin(pid: i32, cpu: usize) {
    let mut mask = CpuMask::default();
    if let Some(w) = mask.get_mut(cpu / 64) {
        *w = 1 << (cpu % 64);
        set_affinity(pid, &mask);
    }
}

/// Lets a process run on a set of processors.
pub(crate) fn set_affinity(pid: i32, mask: &CpuMask) {
    let a = [pid as usize, size_of_val(mask), mask.as_ptr() as usize, 0, 0, 0];
    // SAFETY: the mask is alive during the call.
    let _ = unsafe { call(libc::SYS_sched_setaffinity, a) };
}

/// The processors that this process may run on.
pub(crate) fn affinity() -> CpuMask {
    let mut mask = CpuMask::default();
    let a = [0, size_of_val(&mask), mask.as_mut_ptr() as usize, 0, 0, 0];
    // SAFETY: the kernel writes at most the mask's size.
    let _ = unsafe { call(libc::SYS_sched_getaffinity, a) };
    mask
}
