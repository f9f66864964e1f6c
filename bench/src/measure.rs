//! The loop around the work: warm-up, then samples until the time is used up.

use crate::stats;
use crate::system::Counter;
use std::time::{Duration, Instant};

/// What a loop measured, in the unit of its case: microseconds but where memory counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The fastest turn, or the least that was read.
    pub min: f64,
    /// The median turn, or the last that was read.
    pub median: f64,
    /// Timed samples.
    pub samples: usize,
    /// Turns of the work, those of the warm-up among them.
    pub turns: u64,
}

/// Samples taken even where the time is over.
const LEAST: usize = 5;
/// Work that takes longer than this is its own warm-up, and one sample is enough: there are as
/// many more as rounds.
const LONG: Duration = Duration::from_millis(500);
/// Samples that there is room for: allocated before, as allocation would disturb.
const MOST: usize = 1 << 16;
/// Work that is faster than this is timed in batches: reading the clock costs tens of
/// nanoseconds.
const SHORT: Duration = Duration::from_micros(2);
/// How long a batch takes.
const BATCH: Duration = Duration::from_micros(20);

/// Tells the time since some moment.
pub trait Clock: Copy {
    /// That time.
    fn now(self) -> Duration;
}

impl Clock for Instant {
    fn now(self) -> Duration {
        self.elapsed()
    }
}

impl Clock for Counter {
    fn now(self) -> Duration {
        Counter::now(self)
    }
}

/// Runs `work` for about this long after a warm-up of a quarter of it.
pub fn run(budget: Duration, work: impl FnMut()) -> Sample {
    run_by(Instant::now(), budget, work)
}

/// Like [`run`], by a given clock: in a child of detpar's the usual one stands still.
pub fn run_by(clock: impl Clock, budget: Duration, mut work: impl FnMut()) -> Sample {
    let mut turns = 0;
    let mut fastest = Duration::MAX;
    let begin = clock.now();
    while turns < LEAST as u64 / 2 || clock.now() - begin < budget / 4 {
        let start = clock.now();
        work();
        fastest = fastest.min(clock.now() - start);
        turns += 1;
        if fastest > LONG {
            return sample(vec![micros(fastest)], turns);
        }
    }
    let batch = batch(fastest);
    let mut samples = Vec::with_capacity(MOST);
    let begin = clock.now();
    while samples.len() < MOST && (samples.len() < LEAST || clock.now() - begin < budget) {
        let start = clock.now();
        for _ in 0..batch {
            work();
        }
        samples.push(micros(clock.now() - start) / f64::from(batch));
        turns += u64::from(batch);
    }
    sample(samples, turns)
}

/// Like [`run`] for work that tells itself what it took, in seconds, and whether it can go on: the
/// rest of a turn is not timed.
pub fn run_timed(budget: Duration, mut work: impl FnMut() -> (f64, bool)) -> Sample {
    let mut turns = 0;
    let begin = Instant::now();
    while turns < LEAST as u64 / 2 || begin.elapsed() < budget / 4 {
        turns += 1;
        let (took, goes_on) = work();
        if took > LONG.as_secs_f64() {
            return sample(vec![took * 1e6], turns);
        }
        if !goes_on {
            break;
        }
    }
    let mut samples = Vec::with_capacity(MOST);
    let begin = Instant::now();
    while samples.len() < MOST && (samples.len() < LEAST || begin.elapsed() < budget) {
        let (took, goes_on) = work();
        samples.push(took * 1e6);
        turns += 1;
        if !goes_on {
            break;
        }
    }
    sample(samples, turns)
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}

fn sample(mut samples: Vec<f64>, turns: u64) -> Sample {
    Sample {
        min: stats::minimum(&samples).unwrap_or(0.0),
        median: stats::median(&mut samples).unwrap_or(0.0),
        samples: samples.len(),
        turns,
    }
}

/// Turns that are timed as one.
fn batch(turn: Duration) -> u32 {
    if turn >= SHORT {
        return 1;
    }
    (BATCH.as_nanos() / turn.as_nanos().max(1)).clamp(1, 10_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches() {
        assert_eq!(batch(Duration::from_millis(3)), 1);
        assert_eq!(batch(SHORT), 1);
        assert_eq!(batch(Duration::from_micros(1)), 20);
        assert_eq!(batch(Duration::from_nanos(20)), 1000);
        assert_eq!(batch(Duration::ZERO), 10_000);
    }

    #[test]
    fn every_turn_counts() {
        let mut turns = 0;
        let sample = run(Duration::from_millis(2), || turns += 1);
        assert_eq!(sample.turns, turns);
        assert!(sample.samples >= LEAST && sample.min <= sample.median);
    }

    #[test]
    fn work_may_tell_what_it_took() {
        let sample = run_timed(Duration::ZERO, || {
            std::thread::sleep(Duration::from_millis(1));
            (5e-6, true)
        });
        assert_eq!(sample.samples, LEAST);
        assert!((sample.min - 5.0).abs() < 1e-9 && sample.min <= sample.median);
    }

    #[test]
    fn long_work_is_done_once() {
        let mut turns = 0;
        let sample = run_timed(Duration::from_secs(1), || {
            turns += 1;
            (LONG.as_secs_f64() + 1.0, true)
        });
        assert_eq!((turns, sample.turns, sample.samples), (1, 1, 1));
        assert_eq!(sample.median, 1.5e6);
        let work = || std::thread::sleep(LONG + Duration::from_millis(1));
        let sample = run(Duration::from_secs(9), work);
        assert!((sample.turns, sample.samples) == (1, 1) && sample.min >= 5e5);
    }

    #[test]
    fn slow_work_is_sampled_all_the_same() {
        let sample = run(Duration::ZERO, || std::thread::sleep(Duration::from_millis(1)));
        assert_eq!(sample.samples, LEAST);
        assert!(sample.min >= 1e3);
    }

    #[test]
    fn the_counter_agrees_with_the_clock() {
        let work = || std::thread::sleep(Duration::from_millis(1));
        let sample = run_by(Counter::calibrated(), Duration::ZERO, work);
        assert!(sample.min >= 0.9e3, "a millisecond is {} us", sample.min);
    }
}
