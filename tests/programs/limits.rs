//! Programs at the limits of their system: what a construct says, and that the program can
//! go on afterwards.
//!
//! Arguments: cases, in this order. Each prints its name and what happened.
use detpar::{JoinError, try_join};
use detpar_tests::harness::check;
use detpar_tests::program::{self, assert_alive};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

#[detpar::main]
fn main() -> ExitCode {
    if let Some(code) = std::env::var_os("LIMITS_SILENT") {
        // For programs without streams: the exit code tells.
        assert_alive();
        return ExitCode::from(code.len() as u8);
    }
    let cases: &[program::Case] = &[
        ("join", both_write),
        ("nested", nested),
        ("alive", assert_alive),
        ("raise_processes", || raise(libc::RLIMIT_NPROC)),
        ("address_space", address_space),
        ("descriptors", descriptors),
        ("closed", closed),
        ("file_size", file_size),
        ("numbers", numbers),
        ("many", many),
        ("memory_in_a_child", memory_in_a_child),
        ("stopped", stopped),
        ("sequential", sequential),
        ("current_dir", || assert!(std::env::current_dir().is_err())),
        ("variables", || println!("{}", std::env::vars_os().count() > 900)),
    ];
    for name in std::env::args().skip(1) {
        let (_, case) = cases.iter().find(|(n, _)| *n == name).expect("a case");
        case();
        println!("{name}: ok");
    }
    ExitCode::SUCCESS
}

/// What a construct said: kind and text.
fn told(result: Result<(), JoinError>) -> String {
    match result {
        Ok(()) => "ok".into(),
        Err(e @ JoinError::Limit(_)) => format!("limit: {e}"),
        Err(e @ JoinError::Unsupported(_)) => format!("unsupported: {e}"),
        Err(e @ JoinError::Killed(_)) => format!("killed: {e}"),
        Err(e) => format!("something else: {e}"),
    }
}

/// A join of two children that write memory: what they wrote must be there if it succeeds.
fn both_write() {
    let mut written = [0; 2];
    let [a, b] = &mut written;
    let joined = try_join(|| *a = 1, || *b = 2).map(drop);
    if joined.is_ok() {
        assert_eq!(written, [1, 2]);
    }
    println!("{}", told(joined));
}

fn nested() {
    let inner = || told(try_join(|| 1, || 2).map(drop));
    match try_join(inner, inner) {
        Ok((a, b)) => println!("{a}\n{b}"),
        Err(e) => println!("{}", told(Err(e))),
    }
}

fn limit(resource: u32) -> libc::rlimit {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the record is alive.
    check(unsafe { libc::getrlimit(resource, &mut now) }).expect("getrlimit");
    now
}

fn set_limit(resource: u32, soft: u64) {
    let new = libc::rlimit { rlim_cur: soft, ..limit(resource) };
    // SAFETY: the record is alive.
    check(unsafe { libc::setrlimit(resource, &new) }).expect("setrlimit");
}

fn raise(resource: u32) {
    set_limit(resource, limit(resource).rlim_max);
}

/// A limit that is set while the program runs.
fn address_space() {
    let before = limit(libc::RLIMIT_AS).rlim_cur;
    set_limit(libc::RLIMIT_AS, 1 << 40);
    println!("{}", told(try_join(|| 1, || 2).map(drop)));
    set_limit(libc::RLIMIT_AS, before);
    assert_alive();
}

/// All descriptors are in use.
fn descriptors() {
    set_limit(libc::RLIMIT_NOFILE, 64);
    let mut open = Vec::new();
    while let Ok(f) = File::open("/dev/null") {
        open.push(f);
    }
    println!("{}", told(try_join(|| 1, || 2).map(drop)));
    drop(open);
    assert_alive();
}

/// A limit on file sizes that is set while the program runs concerns real files, and forks
/// that copy the image only.
fn file_size() {
    set_limit(libc::RLIMIT_FSIZE, 1 << 20);
    assert_alive();
    let mut forked = Command::new("/bin/true");
    // SAFETY: does nothing.
    let forked = unsafe { forked.pre_exec(|| Ok(())) };
    let e = forked.status().expect_err("a fork may copy the image");
    println!("{}", e.raw_os_error() == Some(libc::EFBIG));
    let open = || detpar::try_scope(|s| s.spawn(|_| ()));
    println!("{}", told(open().map(drop)));
    // A limit that comes between the beginning and the end of an open construct.
    raise(libc::RLIMIT_FSIZE);
    detpar::scope(|s| {
        s.spawn(|_| ());
        set_limit(libc::RLIMIT_FSIZE, 1 << 20);
    });
    println!("{}", told(try_join(|| 1, || 2).map(drop)));
    raise(libc::RLIMIT_FSIZE);
    assert_alive();
    set_limit(libc::RLIMIT_FSIZE, 1 << 20);
    assert!(Command::new("/bin/true").status().expect("/bin/true").success());
    assert_alive();
}

