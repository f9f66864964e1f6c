//! Right, but for no values: the identity comes out, and 0 / 0.
use detpar::prelude::*;

/// Forgets that there may be none.
pub fn summary(values: &[f64]) -> Option<(f64, f64, f64)> {
    let (least, greatest, sum) = values.par_iter().map(|&value| (value, value, value)).reduce(
        || (f64::INFINITY, f64::NEG_INFINITY, 0.0),
        |a, b| (a.0.min(b.0), a.1.max(b.1), a.2 + b.2),
    );
    Some((least, greatest, sum / values.len() as f64))
}
