//! The suite `odf`: what a fork costs the process that calls it.

use super::PAGE;
use crate::measure::{self, Sample};
use crate::system;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A way to fork.
pub trait Fork {
    /// Says how fresh memory is to be backed.
    fn allocated(&self, _memory: &mut [u8]) {}

    /// Makes ready for forks what was touched.
    fn prepare(&self, memory: &mut [u8], case: &str);

    /// Forks a process that ends at once; its id.
    fn fork(&self) -> i32;

    /// Makes the next fork the first one again.
    fn settle(&self);
}

/// Measures a case; `None` where there is none of this name.
pub fn run<F: Fork>(case: &str, fork: &F, budget: Duration) -> Option<Sample> {
    match case {
        "64mb" => Some(first(fork, case, budget, 64 << 20)),
        "1gb" => Some(first(fork, case, budget, 1 << 30)),
        "4gb" => Some(first(fork, case, budget, 4 << 30)),
        "1gb_repeat" => Some(repeat(fork, case, budget, 1 << 30)),
        _ => None,
    }
}

/// The time of the call. What the new process inherits costs it nothing here: it ends.
fn first<F: Fork>(fork: &F, case: &str, budget: Duration, len: usize) -> Sample {
    let mut memory = vec![0u8; len];
    fork.allocated(&mut memory);
    memory.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
    fork.prepare(&mut memory, case);
    let sample = measure::run_timed(budget, || {
        fork.settle();
        let start = Instant::now();
        let child = fork.fork();
        let took = start.elapsed();
        system::wait(child);
        (took.as_secs_f64(), true)
    });
    drop(black_box(memory));
    sample
}

/// The time of the call, and what reading all memory costs more after it than it does without
/// a fork before.
fn repeat<F: Fork>(fork: &F, case: &str, budget: Duration, len: usize) -> Sample {
    let mut memory = vec![0u8; len];
    fork.allocated(&mut memory);
    memory.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
    fork.prepare(&mut memory, case);
    let sample = measure::run_timed(budget, || {
        let start = Instant::now();
        let child = fork.fork();
        let forked = start.elapsed();
        let after = read(&memory);
        system::wait(child);
        let without = read(&memory);
        (forked.as_secs_f64() + after.as_secs_f64() - without.as_secs_f64(), true)
    });
    drop(black_box(memory));
    sample
}

/// Reads a byte of every page.
fn read(memory: &[u8]) -> Duration {
    let start = Instant::now();
    let sum: usize = black_box(memory).iter().step_by(PAGE).map(|&b| usize::from(b)).sum();
    assert_eq!(black_box(sum), memory.len() / PAGE, "what was written is not there any more");
    start.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends no sooner than told.
    struct Slow;

    impl Fork for Slow {
        fn prepare(&self, memory: &mut [u8], _: &str) {
            assert!(memory.iter().step_by(PAGE).all(|&b| b == 1));
        }

        #[expect(clippy::zombie_processes, reason = "the measurement waits for it")]
        fn fork(&self) -> i32 {
            std::thread::sleep(Duration::from_millis(2));
            let child = std::process::Command::new("true").spawn().expect("true");
            child.id() as i32
        }

        fn settle(&self) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[test]
    fn the_call_is_timed_and_nothing_else() {
        let sample = first(&Slow, "", Duration::ZERO, 1 << 20);
        assert!(sample.min >= 2e3 && sample.min < 50e3, "{sample:?}");
        let sample = repeat(&Slow, "", Duration::ZERO, 1 << 20);
        assert!(sample.median >= 1.5e3, "{sample:?}");
        assert!(run("nonesuch", &Slow, Duration::ZERO).is_none());
    }
}
