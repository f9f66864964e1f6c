//! Workers that hold stopped children are killed.
//!
//! Argument: for how many seconds; last line: how many rounds succeeded and were killed. Without
//! an argument it kills its own workers, case by case.
use detpar::JoinError;
use detpar_tests::program::{self, assert_alive};
use kernel::abi::{Cause, ChildId, End, State};
use kernel::call::{self, Get, GetError, Job, Put};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

#[detpar::main]
fn main() -> ExitCode {
    match std::env::args().nth(1).and_then(|s| s.parse().ok()) {
        Some(seconds) => rounds(Duration::from_secs(seconds)),
        None => program::run(&[
            ("started_again", started_again),
            ("merged", merged),
            ("given_a_new_snapshot", given_a_new_snapshot),
            ("ended", ended),
            ("nested", nested),
        ]),
    }
}

static WORDS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];

/// Writes a word, stops, writes it again.
///
/// # Safety
/// Needs nothing; the type is that of an entry.
unsafe extern "C" fn stops(_: *mut (), i: usize, _: *mut u8) -> End {
    WORDS[i].fetch_add(1, Relaxed);
    if call::ret(i as u32).is_err() {
        return End::Panicked;
    }
    WORDS[i].fetch_add(1, Relaxed);
    End::Returned
}

fn job(i: usize) -> Job {
    Job { entry: stops, data: std::ptr::null_mut(), arg: i, out_size: 0 }
}

fn start(i: usize) -> Result<(), GetError> {
    // SAFETY: the entry needs nothing and does not unwind; words may hold anything.
    unsafe { Put::new(ChildId(i as u32)).snap().regs(job(i)).start().call() }
}

fn go_on(i: usize) -> Result<(), GetError> {
    // SAFETY: as above.
    unsafe { Put::new(ChildId(i as u32)).start().call() }
}

fn merge(i: usize) -> Result<State, GetError> {
    // SAFETY: as above.
    unsafe { Get::new(ChildId(i as u32)).merge().call() }.map(|found| found.state)
}

fn end(i: usize) {
    // SAFETY: no handle names the child.
    unsafe { call::kill(ChildId(i as u32)) }.expect("a child");
}

const KILLED: State = State::Exception(Cause::Killed { signal: libc::SIGKILL });

/// Starts all, waits until they have stopped, and kills whatever worker there is.
fn park_and_kill() {
    WORDS.iter().for_each(|w| w.store(0, Relaxed));
    (0..4).for_each(|i| start(i).expect("a child"));
    for i in 0..4 {
        // SAFETY: as above.
        let found = unsafe { Get::new(ChildId(i as u32)).call() }.expect("it stops");
        assert_eq!(found.state, State::Ret(i as u32));
    }
    kill_all();
}

