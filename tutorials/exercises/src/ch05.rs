//! Chapter 5: a reduction whose answer is the same in every run, and wrong.
use detpar::prelude::*;

/// Least and greatest value and mean, in parallel; `None` where there are no values.
///
/// Broken twice: look at the identity, and at what is combined.
pub fn summary(values: &[f64]) -> Option<(f64, f64, f64)> {
    Some(
        values
            .par_iter()
            .map(|&value| (value, value, value))
            .reduce(|| (0.0, 0.0, 0.0), |a, b| (a.0.min(b.0), a.1.max(b.1), (a.2 + b.2) / 2.0)),
    )
}
