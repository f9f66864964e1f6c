//! What a program does beside its open children: many of them at once, other programs, threads,
//! signals, protected pages, descriptors; handles that get elsewhere; a panic hook of its own.
use detpar::prelude::*;
use detpar::{Child, JoinError, fork, try_join, try_scope};
use detpar_tests::program;
use std::os::fd::AsRawFd;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

#[detpar::main]
fn main() -> ExitCode {
    program::run(CASES)
}

const CASES: &[(&str, fn())] = &[
    ("two_hundred_at_once", two_hundred_at_once),
    ("endless_families", endless_families),
    ("other_programs", other_programs),
    ("threads", threads),
    ("signals", signals),
    ("protected_pages", protected_pages),
    ("rollback_closes_nothing", rollback_closes_nothing),
    ("closed_in_turn", closed_in_turn),
    ("handles_used_up_elsewhere", handles_used_up_elsewhere),
    ("own_panic_hook", own_panic_hook),
];

/// Computes until its parent ends it.
fn endless() {
    loop {
        std::hint::spin_loop();
    }
}

/// Children that fork and join for ever take permits again and again: others get theirs.
fn endless_families() {
    let open = || while fork(1, || ()).and_then(Child::join).is_ok() {};
    let closed = || while try_join(|| (), || ()).is_ok() {};
    let dropped = || while fork(1, || ()).is_ok() {};
    let families = [fork(1, open), fork(2, closed), fork(3, dropped)].map(|c| c.expect("a child"));
    for id in 4..6 {
        assert_eq!(fork(id, move || id).and_then(Child::join).expect("its result"), id);
    }
    drop(families);
}

/// 200 children are alive before the first is joined; each sees what was there at its fork.
fn two_hundred_at_once() {
    const N: u64 = 200;
    let mut log = Vec::new();
    static NEWEST: AtomicU64 = AtomicU64::new(0);
    static OWN: [AtomicU64; N as usize] = [const { AtomicU64::new(0) }; N as usize];
    let children: Vec<_> = (0..N)
        .map(|i| {
            NEWEST.store(i, SeqCst);
            log.push(i);
            let body = move || {
                OWN[i as usize].store(i + 1, SeqCst);
                let squares = (0..i % 7).map(|n| n * n).collect::<Vec<_>>();
                (NEWEST.load(SeqCst), squares)
            };
            fork(i as u32, body).expect("a child")
        })
        .collect();
    // One of them is endless as well, and none waits for it.
    let spins = fork(N as u32, endless).expect("a child");
    for (i, child) in children.into_iter().enumerate().rev() {
        let i = i as u64;
        let (newest, squares) = child.join().expect("a result");
        assert_eq!((newest, squares.len() as u64), (i, i % 7));
    }
    drop(spins);
    assert!(OWN.iter().zip(1..).all(|(o, i)| o.load(SeqCst) == i));
    assert_eq!(log.len(), 200);
}

fn other_programs() {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let text = "beside children".to_string();
    let (first, second) = (fork(0, endless).expect("a child"), {
        let text = text.clone();
        fork(1, move || {
            WRITTEN.store(3, SeqCst);
            text.len()
        })
        .expect("a child")
    });
    let echo = |with: bool| {
        let mut echo = Command::new("/bin/sh");
        echo.arg("-c").arg("read line; echo \"$line\" $VALUE").stdin(Stdio::piped());
        echo.stdout(Stdio::piped());
        // Another way through std: not the same as without variables.
        if with {
            echo.env("VALUE", "7");
        }
        let mut running = echo.spawn().expect("a shell");
        use std::io::Write;
        let mut input = running.stdin.take().expect("a pipe");
        input.write_all(text.as_bytes()).and_then(|()| input.write_all(b"\n")).expect("a reader");
        drop(input);
        String::from_utf8(running.wait_with_output().expect("its output").stdout).expect("text")
    };
    assert_eq!(echo(true), "beside children 7\n");
    assert_eq!(echo(false), "beside children\n");
    // A process of its own that is forked in the middle: it has the master's memory.
    WRITTEN.store(0, SeqCst);
    // SAFETY: the new process only looks at memory and ends.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        let right = text == "beside children" && WRITTEN.load(SeqCst) == 0;
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(i32::from(!right)) };
    }
    let mut status = -1;
    // SAFETY: waits for the process just made.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert_eq!(status, 0);
    assert_eq!(second.join().expect("a result"), text.len());
    assert_eq!(WRITTEN.load(SeqCst), 3);
    drop(first);
    // No worker is a child to wait for.
    // SAFETY: waits for nothing.
    assert_eq!(unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) }, -1);
}

