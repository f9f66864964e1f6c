//! The suite `map`: a function of each item, in the ways to keep the results.

use crate::measure::{self, Sample};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A way to apply a function to all items.
pub trait Map {
    /// Results go to a vector, whose memory is used again.
    fn map(&self, from: &[u64], to: &mut Vec<u64>, work: impl Fn(u64) -> u64 + Sync + Send);
    /// Results go to a new vector.
    fn collect(&self, from: &[u64], work: impl Fn(u64) -> u64 + Sync + Send) -> Vec<u64>;
    /// Results take the place of the items.
    fn in_place(&self, items: &mut [u64], work: impl Fn(u64) -> u64 + Sync + Send);
}

/// One item after another.
pub struct Sequential;

impl Map for Sequential {
    fn map(&self, from: &[u64], to: &mut Vec<u64>, work: impl Fn(u64) -> u64 + Sync + Send) {
        to.clear();
        to.extend(from.iter().map(|&n| work(n)));
    }

    fn collect(&self, from: &[u64], work: impl Fn(u64) -> u64 + Sync + Send) -> Vec<u64> {
        from.iter().map(|&n| work(n)).collect()
    }

    fn in_place(&self, items: &mut [u64], work: impl Fn(u64) -> u64 + Sync + Send) {
        items.iter_mut().for_each(|n| *n = work(*n));
    }
}

/// Some nanoseconds: a few rounds of mixing, each of which waits for the one before it.
///
/// Called, not inlined: what a compiler makes of a loop around it, such as vector instructions that
/// take half as long again, would be another thing in each contender's program.
#[inline(never)]
pub fn light(n: u64) -> u64 {
    mixed(n, 4)
}

/// About a microsecond.
#[inline(never)]
pub fn heavy(n: u64) -> u64 {
    mixed(n, 400)
}

fn mixed(n: u64, rounds: u32) -> u64 {
    (0..rounds).fold(n, |n, _| (n ^ (n >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9))
}

/// Measures a case of so many items; `None` where there is none of this name.
///
/// # Panics
/// Where a result is wrong.
pub fn run(case: &str, items: u64, how: &impl Map, budget: Duration) -> Option<Sample> {
    let from: Vec<u64> = (0..items).collect();
    match case {
        "light" => Some(again(&from, light, how, budget)),
        "heavy" => Some(again(&from, heavy, how, budget)),
        "collect" => Some(dropped(&from, how, budget)),
        "fresh" => Some(kept(&from, how, budget)),
        "in_place" => Some(in_place(&from, how, budget)),
        _ => None,
    }
}

fn again(
    from: &[u64],
    work: impl Fn(u64) -> u64 + Sync + Send + Copy,
    how: &impl Map,
    budget: Duration,
) -> Sample {
    let mut to = Vec::new();
    how.map(from, &mut to, work);
    // Some of the many: by one thread, all take as long as what is measured.
    let some = from.len() / 100_000 + 1;
    let mut pairs = to.iter().zip(from).step_by(some);
    assert!(to.len() == from.len() && pairs.all(|(&to, &from)| to == work(from)), "wrong items");
    measure::run(budget, || how.map(black_box(from), black_box(&mut to), work))
}

fn dropped(from: &[u64], how: &impl Map, budget: Duration) -> Sample {
    check(from, &how.collect(from, light));
    measure::run(budget, || drop(black_box(how.collect(black_box(from), light))))
}

/// Nothing is dropped, so that no memory is used again.
fn kept(from: &[u64], how: &impl Map, budget: Duration) -> Sample {
    /// Bytes that are kept at most.
    const MOST: usize = 2 << 30;
    let mut kept = Vec::with_capacity(1 << 16);
    let sample = measure::run_timed(budget, || {
        let start = Instant::now();
        kept.push(how.collect(black_box(from), light));
        let took = start.elapsed().as_secs_f64();
        let full = kept.len() * size_of_val(from) >= MOST;
        (took, !full)
    });
    kept.iter().for_each(|items| check(from, items));
    sample
}

fn check(from: &[u64], to: &[u64]) {
    assert!(to.len() == from.len(), "{} items of {}", to.len(), from.len());
    assert!(to.iter().zip(from).all(|(&to, &from)| to == light(from)), "wrong items");
}

fn in_place(from: &[u64], how: &impl Map, budget: Duration) -> Sample {
    let mut items = from.to_vec();
    how.in_place(&mut items, light);
    check(from, &items);
    measure::run(budget, || how.in_place(black_box(&mut items), light))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[test]
    fn every_case_has_work() {
        let cases = suite::find("map").unwrap().cases;
        for case in cases.iter().filter(|c| c.of == suite::Of::Items) {
            let sample = run(case.name, 100, &Sequential, Duration::ZERO);
            assert!(sample.is_some(), "{}", case.name);
        }
        assert!(run("nonesuch", 100, &Sequential, Duration::ZERO).is_none());
    }

    #[test]
    #[should_panic(expected = "wrong items")]
    fn wrong_results_are_noticed() {
        struct Wrong;
        impl Map for Wrong {
            fn map(&self, from: &[u64], to: &mut Vec<u64>, _: impl Fn(u64) -> u64 + Sync + Send) {
                *to = from.to_vec();
            }
            fn collect(&self, from: &[u64], _: impl Fn(u64) -> u64 + Sync + Send) -> Vec<u64> {
                from.to_vec()
            }
            fn in_place(&self, _: &mut [u64], _: impl Fn(u64) -> u64 + Sync + Send) {}
        }
        run("in_place", 100, &Wrong, Duration::ZERO);
    }
}
