//! Chapter 9: a Gaussian elimination that gives the same wrong answer in every run.
use detpar::par_for_with_barrier;

/// Makes zeros below the diagonal of a matrix of `n` rows, which lie one after the other; a child
/// for each row, or some neighbouring ones.
///
/// Broken: the children never meet.
pub fn triangle(mut matrix: Vec<f64>, n: usize) -> Vec<f64> {
    par_for_with_barrier(&mut matrix, 1..n, |rows, m, _barrier| {
        for pivot in 0..n - 1 {
            for row in rows.clone().filter(|&row| row > pivot) {
                let factor = m[row * n + pivot] / m[pivot * n + pivot];
                for column in pivot..n {
                    m[row * n + column] -= factor * m[pivot * n + column];
                }
            }
        }
    });
    matrix
}
