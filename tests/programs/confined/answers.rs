//! What the answered rows give, and arguments close to those that are answered.
use super::{Arguments, NAME_C, raw, scratch, set, word};
use kernel::confine::clock::{EPOCH, STEP};
use kernel::confine::{VIRTUAL_ID, VIRTUAL_PARENT_ID, VIRTUAL_PROCESSORS, VIRTUAL_USER};

/// Test data of an answered row.
pub struct Case {
    /// Makes the call, in a child, and checks what it gives.
    pub answer: fn(),
    /// Arguments with which it is refused.
    pub misses: Vec<Arguments>,
    /// No argument is refused: the call cannot ask for anything else.
    pub takes_anything: bool,
}

fn near<const N: usize>(answer: fn(), misses: [&[u64]; N]) -> Option<Case> {
    let whole = |m: &[u64]| core::array::from_fn(|i| m.get(i).copied().unwrap_or(0));
    let misses: Vec<Arguments> = misses.into_iter().map(whole).collect();
    Some(Case { answer, misses, takes_anything: false })
}

fn any(answer: fn()) -> Option<Case> {
    Some(Case { answer, misses: Vec::new(), takes_anything: true })
}

/// Makes a call with its first arguments.
fn ask<const N: usize>(nr: i64, a: [u64; N]) -> i64 {
    raw(nr, core::array::from_fn(|i| a.get(i).copied().unwrap_or(0)))
}

fn no(errno: i32) -> i64 {
    -i64::from(errno)
}

const MINUS: u64 = u64::MAX;
const SELF: u64 = VIRTUAL_ID as u64;
const PARENT: u64 = VIRTUAL_PARENT_ID as u64;
const SECOND: u64 = 1_000_000_000;
const STEP_MICROS: u64 = STEP / 1000;

/// An address of a C string, of a static one.
fn name(text: &'static core::ffi::CStr) -> u64 {
    text.as_ptr() as u64
}

