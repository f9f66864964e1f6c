//! Chapter 7: a mergesort that counts its own work and span.
use std::env;
use std::time::Instant;

// ANCHOR: cost
/// What a computation cost, in comparisons.
#[derive(Clone, Copy, Default)]
struct Cost {
    /// All of them.
    work: u64,
    /// Those on the longest path: one must wait for the other.
    span: u64,
    children: u64,
}

/// One after the other: both count.
fn then(a: Cost, b: Cost) -> Cost {
    Cost { work: a.work + b.work, span: a.span + b.span, children: a.children + b.children }
}

/// Side by side, in two children: the longer path counts.
fn beside(a: Cost, b: Cost) -> Cost {
    Cost { work: a.work + b.work, span: a.span.max(b.span), children: a.children + b.children + 2 }
}
// ANCHOR_END: cost

// ANCHOR: sort
/// Sorts; more values than `grain` are sorted in two children.
fn sort(values: &mut [u32], grain: usize) -> Cost {
    if values.len() < 2 {
        return Cost::default();
    }
    let forks = values.len() > grain;
    let (left, right) = values.split_at_mut(values.len() / 2);
    let halves = if forks {
        let (a, b) = detpar::join(|| sort(left, grain), || sort(right, grain));
        beside(a, b)
    } else {
        then(sort(left, grain), sort(right, grain))
    };
    then(halves, merge(values))
}
// ANCHOR_END: sort

/// Makes one sorted slice of its two sorted halves.
fn merge(values: &mut [u32]) -> Cost {
    let (left, right) = values.split_at(values.len() / 2);
    let mut merged = Vec::with_capacity(values.len());
    let (mut i, mut j, mut work) = (0, 0, 0);
    while i < left.len() && j < right.len() {
        work += 1;
        if right[j] < left[i] {
            merged.push(right[j]);
            j += 1;
        } else {
            merged.push(left[i]);
            i += 1;
        }
    }
    merged.extend_from_slice(&left[i..]);
    merged.extend_from_slice(&right[j..]);
    values.copy_from_slice(&merged);
    Cost { work, span: work, children: 0 }
}

/// Values in no order; the same ones in every run.
fn shuffled(n: u32) -> Vec<u32> {
    let mut x = 7u32;
    let next = |_| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        x >> 8
    };
    (0..n).map(next).collect()
}

// ANCHOR: main
#[detpar::main]
fn main() {
    let mut grains: Vec<usize> = env::args().skip(1).map(|g| g.parse().unwrap()).collect();
    if grains.is_empty() {
        grains = vec![524_288, 262_144, 65_536, 16_384, 4096, 1024];
    }
    println!(" grain  children     work     span  work/span");
    for grain in grains {
        let mut values = shuffled(524_288);
        let start = Instant::now();
        let Cost { work, span, children } = sort(&mut values, grain);
        let time = start.elapsed().as_secs_f64() * 1e3;
        assert!(values.is_sorted());
        let ratio = work as f64 / span as f64;
        println!("{grain:6} {children:9} {work:8} {span:8} {ratio:10.2}, {time:.1} ms");
    }
}
// ANCHOR_END: main
