//! What surrounds a program: files that children close, signals that it handles, threads of
//! its own, memory that it maps while it runs.
use detpar::error::Place;
use detpar::{JoinError, join, try_join};
use detpar_tests::harness::check;
use detpar_tests::program::{self, assert_alive};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::time::Duration;

#[path = "around/mapped.rs"]
mod mapped;

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("dropped_file", dropped_file),
        ("dropped_in_grandchild", dropped_in_grandchild),
        ("used_after_close", used_after_close),
        ("closed_and_failed", closed_and_failed),
        ("closed_twice", closed_twice),
        ("closed_by_many", closed_by_many),
        ("closed_by_open_children", closed_by_open_children),
        ("our_own_descriptors", our_own_descriptors),
        ("other_stack", other_stack),
        ("handler_while_children_run", handler_while_children_run),
        ("handler_taken_away", handler_taken_away),
        ("scoped_threads", scoped_threads),
        ("parked_thread", parked_thread),
        ("threads_that_just_ended", threads_that_just_ended),
        ("threads_of_the_c_library", threads_of_the_c_library),
        ("mapped_later", mapped::mapped_later),
        ("file_mapped_later", mapped::file_mapped_later),
        ("remapped", mapped::remapped),
        ("changed_behind_protection", mapped::changed_behind_protection),
        ("large_block", mapped::large_block),
        ("loaded_later", mapped::loaded_later),
        ("protected_heap", mapped::protected_heap),
    ])
}

fn is_open(fd: RawFd) -> bool {
    // SAFETY: has no memory operands.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

fn null() -> File {
    File::open("/dev/null").expect("/dev/null")
}

/// A file that is dropped in a child is closed when the child is merged, and not before.
fn dropped_file() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let (a, b) = (reader.as_raw_fd(), writer.as_raw_fd());
    let kept = null();
    join(
        || drop(writer),
        || {
            join(|| drop(reader), || 1);
            kept.as_raw_fd()
        },
    );
    assert!(!is_open(a) && !is_open(b) && is_open(kept.as_raw_fd()));
    // The numbers serve again, also in children.
    let again = [null(), null()];
    assert_eq!(again.each_ref().map(|f| f.as_raw_fd()), [a, b]);
    let [one, other] = again;
    join(|| drop(one), || drop(other));
    assert!(!is_open(a) && !is_open(b));
}

fn dropped_in_grandchild() {
    for _ in 0..20 {
        let files: Vec<File> = (0..8).map(|_| null()).collect();
        let fds: Vec<RawFd> = files.iter().map(AsRawFd::as_raw_fd).collect();
        let mut files = files.into_iter();
        let mut two = || [files.next(), files.next()];
        let ([mut a, mut b], [mut c, mut d]) = (two(), two());
        join(
            || join(|| a.take().is_some(), || b.take().is_some()),
            || join(|| c.take().is_some(), || drop(d.take())),
        );
        let open: Vec<bool> = fds.iter().map(|fd| is_open(*fd)).collect();
        assert_eq!(open, [false, false, false, false, true, true, true, true]);
    }
}

