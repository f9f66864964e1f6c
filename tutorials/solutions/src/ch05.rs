//! Chapter 5: a reduction with a true identity and an associative operation.
use detpar::prelude::*;

/// Sums are combined, not means; the identity changes nothing.
pub fn summary(values: &[f64]) -> Option<(f64, f64, f64)> {
    let (least, greatest, sum) = values
        .par_iter()
        .map(|&value| (value, value, value))
        .reduce_with(|a, b| (a.0.min(b.0), a.1.max(b.1), a.2 + b.2))?;
    Some((least, greatest, sum / values.len() as f64))
}
