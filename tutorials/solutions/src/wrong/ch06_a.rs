//! Seed and player added up: the next seed has the same lists, one player on.
use crate::ch06::{mix, throw};
use detpar::prelude::*;

/// Adds.
pub fn dice(seed: u64, players: usize, n: usize) -> Vec<Vec<u8>> {
    (0..players).into_par_iter().map(|player| throw(mix(seed + player as u64), n)).collect()
}