/// The test data of an answered row; none where it has none.
pub fn case(nr: i64) -> Option<Case> {
    let at = scratch();
    let open = name(NAME_C);
    match nr {
        // Time.
        libc::SYS_clock_gettime => near(clock_gettime, [&[10, at], &[12, at], &[MINUS - 5, at]]),
        libc::SYS_clock_getres => near(clock_getres, [&[10, at], &[MINUS - 5, at]]),
        libc::SYS_gettimeofday => any(gettimeofday),
        libc::SYS_time => any(time),
        libc::SYS_times => any(times),
        libc::SYS_getrusage => near(getrusage, [&[2, at], &[MINUS - 1, at]]),
        libc::SYS_nanosleep => any(nanosleep),
        libc::SYS_clock_nanosleep => near(
            clock_nanosleep,
            [&[2, 0, at, 0], &[3, 0, at, 0], &[10, 0, at, 0], &[1, 2, at, 0], &[1, 3, at, 0]],
        ),
        libc::SYS_poll => near(poll, [&[at, 1, 1], &[0, 0, MINUS]]),
        libc::SYS_ppoll => near(ppoll, [&[at, 1, at], &[0, 0, 0]]),
        libc::SYS_select => near(select, [&[1, at, 0, 0, at], &[0, 0, 0, 0, 0]]),
        libc::SYS_pselect6 => near(pselect6, [&[1, at, 0, 0, at], &[0, 0, 0, 0, 0]]),
        // Files and descriptors.
        libc::SYS_open => near(open_old, [&[open, 0, 0], &[name(c"/proc/self/cgroups"), 0, 0]]),
        libc::SYS_openat => near(
            openat,
            [
                &[-100i64 as u64, open, 0, 0],
                &[-100i64 as u64, name(c"/proc/statm"), 0, 0],
                &[-100i64 as u64, name(c"/sys/fs/cgroup"), 0, 0],
                &[-100i64 as u64, name(c"/sys/fs/cgroup/../../../etc/hostname"), 0, 0],
            ],
        ),
        libc::SYS_newfstatat => near(
            newfstatat,
            [&[3, name(c""), at, 0x1000], &[1, name(c""), at, 0], &[1, open, at, 0x1000]],
        ),
        libc::SYS_statx => near(
            statx,
            [&[3, name(c""), 0x1000, 0, at], &[1, name(c""), 0, 0, at], &[1, open, 0x1000, 0, at]],
        ),
        libc::SYS_read => near(read, [&[1, at, 1], &[3, at, 1], &[MINUS, at, 1]]),
        libc::SYS_readv => near(readv, [&[1, at, 1], &[3, at, 1]]),
        libc::SYS_write => near(write, [&[0, at, 1], &[3, at, 1], &[MINUS, at, 1]]),
        libc::SYS_writev => near(writev, [&[0, at, 1], &[3, at, 1]]),
        libc::SYS_close => near(close, [&[65_536], &[MINUS]]),
        libc::SYS_fstat => near(fstat, [&[3, at], &[MINUS, at]]),
        libc::SYS_lseek => near(lseek, [&[3, 0, 0]]),
        libc::SYS_ioctl => near(ioctl, [&[3, libc::TCGETS, at]]),
        libc::SYS_dup => near(dup, [&[3], &[MINUS]]),
        libc::SYS_fcntl => near(fcntl, [&[1, 0, 5], &[1, 2, 0], &[1, 3, 0], &[1, 4, 0]]),
        // Memory.
        libc::SYS_munmap => near(munmap, [&[at & !4095, 4096]]),
        libc::SYS_madvise => near(
            madvise,
            [&[at & !4095, 4096, 4], &[at & !4095, 4096, 9], &[at & !4095, 4096, 100]],
        ),
        libc::SYS_membarrier => near(membarrier, [&[2, 0, 0], &[8, 1, 0], &[64, 0, 0]]),
        // Processes.
        libc::SYS_sched_yield => any(|| assert_eq!(ask(libc::SYS_sched_yield, []), 0)),
        libc::SYS_getpid => any(|| assert_eq!(ask(libc::SYS_getpid, []), VIRTUAL_ID)),
        libc::SYS_gettid => any(|| assert_eq!(ask(libc::SYS_gettid, []), VIRTUAL_ID)),
        libc::SYS_getppid => any(|| assert_eq!(ask(libc::SYS_getppid, []), VIRTUAL_PARENT_ID)),
        libc::SYS_getpgrp => any(|| assert_eq!(ask(libc::SYS_getpgrp, []), VIRTUAL_PARENT_ID)),
        libc::SYS_getuid => any(|| assert_eq!(ask(libc::SYS_getuid, []), VIRTUAL_USER)),
        libc::SYS_geteuid => any(|| assert_eq!(ask(libc::SYS_geteuid, []), VIRTUAL_USER)),
        libc::SYS_getgid => any(|| assert_eq!(ask(libc::SYS_getgid, []), VIRTUAL_USER)),
        libc::SYS_getegid => any(|| assert_eq!(ask(libc::SYS_getegid, []), VIRTUAL_USER)),
        libc::SYS_getgroups => any(getgroups),
        libc::SYS_getresuid => any(|| three_ids(libc::SYS_getresuid)),
        libc::SYS_getresgid => any(|| three_ids(libc::SYS_getresgid)),
        libc::SYS_getpgid => near(|| group(libc::SYS_getpgid), [&[PARENT], &[3], &[MINUS]]),
        libc::SYS_getsid => near(|| group(libc::SYS_getsid), [&[PARENT], &[3], &[MINUS]]),
        libc::SYS_sched_getparam => near(sched_getparam, [&[PARENT, at], &[3, at]]),
        libc::SYS_sched_getscheduler => near(sched_getscheduler, [&[PARENT], &[3]]),
        libc::SYS_sched_get_priority_max => {
            near(|| priorities(libc::SYS_sched_get_priority_max, 99), [&[4], &[7], &[MINUS]])
        }
        libc::SYS_sched_get_priority_min => {
            near(|| priorities(libc::SYS_sched_get_priority_min, 1), [&[4], &[7], &[MINUS]])
        }
        libc::SYS_sched_getaffinity => near(affinity, [&[PARENT, 128, at], &[3, 128, at]]),
        libc::SYS_getcpu => any(getcpu),
        libc::SYS_futex => near(futex, [&[at, 6, 0], &[at, 4, 1], &[at, 13, 0], &[at, 0x200, 0]]),
        // Signals.
        libc::SYS_rt_sigaction => {
            near(sigaction, [&[10, at, 0, 8], &[10, at, at, 8], &[10, 0, at, 16]])
        }
        libc::SYS_rt_sigprocmask => any(sigprocmask),
        libc::SYS_rt_sigpending => near(sigpending, [&[at, 16], &[at, 4]]),
        libc::SYS_sigaltstack => near(sigaltstack, [&[at, 0]]),
        libc::SYS_kill => near(|| dies(libc::SYS_kill, &[SELF, 9]), [&[0, 9], &[PARENT, 9]]),
        libc::SYS_tkill => near(|| dies(libc::SYS_tkill, &[SELF, 15]), [&[SELF, 0], &[3, 15]]),
        libc::SYS_tgkill => near(
            || dies(libc::SYS_tgkill, &[SELF, SELF, 10]),
            [&[PARENT, SELF, 6], &[SELF, 3, 6], &[SELF, SELF, 0], &[SELF, SELF, 65]],
        ),
        // The machine.
        libc::SYS_uname => any(uname),
        libc::SYS_sysinfo => any(sysinfo),
        libc::SYS_getrlimit => any(getrlimit),
        libc::SYS_prlimit64 => near(prlimit, [&[0, 7, at, 0], &[PARENT, 7, 0, at]]),
        libc::SYS_getrandom => near(getrandom, [&[at, 8, 8], &[at, 8, 0x100]]),
        _ => None,
    }
}