fn kill_all() {
    for pid in kernel::master::worker_pids() {
        // SAFETY: has no operands in memory; workers are this program's own, and reaped by it.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
}

fn started_again() {
    park_and_kill();
    for i in 0..4 {
        go_on(i).expect("the call itself is no failure");
        assert_eq!(merge(i).expect("an answer"), KILLED);
        assert_eq!(merge(i).expect("the same answer"), KILLED);
    }
    assert!(WORDS.iter().all(|w| w.load(Relaxed) == 0));
    // The numbers can be used again, as after any failure.
    for i in 0..4 {
        start(i).expect("a new child");
        assert_eq!(merge(i).expect("it stops"), State::Ret(i as u32));
        go_on(i).expect("it goes on");
        end(i);
    }
    assert!(WORDS.iter().all(|w| w.load(Relaxed) == 1));
    assert_alive();
}

/// What a child had changed when it stopped has been handed over: its worker is not needed
/// to merge it.
fn merged() {
    park_and_kill();
    for i in 0..4 {
        assert_eq!(merge(i).expect("an answer"), State::Ret(i as u32));
        end(i);
    }
    assert!(WORDS.iter().all(|w| w.load(Relaxed) == 1));
    assert_alive();
}

fn given_a_new_snapshot() {
    park_and_kill();
    // SAFETY: as above.
    unsafe { Put::new(ChildId(0)).snap().call() }.expect("the call itself is no failure");
    assert_eq!(merge(0).expect("an answer"), KILLED);
    start(0).expect("registers and a snapshot");
    assert_eq!(merge(0).expect("it stops"), State::Ret(0));
    (0..4).for_each(end);
    assert_alive();
}

fn ended() {
    park_and_kill();
    (0..4).for_each(end);
    assert_alive();
}

/// A parent that waits for its stopped child, and one that has stopped with a stopped child.
fn nested() {
    /// # Safety
    /// Needs nothing; the type is that of an entry.
    unsafe extern "C" fn outer(_: *mut (), _: usize, _: *mut u8) -> End {
        let stopped = start(1).is_ok() && matches!(merge(1), Ok(State::Ret(1)));
        if !stopped || call::ret(7).is_err() {
            return End::Panicked;
        }
        let _ = go_on(1);
        let _ = merge(1);
        End::Returned
    }
    WORDS.iter().for_each(|w| w.store(0, Relaxed));
    let job = Job { entry: outer, ..job(0) };
    // SAFETY: as above.
    unsafe { Put::new(ChildId(0)).snap().regs(job).start().call() }.expect("a child");
    assert_eq!(merge(0).expect("it stops"), State::Ret(7));
    kill_all();
    go_on(0).expect("the call itself is no failure");
    assert_eq!(merge(0).expect("an answer"), KILLED);
    end(0);
    assert_alive();
}

/// Rounds of children that stop and go on, while somebody else kills workers.
fn rounds(time: Duration) -> ExitCode {
    println!("ready");
    let end_of_time = Instant::now() + time;
    let (mut succeeded, mut killed) = (0u64, 0u64);
    let mut round = 0;
    while Instant::now() < end_of_time {
        round += 1;
        let counts = if round % 2 == 0 { stop_and_go() } else { barriers() };
        succeeded += counts.0;
        killed += counts.1;
    }
    let alive = || std::panic::catch_unwind(assert_alive).is_ok();
    let again = || {
        // The last kill may be on its way.
        std::thread::sleep(Duration::from_millis(100));
        alive()
    };
    assert!(alive() || again() || again(), "the master cannot fork any more");
    println!("{succeeded} succeeded, {killed} killed");
    ExitCode::SUCCESS
}

fn stop_and_go() -> (u64, u64) {
    WORDS.iter().for_each(|w| w.store(0, Relaxed));
    let (mut succeeded, mut killed) = (0, 0);
    (0..4).for_each(|i| start(i).expect("a child"));
    for (i, word) in WORDS.iter().enumerate() {
        let mut answers = vec![merge(i).expect("an answer")];
        if answers[0] == State::Ret(i as u32) {
            assert_eq!(word.load(Relaxed), 1);
            // SAFETY: as above.
            unsafe { Put::new(ChildId(i as u32)).snap().start().call() }.expect("it goes on");
            answers.push(merge(i).expect("an answer"));
        }
        match answers[..] {
            [State::Ret(_), State::Returned] => {
                assert_eq!(word.load(Relaxed), 2);
                succeeded += 1;
            }
            [State::Exception(Cause::Killed { .. })] => killed += 1,
            [_, State::Exception(Cause::Killed { .. })] => {
                assert_eq!(word.load(Relaxed), 1);
                killed += 1;
            }
            ref other => panic!("neither success nor a kill: {other:?}"),
        }
        end(i);
    }
    (succeeded, killed)
}

/// Children of a join that wait for each other.
fn barriers() -> (u64, u64) {
    WORDS.iter().for_each(|w| w.store(0, Relaxed));
    let child = |i: usize| {
        move || {
            for phase in 1..4 {
                WORDS[i].store(phase, Relaxed);
                call::barrier().expect("a sibling");
                assert_eq!(WORDS[1 - i].load(Relaxed), phase);
            }
        }
    };
    let words = || [WORDS[0].load(Relaxed), WORDS[1].load(Relaxed)];
    match detpar::try_join(child(0), child(1)) {
        Ok(_) => {
            assert_eq!(words(), [3, 3]);
            (1, 0)
        }
        Err(JoinError::Killed(_)) => {
            assert_eq!(words(), [0, 0]);
            (0, 1)
        }
        Err(e) => panic!("neither success nor a kill: {e}"),
    }
}
