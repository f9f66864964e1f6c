//! One space against a model: random calls, every block's contents and place checked.

use super::support::*;
use crate::heap::{BlockInfo, Heap, block_of};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What the model knows of a block: bytes asked for, the tag they were filled with.
struct Known {
    size: usize,
    tag: u8,
}

#[derive(Default)]
struct Model {
    live: BTreeMap<usize, Known>,
    tag: u8,
}

impl Model {
    fn adopt(&mut self, p: usize, size: usize, align: usize) {
        assert_ne!(p, 0);
        assert_eq!(p % align.max(16), 0);
        let usable = Heap::usable(p);
        assert!(usable >= size, "usable {usable} for {size}");
        let end = p + usable;
        let above = self.live.range(p..).next().map_or(usize::MAX, |(&a, _)| a);
        let below = self.live.range(..p).next_back().map_or(0, |(&a, _)| a + Heap::usable(a));
        assert!(below <= p && end <= above, "{p:x}+{usable:x} overlaps");
        assert_eq!(block_of(p + usable - 1), Some(BlockInfo { start: p, len: usable }));
        self.tag = self.tag.wrapping_add(1);
        // All of it: book-keeping must not lie in what the program may use.
        fill(p, if usable <= 1 << 16 { usable } else { size }, self.tag);
        self.live.insert(p, Known { size, tag: self.tag });
    }

    fn check(&self, p: usize, upto: usize) {
        let k = &self.live[&p];
        let len = upto.min(k.size);
        // The middle of large blocks has no neighbours.
        let end = len - len.min(9000);
        for part in [bytes(p, len.min(9000)), bytes(p + end, len - end)] {
            assert!(part.iter().all(|&b| b == k.tag), "contents at {p:x}");
        }
    }

    fn forget(&mut self, p: usize) {
        self.check(p, usize::MAX);
        self.live.remove(&p);
    }

    fn nth(&self, n: usize) -> Option<usize> {
        self.live.keys().nth(n % self.live.len().max(1)).copied()
    }
}

/// A size: mostly small, sometimes at the edge of a class, a run or a segment.
fn a_size(r: &mut Random) -> usize {
    let edge = [0, 16, 128, 224, 256, 4096, 32 << 10, 256 << 10, 1012 << 10, 4 << 20];
    match r.below(16) {
        0..8 => r.below(300),
        8..11 => r.below(5000),
        11 => r.below(40 << 10),
        12 => r.below(300 << 10),
        13 => r.below(5 << 20),
        _ => (edge[r.below(edge.len())] + r.below(3)).saturating_sub(1),
    }
}

fn an_align(r: &mut Random) -> usize {
    if r.chance(4) { 1 << r.below(16) } else { 16 }
}

fn run(space: &mut Space, seed: u64, steps: usize) {
    let mut r = Random(seed);
    let mut m = Model::default();
    for step in 0..steps {
        let filling = (step / 500) % 2 == 0;
        match r.below(10) {
            0..4 => {
                let (size, align) = (a_size(&mut r), an_align(&mut r));
                let p = space.alloc(size, align);
                m.adopt(p, size, align);
            }
            4 => {
                let (size, align) = (a_size(&mut r), an_align(&mut r));
                let p = space.heap.alloc_zeroed(space, size, align) as usize;
                assert!(is_zero(p, size), "zeroed, {size} bytes");
                m.adopt(p, size, align);
            }
            5..7 => {
                let Some(p) = m.nth(r.below(1 << 20)) else { continue };
                let size = a_size(&mut r);
                let old = m.live[&p].size;
                if Heap::resize_in_place(space, p, size) {
                    m.check(p, size);
                    m.live.remove(&p);
                    m.adopt(p, size, 16);
                } else {
                    let q = space.alloc(size, 16);
                    m.adopt(q, size, 16);
                    m.check(p, old);
                    assert!(space.free(p));
                    m.forget_freed(p);
                }
            }
            _ if filling && r.chance(2) => {}
            _ => {
                let Some(p) = m.nth(r.below(1 << 20)) else { continue };
                m.forget(p);
                // Neither the inside of a block nor a freed one is a block.
                assert!(!space.free(p + 8));
                assert!(space.free(p));
                assert!(!space.free(p), "freed twice");
                assert_eq!(block_of(p), None);
            }
        }
        if space.depth > 0 {
            assert!(space.deferred.is_empty(), "an own block's free was deferred");
        }
    }
    let left: Vec<usize> = m.live.keys().copied().collect();
    for p in left {
        m.forget(p);
        assert!(space.free(p));
    }
}

impl Model {
    fn forget_freed(&mut self, p: usize) {
        self.live.remove(&p);
    }
}

#[test]
fn random_calls_agree_with_a_model() {
    for seed in 0..6 {
        let _memory = Memory::new();
        run(&mut Space::master(), seed, 4000);
    }
}

#[test]
fn a_child_agrees_with_it_too_and_defers_nothing_of_its_own() {
    let _memory = Memory::new();
    let mut master = Space::master();
    for seed in 0..6 {
        // The same lanes each time: spans of earlier sessions with free blocks are used again.
        master.construct(3, |i, child| run(child, seed * 3 + i as u64, 700));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn sizes_and_alignments(calls in prop::collection::vec((0usize..70_000, 0u32..17), 1..60)) {
        let _memory = Memory::new();
        let mut space = Space::master();
        let mut m = Model::default();
        for &(size, align) in &calls {
            let p = space.alloc(size, 1 << align);
            m.adopt(p, size, 1 << align);
        }
        let all: Vec<usize> = m.live.keys().copied().collect();
        for p in all {
            m.forget(p);
            prop_assert!(space.free(p));
        }
    }
}
