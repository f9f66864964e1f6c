//! The suite `iter`, and hashing: work on slices.

use crate::measure::{self, Sample};
use std::hint::black_box;
use std::time::Duration;

/// Blocks that `hash` works on.
pub const BLOCKS: usize = 256;
/// Bytes of each.
pub const BLOCK: usize = 16 << 10;
/// Items that `sum_10m` adds.
pub const SUM: usize = 10_000_000;
/// Items that `map_collect_1m` maps.
pub const MAP: usize = 1_000_000;

/// A way to go over slices.
pub trait Parallel {
    /// [`hash`] of every block.
    fn hashes(&self, blocks: &[Vec<u8>]) -> Vec<u64>;
    /// The sum of all values.
    fn sum(&self, values: &[f64]) -> f64;
    /// [`scale`] of every value.
    fn scaled(&self, values: &[f64]) -> Vec<f64>;
}

/// One item after another.
pub struct Sequential;

impl Parallel for Sequential {
    fn hashes(&self, blocks: &[Vec<u8>]) -> Vec<u64> {
        blocks.iter().map(|b| hash(b)).collect()
    }

    fn sum(&self, values: &[f64]) -> f64 {
        values.iter().sum()
    }

    fn scaled(&self, values: &[f64]) -> Vec<f64> {
        values.iter().map(|&v| scale(v)).collect()
    }
}

/// FNV-1a, 64 bits: each byte waits for the one before it, so it computes and hardly reads.
pub fn hash(block: &[u8]) -> u64 {
    block.iter().fold(0xcbf2_9ce4_8422_2325, |h, &byte| {
        (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Cheap enough that memory decides.
pub fn scale(v: f64) -> f64 {
    v * 1.5 + 1.0
}

/// Measures a case; `None` where there is none of this name.
///
/// # Panics
/// Where the result is wrong.
pub fn run(case: &str, how: &impl Parallel, budget: Duration) -> Option<Sample> {
    match case {
        "hash" => Some(hashes(how, budget)),
        "sum_10m" => Some(sum(how, budget)),
        "map_collect_1m" => Some(scaled(how, budget)),
        _ => None,
    }
}

fn hashes(how: &impl Parallel, budget: Duration) -> Sample {
    let block = |i: usize| (0..BLOCK).map(|j| (i * 31 + j * 7) as u8).collect();
    let blocks: Vec<Vec<u8>> = (0..BLOCKS).map(block).collect();
    assert_eq!(how.hashes(&blocks), Sequential.hashes(&blocks), "wrong hashes");
    measure::run(budget, || drop(black_box(how.hashes(black_box(&blocks)))))
}

fn sum(how: &impl Parallel, budget: Duration) -> Sample {
    let values = values(SUM);
    let (sum, expected) = (how.sum(&values), Sequential.sum(&values));
    assert!((sum - expected).abs() <= 1e-9 * expected, "sum {sum}, expected {expected}");
    measure::run(budget, || {
        black_box(how.sum(black_box(&values)));
    })
}

fn scaled(how: &impl Parallel, budget: Duration) -> Sample {
    let values = values(MAP);
    assert!(how.scaled(&values) == Sequential.scaled(&values), "wrong items");
    measure::run(budget, || drop(black_box(how.scaled(black_box(&values)))))
}

fn values(n: usize) -> Vec<f64> {
    (0..n).map(|i| (i % 1000) as f64 * 0.1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[test]
    fn every_case_has_work() {
        let cases = ["map", "iter"].iter().flat_map(|&s| suite::find(s).unwrap().cases);
        for case in cases.filter(|c| c.of == suite::Of::Bytes) {
            assert!(run(case.name, &Sequential, Duration::ZERO).is_some(), "{}", case.name);
        }
        assert!(run("nonesuch", &Sequential, Duration::ZERO).is_none());
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    #[should_panic(expected = "wrong hashes")]
    fn wrong_results_are_noticed() {
        struct Wrong;
        impl Parallel for Wrong {
            fn hashes(&self, blocks: &[Vec<u8>]) -> Vec<u64> {
                vec![0; blocks.len()]
            }
            fn sum(&self, _: &[f64]) -> f64 {
                0.0
            }
            fn scaled(&self, _: &[f64]) -> Vec<f64> {
                Vec::new()
            }
        }
        run("hash", &Wrong, Duration::ZERO);
    }
}
