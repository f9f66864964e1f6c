//! Chapter 9: heat that spreads along a rod, of which both ends are held.
use detpar::par_for_with_barrier;

// ANCHOR: spread
/// Each place takes the mean of itself and its two neighbours.
fn spread(mut rod: Vec<f64>, steps: usize) -> Vec<f64> {
    let inner = 1..rod.len() - 1;
    par_for_with_barrier(&mut rod, inner, |part, rod, barrier| {
        for _ in 0..steps {
            let old = rod.clone();
            for i in part.clone() {
                rod[i] = (old[i - 1] + old[i] + old[i + 1]) / 3.0;
            }
            barrier.wait(rod);
        }
    });
    rod
}
// ANCHOR_END: spread

#[detpar::main]
fn main() {
    for steps in [0, 1, 5, 25, 125] {
        let mut rod = vec![0.0; 9];
        rod[0] = 80.0;
        let rod = spread(rod, steps);
        println!("{steps:3}: {rod:5.1?}");
    }
}
