//! Chapter 9: a Gaussian elimination in which something was forgotten.
use detpar::par_for_with_barrier;

const N: usize = 4;

type Matrix = [[f64; N]; N];

// ANCHOR: triangle
/// Makes zeros below the diagonal: a child for each row but the first.
fn triangle(mut m: Matrix) -> Matrix {
    par_for_with_barrier(&mut m, 1..N, |rows, m, _barrier| {
        for pivot in 0..N - 1 {
            for row in rows.clone().filter(|&row| row > pivot) {
                eliminate(m, row, pivot);
            }
        }
    });
    m
}

/// Takes a multiple of the pivot's row from another.
fn eliminate(m: &mut Matrix, row: usize, pivot: usize) {
    let above = m[pivot];
    let factor = m[row][pivot] / above[pivot];
    println!("row {row} takes {factor:5.2} times row {pivot}, {above:?}");
    for (value, above) in m[row].iter_mut().zip(above).skip(pivot) {
        *value -= factor * above;
    }
}
// ANCHOR_END: triangle

#[detpar::main]
fn main() {
    let given =
        [[4.0, 1.0, 2.0, 3.0], [8.0, 5.0, 6.0, 7.0], [4.0, 7.0, 9.0, 8.0], [12.0, 9.0, 13.0, 20.0]];
    let m = triangle(given);
    for row in m {
        println!("{:6.2} {:6.2} {:6.2} {:6.2}", row[0], row[1], row[2], row[3]);
    }
    println!("determinant: {:.2}", m[0][0] * m[1][1] * m[2][2] * m[3][3]);
}
