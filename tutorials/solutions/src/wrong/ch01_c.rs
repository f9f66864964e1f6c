//! `pieces` left aside, and the number of workers in its place: the same in every run here, and
//! something else where `DETPAR_WORKERS` is.
use detpar::prelude::*;

/// Adds in four pieces for each worker.
pub fn sum(values: &[f64], _pieces: usize) -> f64 {
    let workers: Option<usize> = std::env::var("DETPAR_WORKERS").ok().and_then(|n| n.parse().ok());
    let length = values.len().div_ceil(4 * workers.unwrap_or(2)).max(1);
    let parts: Vec<f64> = values.par_chunks(length).map(|piece| piece.iter().sum()).collect();
    parts.iter().sum()
}