/// Threads of the master run beside its children, between the calls. What they write is the
/// master's.
fn threads() {
    static BOTH: AtomicU64 = AtomicU64::new(0);
    static MINE: AtomicU64 = AtomicU64::new(0);
    let quiet = fork(0, || vec![1u8; 5000]).expect("a child");
    let writes = fork(1, || BOTH.store(1, SeqCst)).expect("a child");
    let lists: Vec<Vec<u64>> = std::thread::scope(|s| {
        let make = |i: u64| move || (0..1000).map(|n| n * i).collect::<Vec<u64>>();
        let all: Vec<_> = (1..4).map(|i| s.spawn(make(i))).collect();
        s.spawn(|| {
            MINE.store(2, SeqCst);
            BOTH.store(2, SeqCst);
        });
        all.into_iter().map(|t| t.join().expect("a thread")).collect()
    });
    assert_eq!(quiet.join().expect("a result").len(), 5000);
    let Err(JoinError::Conflict(c)) = writes.join() else { panic!("no conflict") };
    assert_eq!(c.children(), (detpar::MergeConflict::PARENT, 0));
    assert_eq!((MINE.load(SeqCst), BOTH.load(SeqCst)), (2, 2));
    assert!(lists.iter().zip(1..).all(|(l, i)| l[999] == 999 * i));
    // Alive at a call they are refused, and what runs already runs on.
    let runs = fork(2, || 5).expect("a child");
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let parked = std::thread::spawn(move || receive.recv().is_err());
    assert!(matches!(fork(3, || 6), Err(JoinError::Unsupported(_))));
    drop(send);
    assert!(parked.join().expect("a thread"));
    assert_eq!(runs.join().expect("a result"), 5);
    assert_eq!(fork(3, || 6).expect("a child").join().expect("a result"), 6);
}

/// What a handler writes beside open children is the master's, and not lost at a join.
fn signals() {
    static CAUGHT: AtomicU32 = AtomicU32::new(0);
    extern "C" fn count(_: i32) {
        CAUGHT.fetch_add(1, SeqCst);
    }
    let sent = std::cell::Cell::new(0);
    let raise = || {
        sent.set(sent.get() + 1);
        // SAFETY: has no operands in memory.
        assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
    };
    // SAFETY: the handler changes an atomic and nothing else.
    unsafe { libc::signal(libc::SIGUSR1, count as extern "C" fn(i32) as usize) };
    for round in 0..20u64 {
        raise();
        let child = fork(0, move || (CAUGHT.load(SeqCst), vec![round; 300])).expect("a child");
        let before = CAUGHT.load(SeqCst);
        raise();
        let sum = detpar::join(|| round, || CAUGHT.load(SeqCst)).1;
        assert_eq!(sum, before + 1);
        raise();
        let (seen, list) = child.join().expect("a result");
        assert_eq!((seen, list[299]), (before, round));
    }
    assert_eq!(CAUGHT.load(SeqCst), sent.get());
    // A child that writes the same word is in conflict with the handler.
    let child = fork(0, || CAUGHT.store(0, SeqCst)).expect("a child");
    raise();
    assert!(matches!(child.join(), Err(JoinError::Conflict(_))));
    // SAFETY: takes the handler away.
    unsafe { libc::signal(libc::SIGUSR1, libc::SIG_DFL) };
}

