//! A program that is killed, stopped and signalled by its test, in whatever it does: no
//! process may be left over, and the program never meets a worker.
use detpar::prelude::*;
use detpar::{JoinError, try_join};
use detpar_tests::harness::Numbers;
use detpar_tests::program::{assert_alive, change, shared};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

const PAGE: usize = 4096;

#[detpar::main]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["busy"] => busy(),
        ["spin"] => spin(),
        ["count", n] => count(n.parse().expect("a number")),
        ["trees"] => trees(),
        ["waits"] => waits(),
        ["child_signals"] => child_signals(),
        ["own_group"] => own_group(),
        ["exec"] => exec(),
        ["exec_variadic"] => exec_variadic(),
        _ => return ExitCode::from(64),
    }
    ExitCode::SUCCESS
}

/// Works for that many iterations, which no optimiser removes.
fn work(n: u64) -> u64 {
    (0..n).fold(0, |a, i| std::hint::black_box(a ^ i))
}

/// Forks children of every shape until it is killed.
fn busy() {
    println!("ready");
    let memory = shared(&vec![0; 64 * PAGE]);
    let mut numbers = Numbers(7);
    loop {
        let n = numbers.below(20_000);
        match numbers.below(4) {
            0 => fill(&memory, n),
            1 => {
                detpar::join(|| work(n), || detpar::join(|| work(n), || nested(3, n)));
            }
            2 => (0..30usize).into_par_iter().with_max_len(1).for_each(|i| {
                change(&memory, i * PAGE, 1);
            }),
            _ => {
                // Workers are made anew.
                let _ = try_join(|| work(n), || std::process::abort());
            }
        }
    }
}

fn fill(memory: &[AtomicU8], n: u64) {
    detpar::join(
        || (0..32).for_each(|p| change(memory, p * PAGE, 1)),
        || work(n) + (32..64).map(|p| change(memory, p * PAGE, 1)).count() as u64,
    );
}

fn nested(levels: u32, n: u64) -> u64 {
    if levels == 0 {
        return work(n);
    }
    let (a, b) = detpar::join(|| nested(levels - 1, n), || nested(levels - 1, n));
    a ^ b
}

/// Children of children that never end.
fn spin() {
    println!("ready");
    let endless = || work(u64::MAX);
    detpar::join(|| detpar::join(endless, endless), || detpar::join(endless, || 1));
}

/// Prints a result of many constructs.
fn count(n: u64) {
    println!("ready");
    let mut sum = 0;
    for i in 0..n {
        let (a, b) = detpar::join(|| work(20_000) ^ i, || nested(2, i));
        sum += a ^ b;
    }
    println!("sum {sum}");
}

/// Trees three levels deep whose processes are killed: what of a tree died is told by the
/// construct that it belonged to, by the index of the child, and nothing else is. Goes on
/// until it is told to end.
fn trees() {
    handle(libc::SIGUSR1);
    println!("ready");
    let memory = shared(&[0; 8 * PAGE]);
    let mut expected = [0u8; 8];
    let (mut whole, mut failed) = (0, [0; 3]);
    while SIGNALS.load(SeqCst) == 0 {
        let mut told = [0; 3];
        let outcome = level(0, 0, &memory);
        note(outcome, &mut told, &mut expected);
        for (leaf, e) in expected.iter().enumerate() {
            assert_eq!(memory[leaf * PAGE].load(SeqCst), *e, "leaf {leaf}");
        }
        whole += usize::from(told == [0; 3]);
        failed.iter_mut().zip(told).for_each(|(f, t)| *f += t);
    }
    alive_at_last();
    println!("{whole} whole, {} {} {} killed", failed[0], failed[1], failed[2]);
}

/// What became of a space: a leaf, or the construct that it made.
enum Tree {
    Leaf(usize),
    Node(usize, Result<Box<(Tree, Tree)>, JoinError>),
}

fn level(depth: usize, path: usize, memory: &[AtomicU8]) -> Tree {
    if depth == 3 {
        work(20_000);
        change(memory, path * PAGE, 1);
        return Tree::Leaf(path);
    }
    let child = |i| move || level(depth + 1, 2 * path + i, memory);
    Tree::Node(depth, try_join(child(0), child(1)).map(Box::new))
}

fn note(tree: Tree, told: &mut [usize; 3], expected: &mut [u8; 8]) {
    match tree {
        Tree::Leaf(path) => expected[path] ^= 1,
        Tree::Node(_, Ok(both)) => {
            note(both.0, told, expected);
            note(both.1, told, expected);
        }
        Tree::Node(depth, Err(JoinError::Killed(k))) => {
            assert!(k.child() < 2 && k.signal() == Some(libc::SIGKILL), "{k}");
            told[depth] += 1;
        }
        Tree::Node(_, Err(other)) => panic!("neither success nor a kill: {other:?}"),
    }
}

