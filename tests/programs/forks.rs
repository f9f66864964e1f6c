//! Forks of the program itself: two processes that see nothing of each other's memory.
use detpar::join;
use detpar::odf::{self, Fork};
use detpar_tests::program::{self, assert_alive};
use std::cell::{Cell, RefCell};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("both_ways", both_ways),
        ("parent_overwrites_first", parent_overwrites_first),
        ("again_after_dirtying", again_after_dirtying),
        ("grandchildren", grandchildren),
        ("joins_beside_a_fork", joins_beside_a_fork),
        ("joins_after_a_fork", joins_after_a_fork),
        ("beside_open_children", beside_open_children),
        ("fresh_memory", fresh_memory),
        ("what_failed_children_left", what_failed_children_left),
        ("commands", commands),
        ("handlers", handlers),
        ("killed", killed),
        ("refused_by_a_limit", refused_by_a_limit),
        ("children_cannot", children_cannot),
    ])
}

static STATIC: AtomicUsize = AtomicUsize::new(1);
thread_local! {
    static LOCAL: Cell<usize> = const { Cell::new(1) };
    static BOXED: RefCell<Vec<usize>> = RefCell::new(vec![1]);
}

/// Forks; the new process runs `child` and ends with 0 if nothing in it panics.
fn fork(child: impl FnOnce()) -> libc::pid_t {
    // SAFETY: one thread; the new process ends by itself.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    if pid == 0 {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(i32::from(done.is_err())) };
    }
    pid
}