/// Seconds since the start of the run, in the units of a record of two words.
fn since(epoch: u64, unit: u64) -> u64 {
    (word(0) - epoch) * (1_000_000_000 / unit) + word(1)
}

/// Nanoseconds that the clock has moved, by a reading of its own.
fn now() -> u64 {
    assert_eq!(ask(libc::SYS_clock_gettime, [1, scratch()]), 0);
    since(0, 1)
}

fn clock_gettime() {
    let start = now();
    for (i, clock) in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11].into_iter().enumerate() {
        assert_eq!(ask(libc::SYS_clock_gettime, [clock, scratch()]), 0, "clock {clock}");
        let epoch = if [0, 5, 8, 11].contains(&clock) { EPOCH } else { 0 };
        assert_eq!(since(epoch, 1), start + (i as u64 + 1) * STEP, "clock {clock}");
    }
}

fn clock_getres() {
    let start = now();
    assert_eq!(ask(libc::SYS_clock_getres, [1, scratch() + 64]), 0);
    assert_eq!((word(8), word(9)), (0, STEP));
    assert_eq!(ask(libc::SYS_clock_getres, [0, 0]), 0);
    assert_eq!(now(), start + STEP);
}

fn gettimeofday() {
    let start = now() / 1000;
    assert_eq!(ask(libc::SYS_gettimeofday, [scratch(), scratch() + 64]), 0);
    assert_eq!((since(EPOCH, 1000), word(8)), (start + STEP_MICROS, 0));
    assert_eq!(ask(libc::SYS_gettimeofday, [0, 0]), 0);
}

fn time() {
    let start = now();
    let expected = (EPOCH + (start + STEP) / 1_000_000_000) as i64;
    assert_eq!(ask(libc::SYS_time, [scratch()]), expected);
    assert_eq!((word(0) as i64, ask(libc::SYS_time, [0])), (expected, expected));
}

fn times() {
    pass(3, 0);
    let expected = (now() + STEP) / 10_000_000;
    let ticks = ask(libc::SYS_times, [scratch()]) as u64;
    assert_eq!((ticks, [word(0), word(1), word(2), word(3)]), (expected, [ticks, 0, 0, 0]));
    assert_eq!(ask(libc::SYS_times, [0]) as u64, (now() - STEP) / 10_000_000);
}

