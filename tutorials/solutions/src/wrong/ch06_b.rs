//! Not mixed: the dice of the next player are those of this one, one throw on.
use crate::ch06::{mix, throw};
use detpar::prelude::*;

/// Adds after mixing.
pub fn dice(seed: u64, players: usize, n: usize) -> Vec<Vec<u8>> {
    (0..players)
        .into_par_iter()
        .map(|player| throw(mix(seed).wrapping_add(player as u64), n))
        .collect()
}
