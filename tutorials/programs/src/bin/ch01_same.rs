//! Chapter 1: the same sum in deterministic children, fifty times.
use detpar::prelude::*;
use std::collections::HashSet;

fn term(i: u32) -> f64 {
    let size: f64 = (1..=4).map(|k| 1e6 / f64::from(i % 997 + k)).sum();
    if i.is_multiple_of(2) { size } else { -size }
}

// ANCHOR: sum
fn sum() -> f64 {
    (0..1_000_000).into_par_iter().map(term).sum()
}

#[detpar::main]
fn main() {
    let runs = std::env::args().nth(1).map_or(50, |n| n.parse().expect("a number"));
    let sums: Vec<f64> = (0..runs).map(|_| sum()).collect();
    let distinct: HashSet<u64> = sums.iter().map(|sum| sum.to_bits()).collect();
    println!("{runs} runs, {} answer:", distinct.len());
    println!("{}", sums[0]);
}
// ANCHOR_END: sum
