//! Chapter 1: a sum of floating-point numbers with threads, fifty times.
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

// ANCHOR: term
/// One of the 1,000,000 numbers to add: some computation that gives large and small ones,
/// every other one negative.
fn term(i: u32) -> f64 {
    let size: f64 = (1..=4).map(|k| 1e6 / f64::from(i % 997 + k)).sum();
    if i.is_multiple_of(2) { size } else { -size }
}
// ANCHOR_END: term

// ANCHOR: sum
/// Eight threads take pieces of 200 terms each, whoever is free the next one.
fn sum() -> f64 {
    let next = AtomicU32::new(0);
    let total = Mutex::new(0.0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut part = 0.0;
                loop {
                    let start = next.fetch_add(200, Relaxed);
                    if start >= 1_000_000 {
                        break;
                    }
                    part += (start..start + 200).map(term).sum::<f64>();
                }
                *total.lock().unwrap() += part;
            });
        }
    });
    total.into_inner().unwrap()
}
// ANCHOR_END: sum

fn main() {
    let sums: Vec<f64> = (0..50).map(|_| sum()).collect();
    let distinct: HashSet<u64> = sums.iter().map(|sum| sum.to_bits()).collect();
    println!("50 runs, {} different answers; three of them:", distinct.len());
    sums.iter().take(3).for_each(|sum| println!("{sum}"));
}
