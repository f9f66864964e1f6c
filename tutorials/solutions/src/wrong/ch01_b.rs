//! Differences rounded away: the answers agree mostly, and are less exact always.
use detpar::prelude::*;

/// Adds, and rounds to three decimals.
pub fn sum(values: &[f64], pieces: usize) -> f64 {
    let length = values.len().div_ceil(pieces.max(1)).max(1);
    let parts: Vec<f64> = values.par_chunks(length).map(|piece| piece.iter().sum()).collect();
    (parts.iter().sum::<f64>() * 1000.0).round() / 1000.0
}
