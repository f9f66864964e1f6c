//! The suite `master`: sequential code without children. Who runs it differs in memory only:
//! whose `malloc` it is, and what lies behind.

use super::{PAGE, touched};
use crate::measure::{self, Sample};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

/// Blocks that are alive at a time in `alloc`.
const BLOCKS: usize = 10_000;
/// Bytes of the largest of them.
const LARGEST: usize = 512;
/// Bytes that are alive in `alloc`: the mean size is a third of the largest.
pub const LIVE: usize = BLOCKS * (16 + LARGEST / 3);
/// Blocks that one turn of `alloc` replaces.
const REPLACED: usize = 1000;
/// Entries of the tree.
const ENTRIES: usize = 10_000;
/// Bytes of the tree, roughly: key, string and its text.
pub const TREE: usize = ENTRIES * 48;
/// Bytes that `chase` goes through.
pub const CHASE: usize = 64 << 20;
/// Pointers that one turn of `chase` follows.
const STEPS: usize = 10_000;
/// Numbers of each of the three arrays of `stream`.
const NUMBERS: usize = 2 << 20;
/// Bytes that `stream` goes through.
pub const STREAM: usize = 3 * 8 * NUMBERS;
/// Bytes that `first_touch` allocates: more than any allocator keeps when they are freed.
pub const FRESH: usize = 128 << 20;

/// Measures a case; `None` where there is none of this name.
///
/// # Panics
/// Where the result is wrong.
pub fn run(case: &str, budget: Duration) -> Option<Sample> {
    match case {
        "alloc" => Some(alloc(budget)),
        "tree" => Some(tree(budget)),
        "chase" => Some(chase(budget)),
        "stream" => Some(stream(budget)),
        "first_touch" => Some(first_touch(budget)),
        _ => None,
    }
}

/// Marsaglia's xorshift: the same numbers for everybody.
fn next(x: &mut u64) -> u64 {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    *x
}

/// Most blocks are small: the size is a square.
fn block(random: u64) -> Vec<u8> {
    let root = random >> 32 & 0xff;
    vec![random as u8; 16 + (root * root) as usize * LARGEST / (256 * 256)]
}

fn alloc(budget: Duration) -> Sample {
    let mut x = 1;
    let mut live: Vec<Vec<u8>> = (0..BLOCKS).map(|_| block(next(&mut x))).collect();
    let sample = measure::run(budget, || {
        for _ in 0..REPLACED {
            let random = next(&mut x);
            live[random as usize % BLOCKS] = block(random);
        }
    });
    assert!(live.iter().all(|b| b.iter().all(|&byte| byte == b[0])), "blocks overlap");
    sample
}

fn tree(budget: Duration) -> Sample {
    measure::run(budget, || {
        let mut x = 1;
        let mut tree = BTreeMap::new();
        for _ in 0..ENTRIES {
            let key = next(&mut x);
            tree.insert(key, key.to_string());
        }
        assert!(tree.len() == ENTRIES, "keys were lost");
        drop(black_box(tree));
    })
}

/// As large as a line of the cache.
#[repr(align(64))]
#[derive(Clone)]
struct Node {
    next: u32,
}

fn chase(budget: Duration) -> Sample {
    let nodes = CHASE / size_of::<Node>();
    // Sattolo's shuffle: one cycle through all.
    let mut order: Vec<Node> = (0..nodes as u32).map(|next| Node { next }).collect();
    let mut x = 1;
    for i in (1..nodes).rev() {
        order.swap(i, next(&mut x) as usize % i);
    }
    let mut at = 0;
    measure::run(budget, || {
        for _ in 0..STEPS {
            at = order[at].next as usize;
        }
        black_box(at);
    })
}

fn stream(budget: Duration) -> Sample {
    let mut a = vec![0f64; NUMBERS];
    let (b, c) = (vec![1f64; NUMBERS], vec![2f64; NUMBERS]);
    let sample = measure::run(budget, || {
        let s = black_box(3.0);
        a.iter_mut().zip(&b).zip(&c).for_each(|((a, b), c)| *a = b + s * c);
        black_box(&mut a);
    });
    assert!(a.iter().all(|&a| a == 7.0), "wrong sums");
    sample
}

fn first_touch(budget: Duration) -> Sample {
    measure::run(budget, || {
        let fresh = touched(FRESH);
        assert!(fresh[FRESH - PAGE] == 1 && fresh[FRESH - 1] == 0, "memory is not fresh");
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[test]
    fn every_case_has_work() {
        for case in suite::find("master").unwrap().cases {
            assert!(run(case.name, Duration::ZERO).is_some(), "{}", case.name);
        }
        assert!(run("nonesuch", Duration::ZERO).is_none());
    }

    #[test]
    fn blocks_have_the_size_that_is_said() {
        let mut x = 1;
        let sum: usize = (0..BLOCKS).map(|_| block(next(&mut x)).len()).sum();
        assert!(sum.abs_diff(LIVE) < LIVE / 20, "{sum} beside {LIVE}");
    }
}