/// Waits for a process; its exit code, or the negative signal that killed it.
fn wait(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: waits for a process that this one made.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    if libc::WIFSIGNALED(status) { -libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
}

/// A pipe, to tell a process when to go on.
struct Gate([i32; 2]);

impl Gate {
    fn new() -> Gate {
        let mut ends = [0; 2];
        // SAFETY: two descriptors are written.
        assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
        Gate(ends)
    }

    fn open(&self) {
        // SAFETY: one byte is read from a live array.
        assert_eq!(unsafe { libc::write(self.0[1], [1u8].as_ptr().cast(), 1) }, 1);
    }

    fn pass(&self) {
        let mut byte = [0u8];
        // SAFETY: one byte is written to a live array.
        assert_eq!(unsafe { libc::read(self.0[0], byte.as_mut_ptr().cast(), 1) }, 1);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        for end in self.0 {
            // SAFETY: both ends are this value's.
            unsafe { libc::close(end) };
        }
    }
}

/// Values on the heap, on the stack, in statics and in thread-local storage.
struct Everything {
    heap: Vec<usize>,
    stack: [usize; 1000],
}

impl Everything {
    fn new() -> Everything {
        let mut all = Everything { heap: vec![0; 1 << 20], stack: [0; 1000] };
        all.set(1);
        all
    }

    fn set(&mut self, v: usize) {
        self.heap.fill(v);
        self.stack.fill(v);
        STATIC.store(v, Relaxed);
        LOCAL.set(v);
        BOXED.with_borrow_mut(|b| b.fill(v));
    }

    #[track_caller]
    fn assert(&self, v: usize) {
        assert!(self.heap.iter().all(|&x| x == v), "heap");
        assert!(self.stack.iter().all(|&x| x == v), "stack");
        assert_eq!(STATIC.load(Relaxed), v, "static");
        assert_eq!(LOCAL.get(), v, "thread-local");
        BOXED.with_borrow(|b| assert!(b.iter().all(|&x| x == v), "boxed"));
    }
}

fn both_ways() {
    let mut all = Everything::new();
    let (to, from) = (Gate::new(), Gate::new());
    let pid = fork(|| {
        all.assert(1);
        all.set(2);
        from.open();
        to.pass();
        all.assert(2);
    });
    from.pass();
    all.assert(1);
    all.set(3);
    to.open();
    assert_eq!(wait(pid), 0);
    all.assert(3);
}

/// The parent changes pages that the new process has not looked at yet.
fn parent_overwrites_first() {
    let mut all = Everything::new();
    let gate = Gate::new();
    let pid = fork(|| {
        gate.pass();
        all.assert(1);
    });
    all.set(2);
    gate.open();
    assert_eq!(wait(pid), 0);
    all.assert(2);
}

fn again_after_dirtying() {
    let mut all = Everything::new();
    let mut made = Vec::new();
    for round in 1..=4 {
        all.set(round);
        let gate = Gate::new();
        let pid = fork(|| {
            gate.pass();
            all.assert(round);
            all.set(100);
        });
        made.push((pid, gate));
    }
    all.set(50);
    // The last first.
    for (pid, gate) in made.into_iter().rev() {
        gate.open();
        assert_eq!(wait(pid), 0);
        all.assert(50);
    }
    assert_alive();
}

fn grandchildren() {
    let mut all = Everything::new();
    let gate = Gate::new();
    let pid = fork(|| {
        all.set(2);
        let a = fork(|| {
            gate.pass();
            all.assert(2);
            all.set(3);
        });
        let b = fork(|| {
            all.set(4);
            let c = fork(|| {
                all.assert(4);
                all.set(5);
            });
            assert_eq!(wait(c), 0);
            all.assert(4);
        });
        all.set(6);
        gate.open();
        assert_eq!((wait(a), wait(b)), (0, 0));
        all.assert(6);
    });
    all.set(7);
    assert_eq!(wait(pid), 0);
    all.assert(7);
    assert_alive();
}

/// Writes of joined children do not reach a forked process, nor its own writes them.
fn joins_beside_a_fork() {
    let mut all = Everything::new();
    let (to, from) = (Gate::new(), Gate::new());
    let pid = fork(|| {
        // This one's own child relies on the memory as well, and outlives it.
        fork(|| {
            to.pass();
            all.assert(1);
            from.open();
        });
    });
    assert_eq!(wait(pid), 0);
    all.set(2);
    for round in 0..3 {
        let (left, right) = all.heap.split_at_mut(1 << 19);
        let seen = join(
            || (left.iter().sum::<usize>(), left.fill(3 + round)).0,
            || (right.iter().sum::<usize>(), right.fill(3 + round)).0,
        );
        assert_eq!(seen, ((2 + round) << 19, (2 + round) << 19));
    }
    all.set(5);
    all.assert(5);
    to.open();
    from.pass();
    all.assert(5);
    assert_alive();
}

/// What the parent wrote since the fork is there in joins after the new process has ended.
fn joins_after_a_fork() {
    let mut all = Everything::new();
    for round in 2..5 {
        let pid = fork(|| all.set(100));
        all.set(round);
        assert_eq!(wait(pid), 0);
        all.assert(round);
        let fresh = vec![round; 1 << 20];
        let (a, b) = join(
            || all.heap.iter().chain(&all.stack).sum::<usize>() + STATIC.load(Relaxed),
            || fresh.iter().sum::<usize>(),
        );
        assert_eq!((a, b), (round * ((1 << 20) + 1001), round << 20));
        all.assert(round);
        assert_alive();
    }
}

/// A process forked while open children run has none of them, and nothing that they write.
fn beside_open_children() {
    let mut all = Everything::new();
    let gate = Gate::new();
    let big = |v: u8| vec![v; 3 << 20];
    let child = |v: u8| detpar::fork(u32::from(v), move || (big(v), vec![v; 1000])).unwrap();
    let freed = vec![9u8; 100_000];
    let (mut one, mut two) = (Some(child(1)), Some(child(2)));
    // The children hold it as well.
    drop(freed);
    all.set(2);
    let pid = fork(|| {
        drop(one.take());
        assert!(two.take().unwrap().join().is_err());
        all.assert(2);
        all.set(3);
        for n in [1000, 100_000, 3 << 20, 3 << 20, 3 << 20] {
            assert!(vec![0u8; n].iter().all(|&x| x == 0));
        }
        gate.pass();
        all.assert(3);
    });
    let three = Some(child(3));
    all.set(4);
    for (v, child) in [(3, three), (2, two), (1, one)] {
        assert_eq!(child.unwrap().join().unwrap(), (big(v), vec![v; 1000]));
    }
    all.assert(4);
    assert_alive();
    gate.open();
    assert_eq!(wait(pid), 0);
    all.assert(4);
    assert_alive();
}

/// Both processes allocate the same addresses, each for itself.
fn fresh_memory() {
    let sizes = [10usize, 1000, 100_000, 10_000_000, 100_000_000];
    let (to, from) = (Gate::new(), Gate::new());
    let use_some = |v: u8| {
        let mut blocks: Vec<Vec<u8>> = sizes.iter().map(|&n| vec![0; n]).collect();
        assert!(blocks.iter().all(|b| b.iter().all(|&x| x == 0)));
        blocks.iter_mut().for_each(|b| b.fill(v));
        blocks
    };
    let pid = fork(|| {
        let blocks = use_some(1);
        from.open();
        to.pass();
        assert!(blocks.iter().all(|b| b.iter().all(|&x| x == 1)));
        drop(blocks);
        drop(use_some(3));
    });
    from.pass();
    let blocks = use_some(2);
    to.open();
    assert_eq!(wait(pid), 0);
    assert!(blocks.iter().all(|b| b.iter().all(|&x| x == 2)));
    drop(blocks);
    assert_alive();
    drop(use_some(4));
}

/// Children that fail leave bytes in memory that was granted to them: it must never pass for
/// zeroed memory in a forked process.
fn what_failed_children_left() {
    let child = |i: u8| {
        let v: Vec<Vec<u8>> = (0..64).map(|k| vec![i + 1; 10_000 * k]).collect();
        assert!(v.len() == 1, "fails");
    };
    let before = odf::is_enabled();
    for on in [true, false] {
        assert!(detpar::try_join(|| child(0), || child(1)).is_err());
        odf::set_enabled(on);
        let pid = fork(|| {
            for k in 0..64 {
                assert!(vec![0u8; 10_000 * k].iter().all(|&x| x == 0));
            }
        });
        assert_eq!(wait(pid), 0);
    }
    odf::set_enabled(before);
    assert_alive();
}

fn commands() {
    let mut all = Everything::new();
    for i in 0..10 {
        let counter = AtomicU32::new(0);
        let mut command = Command::new("sh");
        command.args(["-c", "echo $VALUE"]).env("VALUE", i.to_string());
        // SAFETY: the hook is safe between fork and exec.
        unsafe {
            command.pre_exec(move || {
                counter.fetch_add(1, Relaxed);
                STATIC.store(100, Relaxed);
                Ok(())
            });
        }
        all.set(i);
        assert_eq!(command.output().unwrap().stdout, format!("{i}\n").as_bytes());
        all.assert(i);
        assert_alive();
    }
}

static HANDLED: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];

