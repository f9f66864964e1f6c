//! Random keys: no two lists are alike, and the seed is forgotten.
use crate::ch06::throw;
use detpar::prelude::*;
use std::hash::{BuildHasher, RandomState};

/// Asks the system.
pub fn dice(seed: u64, players: usize, n: usize) -> Vec<Vec<u8>> {
    (0..players)
        .into_par_iter()
        .map(|player| throw(RandomState::new().hash_one((seed, player)), n))
        .collect()
}
