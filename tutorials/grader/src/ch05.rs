//! Chapter 5: a reduction that is the same in every run, and right.
use crate::{Random, Verdict, wrong};

/// The reductions together fork far more.
pub const CHILDREN: usize = 10;

/// Least and greatest value and mean.
pub type Summary = fn(&[f64]) -> Option<(f64, f64, f64)>;

/// What the reader writes.
pub struct Attempt {
    /// Least, greatest and mean.
    pub summary: Summary,
}

/// Summaries of positive, negative and no values.
///
/// # Errors
///
/// What is wrong.
pub fn check(attempt: &Attempt, random: &mut Random) -> Verdict {
    let mut answers = Vec::new();
    for (n, from) in [(0, 0.0), (1, 5.0), (2, -9.0), (3, 2.0), (1000, 10.0), (1777, -50.0)] {
        let values: Vec<f64> = (0..n).map(|_| from + random.unit()).collect();
        let found = (attempt.summary)(&values);
        let expected = (n > 0).then(|| {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (least, greatest, values.iter().sum::<f64>() / n as f64)
        });
        let right = match (found, expected) {
            (None, None) => true,
            (Some(f), Some(e)) => f.0 == e.0 && f.1 == e.1 && (f.2 - e.2).abs() < 1e-9 * e.2.abs(),
            _ => false,
        };
        if !right {
            return wrong(
                format!("{n} values from {from} to {}: {found:?}, not {expected:?}", from + 1.0),
                "what is the least of no values? and what is the mean of two means?",
            );
        }
        answers.push(found.map(|f| (f.0.to_bits(), f.1.to_bits(), f.2.to_bits())));
    }
    Ok(format!("{answers:?}"))
}
