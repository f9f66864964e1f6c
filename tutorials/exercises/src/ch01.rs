//! Chapter 1: an answer that depends on the input alone.
use detpar::prelude::*;

/// Adds the values, in parallel.
///
/// Broken: the caller says how many pieces there are, one for each processor say, and the answer
/// changes with it. Repair it: the same bits for every number of `pieces`, children still forked,
/// and no value lost or rounded away.
pub fn sum(values: &[f64], pieces: usize) -> f64 {
    let length = values.len().div_ceil(pieces.max(1)).max(1);
    let parts: Vec<f64> = values.par_chunks(length).map(|piece| piece.iter().sum()).collect();
    parts.iter().sum()
}
