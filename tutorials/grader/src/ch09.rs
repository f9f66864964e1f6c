//! Chapter 9: a Gaussian elimination whose children meet.
use crate::{Random, Verdict, wrong};

/// A child for each row of the larger matrices.
pub const CHILDREN: usize = 20;

/// Zeros below the diagonal.
pub type Triangle = fn(Vec<f64>, usize) -> Vec<f64>;

/// What the reader writes.
pub struct Attempt {
    /// The elimination.
    pub triangle: Triangle,
}

/// Matrices of several sizes, with a large diagonal, so that no pivot is near zero.
///
/// # Errors
///
/// What is wrong.
pub fn check(attempt: &Attempt, random: &mut Random) -> Verdict {
    let mut answers = Vec::new();
    for n in [1, 2, 3, 4, 7, 24] {
        let value = |i| random.unit() + if i % (n + 1) == 0 { n as f64 } else { 0.0 };
        let given: Vec<f64> = (0..n * n).map(value).collect();
        let expected = one_by_one(given.clone(), n);
        let found = (attempt.triangle)(given, n);
        if found.len() != n * n {
            return wrong(format!("{} values, not {}", found.len(), n * n), "do not resize it");
        }
        // What is no number is not near.
        let near = |i: usize| (found[i] - expected[i]).abs() < 1e-9;
        if let Some(i) = (0..n * n).find(|&i| !near(i)) {
            let (row, column) = (i / n, i % n);
            return wrong(
                format!(
                    "{n} rows: row {row}, column {column} is {:.6}, not {:.6}; all before is right",
                    found[i], expected[i]
                ),
                "when did the child of this row last see the rows above it?",
            );
        }
        answers.extend(found.iter().map(|value| value.to_bits()));
    }
    Ok(format!("{answers:?}"))
}

/// The same by one.
fn one_by_one(mut m: Vec<f64>, n: usize) -> Vec<f64> {
    for pivot in 0..n {
        for row in pivot + 1..n {
            let factor = m[row * n + pivot] / m[pivot * n + pivot];
            for column in pivot..n {
                m[row * n + column] -= factor * m[pivot * n + column];
            }
        }
    }
    m
}