fn getrusage() {
    let start = now() / 1000;
    (2..18).for_each(|i| set(i, 77));
    assert_eq!(ask(libc::SYS_getrusage, [0, scratch()]), 0);
    assert_eq!(since(0, 1000), start + STEP_MICROS);
    assert!((2..18).all(|i| word(i) == 0) && word(18) == 0);
    assert_eq!(ask(libc::SYS_getrusage, [1, scratch()]), 0);
    assert_eq!(ask(libc::SYS_getrusage, [MINUS, scratch()]), 0);
    assert!((0..18).all(|i| word(i) == 0));
}

/// Sleeps.
fn pass(seconds: u64, nanos: u64) {
    set(20, seconds);
    set(21, nanos);
    assert_eq!(ask(libc::SYS_nanosleep, [scratch() + 160, 0]), 0);
}

fn nanosleep() {
    let start = now();
    pass(100_000, 7);
    assert_eq!(now(), start + 100_000_000_000_000 + 7 + STEP);
    for (seconds, nanos) in [(MINUS, 0), (0, 1_000_000_000), (0, MINUS)] {
        set(20, seconds);
        set(21, nanos);
        assert_eq!(ask(libc::SYS_nanosleep, [scratch() + 160, 0]), no(libc::EINVAL));
    }
}

fn clock_nanosleep() {
    let nr = libc::SYS_clock_nanosleep;
    let start = now();
    let record = scratch() + 160;
    set(20, 1);
    set(21, 0);
    for clock in [0, 1, 7, 8, 9, 11] {
        assert_eq!(ask(nr, [clock, 0, record, 0]), 0, "clock {clock}");
    }
    assert_eq!(now(), start + 6_000_000_000 + STEP);
    // Until an instant, that of a calendar among them; what is over is over.
    let later = now() / SECOND + 500;
    set(20, later);
    assert_eq!(ask(nr, [1, 1, record, 0]), 0);
    assert_eq!(now(), later * SECOND + STEP);
    set(20, EPOCH + later + 600);
    assert_eq!((ask(nr, [0, 1, record, 0]), ask(nr, [0, 1, record, 0])), (0, 0));
    assert_eq!(now(), (later + 600) * SECOND + STEP);
    set(21, 1_000_000_000);
    assert_eq!(ask(nr, [1, 0, record, 0]), no(libc::EINVAL));
}

fn poll() {
    let start = now();
    assert_eq!(ask(libc::SYS_poll, [0, 0, 250]), 0);
    assert_eq!(now(), start + 250_000_000 + STEP);
}

fn ppoll() {
    slept_by(libc::SYS_ppoll, [0, 0, scratch() + 160, 0, 8], 1);
}

fn select() {
    slept_by(libc::SYS_select, [0, 0, 0, 0, scratch() + 160], 1000);
}

fn pselect6() {
    slept_by(libc::SYS_pselect6, [0, 0, 0, 0, scratch() + 160], 1);
}

/// A call that sleeps for a record and stores what is left.
fn slept_by(nr: i64, a: [u64; 5], unit: u64) {
    let start = now();
    set(20, 2);
    set(21, 300);
    assert_eq!(ask(nr, a), 0);
    assert_eq!((word(20), word(21)), (0, 0));
    assert_eq!(now(), start + 2_000_000_000 + 300 * unit + STEP);
    set(21, 1_000_000_000);
    assert_eq!(ask(nr, a), no(libc::EINVAL));
}

const OF_MACHINE: [&core::ffi::CStr; 5] = [
    c"/proc/self/cgroup",
    c"/proc/cpuinfo",
    c"/proc/stat",
    c"/sys/devices/system/cpu/online",
    c"/sys/fs/cgroup/cpu.max",
];

fn open_old() {
    for file in OF_MACHINE {
        assert_eq!(ask(libc::SYS_open, [name(file), 0, 0]), no(libc::ENOENT), "{file:?}");
    }
}

fn openat() {
    for file in OF_MACHINE {
        let a = [-100i64 as u64, name(file), 0, 0];
        assert_eq!(ask(libc::SYS_openat, a), no(libc::ENOENT), "{file:?}");
    }
}

