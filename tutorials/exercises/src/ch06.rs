//! Chapter 6: dice that know too little of where they are.
use detpar::prelude::*;
use std::time::SystemTime;

/// `n` dice for each of `players`, a child for each: numbers from 1 to 6. The same seed gives the
/// same dice, and no two lists have anything to do with each other, be it of two players or of
/// two seeds.
///
/// Broken: the clock is a habit from other programs. Look at what the players get.
pub fn dice(seed: u64, players: usize, n: usize) -> Vec<Vec<u8>> {
    (0..players)
        .into_par_iter()
        .map(|_player| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            throw(mix(seed) ^ now.as_nanos() as u64, n)
        })
        .collect()
}

/// `n` dice from a number.
fn throw(from: u64, n: usize) -> Vec<u8> {
    (0..n as u64).map(|i| (mix(from.wrapping_add(i)) % 6) as u8 + 1).collect()
}

/// Numbers that differ a little become numbers that differ much (SplitMix64).
fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
