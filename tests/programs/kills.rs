//! Forks children for some seconds while its test kills workers at random. Each construct
//! must have succeeded or failed as a whole; the program goes on and ends as ever.
//!
//! Argument: for how many seconds. Last line: how many constructs succeeded and failed.
use detpar::prelude::*;
use detpar::{JoinError, try_join};
use detpar_tests::program::{assert_alive, assert_same, change, pattern, shared};
use kernel::abi::{Cause, ChildId, End, GetFlags, PutFlags};
use kernel::call::{self, Closed, GetError, Job};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU8;
use std::time::{Duration, Instant};

const PAGE: usize = 4096;

#[derive(Default)]
struct Counts {
    succeeded: u64,
    killed: u64,
}

#[detpar::main]
fn main() {
    let seconds = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(3);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut counts = Counts::default();
    let mut state = State { bytes: pattern(400 * PAGE), memory: Vec::new(), words: Vec::new() };
    state.memory = shared(&state.bytes);
    println!("ready");
    for round in 0.. {
        if Instant::now() >= end {
            break;
        }
        match round % 5 {
            0 => state.flat(round, &mut counts),
            1 => state.nested(round, &mut counts),
            2 => state.leaves(&mut counts),
            3 => state.met(&mut counts),
            _ => state.collected(round, &mut counts),
        }
    }
    assert_alive_at_last();
    println!("{} succeeded, {} killed", counts.succeeded, counts.killed);
}

/// What the program holds, beside what it must be.
struct State {
    memory: Vec<AtomicU8>,
    bytes: Vec<u8>,
    words: Vec<String>,
}

impl State {
    /// Two children write pages of one array.
    fn flat(&mut self, round: usize, counts: &mut Counts) {
        let by = 1 + (round % 200) as u8;
        let write = |i: usize| {
            let memory = &self.memory;
            move || (i..400).step_by(2).for_each(|p| change(memory, p * PAGE + round % PAGE, by))
        };
        if counts.note(try_join(write(0), write(1))).is_some() {
            (0..400).for_each(|p| self.bytes[p * PAGE + round % PAGE] ^= by);
        }
        assert_same(&self.memory, &self.bytes);
    }

    /// Children of children write and return strings. A kill below the first level is the
    /// failure of the inner construct.
    fn nested(&mut self, round: usize, counts: &mut Counts) {
        let memory = &self.memory;
        let inner = |quarter: usize| {
            let write = move |page: usize| {
                move || {
                    (0..40).for_each(|i| change(memory, (page + i) * PAGE + 99, 0x80));
                    format!("{round}.{page}")
                }
            };
            move || try_join(write(quarter * 100), write(quarter * 100 + 50))
        };
        let Some((a, b)) = counts.note(try_join(inner(0), inner(2))) else {
            return assert_same(&self.memory, &self.bytes);
        };
        for (quarter, result) in [(0, a), (2, b)] {
            if let Some((x, y)) = counts.note(result) {
                for (text, page) in [(x, quarter * 100), (y, quarter * 100 + 50)] {
                    assert_eq!(text, format!("{round}.{page}"));
                    (0..40).for_each(|i| self.bytes[(page + i) * PAGE + 99] ^= 0x80);
                    self.words.push(text);
                }
            }
        }
        assert_same(&self.memory, &self.bytes);
        if self.words.len() > 1000 {
            self.words.clear();
        }
    }

    /// Many children, more than workers.
    fn leaves(&mut self, counts: &mut Counts) {
        let memory = &self.memory;
        let run = || {
            (0..100usize).into_par_iter().with_max_len(1).for_each(|leaf| {
                (0..4).for_each(|i| change(memory, (leaf * 4 + i) * PAGE + 500, 3));
            });
        };
        if counts.note_unwinding(run).is_some() {
            (0..400).for_each(|p| self.bytes[p * PAGE + 500] ^= 3);
        }
        assert_same(&self.memory, &self.bytes);
    }

    /// Children that meet twice.
    fn met(&mut self, counts: &mut Counts) {
        /// # Safety
        /// `memory` points to the shared bytes, which outlive the construct.
        unsafe extern "C" fn entry(memory: *mut (), i: usize, _: *mut u8) -> End {
            // SAFETY: the caller's contract.
            let memory = unsafe { &*memory.cast::<Vec<AtomicU8>>() };
            for step in 0..3 {
                change(memory, (i * 3 + step) * PAGE + 700, 9);
                if step < 2 && call::barrier().is_err() {
                    return End::Panicked;
                }
            }
            End::Returned
        }
        let mut closed = Closed::with_capacity(20);
        for i in 0..20 {
            let data = core::ptr::from_ref(&self.memory).cast_mut().cast();
            let flags = PutFlags::REGS | PutFlags::SNAP | PutFlags::START;
            let job = Job { entry, data, arg: i, out_size: 0 };
            closed.put(ChildId(i as u32), flags, job).expect("the next index");
        }
        // SAFETY: the entry takes what the jobs give it, and does not unwind.
        let met = match unsafe { closed.get(GetFlags::MERGE) } {
            Ok(_) => Ok(()),
            Err(GetError::Child(f)) => match f.failure.cause {
                Cause::Killed { .. } => Err(()),
                other => panic!("neither success nor a kill: {other:?}"),
            },
            Err(other) => panic!("neither success nor a kill: {other:?}"),
        };
        if counts.count(met).is_some() {
            (0..60).for_each(|p| self.bytes[p * PAGE + 700] ^= 9);
        }
        assert_same(&self.memory, &self.bytes);
    }

    /// Fresh memory that children fill.
    fn collected(&mut self, round: usize, counts: &mut Counts) {
        let run = || (0..5000).into_par_iter().map(|i| vec![i ^ round; 3]).collect::<Vec<_>>();
        if let Some(all) = counts.note_unwinding(run) {
            assert!(all.iter().enumerate().all(|(i, v)| v == &[i ^ round; 3]));
        }
    }
}

impl Counts {
    fn note<T>(&mut self, result: Result<T, JoinError>) -> Option<T> {
        match result {
            Ok(value) => self.count(Ok(value)),
            Err(JoinError::Killed { .. }) => self.count(Err(())),
            Err(other) => panic!("neither success nor a kill: {other:?}"),
        }
    }

    /// The same for what panics with the error as its message.
    fn note_unwinding<T>(&mut self, run: impl FnOnce() -> T) -> Option<T> {
        let quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let result = catch_unwind(AssertUnwindSafe(run));
        std::panic::set_hook(quiet);
        match result {
            Ok(value) => self.count(Ok(value)),
            Err(payload) => {
                let message = payload.downcast_ref::<String>().map_or("", |m| m.as_str());
                assert!(message.to_lowercase().contains("kill"), "not a kill: {message}");
                self.count(Err(()))
            }
        }
    }

    /// Counts a success or a kill.
    fn count<T>(&mut self, result: Result<T, ()>) -> Option<T> {
        match result {
            Ok(_) => self.succeeded += 1,
            Err(()) => self.killed += 1,
        }
        result.ok()
    }
}

/// The last kill may still be on its way: one failure is forgiven.
fn assert_alive_at_last() {
    for attempt in 0..3 {
        if catch_unwind(assert_alive).is_ok() {
            return;
        }
        println!("attempt {attempt} to end was killed");
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the master cannot fork any more");
}
