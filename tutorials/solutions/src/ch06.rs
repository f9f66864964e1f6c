//! Chapter 6: dice from the seed and the player.
use detpar::prelude::*;

/// Each list begins at a number that was mixed from both.
pub fn dice(seed: u64, players: usize, n: usize) -> Vec<Vec<u8>> {
    (0..players).into_par_iter().map(|player| throw(mix(mix(seed) ^ player as u64), n)).collect()
}

/// `n` dice from a number.
pub(crate) fn throw(from: u64, n: usize) -> Vec<u8> {
    (0..n as u64).map(|i| (mix(from.wrapping_add(i)) % 6) as u8 + 1).collect()
}

/// Numbers that differ a little become numbers that differ much (SplitMix64).
pub(crate) fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
