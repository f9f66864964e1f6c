//! `lu`: a square matrix as a product of a lower and an upper triangular one, in place, without
//! exchange of rows. Block by block of columns; what is right of and below a block is brought up
//! to date by bands of rows.

use super::{by_rows, numbers};
use crate::measure::{self, Sample};
use crate::work::join::Join;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Blocks of columns.
const BLOCKS: usize = 8;

fn decompose<J: Join>(a: &mut [f64], n: usize, how: &J) {
    let block = n.div_ceil(BLOCKS).max(1);
    for from in (0..n).step_by(block) {
        let to = (from + block).min(n);
        let (above, below) = a.split_at_mut(to * n);
        let rows = &mut above[from * n..];
        // The rows of the block itself.
        for i in 1..to - from {
            let (pivots, row) = rows.split_at_mut(i * n);
            eliminate(pivots, &mut row[..n], from, n);
        }
        let rows = &*rows;
        if !below.is_empty() {
            by_rows(below, n, how, |_, band| {
                band.chunks_exact_mut(n).for_each(|row| eliminate(rows, row, from, n));
            });
        }
    }
}

/// Subtracts from a row what clears its columns from `from` on, one for each row of `pivots`.
fn eliminate(pivots: &[f64], row: &mut [f64], from: usize, n: usize) {
    for (k, pivot) in (from..).zip(pivots.chunks_exact(n)) {
        let factor = row[k] / pivot[k];
        row[k] = factor;
        row[k + 1..].iter_mut().zip(&pivot[k + 1..]).for_each(|(v, p)| *v -= factor * p);
    }
}

pub(super) fn run<J: Join>(n: usize, how: &J, budget: Duration) -> Sample {
    let mut given: Vec<f64> = numbers().map(|n| (n % 1000) as f64 / 1000.0).take(n * n).collect();
    // No exchange of rows is needed where the diagonal outweighs its row.
    (0..n).for_each(|i| given[i * n + i] += n as f64);
    let mut a = given.clone();
    decompose(&mut a, n, how);
    for i in (0..n).step_by((n / 8).max(1)).chain([n - 1]) {
        for j in [0, n / 2, n - 1] {
            let lower = |k: usize| if k == i { 1.0 } else { a[i * n + k] };
            let product: f64 = (0..=i.min(j)).map(|k| lower(k) * a[k * n + j]).sum();
            let difference = (product - given[i * n + j]).abs();
            assert!(difference < 1e-9 * n as f64, "wrong factors: {difference}");
        }
    }
    measure::run_timed(budget, || {
        a.copy_from_slice(&given);
        let start = Instant::now();
        decompose(black_box(&mut a), n, how);
        (start.elapsed().as_secs_f64(), true)
    })
}
