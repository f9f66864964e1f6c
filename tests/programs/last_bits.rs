//! Sums of floats in three ways. Their last bits tell in which order was added.
use detpar::prelude::*;

#[detpar::main]
fn main() {
    let values: Vec<f64> = (0..10_000_000u64).into_par_iter().map(value).collect();
    let sum: f64 = values.par_iter().sum();
    // Else any order would do.
    assert_ne!(sum.to_bits(), values.iter().sum::<f64>().to_bits());
    println!("flat {:016x}", sum.to_bits());

    let row = |i: u64| (0..1000u64).into_par_iter().map(|j| value(1000 * i + j)).sum::<f64>();
    let rows: Vec<f64> = (0..100u64).into_par_iter().map(row).collect();
    println!("nested {:016x}", rows.par_iter().sum::<f64>().to_bits());

    let bridged: f64 = (0..100_000u64).map(value).par_bridge().sum();
    println!("bridged {:016x}", bridged.to_bits());
}

fn value(n: u64) -> f64 {
    1.0 / (n as f64 + 0.1)
}