/// The last kill may still be on its way: failures are forgiven for a while.
fn alive_at_last() {
    let end = Instant::now() + Duration::from_secs(5);
    while std::panic::catch_unwind(assert_alive).is_err() {
        assert!(Instant::now() < end, "the master cannot fork any more");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// One `waitid` for whatever child there is.
fn wait_any(flags: i32) -> Result<i32, i32> {
    // SAFETY: the record is alive; zero is a valid value of it.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        match libc::waitid(libc::P_ALL, 0, &mut info, libc::WEXITED | flags) {
            0 => Ok(info.si_pid()),
            _ => Err(*libc::__errno_location()),
        }
    }
}

/// Waiting for any child sees those that the program started, and no worker, living or dead.
fn waits() {
    assert_alive();
    let kill_one = || {
        let pid = *kernel::master::worker_pids().last().expect("a worker");
        // SAFETY: a worker of this program, which has not reaped it.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        std::thread::sleep(Duration::from_millis(20));
    };
    // SAFETY: the status is not asked for.
    let wait = |pid, flags| match unsafe { libc::waitpid(pid, std::ptr::null_mut(), flags) } {
        // SAFETY: libc's thread-local error number.
        -1 => Err(unsafe { *libc::__errno_location() }),
        pid => Ok(pid),
    };
    for round in 0..3 {
        kill_one();
        for flags in [0, libc::WNOHANG, libc::WUNTRACED] {
            assert_eq!(wait(-1, flags), Err(libc::ECHILD), "round {round}");
            assert_eq!(wait(0, flags), Err(libc::ECHILD), "round {round}");
        }
        assert_eq!(wait_any(0), Err(libc::ECHILD));
        assert_eq!(wait_any(libc::WNOHANG | libc::WNOWAIT), Err(libc::ECHILD));
        let own = Command::new("/bin/true").spawn().expect("/bin/true").id() as i32;
        assert_alive();
        let got = match round {
            0 => wait(-1, 0),
            1 => wait(0, 0),
            _ => wait_any(0),
        };
        assert_eq!(got, Ok(own));
        assert_alive();
        assert_eq!(wait(-1, 0), Err(libc::ECHILD));
    }
    println!("ok");
}

static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn note_signal(_: i32) {
    SIGNALS.fetch_add(1, SeqCst);
}

fn handle(signal: i32) {
    // SAFETY: the handler adds to an atomic, which is all it does.
    unsafe { libc::signal(signal, note_signal as *const () as libc::sighandler_t) };
}

/// No worker's life or death raises SIGCHLD; a command's end does.
fn child_signals() {
    handle(libc::SIGCHLD);
    for _ in 0..20 {
        assert_alive();
        let _ = try_join(|| 1, || std::process::abort());
        for pid in kernel::master::worker_pids() {
            // SAFETY: a worker of this program, which has not reaped it.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        assert_alive();
    }
    assert_eq!(SIGNALS.load(SeqCst), 0);
    assert!(Command::new("/bin/true").status().expect("/bin/true").success());
    assert_eq!(SIGNALS.load(SeqCst), 1);
    println!("ok");
}

/// A signal that the program sends to its own group reaches the program alone.
fn own_group() {
    handle(libc::SIGTERM);
    handle(libc::SIGUSR1);
    assert_alive();
    let before = kernel::master::worker_pids();
    for signal in [libc::SIGTERM, libc::SIGUSR1] {
        // SAFETY: has no memory operands.
        unsafe { libc::kill(0, signal) };
    }
    assert_eq!(SIGNALS.load(SeqCst), 2);
    assert_alive();
    let after = kernel::master::worker_pids();
    assert!(before.iter().all(|pid| after.contains(pid)), "{before:?}, then {after:?}");
    println!("ok");
}

/// The same by a function of C that calls the system from inside of libc.
fn exec_variadic() {
    assert_alive();
    let none = std::ptr::null::<libc::c_char>();
    // SAFETY: strings, and a null pointer after the last.
    unsafe { libc::execl(c"/bin/sleep".as_ptr(), c"sleep".as_ptr(), c"1000".as_ptr(), none) };
    panic!("/bin/sleep");
}

/// Becomes another program, which must have no children.
fn exec() {
    assert_alive();
    println!("ready");
    let e = Command::new("/bin/sleep").arg("1000").exec();
    panic!("/bin/sleep: {e}");
}
