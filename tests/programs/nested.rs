//! Children that fork children: what once went wrong there.
use detpar::prelude::*;
use detpar::{join, try_join};
use detpar_tests::program::{self, assert_alive};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("recycled_segment", recycled_segment),
        ("many_in_a_row", many_in_a_row),
        ("killed_beside_forking", killed_beside_forking),
        ("commands_of_the_master", commands_of_the_master),
        ("plain_fork", plain_fork),
    ])
}

/// A grandchild reuses a segment of which its parent holds changed pages of an earlier life.
fn recycled_segment() {
    let seen = try_join(
        || {
            let mut seen = Vec::new();
            for round in 1u8..=6 {
                let (mut v, ()) = join(|| vec![round; 2 << 20], || ());
                seen.push((v[0], v[5000]));
                v[0] = 100 + round;
            }
            seen
        },
        || (),
    );
    let expected: Vec<(u8, u8)> = (1..=6).map(|r| (r, r)).collect();
    assert_eq!(seen.unwrap().0, expected);
}

fn many_in_a_row() {
    // What differs is told by its round.
    let rounds = || {
        let wrong = |i: &u64| {
            let got = join(|| *i, || 1u64);
            (got != (*i, 1)).then_some((*i, got))
        };
        (0..500u64).filter_map(|i| wrong(&i)).collect::<Vec<_>>()
    };
    assert_eq!(join(rounds, rounds), (Vec::new(), Vec::new()));
    let sum = || (0..500u64).map(|i| join(move || i, || 1)).map(|(a, b)| a + b).sum::<u64>();
    assert_eq!(join(sum, sum), (125_250, 125_250));
}

/// Child 0 forks on while child 1 fails and child 2, which never ends, is killed.
fn killed_beside_forking() {
    let child = |i: usize| match i {
        0 => (0..60u64).map(|k| join(move || k, || 1)).map(|(a, b)| a + b).sum::<u64>(),
        1 => panic!("one"),
        _ => loop {
            std::hint::spin_loop();
        },
    };
    for _ in 0..10 {
        let all = || (0..3usize).into_par_iter().with_max_len(1).map(child).collect::<Vec<_>>();
        let payload = std::panic::catch_unwind(all).unwrap_err();
        assert_eq!(payload.downcast_ref::<String>().map(String::as_str), Some("one"));
    }
    assert_alive();
}

/// `Command` forks where it cannot spawn: both ways work beside workers.
fn commands_of_the_master() {
    let before = vec![7u8; 1 << 20];
    for fork in [false, true] {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $VALUE"]).env("VALUE", "x");
        if fork {
            // SAFETY: the hook does nothing.
            unsafe { command.pre_exec(|| Ok(())) };
        }
        let output = command.output().unwrap();
        assert_eq!(output.stdout, b"x\n");
        assert_eq!(join(|| before[0], || before[99]), (7, 7));
    }
}

/// After a plain fork both processes have a memory of their own.
fn plain_fork() {
    let mut value = vec![1u8; 100_000];
    // SAFETY: one thread; the new process ends by itself.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        value.fill(2);
        let alone = try_join(|| (), || ()).is_err();
        std::process::exit(if alone && value[99_999] == 2 { 3 } else { 4 });
    }
    let mut status = 0;
    // SAFETY: waits for the child just made.
    unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(libc::WEXITSTATUS(status), 3);
    assert!(value.iter().all(|&b| b == 1));
    assert_alive();
}
