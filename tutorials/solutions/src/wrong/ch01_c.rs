//! Integers can be added in any order, but these values are none.
use detpar::prelude::*;

/// Adds integers.
pub fn sum(values: &[f64], _pieces: usize) -> f64 {
    values.par_iter().map(|&value| value as i64).sum::<i64>() as f64
}
