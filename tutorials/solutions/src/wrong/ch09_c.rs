//! The children meet, and then read the matrix that was there at the start.
use detpar::par_for_with_barrier;

/// Reads a copy that is never renewed.
pub fn triangle(mut matrix: Vec<f64>, n: usize) -> Vec<f64> {
    let given = matrix.clone();
    par_for_with_barrier(&mut matrix, 1..n, |rows, m, barrier| {
        for pivot in 0..n - 1 {
            for row in rows.clone().filter(|&row| row > pivot) {
                let factor = m[row * n + pivot] / given[pivot * n + pivot];
                for column in pivot..n {
                    m[row * n + column] -= factor * given[pivot * n + column];
                }
            }
            barrier.wait(m);
        }
    });
    matrix
}
