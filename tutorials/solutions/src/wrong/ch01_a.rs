//! More exact parts, still cut where the caller says: fewer bits differ, and some still do.
use detpar::prelude::*;

/// Adds each piece with compensation for what rounding loses.
pub fn sum(values: &[f64], pieces: usize) -> f64 {
    let length = values.len().div_ceil(pieces.max(1)).max(1);
    let parts: Vec<f64> = values.par_chunks(length).map(compensated).collect();
    parts.iter().sum()
}

fn compensated(piece: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0, 0.0);
    for value in piece {
        let corrected = value - lost;
        let next = sum + corrected;
        lost = (next - sum) - corrected;
        sum = next;
    }
    sum
}