fn close(fd: RawFd) -> i32 {
    // SAFETY: the descriptor belongs to this case.
    if unsafe { libc::close(fd) } == 0 { 0 } else { errno() }
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// In the child, and in its children, a closed descriptor is closed.
fn used_after_close() {
    let fd = null().into_raw_fd();
    let used = move || {
        let mut byte = 0u8;
        // SAFETY: the byte is alive.
        let n = unsafe { libc::read(fd, (&raw mut byte).cast(), 1) };
        (n, errno(), is_open(fd), close(fd))
    };
    let closed = (-1, libc::EBADF, false, libc::EBADF);
    let (a, _) = join(
        move || {
            assert!(is_open(fd));
            assert_eq!(close(fd), 0);
            (used(), join(used, used))
        },
        || 1,
    );
    assert_eq!(a, (closed, (closed, closed)));
    assert!(!is_open(fd));
    // Standard output as well.
    let e = join(
        || {
            assert_eq!(close(2), 0);
            // SAFETY: the bytes are alive.
            (unsafe { libc::write(2, c"no".as_ptr().cast(), 2) }, errno())
        },
        || assert!(is_open(2)),
    );
    assert_eq!(e.0, (-1, libc::EBADF));
    assert!(!is_open(2));
}

/// A construct that fails closes nothing.
fn closed_and_failed() {
    let (file, other) = (null(), null());
    let (fd, of_other) = (file.as_raw_fd(), other.as_raw_fd());
    let e = try_join(move || drop(file), || panic!("on purpose")).expect_err("a panic");
    assert!(matches!(e, JoinError::Panic(_)), "{e}");
    // The closure came back with its file, and was dropped with the construct.
    assert!(!is_open(fd) && is_open(of_other));
    let e = try_join(|| close(of_other), || join(|| close(of_other), || std::process::abort()));
    assert!(matches!(e, Err(JoinError::Panic(_))), "{e:?}");
    assert!(is_open(of_other));
}

/// Closing twice is a conflict, whoever of two siblings does it and however deep.
fn closed_twice() {
    let file = null();
    let fd = file.as_raw_fd();
    let inner = move || join(move || close(fd), || 0).0;
    for e in [try_join(|| close(fd), || close(fd)), try_join(inner, || close(fd))] {
        let Err(JoinError::Conflict(c)) = e else { panic!("{e:?}") };
        assert!(matches!(c.what(), Place::Descriptor { number, .. } if number == fd), "{c}");
        let text = format!("children 0 and 1 both closed descriptor {fd}: let one of them own");
        assert!(c.to_string().starts_with(&text), "{c}");
        assert!(is_open(fd));
    }
}

fn closed_by_many() {
    use detpar::prelude::*;
    let files: Vec<RawFd> = (0..100).map(|_| null().into_raw_fd()).collect();
    files.clone().into_par_iter().with_max_len(1).for_each(|fd| assert_eq!(close(fd), 0));
    assert!(files.iter().all(|fd| !is_open(*fd)));
}

/// Children that run beside their parent close at their join, and not where the join fails.
fn closed_by_open_children() {
    let [a, b, c] = [null(), null(), null()].map(IntoRawFd::into_raw_fd);
    detpar::scope(|s| {
        s.spawn(|_| assert_eq!(close(a), 0));
        s.spawn(|_| assert_eq!(join(|| close(b), || 1), (0, 1)));
        assert!(is_open(a) && is_open(b));
    });
    assert!(!is_open(a) && !is_open(b));
    let twice = detpar::try_scope(|s| {
        s.spawn(|_| assert_eq!(close(c), 0));
        s.spawn(|_| assert_eq!(close(c), 0));
    });
    let Err(JoinError::Conflict(conflict)) = twice else { panic!("{twice:?}") };
    assert!(conflict.to_string().contains("both closed descriptor"), "{conflict}");
    assert!(is_open(c));
    // A child may close what its parent opened meanwhile only from a later snapshot on.
    let fd = detpar::scope(|s| {
        let fd = null().into_raw_fd();
        s.spawn(move |_| assert_eq!(close(fd), 0));
        fd
    });
    assert!(!is_open(fd));
}

/// A child that closes everything does not close what the program's children live by.
fn our_own_descriptors() {
    assert_alive();
    join(|| (3..2000).for_each(|fd| assert_eq!(close(fd), 0)), || 1);
    assert_alive();
    join(|| std::hint::black_box(vec![1; 100_000]).len(), || 1);
    let _ = try_join(|| 1, || std::process::abort());
    assert_alive();
    // What the master changes beside open children it finds by its page map.
    let mut list = vec![0u8; 10_000];
    let sum = detpar::scope(|s| {
        s.spawn(|_| ());
        list.fill(1);
        detpar::join(|| list.iter().map(|n| u32::from(*n)).sum::<u32>(), || 1).0
    });
    assert_eq!(sum, 10_000);
}

/// On a stack that the program made, what is live could not be told from what merges.
fn other_stack() {
    static REFUSED: AtomicU32 = AtomicU32::new(0);
    extern "C" fn there() {
        let refused = |e: &JoinError| e.to_string().contains("leave the coroutine");
        let join = try_join(|| 1, || 2).expect_err("a join");
        let fork = detpar::fork(0, || 3).expect_err("a fork");
        REFUSED.fetch_add(u32::from(refused(&join)) + u32::from(refused(&fork)), SeqCst);
    }
    let stack = vec![0u128; 1 << 16];
    // SAFETY: the stack is unused, aligned and large enough; the call returns to where it was.
    unsafe {
        std::arch::asm!(
            "mov r12, rsp", "mov rsp, {top}", "call {f}", "mov rsp, r12",
            top = in(reg) stack.as_ptr_range().end, f = sym there,
            out("r12") _, clobber_abi("C"),
        );
    }
    assert_eq!(REFUSED.load(SeqCst), 2);
    assert_alive();
}

static TICKS: [AtomicU32; 1024] = [const { AtomicU32::new(0) }; 1024];
static PIPE: AtomicUsize = AtomicUsize::new(0);

extern "C" fn on_tick(_: i32) {
    // A byte for each call, and a count in memory of the program.
    let fd = PIPE.load(SeqCst) as i32;
    // SAFETY: the byte is alive.
    if unsafe { libc::write(fd, c"t".as_ptr().cast(), 1) } == 1 {
        TICKS[0].store(TICKS[0].load(SeqCst) + 1, SeqCst);
    }
}

fn tick_every(micros: i64) {
    let every = libc::timeval { tv_sec: 0, tv_usec: micros };
    let timer = libc::itimerval { it_interval: every, it_value: every };
    // SAFETY: the record is alive.
    check(unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) })
        .expect("a timer");
}