/// Pages that the master protects while a child is alive, in its private view.
fn protected_pages() {
    const PAGE: usize = 4096;
    let layout = std::alloc::Layout::from_size_align(3 * PAGE, PAGE).expect("a layout");
    // SAFETY: not of size zero.
    let block = unsafe { std::alloc::alloc_zeroed(layout) };
    let at = block as usize;
    let protect = |page: usize, how| {
        let start = std::ptr::with_exposed_provenance_mut(at + page * PAGE);
        // SAFETY: a page of the case's own block.
        assert_eq!(unsafe { libc::mprotect(start, PAGE, how) }, 0);
    };
    let byte = move |page: usize| std::ptr::with_exposed_provenance_mut::<u8>(at + page * PAGE);
    // SAFETY: in all spaces below: bytes of the block, read one at a time; some accesses fault,
    // which is what is tested.
    let get = move |page: usize| unsafe { byte(page).read_volatile() };
    // SAFETY: as above, written.
    let set = move |page: usize, v: u8| unsafe { byte(page).write_volatile(v) };
    set(0, 1);
    let early = fork(0, move || {
        set(2, 9);
        (get(0), get(1))
    })
    .expect("a child");
    set(0, 2);
    protect(0, libc::PROT_READ);
    protect(1, libc::PROT_NONE);
    // Whoever comes later finds them protected.
    assert_eq!(fork(1, move || get(0)).expect("a child").join().expect("a byte"), 2);
    for touch in [
        fork(1, move || set(0, 3)).expect("a child"),
        fork(2, move || assert_ne!(get(1), 77)).expect("a child"),
    ] {
        let e = touch.join().expect_err("a fault");
        assert!(matches!(e, JoinError::Fault(_)), "{e}");
    }
    let closed = try_join(move || set(0, 3), move || get(0));
    assert!(matches!(closed, Err(JoinError::Fault(_))));
    assert_eq!(get(0), 2);
    protect(0, libc::PROT_READ | libc::PROT_WRITE);
    protect(1, libc::PROT_READ | libc::PROT_WRITE);
    set(0, 4);
    assert_eq!(early.join().expect("what it saw"), (1, 0));
    assert_eq!((get(0), get(1), get(2)), (4, 0, 9));
    detpar::join(move || set(0, 5), move || set(1, 6));
    assert_eq!((get(0), get(1), get(2)), (5, 6, 9));
    // SAFETY: allocated above.
    unsafe { std::alloc::dealloc(block, layout) };
}

/// Closes of children count when everything is merged: at no barrier before, in no scope that
/// fails.
fn rollback_closes_nothing() {
    let files: Vec<_> = (0..4).map(|_| std::fs::File::open("/dev/null").expect("a file")).collect();
    let fd = |i: usize| files[i].as_raw_fd();
    // SAFETY: has no operands in memory.
    let is_open = |fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } != -1;
    // SAFETY: has no operands in memory; files that are closed are given up below.
    let close = |fd: i32| unsafe { libc::close(fd) };
    let [a, b, c, kept] = [fd(0), fd(1), fd(2), fd(3)];
    let failed = try_scope(|s| {
        s.spawn(move |_| assert_eq!(close(a), 0));
        s.spawn(move |s| s.spawn(move |_| assert_eq!(close(b), 0)));
        s.spawn(|_| panic!("on purpose"));
    });
    assert!(matches!(failed, Err(JoinError::Panic(_))));
    // Past a barrier, at which all was merged, the construct fails.
    let failed = try_join(
        move || {
            assert_eq!(close(c), 0);
            kernel::call::barrier().expect("a sibling");
        },
        || {
            kernel::call::barrier().expect("a sibling");
            panic!("on purpose");
        },
    );
    assert!(matches!(failed, Err(JoinError::Panic(_))));
    assert!([a, b, c, kept].into_iter().all(is_open));
    // And without a failure, at the end.
    let (_, seen) = detpar::join(
        move || {
            assert_eq!(close(c), 0);
            kernel::call::barrier().expect("a sibling");
        },
        move || {
            kernel::call::barrier().expect("a sibling");
            is_open(c)
        },
    );
    assert!(!seen && !is_open(c) && is_open(kept));
    scope(|s| {
        s.spawn(move |_| assert_eq!(close(a), 0));
        s.spawn(move |s| s.spawn(move |_| assert_eq!(close(b), 0)));
    });
    assert!(!is_open(a) && !is_open(b) && is_open(kept));
    // Closed already.
    files.into_iter().take(3).for_each(std::mem::forget);
}

