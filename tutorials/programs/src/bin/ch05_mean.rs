//! Chapter 5: where the work is cut, and what that does to a sum.
use detpar::prelude::*;

// ANCHOR: mean
fn mean(values: &[f64]) -> f64 {
    values.par_iter().sum::<f64>() / values.len() as f64
}
// ANCHOR_END: mean

// ANCHOR: pieces
/// The lengths of the pieces that `n` values are cut into: each piece counts its own.
fn pieces(n: usize) -> Vec<usize> {
    let lengths: Vec<Vec<usize>> = (0..n)
        .into_par_iter()
        .fold(|| 0, |length, _| length + 1)
        .map(|length| vec![length])
        .collect();
    lengths.concat()
}
// ANCHOR_END: pieces

#[detpar::main]
fn main() {
    let values: Vec<f64> = (0..100_000).map(|i| f64::from(i % 1000) / 7.0).collect();
    println!("mean by par_iter:   {:?}", mean(&values));
    println!("mean left to right: {:?}", values.iter().sum::<f64>() / values.len() as f64);
    for n in [1, 100, 100_000] {
        let pieces = pieces(n);
        println!("{n} values: {} pieces, the first of {}", pieces.len(), pieces[0]);
    }
}
