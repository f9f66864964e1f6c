//! The mean repaired, the identity not: 0 is less than any positive value.
use detpar::prelude::*;

/// Combines sums.
pub fn summary(values: &[f64]) -> Option<(f64, f64, f64)> {
    let (least, greatest, sum) = values
        .par_iter()
        .map(|&value| (value, value, value))
        .reduce(|| (0.0, 0.0, 0.0), |a, b| (a.0.min(b.0), a.1.max(b.1), a.2 + b.2));
    (!values.is_empty()).then(|| (least, greatest, sum / values.len() as f64))
}