/// The mode of a `struct stat` in memory: a pipe.
fn assert_pipe(mode: u64) {
    assert_eq!(mode as u32 & 0xf000, libc::S_IFIFO);
}

fn newfstatat() {
    for fd in 0..3 {
        set(3, 0);
        assert_eq!(ask(libc::SYS_newfstatat, [fd, name(c""), scratch(), 0x1000]), 0);
        assert_pipe(word(3));
    }
}

fn fstat() {
    for fd in 0..3 {
        set(3, 0);
        assert_eq!(ask(libc::SYS_fstat, [fd, scratch()]), 0);
        assert_pipe(word(3));
    }
}

fn statx() {
    assert_eq!(ask(libc::SYS_statx, [1, name(c""), 0x1000, 0xfff, scratch()]), 0);
    // The mode lies behind the mask, the block size, attributes and three counts.
    assert_pipe(word(3) >> 32 & 0xffff);
}

fn write() {
    let text = "answered\n";
    for fd in [1, 2] {
        assert_eq!(ask(libc::SYS_write, [fd, text.as_ptr() as u64, 9]), 9);
    }
    assert_eq!(ask(libc::SYS_write, [1, text.as_ptr() as u64, 0]), 0);
}

fn writev() {
    let text = "answered\n";
    set(0, text.as_ptr() as u64);
    set(1, 4);
    set(2, text.as_ptr() as u64 + 4);
    set(3, 5);
    assert_eq!(ask(libc::SYS_writev, [1, scratch(), 2]), 9);
}

fn close() {
    assert_eq!(ask(libc::SYS_close, [40_000]), 0);
    assert_eq!(ask(libc::SYS_close, [40_000]), no(libc::EBADF));
    assert_eq!(ask(libc::SYS_read, [40_000, scratch(), 1]), no(libc::EBADF));
}

/// Standard input has ended; how it is read otherwise: tests/programs/reading.rs.
fn read() {
    assert_eq!(ask(libc::SYS_read, [0, scratch(), 4]), 0);
    assert_eq!(ask(libc::SYS_read, [0, 0, 0]), 0);
}

fn readv() {
    let mut bytes = [0u8; 4];
    set(0, bytes.as_mut_ptr() as u64);
    set(1, 4);
    assert_eq!(ask(libc::SYS_readv, [0, scratch(), 1]), 0);
}

fn lseek() {
    assert_eq!(ask(libc::SYS_lseek, [1, 0, 1]), no(libc::ESPIPE));
}

fn ioctl() {
    assert_eq!(ask(libc::SYS_ioctl, [1, libc::TCGETS, scratch()]), no(libc::ENOTTY));
}

fn dup() {
    for stream in 0..3 {
        assert_eq!(ask(libc::SYS_dup, [stream]), no(libc::EMFILE));
    }
}

fn fcntl() {
    assert_eq!(ask(libc::SYS_fcntl, [1, 1, 0]), i64::from(libc::FD_CLOEXEC));
}

/// Only once a signal stack was taken down.
fn munmap() {
    set(1, libc::SS_DISABLE as u64);
    assert_eq!(ask(libc::SYS_sigaltstack, [scratch(), 0]), 0);
    assert_eq!(ask(libc::SYS_munmap, [scratch() & !4095, 4096]), 0);
    set(2, 5);
    assert_eq!(word(2), 5);
}

fn madvise() {
    let page = scratch() & !4095;
    set(0, 0x1234);
    for hint in [0, 1, 2, 3, 8, 12, 13, 14, 15, 16, 17, 20, 21] {
        assert_eq!(ask(libc::SYS_madvise, [page, 4096, hint]), 0, "advice {hint}");
    }
    assert_eq!(word(0), 0x1234);
    assert_eq!(ask(libc::SYS_madvise, [page + 8, 4096, 0]), no(libc::EINVAL));
}

fn membarrier() {
    assert_eq!(ask(libc::SYS_membarrier, [0, 0, 0]), 25);
    for command in [1, 8, 16] {
        assert_eq!(ask(libc::SYS_membarrier, [command, 0, 0]), 0);
    }
}

