//! Chapter 1: a sum that does not depend on how it is cut.
use crate::{Random, Verdict, wrong};

/// The sums together fork far more.
pub const CHILDREN: usize = 20;

/// What the reader writes.
pub struct Attempt {
    /// Adds the values; the second argument must not matter.
    pub sum: fn(&[f64], usize) -> f64,
}

/// Adds numbers of all sizes, cut in several ways.
///
/// # Errors
///
/// What is wrong.
pub fn check(attempt: &Attempt, random: &mut Random) -> Verdict {
    let small: Vec<f64> = (0..4000).map(|_| random.unit()).collect();
    let mixed: Vec<f64> = (0..5000)
        .map(|_| (random.unit() - 0.5) * 10f64.powi(random.within(0..12) as i32 - 3))
        .collect();
    let mut answers = Vec::new();
    for values in [&small[..], &mixed, &[]] {
        let first = (attempt.sum)(values, 1);
        for pieces in [2, 3, 8, 64, 7 + random.within(0..50) as usize] {
            let other = (attempt.sum)(values, pieces);
            if other.to_bits() != first.to_bits() && other != first {
                return wrong(
                    format!(
                        "{} values: {first:?} in one piece, {other:?} in {pieces}",
                        values.len()
                    ),
                    "the additions must be the same ones in the same order, whatever `pieces` is",
                );
            }
        }
        let (exact, sizes) = exact(values);
        // What rounding may do to so many additions at worst.
        let allowed = values.len() as f64 * f64::EPSILON * sizes;
        // Not so for what is no number, either.
        let near = (first - exact).abs() <= allowed;
        if !near {
            return wrong(
                format!("{} values: the sum is {exact:?}, computed was {first:?}", values.len()),
                "do not round or drop anything: the answer should be as exact as a plain sum",
            );
        }
        answers.push(first.to_bits());
    }
    Ok(format!("{answers:?}"))
}

/// The sum with what rounding loses kept apart (Neumaier), and the sum of the sizes.
fn exact(values: &[f64]) -> (f64, f64) {
    let (mut sum, mut lost) = (0.0f64, 0.0);
    for &value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    (sum + lost, values.iter().map(|value| value.abs()).sum())
}
