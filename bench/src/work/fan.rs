//! The suite `fan`: many children.

use super::data::Parallel;
use super::join::InOrder;
use super::{PAGE, touched};
use crate::measure::{self, Sample};
use crate::system;
use std::hint::black_box;
use std::time::Duration;

/// Children of `children_1000`.
pub const CHILDREN: usize = 1000;
/// Workers, and children, of `workers_64`.
pub const WORKERS: usize = 64;
/// Bytes that belong to each child: 16 pages.
pub const PART: usize = 16 * PAGE;
/// Children of `open_fork64`.
pub const FORKS: u32 = 64;
/// Bytes that their parent has written, in `open_fork64`.
pub const TOUCHED: usize = 64 << 20;
/// Pages of them that it writes while the children run.
const MEANWHILE: usize = 16;
/// Items of the vector that `rss_1000` makes.
pub const ITEMS: usize = 100_000;
/// How often it makes it.
const TIMES: usize = 1000;
/// How often memory is read meanwhile.
const READINGS: usize = 10;
/// The number that `fib` computes: the deepest child is one level less deep.
pub const FIB: u32 = 12;

/// A way to give each of many children a part of a slice.
pub trait Spread {
    /// Calls `work` with each `PART` bytes of `memory`.
    fn spread(&self, memory: &mut [u8], work: impl Fn(&mut [u8]) + Sync + Send);
}

/// A way to run two closures and to get their results.
pub trait Both: Sync {
    /// Runs both.
    fn both<A, B>(&self, a: A, b: B) -> (u64, u64)
    where
        A: FnOnce() -> u64 + Send,
        B: FnOnce() -> u64 + Send;
}

/// A way to start many children and to go on while they run.
pub trait Open {
    /// Starts `FORKS` children, child `i` with `work(i)`, calls `meanwhile`, then waits for each
    /// and returns the sum of their results.
    fn open<F>(&self, work: F, meanwhile: impl FnOnce()) -> u64
    where
        F: Fn(u32) -> u64 + Send + Copy + 'static;
}

impl Open for InOrder {
    fn open<F>(&self, work: F, meanwhile: impl FnOnce()) -> u64
    where
        F: Fn(u32) -> u64 + Send + Copy + 'static,
    {
        meanwhile();
        (0..FORKS).map(work).sum()
    }
}

impl Spread for InOrder {
    fn spread(&self, memory: &mut [u8], work: impl Fn(&mut [u8]) + Sync + Send) {
        memory.chunks_mut(PART).for_each(work);
    }
}

impl Both for InOrder {
    fn both<A, B>(&self, a: A, b: B) -> (u64, u64)
    where
        A: FnOnce() -> u64 + Send,
        B: FnOnce() -> u64 + Send,
    {
        (a(), b())
    }
}

/// Measures `children_1000` or `workers_64`; `None` for any other name.
///
/// # Panics
/// Where a write was lost.
pub fn pages(case: &str, how: &impl Spread, budget: Duration) -> Option<Sample> {
    let children = match case {
        "children_1000" => CHILDREN,
        "workers_64" => WORKERS,
        _ => return None,
    };
    let mut memory = touched(children * PART);
    let write =
        |part: &mut [u8]| part.iter_mut().step_by(PAGE).for_each(|b| *b = b.wrapping_add(1));
    let sample = measure::run(budget, || how.spread(&mut memory, write));
    let expected = (sample.turns as u8).wrapping_add(1);
    assert!(memory.iter().step_by(PAGE).all(|&b| b == expected), "a child's write was lost");
    Some(sample)
}

/// Measures `open_fork64`.
///
/// # Panics
/// Where a result or a write of the parent was lost.
pub fn open(how: &impl Open, budget: Duration) -> Sample {
    let mut memory = touched(TOUCHED);
    memory.iter_mut().step_by(TOUCHED / MEANWHILE).for_each(|b| *b = 0);
    let sample = measure::run(budget, || {
        let write = || {
            memory.iter_mut().step_by(TOUCHED / MEANWHILE).for_each(|b| *b = b.wrapping_add(1));
        };
        let sum = how.open(|i| u64::from(black_box(i)), write);
        assert_eq!(sum, u64::from(FORKS * (FORKS - 1) / 2), "wrong results");
    });
    let expected = sample.turns as u8;
    let kept = memory.iter().step_by(TOUCHED / MEANWHILE).all(|&b| b == expected);
    assert!(kept, "a write of the parent was lost");
    sample
}

/// Measures `fib(n)` by joins; without any below `grain`, which is 2 or more.
///
/// # Panics
/// Where the result is wrong.
pub fn fib(n: u32, grain: u32, how: &impl Both, budget: Duration) -> Sample {
    let (expected, _) = (0..n).fold((0u64, 1), |(a, b), _| (b, a + b));
    measure::run(budget, || {
        assert_eq!(of(how, black_box(n), grain), expected, "wrong result");
    })
}

fn of(how: &impl Both, n: u32, grain: u32) -> u64 {
    if n < grain {
        return plain(n);
    }
    let (a, b) = how.both(|| of(how, n - 1, grain), || of(how, n - 2, grain));
    a + b
}

fn plain(n: u32) -> u64 {
    if n < 2 { n.into() } else { plain(n - 1) + plain(n - 2) }
}

/// Measures `rss_1000`, in megabytes: the least that was in use, and what was in the end.
///
/// # Panics
/// Where the result is wrong, or the system does not tell how much memory is in use.
pub fn memory(how: &impl Parallel) -> Sample {
    memory_after(TIMES, how)
}

fn memory_after(times: usize, how: &impl Parallel) -> Sample {
    let values = vec![2f64; ITEMS];
    let mut readings = Vec::with_capacity(READINGS);
    for turn in 1..=times {
        let made = how.scaled(&values);
        assert!(made.len() == ITEMS && made.iter().all(|&x| x == made[0]), "wrong items");
        drop(made);
        if turn % (times / READINGS) == 0 {
            let bytes = system::memory_in_use().expect("/proc tells");
            readings.push(bytes as f64 / f64::from(1 << 20));
        }
    }
    Sample {
        min: crate::stats::minimum(&readings).unwrap_or(0.0),
        median: readings.last().copied().unwrap_or(0.0),
        samples: readings.len(),
        turns: times as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;
    use crate::work::data::Sequential;

    #[test]
    fn every_case_has_work() {
        let pages = |case: &str| pages(case, &InOrder, Duration::ZERO).is_some();
        for case in suite::find("fan").unwrap().cases {
            let others = ["open_fork64", "fib", "rss_1000"];
            assert!(pages(case.name) || others.contains(&case.name), "{}", case.name);
        }
        assert!(fib(FIB, 2, &InOrder, Duration::ZERO).turns > 0);
        assert!(open(&InOrder, Duration::ZERO).turns > 0);
        let sample = memory_after(READINGS, &Sequential);
        assert_eq!(sample.samples, READINGS);
        assert!(sample.median > 0.5, "the vector alone has more: {}", sample.median);
    }

    struct Forgetful;

    impl Spread for Forgetful {
        fn spread(&self, memory: &mut [u8], work: impl Fn(&mut [u8]) + Sync + Send) {
            memory.chunks_mut(PART).skip(1).for_each(work);
        }
    }

    #[test]
    #[should_panic(expected = "a child's write was lost")]
    fn lost_writes_are_noticed() {
        pages("workers_64", &Forgetful, Duration::ZERO);
    }
}