/// Two children that close the same descriptor are in conflict however long after each other they
/// are joined: by then the number may be that of another file.
fn closed_in_turn() {
    // SAFETY: has no operands in memory; the files are given up below.
    let close = |fd: i32| unsafe { libc::close(fd) };
    let open = || std::fs::File::open("/dev/null").expect("a file");
    for _ in 0..3 {
        let first = open();
        let fd = first.as_raw_fd();
        let [a, b] = [0, 1].map(|id| fork(id, move || close(fd)).expect("a child"));
        assert_eq!(a.join().expect("a result"), 0);
        std::mem::forget(first);
        let second = open();
        assert_eq!(second.as_raw_fd(), fd);
        assert!(matches!(b.join(), Err(JoinError::Conflict(_))));
        assert!(second.metadata().is_ok());
        // A later snapshot knows of the second file.
        let seen = fork(0, move || close(fd)).expect("a child").join().expect("a result");
        assert!(seen == 0 && second.metadata().is_err());
        std::mem::forget(second);
    }
}

/// A handle that is dropped or joined in a space other than its parent's ends its child all
/// the same, once the parent knows; if that space fails, the parent has the handle again.
fn handles_used_up_elsewhere() {
    #[deterministic]
    fn drop_there(c: Child<()>) {
        drop(c);
    }
    #[deterministic]
    fn join_there(c: Child<()>) -> bool {
        c.join().is_err()
    }
    #[deterministic]
    fn fail_there(c: Child<()>) -> Result<(), JoinError> {
        drop(c);
        panic!("on purpose");
    }
    #[deterministic]
    fn deep(c: Child<()>) {
        drop_there(c);
    }
    let again = || {
        let child = fork(7, || 3).expect("the number is free again");
        assert_eq!(child.join().expect("a result"), 3);
    };
    let other = fork(8, || 8).expect("a child");
    drop_there(fork(7, endless).expect("a child"));
    again();
    assert!(join_there(fork(7, endless).expect("a child")));
    again();
    assert!(fail_there(fork(7, endless).expect("a child")).is_err());
    again();
    deep(fork(7, endless).expect("a child"));
    again();
    assert_eq!(other.join().expect("the others are left alone"), 8);
}

/// Whatever hook the program sets, a join knows where its child panicked.
fn own_panic_hook() {
    use std::panic::{set_hook, take_hook};
    let located = |line: u32, e: JoinError| {
        let JoinError::Panic(p) = e else { panic!("{e}") };
        let at = p.location().unwrap_or("nowhere");
        assert!(at.contains(&format!("beside.rs:{line}:")), "{at}, not line {line}");
    };
    let fails = || {
        let all = [
            (line!(), try_join(|| 1, || panic!("on purpose")).expect_err("a panic")),
            (line!(), try_scope(|s| s.spawn(|_| panic!("on purpose"))).expect_err("a panic")),
            (line!(), fork(0, || panic!("on purpose")).unwrap().join().expect_err("a panic")),
        ];
        all.into_iter().for_each(|(line, e)| located(line, e));
    };
    fails();
    // Silent, in children too.
    let first = take_hook();
    set_hook(Box::new(|_| {}));
    fails();
    fails();
    // In front of the one before.
    let silent = take_hook();
    set_hook(Box::new(move |info| {
        eprintln!("the program's own");
        silent(info);
    }));
    fails();
    // What was there at the beginning, and then nothing but the library's.
    set_hook(first);
    fails();
    drop(take_hook());
    fails();
    for _ in 0..100 {
        let before = take_hook();
        set_hook(Box::new(|_| {}));
        detpar::join(|| (), || ());
        set_hook(before);
    }
    fails();
}
