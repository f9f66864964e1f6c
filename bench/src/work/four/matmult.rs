//! `matmult`: a product of two square matrices, by bands of rows.

use super::{by_rows, numbers};
use crate::measure::{self, Sample};
use crate::work::join::Join;
use std::hint::black_box;
use std::time::Duration;

fn multiply<J: Join>(a: &[f64], b: &[f64], to: &mut [f64], n: usize, how: &J) {
    by_rows(to, n, how, |first, band| {
        for (i, row) in band.chunks_exact_mut(n).enumerate() {
            row.fill(0.0);
            let a = &a[(first + i) * n..][..n];
            for (factor, b) in a.iter().zip(b.chunks_exact(n)) {
                row.iter_mut().zip(b).for_each(|(sum, b)| *sum += factor * b);
            }
        }
    });
}

pub(super) fn run<J: Join>(n: usize, how: &J, budget: Duration) -> Sample {
    let matrix = |seed| numbers().skip(seed).map(|n| (n % 1000) as f64).take(n * n).collect();
    let (a, b): (Vec<f64>, Vec<f64>) = (matrix(0), matrix(7));
    let mut product = vec![0.0; n * n];
    multiply(&a, &b, &mut product, n, how);
    // Whole numbers, so the order of additions does not matter; the corners of all bands.
    for i in (0..n).step_by((n / 4).max(1)).chain([n - 1]) {
        for j in [0, n / 2, n - 1] {
            let sum: f64 = (0..n).map(|k| a[i * n + k] * b[k * n + j]).sum();
            assert_eq!(product[i * n + j], sum, "wrong product");
        }
    }
    measure::run(budget, || multiply(black_box(&a), &b, black_box(&mut product), n, how))
}
