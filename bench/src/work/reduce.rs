//! The suite `reduce`: many items become few.

use super::four::numbers;
use super::join::InOrder;
use crate::measure::{self, Sample};
use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

/// How often each word occurs.
pub type Counts<'a> = HashMap<&'a str, u32>;

/// How many bytes have each value.
pub type Histogram = Vec<u64>;

/// Values that a byte has.
pub const VALUES: usize = 256;

/// A way to reduce a slice.
pub trait Reduce {
    /// The sum of all.
    fn sum(&self, values: &[f64]) -> f64;
    /// The least and the greatest.
    fn extremes(&self, values: &[f64]) -> Option<(f64, f64)>;
    /// How many bytes have each value.
    fn histogram(&self, bytes: &[u8]) -> Histogram;
    /// How often each word occurs.
    fn words<'a>(&self, words: &[&'a str]) -> Counts<'a>;
}

impl Reduce for InOrder {
    fn sum(&self, values: &[f64]) -> f64 {
        values.iter().sum()
    }

    fn extremes(&self, values: &[f64]) -> Option<(f64, f64)> {
        let least = values.iter().copied().reduce(f64::min)?;
        Some((least, values.iter().copied().reduce(f64::max)?))
    }

    fn histogram(&self, bytes: &[u8]) -> Histogram {
        bytes.iter().fold(vec![0; VALUES], count_byte)
    }

    fn words<'a>(&self, words: &[&'a str]) -> Counts<'a> {
        words.iter().fold(Counts::new(), count_word)
    }
}

/// Counts one byte.
pub fn count_byte(mut counts: Histogram, byte: &u8) -> Histogram {
    counts[usize::from(*byte)] += 1;
    counts
}

/// Adds two histograms.
pub fn add(mut a: Histogram, b: Histogram) -> Histogram {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    a
}

/// Counts one word.
pub fn count_word<'a>(mut counts: Counts<'a>, word: &&'a str) -> Counts<'a> {
    *counts.entry(word).or_default() += 1;
    counts
}

/// Adds the counts of two parts of a text.
pub fn merge<'a>(mut a: Counts<'a>, b: Counts<'a>) -> Counts<'a> {
    b.into_iter().for_each(|(word, n)| *a.entry(word).or_default() += n);
    a
}

/// Measures a case of so many items; `None` where there is none of this name.
///
/// # Panics
/// Where a result is wrong.
pub fn run(case: &str, items: u64, how: &impl Reduce, budget: Duration) -> Option<Sample> {
    let numbers = numbers().take(items as usize);
    match case {
        "sum" => {
            let values: Vec<f64> = numbers.map(as_float).collect();
            let (sum, expected) = (how.sum(&values), InOrder.sum(&values));
            assert!((sum - expected).abs() <= 1e-9 * expected, "sum {sum}, expected {expected}");
            Some(turns(budget, || how.sum(black_box(&values))))
        }
        "min_max" => {
            let values: Vec<f64> = numbers.map(as_float).collect();
            assert_eq!(how.extremes(&values), InOrder.extremes(&values), "wrong extremes");
            Some(turns(budget, || how.extremes(black_box(&values))))
        }
        "histogram" => {
            let bytes: Vec<u8> = numbers.map(|n| n as u8).collect();
            assert_eq!(how.histogram(&bytes), InOrder.histogram(&bytes), "wrong counts");
            Some(turns(budget, || how.histogram(black_box(&bytes))))
        }
        "words" => {
            let known: Vec<String> = (0..WORDS).map(|i| format!("word{i}")).collect();
            let words: Vec<&str> = numbers.map(|n| chosen(&known, n)).collect();
            assert_eq!(how.words(&words), InOrder.words(&words), "wrong counts");
            Some(turns(budget, || how.words(black_box(&words))))
        }
        _ => None,
    }
}

/// Different words of the text.
const WORDS: u64 = 10_000;

/// Few words make most of a text: the least of two numbers.
fn chosen(known: &[String], n: u64) -> &str {
    &known[(n % WORDS).min((n >> 20) % WORDS) as usize]
}

fn as_float(n: u64) -> f64 {
    (n % 1_000_000) as f64 * 0.1
}

fn turns<R>(budget: Duration, mut work: impl FnMut() -> R) -> Sample {
    measure::run(budget, || drop(black_box(work())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[test]
    fn every_case_has_work() {
        for case in suite::find("reduce").unwrap().cases {
            let sample = run(case.name, 1000, &InOrder, Duration::ZERO);
            assert!(sample.is_some(), "{}", case.name);
        }
        assert!(run("nonesuch", 1, &InOrder, Duration::ZERO).is_none());
    }

    /// Items are left out.
    struct Short;

    impl Reduce for Short {
        fn sum(&self, values: &[f64]) -> f64 {
            InOrder.sum(&values[1..])
        }
        fn extremes(&self, values: &[f64]) -> Option<(f64, f64)> {
            InOrder.extremes(&values[..1])
        }
        fn histogram(&self, bytes: &[u8]) -> Histogram {
            InOrder.histogram(&bytes[1..])
        }
        fn words<'a>(&self, words: &[&'a str]) -> Counts<'a> {
            InOrder.words(&words[1..])
        }
    }

    #[test]
    fn lost_items_are_noticed() {
        for case in ["sum", "min_max", "histogram", "words"] {
            let lost = std::panic::catch_unwind(|| run(case, 100, &Short, Duration::ZERO));
            assert!(lost.is_err(), "{case}");
        }
    }

    #[test]
    fn parts_add_up() {
        let (a, b) = (["x", "y", "x"], ["y", "z"]);
        let all = merge(InOrder.words(&a), InOrder.words(&b));
        assert_eq!(all, Counts::from([("x", 2), ("y", 2), ("z", 1)]));
        let all = add(InOrder.histogram(&[1, 2, 1]), InOrder.histogram(&[2, 255]));
        assert_eq!((all[1], all[2], all[255]), (2, 2, 1));
    }
}
