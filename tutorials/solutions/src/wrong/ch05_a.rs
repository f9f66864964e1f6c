//! The identity repaired, the mean of means not.
use detpar::prelude::*;

/// Combines means.
pub fn summary(values: &[f64]) -> Option<(f64, f64, f64)> {
    values
        .par_iter()
        .map(|&value| (value, value, value))
        .reduce_with(|a, b| (a.0.min(b.0), a.1.max(b.1), (a.2 + b.2) / 2.0))
}
