//! Chapter 6: an input that is new in every run, and recorded.
use detpar::prelude::*;
use std::time::SystemTime;

// ANCHOR: clock
#[detpar::main]
fn main() {
    // The master's clock is the system's.
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let drawn: Vec<u64> = (0..4).into_par_iter().map(|i: u64| mix(mix(time) ^ i) % 100).collect();
    println!("lottery: {drawn:?}");
}
// ANCHOR_END: clock

/// Numbers that differ a little become numbers that differ much (SplitMix64).
fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
