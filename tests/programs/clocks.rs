//! The virtual clock of children, as the standard library shows it.
use detpar::prelude::*;
use detpar::{JoinError, try_join};
use kernel::abi::{ChildId, End, GetFlags, PutFlags};
use kernel::call::{self, Closed, Job};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[detpar::main]
fn main() -> ExitCode {
    detpar_tests::program::run(&[
        ("first_readings", first_readings),
        ("joins", joins),
        ("failures", failures),
        ("nested", nested),
        ("iterators", iterators),
        ("open_children", open_children),
        ("barriers", barriers),
        ("waits", waits),
        ("busy_waits", busy_waits),
        ("master", master),
        ("processors", processors),
        ("for_ever", for_ever),
        ("stamps", stamps),
    ])
}

const SECOND: u64 = 1_000_000_000;

/// Nanoseconds since the start of the run, by a reading.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    (since.as_nanos() - u128::from(kernel::confine::clock::EPOCH * SECOND)) as u64
}

fn sleep(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

/// Where the clock of children of the master starts now. Moves nothing in the master but by
/// the reading itself.
fn start() -> u64 {
    detpar::join(now, || ()).0 - 1000
}

fn first_readings() {
    let read = || (now(), now(), Instant::now().elapsed().as_nanos(), now());
    let first = start() + 1000;
    let (a, b) = detpar::join(read, read);
    assert_eq!(a, (first + 1000, first + 2000, 1000, first + 5000));
    assert_eq!(a, b);
    println!("{a:?}");
}

/// The parent goes on at the latest of its children.
fn joins() {
    let first = start() + 1000;
    for (a, b) in [(5, 3), (2, 9), (0, 0)] {
        let before = start() + 1000;
        let ends = detpar::join(|| (sleep(a), now()).1, || (sleep(b), now()).1);
        assert_eq!(ends, (before + a * SECOND + 1000, before + b * SECOND + 1000));
    }
    let after = start() - first;
    // Three starts and three joins of one reading each, besides what was slept.
    assert_eq!(after, 14 * SECOND + 6 * 1000);
    println!("{after}");
}

/// A join that fails leaves the clock.
fn failures() {
    let first = start() + 1000;
    let e = try_join(|| sleep(50), || -> () { panic!("late") });
    assert!(matches!(e, Err(JoinError::Panic(_))));
    static SHARED: AtomicU64 = AtomicU64::new(0);
    let write = |n| move || (sleep(n), SHARED.store(n, Relaxed)).1;
    assert!(matches!(try_join(write(1), write(2)), Err(JoinError::Conflict(_))));
    assert_eq!(start(), first);
}

fn nested() {
    let first = start() + 1000;
    let body = || {
        sleep(1);
        let inner = detpar::join(|| (sleep(2), now()).1, || (sleep(4), now()).1);
        assert_eq!(inner.1 - inner.0, 2 * SECOND);
        let failed = try_join(|| sleep(60), || -> () { panic!("inner") }).is_err();
        assert!(failed);
        now()
    };
    let (a, b) = detpar::join(body, now);
    assert_eq!((a, b), (first + 5 * SECOND + 2000, first + 1000));
    println!("{a} {b}");
}

fn iterators() {
    let times: Vec<u64> = (0..200u64).into_par_iter().map(|i| (sleep(i % 7), now()).1).collect();
    let sum = times.iter().fold(0u64, |s, t| s.wrapping_mul(31).wrapping_add(*t));
    println!("{sum:x} {}", start());
}

/// An open child starts at its parent's clock, and moves it when it is joined, not before.
fn open_children() {
    let first = start() + 1000;
    let body = || {
        let slow = detpar::fork(1, || (sleep(10), now()).1).expect("a child");
        sleep(3);
        let quick = detpar::fork(2, now).expect("a child");
        let own = now();
        let quick = quick.join().expect("it ends");
        let slow = slow.join().expect("it ends");
        (own, quick, slow, now())
    };
    let ((own, quick, slow, end), ()) = detpar::join(body, || ());
    assert_eq!((own, quick), (first + 3 * SECOND + 1000, first + 3 * SECOND + 1000));
    assert_eq!((slow, end), (first + 10 * SECOND + 1000, first + 10 * SECOND + 2000));
    let child = detpar::fork(3, || sleep(20)).expect("a child");
    assert_eq!(start(), end);
    child.join().expect("it ends");
    assert_eq!(start(), first + 30 * SECOND + 2000);
    println!("{}", start());
}

/// At a barrier all go on from the latest.
fn barriers() {
    /// # Safety
    /// `data` is not looked at.
    unsafe extern "C" fn entry(_data: *mut (), i: usize, _out: *mut u8) -> End {
        let start = now();
        sleep(i as u64);
        call::barrier().expect("has siblings");
        assert_eq!(now(), start + 3 * SECOND + 1000, "child {i}");
        sleep(3 - i as u64);
        call::barrier().expect("has siblings");
        assert_eq!(now(), start + 6 * SECOND + 2000, "child {i}");
        End::Returned
    }
    let first = start() + 1000;
    let mut closed = Closed::with_capacity(4);
    for i in 0..4 {
        let job = Job { entry, data: std::ptr::null_mut(), arg: i, out_size: 0 };
        let flags = PutFlags::REGS | PutFlags::SNAP | PutFlags::START;
        closed.put(ChildId(i as u32), flags, job).expect("the next index");
    }
    // SAFETY: the entry takes what the job gives it.
    unsafe { closed.get(GetFlags::MERGE) }.map(drop).expect("no child fails");
    assert_eq!(start(), first + 6 * SECOND + 3000);
}

/// Waits that nobody can end time out, by the virtual clock.
fn waits() {
    let body = || {
        let start = Instant::now();
        let (sender, receiver) = mpsc::channel::<u8>();
        assert!(receiver.recv_timeout(Duration::from_secs(30)).is_err());
        assert!((30.0..30.1).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
        drop(sender);
        std::thread::park_timeout(Duration::from_secs(5));
        let (lock, wake) = (Mutex::new(()), Condvar::new());
        let held = lock.lock().expect("own lock");
        let r = wake.wait_timeout(held, Duration::from_secs(7)).expect("own lock");
        assert!(r.1.timed_out());
        start.elapsed().as_nanos()
    };
    let (a, b) = detpar::join(body, body);
    assert_eq!(a, b);
    println!("{a}");
}

/// A loop that waits for a time to come ends.
fn busy_waits() {
    let body = || {
        let start = Instant::now();
        let mut turns = 0u32;
        while start.elapsed() < Duration::from_millis(20) {
            turns += 1;
        }
        turns
    };
    assert_eq!(detpar::join(body, || ()).0, 19_999);
}

/// The master has the system's clocks; what it read of them is before any clock of a child.
fn master() {
    let (time, instant) = (SystemTime::now(), Instant::now());
    let virtual_time = || SystemTime::now();
    assert!(detpar::join(virtual_time, || ()).0 < time);
    std::thread::sleep(Duration::from_millis(2));
    assert!(instant.elapsed() >= Duration::from_millis(2));
    // An instant of a machine that was just started may be earlier.
    let up = std::fs::read_to_string("/proc/uptime").expect("a number");
    let up: f64 = up.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    if up > 3600.0 {
        assert_eq!(detpar::join(|| instant.elapsed(), || ()).0, Duration::ZERO);
    }
}

fn processors() {
    let count = || std::thread::available_parallelism().map(|n| n.get()).ok();
    // SAFETY: have no memory operands.
    let names = [libc::_SC_NPROCESSORS_ONLN, libc::_SC_NPROCESSORS_CONF, libc::_SC_PHYS_PAGES];
    // SAFETY: as above.
    let body = || (count(), names.map(|n| unsafe { libc::sysconf(n) }));
    let ((count, [online, configured, pages]), ()) = detpar::join(body, || ());
    assert_eq!((count, online, pages), (Some(64), 64, 1 << 20));
    println!("{configured}");
}

/// What lasts for ever is over at once, and the clock stands at its end.
fn for_ever() {
    let body = || {
        std::thread::sleep(Duration::MAX);
        (now(), now())
    };
    let (a, b) = detpar::join(body, || ()).0;
    assert_eq!((a, b), (u64::MAX, u64::MAX));
}

/// Without `DETPAR_TSC=trap` children may read the counter; the test of this program tells.
fn stamps() {
    // SAFETY: every processor has the instruction.
    let read = || unsafe { std::arch::x86_64::_rdtsc() };
    // SAFETY: as above, wherever there is a fast getcpu.
    let read_more = || unsafe { std::arch::x86_64::__rdtscp(&mut 0) };
    for result in [try_join(|| (), read).map(drop), try_join(|| (), read_more).map(drop)] {
        match result {
            Ok(()) => println!("free"),
            Err(e) => println!("{e}"),
        }
    }
}
