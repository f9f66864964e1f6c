//! What checking mode costs: run it with `DETPAR_CHECK=0` and with `DETPAR_CHECK=1`.
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Prints the median time of a join, in microseconds.
fn measure(name: &str, mut join: impl FnMut()) {
    (0..20).for_each(|_| join());
    let mut times: Vec<f64> = (0..200)
        .map(|_| {
            let start = Instant::now();
            join();
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:44} {:9.1} us", times[times.len() / 2]);
}

#[detpar::main]
fn main() {
    measure("nothing shared", || {
        detpar::join(|| black_box(1), || black_box(2));
    });
    measure("a page of its own for each", || {
        let side = || vec![1u8; 4096].len();
        detpar::join(side, side);
    });
    measure("a local of the parent in each", || {
        let (mut a, mut b) = (0, 0);
        detpar::join(|| a += black_box(1), || b += black_box(1));
        black_box((a, b));
    });
    for writes in [10, 100, 1000] {
        let shared = [const { AtomicU64::new(0) }; 2];
        let [a, b] = &shared;
        let side = |n: &AtomicU64| (0..writes).for_each(|i| n.store(i, Relaxed));
        measure(&format!("{writes} writes in each to one page"), || {
            detpar::join(|| side(a), || side(b));
        });
        measure(&format!("the same by two that are spawned, {writes}"), || {
            detpar::scope(|s| {
                s.spawn(|_| side(a));
                s.spawn(|_| side(b));
            });
        });
    }
    measure("two that are spawned, nothing shared", || {
        detpar::scope(|s| {
            s.spawn(|_| drop(black_box(vec![1u8; 100])));
            s.spawn(|_| drop(black_box(vec![1u8; 100])));
        });
    });
    let deep = || {
        let inner = || detpar::join(|| black_box(1), || black_box(2));
        detpar::join(inner, inner)
    };
    measure("nested joins, nothing shared", || {
        black_box(deep());
    });
}
