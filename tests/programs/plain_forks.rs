//! Forks of a program without a master space, also while it has threads.
use detpar::odf;
use detpar_tests::program;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};

fn main() -> ExitCode {
    program::run(&[
        ("both_ways", both_ways),
        ("beside_threads", beside_threads),
        ("by_threads", by_threads),
        ("commands_by_threads", commands_by_threads),
        ("safe_fork_refuses_threads", safe_fork_refuses_threads),
        ("daemons", daemons),
    ])
}

/// Forks; the new process ends with 0 where `child` says so.
fn fork(child: impl FnOnce() -> bool) -> libc::pid_t {
    // SAFETY: the new process allocates at most, which the heap's lock allows for.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    if pid == 0 {
        let ok = child();
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(i32::from(!ok)) };
    }
    pid
}

fn wait(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: waits for a process that this one made.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    status
}

fn both_ways() {
    let mut values = vec![1usize; 1 << 20];
    for round in 1..5 {
        let a = fork(|| {
            let seen = values.iter().all(|&v| v == round);
            let mut mine = values.clone();
            mine.fill(100);
            let b = fork(|| mine.iter().all(|&v| v == 100) && values.iter().all(|&v| v == round));
            mine.fill(200);
            seen && wait(b) == 0
        });
        values.fill(round + 1);
        assert_eq!(wait(a), 0);
        assert!(values.iter().all(|&v| v == round + 1));
    }
}

/// Threads that change the heap while the process forks: each new process has a heap of one
/// moment, and what it writes stays its own.
fn beside_threads() {
    let (stop, turns) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|s| {
        for t in 0..3usize {
            let (stop, turns) = (&stop, &turns);
            s.spawn(move || {
                let mut lists: Vec<Vec<usize>> = Vec::new();
                while !stop.load(Relaxed) {
                    let n = turns.fetch_add(1, Relaxed) % 500 + t;
                    lists.push(vec![n; n + 1]);
                    assert!(lists.iter().all(|l| l.iter().all(|&x| x == l[0])));
                    if lists.len() > 20 {
                        lists.swap_remove(n % 20);
                    }
                }
            });
        }
        let mut values = vec![1usize; 1 << 16];
        for round in 1..40 {
            let pid = fork(|| {
                let v: Vec<Vec<u8>> = (0..200).map(|n| vec![0; n * 50]).collect();
                v.iter().all(|v| v.iter().all(|&x| x == 0)) && values.iter().all(|&v| v == round)
            });
            values.fill(round + 1);
            assert_eq!(wait(pid), 0);
        }
        stop.store(true, Relaxed);
    });
}

/// Several threads fork at a time.
fn by_threads() {
    std::thread::scope(|s| {
        for t in 0..4usize {
            s.spawn(move || {
                for i in 0..20 {
                    let values = vec![t + i; 10_000];
                    let pid = fork(|| values.iter().all(|&v| v == t + i));
                    assert_eq!(wait(pid), 0);
                }
            });
        }
    });
    let pid = fork(|| true);
    assert_eq!(wait(pid), 0);
}

fn commands_by_threads() {
    std::thread::scope(|s| {
        for t in 0..3 {
            s.spawn(move || {
                for i in 0..5 {
                    let mut command = Command::new("sh");
                    command.args(["-c", "echo $VALUE"]).env("VALUE", format!("{t} {i}"));
                    // SAFETY: the hook does nothing.
                    unsafe { command.pre_exec(|| Ok(())) };
                    let output = command.output().unwrap();
                    assert_eq!(output.stdout, format!("{t} {i}\n").as_bytes());
                }
            });
        }
    });
}

fn safe_fork_refuses_threads() {
    std::thread::scope(|s| {
        let (send, receive) = std::sync::mpsc::channel::<()>();
        s.spawn(move || receive.recv());
        assert_eq!(odf::fork().unwrap_err().kind(), std::io::ErrorKind::Unsupported);
        drop(send);
    });
}

/// libc's own callers of fork.
fn daemons() {
    let mut ends = [0; 2];
    // SAFETY: two descriptors are written.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    let mut values = vec![1u8; 1 << 20];
    let pid = fork(|| {
        // SAFETY: one thread.
        if unsafe { libc::daemon(1, 1) } != 0 {
            return false;
        }
        let ok = values.iter().all(|&v| v == 1);
        // SAFETY: one byte is read from a live array.
        unsafe { libc::write(ends[1], [u8::from(ok)].as_ptr().cast(), 1) == 1 }
    });
    values.fill(2);
    assert_eq!(wait(pid), 0);
    let mut byte = [0u8];
    // SAFETY: one byte is written to a live array; the descriptors are this function's.
    unsafe {
        assert_eq!(libc::read(ends[0], byte.as_mut_ptr().cast(), 1), 1);
        libc::close(ends[0]);
        libc::close(ends[1]);
    }
    assert_eq!(byte, [1]);

    let mut terminal = 0;
    let none = std::ptr::null_mut();
    // SAFETY: one thread; the descriptor is written.
    let pid = unsafe { libc::forkpty(&mut terminal, none, none.cast(), none.cast()) };
    if pid < 0 {
        // No terminals here.
        return;
    }
    if pid == 0 {
        values.fill(3);
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(i32::from(values[77] != 3)) };
    }
    assert_eq!(wait(pid), 0);
    assert!(values.iter().all(|&v| v == 2));
    // SAFETY: the descriptor is this function's.
    unsafe { libc::close(terminal) };
}
