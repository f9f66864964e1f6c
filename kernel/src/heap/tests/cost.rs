//! What allocation costs beside the system's allocator.

use super::support::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::time::Instant;

fn best(mut f: impl FnMut()) -> f64 {
    (0..7)
        .map(|_| {
            let t = Instant::now();
            f();
            t.elapsed().as_secs_f64()
        })
        .fold(f64::MAX, f64::min)
}

/// Nanoseconds per pair of alloc and free: one block at a time, then 1000 at a time.
fn pair_ns(mut alloc: impl FnMut(usize) -> usize, mut free: impl FnMut(usize)) -> [f64; 3] {
    const N: usize = 1_000_000;
    let one = best(|| {
        for _ in 0..N {
            free(black_box(alloc(black_box(48))));
        }
    });
    let mut held = vec![0; 1000];
    let many = best(|| {
        for _ in 0..N / 1000 {
            held.iter_mut().for_each(|p| *p = alloc(black_box(48)));
            held.iter().for_each(|&p| free(p));
        }
    });
    let mut r = Random(1);
    let sizes: Vec<usize> = (0..4096).map(|i| 1 + r.below(16 << (i % 7))).collect();
    let places: Vec<usize> = (0..4096).map(|_| r.below(1000)).collect();
    held.fill(0);
    let mixed = best(|| {
        for i in 0..N {
            let p = &mut held[places[i % 4096]];
            if *p != 0 {
                free(*p);
            }
            *p = alloc(sizes[(i * 7) % 4096]);
        }
    });
    held.iter().filter(|&&p| p != 0).for_each(|&p| free(p));
    [one, many, mixed].map(|t| t / N as f64 * 1e9)
}

#[test]
#[ignore = "a measurement: run with --release and --nocapture"]
fn pairs_of_alloc_and_free() {
    let _memory = Memory::new();
    let space = std::cell::RefCell::new(Space::master());
    let ours =
        pair_ns(|n| space.borrow_mut().alloc(n, 16), |p| assert!(space.borrow_mut().free(p)));
    let layout = |n| Layout::from_size_align(n, 16).unwrap();
    // SAFETY: blocks are freed once; the system's free needs no size.
    let system = unsafe {
        pair_ns(|n| System.alloc(layout(n)) as usize, |p| System.dealloc(p as *mut u8, layout(1)))
    };
    println!("ns per pair        one   1000  mixed");
    println!("image heap     {:>7.1}{:>7.1}{:>7.1}", ours[0], ours[1], ours[2]);
    println!("system         {:>7.1}{:>7.1}{:>7.1}", system[0], system[1], system[2]);
}