fn getgroups() {
    assert_eq!(ask(libc::SYS_getgroups, [0, 0]), 0);
    assert_eq!(ask(libc::SYS_getgroups, [8, scratch()]), 0);
    assert_eq!(ask(libc::SYS_getgroups, [MINUS, scratch()]), no(libc::EINVAL));
}

fn three_ids(nr: i64) {
    assert_eq!(ask(nr, [scratch(), scratch() + 8, scratch() + 16]), 0);
    assert_eq!([word(0), word(1), word(2)], [VIRTUAL_USER as u64; 3]);
}

fn group(nr: i64) {
    assert_eq!((ask(nr, [0]), ask(nr, [SELF])), (VIRTUAL_PARENT_ID, VIRTUAL_PARENT_ID));
}

fn sched_getparam() {
    set(0, 77);
    assert_eq!((ask(libc::SYS_sched_getparam, [0, scratch()]), word(0)), (0, 0));
}

fn sched_getscheduler() {
    let nr = libc::SYS_sched_getscheduler;
    assert_eq!((ask(nr, [0]), ask(nr, [SELF])), (0, 0));
}

fn priorities(nr: i64, of_real_time: i64) {
    assert_eq!([0, 3, 5].map(|p| ask(nr, [p])), [0; 3]);
    assert_eq!([1, 2].map(|p| ask(nr, [p])), [of_real_time; 2]);
}

fn affinity() {
    let nr = libc::SYS_sched_getaffinity;
    assert_eq!(ask(nr, [0, 128, scratch()]), 8);
    assert_eq!(word(0).count_ones(), VIRTUAL_PROCESSORS);
    assert_eq!((ask(nr, [SELF, 8, scratch()]), ask(nr, [0, 12, scratch()])), (8, no(libc::EINVAL)));
    assert_eq!(ask(nr, [0, 4, scratch()]), no(libc::EINVAL));
}

fn getcpu() {
    set(0, 77);
    set(1, 77);
    assert_eq!(ask(libc::SYS_getcpu, [scratch(), scratch() + 8, 0]), 0);
    assert_eq!((word(0), word(1), ask(libc::SYS_getcpu, [0, 0, 0])), (0, 0, 0));
}

fn futex() {
    let nr = libc::SYS_futex;
    let at = scratch();
    assert_eq!([1, 129, 10, 138].map(|wake| ask(nr, [at, wake, 1])), [0; 4]);
    set(0, 5);
    assert_eq!([0, 128, 9, 137].map(|wait| ask(nr, [at, wait, 4])), [no(libc::EAGAIN); 4]);
    // A period, an instant, and an instant of the calendar.
    let start = now();
    set(0, 5);
    set(20, 2);
    set(21, 0);
    assert_eq!(ask(nr, [at, 128, 5, at + 160]), no(libc::ETIMEDOUT));
    assert_eq!(now(), start + 2_000_000_000 + STEP);
    let later = now() / SECOND + 7000;
    set(0, 5);
    set(20, later);
    assert_eq!(ask(nr, [at, 9, 5, at + 160, 0, u64::from(u32::MAX)]), no(libc::ETIMEDOUT));
    assert_eq!(now(), later * SECOND + STEP);
    set(0, 5);
    set(20, EPOCH + later + 1000);
    assert_eq!(ask(nr, [at, 9 | 256, 5, at + 160, 0, u64::from(u32::MAX)]), no(libc::ETIMEDOUT));
    assert_eq!(now(), (later + 1000) * SECOND + STEP);
}

fn sigaction() {
    (0..4).for_each(|i| set(i, 77));
    assert_eq!(ask(libc::SYS_rt_sigaction, [10, 0, scratch(), 8]), 0);
    assert!((0..4).all(|i| word(i) == 0));
    assert_eq!(ask(libc::SYS_rt_sigaction, [65, 0, scratch(), 8]), no(libc::EINVAL));
}

