//! Chapter 1: an answer that depends on the input alone.
use detpar::prelude::*;

/// Adds the values in pieces of one length, and the parts from left to right: where it is cut
/// depends on the number of values. `values.par_iter().sum()` is right as well.
pub fn sum(values: &[f64], _pieces: usize) -> f64 {
    let parts: Vec<f64> = values.par_chunks(512).map(|piece| piece.iter().sum()).collect();
    parts.iter().sum()
}
