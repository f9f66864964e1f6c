//! The suite `nested`: parallel work within parallel work.

use super::fan::{self, Both};
use super::four::qsort;
use super::join::{InOrder, Join};
use crate::measure::{self, Sample};
use std::hint::black_box;
use std::time::Duration;

/// Levels of joins of `quicksort`: 256 leaves.
const LEVELS: u32 = 8;
/// The number that `fib_grain` computes.
const FIB: u32 = 32;
/// Below it `fib_grain` calls itself plainly.
const GRAIN: u32 = 22;

/// A way to do nested work.
pub trait Nested: Join + Both {
    /// The greatest [`item`] of each row, each row an iteration of its own.
    fn rows(&self, rows: &[Vec<u64>]) -> Vec<u64>;
}

impl Nested for InOrder {
    fn rows(&self, rows: &[Vec<u64>]) -> Vec<u64> {
        rows.iter().map(|row| row.iter().map(|&n| item(n)).max().unwrap_or(0)).collect()
    }
}

/// Some nanoseconds.
pub fn item(n: u64) -> u64 {
    super::map::light(n)
}

/// Measures a case of this size; `None` where there is none of this name.
///
/// # Panics
/// Where a result is wrong.
pub fn run<N: Nested>(case: &str, size: u64, how: &N, budget: Duration) -> Option<Sample> {
    match case {
        "par_iter" => Some(rows(size, how, budget)),
        "quicksort" => Some(qsort::run(size as usize, LEVELS, how, budget)),
        "fib_grain" => Some(fan::fib(FIB, GRAIN, how, budget)),
        _ => None,
    }
}

/// As many rows as each has items.
fn rows(items: u64, how: &impl Nested, budget: Duration) -> Sample {
    let side = items.isqrt();
    let rows: Vec<Vec<u64>> = (0..side).map(|i| (i * side..(i + 1) * side).collect()).collect();
    assert!(how.rows(&rows) == InOrder.rows(&rows), "wrong items");
    measure::run(budget, || drop(black_box(how.rows(black_box(&rows)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[test]
    fn every_case_has_work() {
        for case in suite::find("nested").unwrap().cases {
            let sample = run(case.name, 10_000, &InOrder, Duration::ZERO);
            assert!(sample.is_some(), "{}", case.name);
        }
        assert!(run("nonesuch", 1, &InOrder, Duration::ZERO).is_none());
    }

    /// Half of the work is left out.
    struct Lazy;

    impl Join for Lazy {
        fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, _: B) {
            a();
        }
    }

    impl Both for Lazy {
        fn both<A, B>(&self, a: A, _: B) -> (u64, u64)
        where
            A: FnOnce() -> u64 + Send,
            B: FnOnce() -> u64 + Send,
        {
            (a(), 0)
        }
    }

    impl Nested for Lazy {
        fn rows(&self, rows: &[Vec<u64>]) -> Vec<u64> {
            InOrder.rows(&rows[..rows.len() / 2])
        }
    }

    #[test]
    fn lost_work_is_noticed() {
        for case in ["par_iter", "quicksort", "fib_grain"] {
            let lost = std::panic::catch_unwind(|| run(case, 10_000, &Lazy, Duration::ZERO));
            assert!(lost.is_err(), "{case}");
        }
    }
}