fn sigprocmask() {
    let nr = libc::SYS_rt_sigprocmask;
    let (new, old) = (scratch(), scratch() + 8);
    set(0, 1 << 9 | 1 << (libc::SIGKILL - 1));
    set(1, 77);
    assert_eq!((ask(nr, [0, new, old, 8]), word(1)), (0, 0));
    set(0, 1 << 4);
    assert_eq!((ask(nr, [0, new, old, 8]), word(1)), (0, 1 << 9));
    assert_eq!((ask(nr, [1, new, old, 8]), word(1)), (0, 1 << 9 | 1 << 4));
    assert_eq!((ask(nr, [2, new, old, 8]), word(1)), (0, 1 << 9));
    assert_eq!((ask(nr, [77, 0, old, 8]), word(1)), (0, 1 << 4));
    let wrong = [ask(nr, [3, new, old, 8]), ask(nr, [0, new, old, 16])];
    assert_eq!(wrong, [no(libc::EINVAL); 2]);
}

fn sigpending() {
    set(0, 77);
    assert_eq!((ask(libc::SYS_rt_sigpending, [scratch(), 8]), word(0)), (0, 0));
}

fn sigaltstack() {
    let nr = libc::SYS_sigaltstack;
    assert_eq!(ask(nr, [0, scratch()]), 0);
    assert_eq!((word(0), word(1), word(2)), (0, libc::SS_DISABLE as u64, 0));
    assert_eq!(ask(nr, [scratch(), 0]), 0);
}

/// A signal to itself ends a child.
fn dies(nr: i64, a: &'static [u64]) {
    let body = || ask(nr, [a[0], a[1], a.get(2).copied().unwrap_or(0)]);
    match detpar::try_join(body, || ()) {
        Err(detpar::JoinError::Fault(f)) => {
            assert_eq!(f.signal().map(|s| s as u64), a.last().copied());
        }
        other => panic!("{other:?}"),
    }
}

fn uname() {
    assert_eq!(ask(libc::SYS_uname, [scratch()]), 0);
    let bytes: Vec<u8> = (0..49).flat_map(|i| word(i).to_le_bytes()).collect();
    let fields = bytes[..390].chunks(65).map(|f| f.split(|b| *b == 0).next().unwrap_or(f));
    let expected = ["Linux", "detpar", "6.0.0", "#1", "x86_64", "(none)"];
    assert!(fields.eq(expected.map(str::as_bytes)), "{bytes:?}");
}

fn sysinfo() {
    let seconds = now() / SECOND;
    pass(50, 0);
    assert_eq!(ask(libc::SYS_sysinfo, [scratch()]), 0);
    let (up, loads, total, free) = (word(0), word(1), word(4), word(5));
    assert_eq!((up, loads, total, free), (seconds + 50, 0, 4 << 30, 4 << 30));
}

const LIMITS: [(u64, u64); 4] = [(3, 8 << 20), (7, 1024), (4, 0), (9, MINUS)];

fn getrlimit() {
    for (resource, now) in LIMITS {
        assert_eq!(ask(libc::SYS_getrlimit, [resource, scratch()]), 0);
        assert_eq!((word(0), word(1)), (now, MINUS));
    }
    assert_eq!(ask(libc::SYS_getrlimit, [16, scratch()]), no(libc::EINVAL));
}

fn prlimit() {
    for (resource, now) in LIMITS {
        for process in [0, SELF] {
            assert_eq!(ask(libc::SYS_prlimit64, [process, resource, 0, scratch()]), 0);
            assert_eq!((word(0), word(1)), (now, MINUS));
        }
    }
    assert_eq!(ask(libc::SYS_prlimit64, [0, 7, 0, 0]), 0);
}

fn getrandom() {
    let draw = || {
        let body = || {
            let mut words = [0u64; 2];
            assert_eq!(ask(libc::SYS_getrandom, [words.as_mut_ptr() as u64, 16, 1]), 16);
            words
        };
        detpar::join(body, body)
    };
    let (a, b) = draw();
    assert!(a != b && a[0] != a[1] && a != [0; 2]);
    assert_ne!(draw(), (a, b));
}
