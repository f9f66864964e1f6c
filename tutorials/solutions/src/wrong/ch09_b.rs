//! A meeting after every second pivot, to save some.
use detpar::par_for_with_barrier;

/// Waits too rarely.
pub fn triangle(mut matrix: Vec<f64>, n: usize) -> Vec<f64> {
    par_for_with_barrier(&mut matrix, 1..n, |rows, m, barrier| {
        for pivot in 0..n - 1 {
            for row in rows.clone().filter(|&row| row > pivot) {
                let factor = m[row * n + pivot] / m[pivot * n + pivot];
                for column in pivot..n {
                    m[row * n + column] -= factor * m[pivot * n + column];
                }
            }
            if pivot % 2 == 1 {
                barrier.wait(m);
            }
        }
    });
    matrix
}
