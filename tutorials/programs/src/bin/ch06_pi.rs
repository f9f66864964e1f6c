//! Chapter 6: pi by random numbers.
use detpar::prelude::*;
use std::hash::{BuildHasher, RandomState};

// ANCHOR: random
/// Random numbers (SplitMix64).
struct Random(u64);

impl Random {
    /// Begins anywhere: std asks the system for random keys.
    fn new() -> Random {
        Random(RandomState::new().hash_one(0))
    }

    /// A number from 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
// ANCHOR_END: random

// ANCHOR: pi
/// How many of `n` random points of a square lie in the circle's quarter.
fn hits(n: u32) -> u32 {
    let mut random = Random::new();
    let inside = |_: &u32| random.unit().powi(2) + random.unit().powi(2) < 1.0;
    (0..n).filter(inside).count() as u32
}

#[detpar::main]
fn main() {
    let hits: Vec<u32> = (0..16).into_par_iter().map(|_| hits(50_000)).collect();
    println!("the first four: {:?}", &hits[..4]);
    let pi = 4.0 * f64::from(hits.iter().sum::<u32>()) / (16.0 * 50_000.0);
    println!("pi is about {pi}");
}
// ANCHOR_END: pi