/// What a handler of the program writes is not lost, and no child sees it: it runs before
/// or after the children, not beside them.
fn handler_while_children_run() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    PIPE.store(writer.as_raw_fd() as usize, SeqCst);
    // SAFETY: the handler writes a byte and an atomic.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_tick as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        check(libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut())).expect("a handler");
    }
    tick_every(300);
    for round in 1..=400u32 {
        let child = |i: usize| {
            move || {
                let seen = TICKS[0].load(SeqCst);
                TICKS[i].store(round, SeqCst);
                for n in 0..30_000u64 {
                    std::hint::black_box(n);
                }
                assert_eq!(TICKS[0].load(SeqCst), seen);
                seen
            }
        };
        let (a, b) = join(child(1), child(2));
        assert_eq!(a, b);
    }
    tick_every(0);
    drop(writer);
    PIPE.store(usize::MAX, SeqCst);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("the pipe");
    assert!(bytes.len() > 10, "{} ticks", bytes.len());
    assert_eq!(TICKS[0].load(SeqCst) as usize, bytes.len());
}

/// Without a handler a signal is not held back any more, so that the program can be ended.
fn handler_taken_away() {
    let blocked = || {
        let text = std::fs::read_to_string("/proc/self/status").expect("/proc/self/status");
        let line = text.lines().find_map(|l| l.strip_prefix("SigBlk:")).expect("a mask");
        u64::from_str_radix(line.trim(), 16).expect("a number")
    };
    let before = blocked();
    for handler in [on_tick as *const () as usize, libc::SIG_IGN, libc::SIG_DFL] {
        // SAFETY: the handler writes a byte and an atomic.
        unsafe { libc::signal(libc::SIGUSR2, handler) };
        assert_alive();
        assert_eq!(blocked(), before);
    }
    let error = try_join(
        || {
            // SAFETY: refused; would ignore a signal.
            unsafe { libc::signal(libc::SIGUSR2, libc::SIG_IGN) }
        },
        || 1,
    );
    assert!(matches!(error, Err(JoinError::Forbidden(_))), "{error:?}");
}

#[track_caller]
fn refused_for_threads(count: usize) {
    let e = try_join(|| 1, || 2).expect_err("foreign threads");
    assert!(matches!(e, JoinError::Unsupported(_)), "{e}");
    let text = e.to_string();
    assert!(text.starts_with(&format!("{count} other thread")), "{text}");
    assert!(text.contains("end them before the call"), "{text}");
}

/// Threads of the master's before, while and after it forks children.
fn scoped_threads() {
    for _ in 0..50 {
        let mut sums = [0u64; 4];
        std::thread::scope(|s| {
            for (i, sum) in sums.iter_mut().enumerate() {
                s.spawn(move || *sum = (0..1000).map(|n| n * i as u64).sum());
            }
        });
        let total: u64 = sums.iter().sum();
        let (a, b) = join(|| total, || sums[1]);
        assert_eq!((a, b), (499_500 * 6, 499_500));
    }
    let barrier = Barrier::new(3);
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                barrier.wait();
            });
        }
        refused_for_threads(2);
        barrier.wait();
    });
    assert_alive();
}

/// As a library may keep one.
fn parked_thread() {
    let state = Arc::new((Mutex::new(false), Condvar::new()));
    let parked = state.clone();
    let thread = std::thread::spawn(move || {
        let mut done = parked.0.lock().expect("the lock");
        while !*done {
            done = parked.1.wait(done).expect("the lock");
        }
    });
    std::thread::sleep(Duration::from_millis(20));
    for _ in 0..3 {
        refused_for_threads(1);
    }
    *state.0.lock().expect("the lock") = true;
    state.1.notify_all();
    thread.join().expect("the thread");
    assert_alive();
}

fn threads_that_just_ended() {
    for i in 0..300u64 {
        let n = std::thread::spawn(move || i).join().expect("a thread");
        assert_eq!(join(|| n, || i), (i, i));
    }
}

/// The C library makes threads of its own accord, for timers among others.
fn threads_of_the_c_library() {
    extern "C" fn nothing(_: libc::sigval) {}
    #[repr(C)]
    struct Event {
        value: libc::sigval,
        signal: i32,
        notify: i32,
        function: extern "C" fn(libc::sigval),
        attributes: usize,
        padding: [u64; 6],
    }
    unsafe extern "C" {
        fn timer_create(clock: i32, event: *const Event, timer: *mut *mut libc::c_void) -> i32;
        fn timer_delete(timer: *mut libc::c_void) -> i32;
    }
    assert_alive();
    let event = Event {
        value: libc::sigval { sival_ptr: std::ptr::null_mut() },
        signal: 0,
        notify: libc::SIGEV_THREAD,
        function: nothing,
        attributes: 0,
        padding: [0; 6],
    };
    let mut timer = std::ptr::null_mut();
    // SAFETY: both records are alive; the first has the layout of `struct sigevent`.
    unsafe { check(timer_create(libc::CLOCK_MONOTONIC, &event, &mut timer)) }.expect("a timer");
    refused_for_threads(1);
    // SAFETY: the timer was made above.
    unsafe { timer_delete(timer) };
}
