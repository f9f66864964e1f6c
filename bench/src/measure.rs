//! The loop around the work: warm-up, then samples until the time is used up.

use crate::stats;
use std::time::{Duration, Instant};

/// What a loop measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The fastest turn, in nanoseconds.
    pub min_ns: f64,
    /// The median turn, in nanoseconds.
    pub median_ns: f64,
    /// Timed samples.
    pub samples: usize,
    /// Turns of the work, those of the warm-up among them.
    pub turns: u64,
}

/// Samples taken even where the time is over.
const LEAST: usize = 5;
/// Samples that there is room for: allocated before, as allocation would disturb.
const MOST: usize = 1 << 16;
/// Work that is faster than this is timed in batches: reading the clock costs tens of
/// nanoseconds.
const SHORT: Duration = Duration::from_micros(2);
/// How long a batch takes.
const BATCH: Duration = Duration::from_micros(20);

/// Runs `work` for about this long after a warm-up of a quarter of it.
pub fn run(budget: Duration, mut work: impl FnMut()) -> Sample {
    let mut turns = 0;
    let mut fastest = Duration::MAX;
    let begin = Instant::now();
    while turns < LEAST as u64 / 2 || begin.elapsed() < budget / 4 {
        let start = Instant::now();
        work();
        fastest = fastest.min(start.elapsed());
        turns += 1;
    }
    let batch = batch(fastest);
    let mut samples = Vec::with_capacity(MOST);
    let begin = Instant::now();
    while samples.len() < MOST && (samples.len() < LEAST || begin.elapsed() < budget) {
        let start = Instant::now();
        for _ in 0..batch {
            work();
        }
        samples.push(start.elapsed().as_nanos() as f64 / f64::from(batch));
        turns += u64::from(batch);
    }
    Sample {
        min_ns: stats::minimum(&samples).unwrap_or(0.0),
        median_ns: stats::median(&mut samples).unwrap_or(0.0),
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
        assert!(sample.samples >= LEAST && sample.min_ns <= sample.median_ns);
    }

    #[test]
    fn slow_work_is_sampled_all_the_same() {
        let sample = run(Duration::ZERO, || std::thread::sleep(Duration::from_millis(1)));
        assert_eq!(sample.samples, LEAST);
        assert!(sample.min_ns >= 1e6);
    }
}