/// All numbers are closed, as daemons do: what the program has opened, and nothing else.
fn closed() {
    unsafe extern "C" {
        fn closefrom(first: libc::c_int);
    }
    assert_alive();
    let is_open = |fd: i32| {
        // SAFETY: asks only.
        (unsafe { libc::fcntl(fd, libc::F_GETFD) }) != -1
    };
    let open = || std::os::fd::IntoRawFd::into_raw_fd(File::open("/").expect("a folder"));
    let top = 70_000;
    // SAFETY: what is open above 2 is not used any more.
    let one_by_one = || (3..top).map(|fd| unsafe { libc::close(fd) }).filter(|r| *r == 0).count();
    // SAFETY: as above.
    let in_one = || check(unsafe { libc::close_range(3, u32::MAX, 0) }).map_or(0, |_| 1);
    let from = || {
        // SAFETY: as above.
        unsafe { closefrom(3) };
        1
    };
    let ways: [&dyn Fn() -> usize; 3] = [&one_by_one, &in_one, &from];
    for way in ways {
        let fd = open();
        assert!(way() > 0);
        assert!(!is_open(fd));
        assert_alive();
        assert!(Command::new("/bin/true").status().expect("a program").success());
        let ours: Vec<i32> = (3..top).filter(|fd| is_open(*fd)).collect();
        for to in ours.iter().copied() {
            // SAFETY: the numbers are not the program's, so nothing happens.
            let answers = unsafe { [libc::dup2(0, to), libc::dup3(0, to, 0), libc::close(to)] };
            assert_eq!(answers, [-1; 3]);
        }
        assert!(!ours.is_empty());
        assert_alive();
    }
}

/// The numbers of descriptors that the program gets.
fn numbers() {
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(File::open("/dev/null").expect("/dev/null"));
        assert_alive();
        let _ = try_join(|| 1, || std::process::abort());
    }
    println!("{:?}", all.iter().map(|f| f.as_raw_fd()).collect::<Vec<_>>());
}

/// As many children as a construct may have, each a parent.
fn many() {
    use detpar::prelude::*;
    let all: Vec<usize> = (0..1000usize)
        .into_par_iter()
        .with_max_len(1)
        .map(|i| detpar::join(|| i, || 1).0)
        .collect();
    assert!(all.iter().enumerate().all(|(i, v)| i == *v));
    assert_alive();
    println!("{}", all.len());
}

/// A child uses more memory than the program may have.
fn memory_in_a_child() {
    let hoard = || {
        let mut all = Vec::new();
        for i in 0..64 {
            all.push(vec![i as u8; 8 << 20]);
        }
        all.len()
    };
    println!("{}", told(try_join(|| 1, hoard).map(drop)));
    assert_alive();
}

/// Children that meet, and spaces that stop: far more of them than processes.
fn stopped() {
    use kernel::abi::{ChildId, End, GetFlags, PutFlags, State};
    use kernel::call::{self, Closed, Get, Job, Put};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    const MANY: usize = 40;
    static CELL: [AtomicUsize; 2 * MANY] = [const { AtomicUsize::new(0) }; 2 * MANY];

    /// # Safety
    /// Of no consequence: the arguments are plain numbers.
    unsafe extern "C" fn meets(_: *mut (), i: usize, _: *mut u8) -> End {
        for _ in 0..3 {
            let next = CELL[(i + 1) % MANY].load(Relaxed);
            CELL[i].store(next + 1, Relaxed);
            if call::barrier().is_err() {
                return End::Panicked;
            }
        }
        End::Returned
    }
    /// # Safety
    /// As above.
    unsafe extern "C" fn rets(_: *mut (), i: usize, _: *mut u8) -> End {
        CELL[MANY + i].store(i, Relaxed);
        if call::ret(7).is_err() {
            return End::Panicked;
        }
        CELL[MANY + i].fetch_add(1, Relaxed);
        End::Returned
    }

    let job = |entry, i| Job { entry, data: std::ptr::null_mut(), arg: i, out_size: 0 };
    let mut closed = Closed::with_capacity(MANY);
    for i in 0..MANY {
        let flags = PutFlags::REGS | PutFlags::SNAP | PutFlags::START;
        closed.put(ChildId(i as u32), flags, job(meets, i)).expect("the next index");
    }
    // SAFETY: the entry takes any arguments, writes no result and does not unwind.
    unsafe { closed.get(GetFlags::MERGE) }.expect("children that meet");
    assert!(CELL[..MANY].iter().all(|c| c.load(Relaxed) == 3));

    let id = |i: usize| ChildId(i as u32);
    // SAFETY: as above, and no ranges are named.
    unsafe {
        for i in 0..MANY {
            Put::new(id(i)).snap().regs(job(rets, i)).start().call().expect("a put");
        }
        for i in 0..MANY {
            assert_eq!(Get::new(id(i)).call().expect("a get").state, State::Ret(7));
        }
        for i in 0..MANY {
            Put::new(id(i)).start().call().expect("a put");
        }
        for i in 0..MANY {
            let found = Get::new(id(i)).merge().call().expect("a merge");
            assert_eq!(found.state, State::Returned);
            call::kill(id(i)).expect("a child");
        }
    }
    assert!((0..MANY).all(|i| CELL[MANY + i].load(Relaxed) == i + 1));
    println!("stopped");
}

/// Work without children.
fn sequential() {
    let mut words: Vec<String> = (0..10_000u32).map(|i| i.to_string()).collect();
    words.sort();
    println!("{}", words.concat().len());
}
