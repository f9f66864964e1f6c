//! Chapter 9: a Gaussian elimination whose children meet after each pivot.
use detpar::par_for_with_barrier;

/// Each pivot's row is seen as the pivots before it have left it.
pub fn triangle(mut matrix: Vec<f64>, n: usize) -> Vec<f64> {
    par_for_with_barrier(&mut matrix, 1..n, |rows, m, barrier| {
        for pivot in 0..n - 1 {
            for row in rows.clone().filter(|&row| row > pivot) {
                let factor = m[row * n + pivot] / m[pivot * n + pivot];
                for column in pivot..n {
                    m[row * n + column] -= factor * m[pivot * n + column];
                }
            }
            barrier.wait(m);
        }
    });
    matrix
}