fn handlers() {
    extern "C" fn count<const N: usize>() {
        HANDLED[N].fetch_add(1, Relaxed);
        // Handlers may allocate.
        assert_eq!(std::hint::black_box(vec![N; 100]).len(), 100);
    }
    type Handler = extern "C" fn();
    unsafe extern "C" {
        fn pthread_atfork(
            prepare: Option<Handler>,
            parent: Option<Handler>,
            child: Option<Handler>,
        ) -> i32;
    }
    // SAFETY: the handlers live as long as the program.
    assert_eq!(unsafe { pthread_atfork(Some(count::<0>), Some(count::<1>), Some(count::<2>)) }, 0);
    let counts = || [0, 1, 2].map(|i| HANDLED[i].load(Relaxed));
    // A fork that copies at once is none of libc's.
    let n = u32::from(odf::is_enabled());
    let pid = fork(|| assert_eq!(counts(), [n, 0, n]));
    assert_eq!(wait(pid), 0);
    assert_eq!(counts(), [n, n, 0]);
    let Ok(Fork::Parent { child }) = odf::fork().inspect(|f| {
        if *f == Fork::Child {
            std::process::exit(i32::from(counts() != [n + 1, n, 1]));
        }
    }) else {
        panic!("no fork")
    };
    assert_eq!(wait(child), 0);
}

fn killed() {
    let mut all = Everything::new();
    for _ in 0..3 {
        let gate = Gate::new();
        let pid = fork(|| gate.pass());
        all.set(2);
        // SAFETY: a process that this one made.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        assert_eq!(wait(pid), -libc::SIGKILL);
        assert_alive();
        all.assert(2);
    }
    // The parent dies, its child goes on.
    let (to, from) = (Gate::new(), Gate::new());
    let pid = fork(|| {
        fork(|| {
            to.pass();
            all.assert(2);
            all.set(3);
            all.assert(3);
            from.open();
        });
        // SAFETY: this process itself.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    });
    assert_eq!(wait(pid), -libc::SIGKILL);
    to.open();
    from.pass();
    all.assert(2);
    assert_alive();
}

/// A fork that fails changes nothing.
fn refused_by_a_limit() {
    let mut all = Everything::new();
    let refused = |all: &mut Everything| {
        for round in 2..5 {
            // SAFETY: one thread.
            assert_eq!(unsafe { libc::fork() }, -1);
            assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EAGAIN));
            assert!(odf::fork().is_err());
            all.set(round);
            all.assert(round);
        }
    };
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: concerns this process alone. Root is not held to the limit, nobody is.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NPROC, &mut limit), 0);
        let none = libc::rlimit { rlim_cur: 0, ..limit };
        let root = libc::getuid() == 0;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &none), 0);
        if root {
            assert_eq!(libc::setresuid(65534, 65534, 0), 0);
        }
        refused(&mut all);
        if root {
            assert_eq!(libc::setresuid(0, 0, 0), 0);
        }
        assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &limit), 0);
    }
    assert_alive();
    let pid = fork(|| all.assert(4));
    all.set(5);
    assert_eq!(wait(pid), 0);
    assert_alive();
}

fn children_cannot() {
    let e = detpar::try_join(|| odf::fork().is_ok(), || ()).unwrap_err();
    assert!(matches!(e, detpar::JoinError::Forbidden(_)), "{e}");
    assert_alive();
}
