//! Density, address space, exhaustion.

use super::support::*;
use crate::heap::class::{SEGMENT, ZONE, ZONES, locate};
use crate::heap::state::Sequence;
use crate::heap::{Heap, segment};
use crate::image::layout::MAX_DEPTH;
use std::collections::BTreeSet;

#[test]
fn a_hundred_thousand_constructs_neither_leak_nor_spread() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let mut kept = Vec::new();
    let mut state = None;
    for round in 0..100_000 {
        master.construct(2, |i, child| {
            let a = child.alloc(40 + i, 16);
            let b = child.alloc(5000, 16);
            assert!(child.free(a));
            assert!(child.free(b));
            // A result that the parent frees one round later.
            kept.push(child.alloc(100, 16));
            if round % 64 == 0 {
                let big = child.alloc(1 << 20, 16);
                assert!(child.free(big));
            }
        });
        for p in kept.drain(..kept.len() - 2) {
            assert!(master.free(p));
        }
        if round == 100 {
            state = Some((master.heap.sequences(), pages().len()));
        }
    }
    assert_eq!(state, Some((master.heap.sequences(), pages().len())));
}

/// The main program of many tools is a space itself: what it keeps from one construct to a
/// later one is its own, so freeing it must not wait for its end.
#[test]
fn a_child_that_forks_frees_what_its_children_made_at_once() {
    let _memory = Memory::new();
    let mut master = Space::master();
    master.construct(1, |_, main| {
        let mut kept = std::collections::VecDeque::new();
        let mut high = 0;
        for round in 0..2000 {
            let mut made = Vec::new();
            main.construct(2, |i, child| {
                made.push(child.alloc(60, 16));
                if i == 1 {
                    child.construct(2, |_, c| {
                        made.push(c.alloc(1000, 16));
                        made.push(c.alloc(70_000, 16));
                    });
                }
            });
            kept.extend(made);
            while kept.len() > 50 {
                assert!(main.free(kept.pop_front().unwrap()));
            }
            if round == 1000 {
                high = pages().len();
            }
        }
        assert!(main.deferred.is_empty(), "{} frees deferred", main.deferred.len());
        assert_eq!(pages().len(), high);
    });
}

#[test]
fn a_thousand_children_can_take_four_gib_each() {
    let _memory = Memory::new();
    let mut master = Space::master();
    // The master has done something already.
    for i in 0..16 {
        master.alloc(1000 << i, 16);
    }
    let session = master.prepare(1000);
    let mut taken = vec![false; ZONE[0].count as usize];
    let mut blocks = BTreeSet::new();
    for i in 0..1000 {
        let mut child = master.child(session, i, 1000);
        let p = child.alloc(4 << 30, 16);
        assert_eq!(locate(p).map(|(z, _)| ZONE[z].shift), Some(32));
        assert!(blocks.insert(p));
        // Small segments: enough pages after their heads for 4 GiB of blocks.
        let pages = (4usize << 30) / PAGE;
        let mut s = child.sequences[0];
        for _ in 0..pages.div_ceil(SEGMENT / PAGE - segment::HEAD_PAGES) {
            let n = s.next as usize;
            assert!(!std::mem::replace(&mut taken[n], true), "segment {n} was given twice");
            s.next += s.step;
        }
    }
    for i in [0, 1, 499, 999] {
        // And the heap does take them: the last of its blocks lies in the last segment.
        let mut child = master.child(session, i, 1000);
        for _ in 0..4096 {
            assert_ne!(child.alloc(250 << 10, 16), 0);
            assert_ne!(child.alloc(250 << 10, 16), 0);
            assert_ne!(child.alloc(250 << 10, 16), 0);
            assert_ne!(child.alloc(250 << 10, 16), 0);
        }
        let small = child.granted.iter().filter(|(_, len)| *len == SEGMENT);
        assert!(small.clone().all(|&(a, _)| taken[segment::number_of(a) as usize]));
        // Its first segment was its parent's, the others were granted.
        assert_eq!(small.count(), 4095);
    }
}

#[test]
fn an_exhausted_heap_answers_null_and_goes_on() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let session = master.prepare(1);
    let mut child = master.child(session, 0, 1);
    for (z, s) in child.sequences.iter_mut().enumerate() {
        // Two more of each; the last zone has one only.
        s.next = u64::from(ZONE[z].count).saturating_sub(2);
    }
    let small: Vec<usize> =
        (0..100_000).map(|_| child.alloc(32 << 10, 16)).take_while(|&p| p != 0).collect();
    // Two blocks in every sixteen pages of three segments.
    assert_eq!(small.len(), 3 * ((SEGMENT / PAGE - segment::HEAD_PAGES) / 16) * 2);
    assert_eq!(child.prepare_or_none(1), None);
    let mut large = Vec::new();
    loop {
        match child.alloc(300 << 10, 16) {
            0 => break,
            p => large.push(p),
        }
    }
    // What does not fit in its zone goes further up.
    assert_eq!(large.len(), 2 * (ZONES - 1) - 1);
    assert_eq!(child.alloc(2 << 40, 16), 0);
    assert_eq!(child.alloc(usize::MAX - 5000, 16), 0);
    assert!(large.iter().chain(&small).all(|&p| child.free(p)));
    assert_ne!(child.alloc(32 << 10, 16), 0);
    assert_ne!(child.alloc(300 << 10, 16), 0);
}

impl Space {
    fn prepare_or_none(&mut self, k: usize) -> Option<u64> {
        self.heap.prepare(self, k)
    }
}

/// Each level of a chain of joins makes a block in both children, and keeps it.
fn chain(space: &mut Space, blocks: &mut Vec<usize>, in_turn: &mut Vec<u32>) {
    if space.depth as usize >= MAX_DEPTH - 1 {
        return;
    }
    space.construct(2, |i, child| {
        blocks.push(child.alloc(2000, 16));
        assert_ne!(blocks.last(), Some(&0));
        if i == 1 {
            chain(child, blocks, in_turn);
        }
    });
    if space.heap.runs_in_turn(2) {
        in_turn.push(space.depth);
    }
}

#[test]
fn a_chain_of_joins_ends_where_spaces_are_nested_no_deeper() {
    let _memory = Memory::new();
    let (mut blocks, mut in_turn) = (Vec::new(), Vec::new());
    chain(&mut Space::master(), &mut blocks, &mut in_turn);
    assert_eq!(blocks.len(), 2 * (MAX_DEPTH - 1));
    assert_eq!(blocks.iter().collect::<BTreeSet<_>>().len(), blocks.len());
    assert_eq!(in_turn.len(), in_turn[0] as usize - 11);
    assert!(in_turn.contains(&12) && !in_turn.contains(&11));
}

/// Four thousand pieces can run beside each other, and loops in loops.
#[test]
fn what_is_enough_is_divided() {
    let recursion: [&[usize]; 3] = [&[2; 12], &[8; 4], &[16; 3]];
    let loops: [&[usize]; 3] = [&[1000, 100], &[64, 64, 24], &[1000, 2, 60]];
    for widths in recursion.into_iter().chain(loops) {
        let _memory = Memory::new();
        let mut space = Space::master();
        for &k in widths {
            let session = space.prepare(k);
            assert!(!space.heap.runs_in_turn(k), "{widths:?}");
            space = space.child(session, k - 1, k);
        }
        space.prepare(4);
        assert!(space.heap.runs_in_turn(4), "{widths:?}");
    }
}

/// A child in turn that keeps nothing leaves all it took; what the next one takes lies there.
#[test]
fn what_nobody_keeps_is_taken_again() {
    let _memory = Memory::new();
    let mut master = Space::master();
    master.sequences[0].next = u64::from(ZONE[0].count) - 40;
    let session = master.prepare(2);
    assert!(master.heap.runs_in_turn(2));
    let given = master.heap.sequences();
    let mut child = master.child(session, 0, 2);
    child.take_turn(&given);
    let all: Vec<usize> = (0..12).map(|_| child.alloc(250 << 10, 16)).collect();
    let kept = child.alloc(100, 16);
    assert!(all.iter().all(|&p| child.free(p)));
    let left = child.heap.leave(session, &child.sequences);
    assert_ne!(left, child.sequences);
    assert!(child.heap.vacate(session, &child.sequences).is_none(), "a block is left");
    assert!(child.free(kept));
    let vacated = child.heap.vacate(session, &child.sequences).expect("nothing is left");
    assert!(all.iter().chain([&kept, &child.heap.0]).all(|&p| vacated.holds(p)));
    assert!(!vacated.holds(master.heap.0) && !vacated.holds(master.heap.lane(1).0));
    assert!(vacated.dirty_below > 0, "grants were written");
    assert!(pages().keys().all(|&a| locate(a).is_some() || is_zero(a, PAGE)), "table entries");
}

#[test]
fn single_children_nest_to_any_depth() {
    let _memory = Memory::new();
    let mut space = Space::master();
    for _ in 0..255 {
        let session = space.prepare(1);
        space = space.child(session, 0, 1);
        assert_ne!(space.alloc(100, 16), 0);
    }
}

#[test]
fn a_parent_takes_what_its_children_have_to_spare() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let (mut block, mut stretch) = (0, 0);
    master.construct(2, |i, child| match i {
        0 => {
            block = child.alloc(3 << 20, 16);
            child.alloc(3 << 20, 16);
        }
        _ => {
            child.alloc(1, 16);
            stretch = child.sequences[1].next;
        }
    });
    assert!(master.free(block));
    let state = crate::heap::segment::heap_of_number(0);
    let end = u64::from(ZONE[1].count);
    state.zones[1].sequence.set(Sequence { next: end, step: 1, taken: end });
    let mut at = || locate(master.alloc(3 << 20, 16)).unwrap();
    assert_eq!(at(), locate(block).unwrap());
    assert_eq!(at(), (1, stretch as u32));
    assert_eq!(at(), (1, stretch as u32 + 2));
    assert_eq!(at().0, 2, "nothing left: a larger segment");
}

#[test]
fn unbalanced_constructs_keep_what_was_skipped() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let mut seen = BTreeSet::new();
    for round in 0..20 {
        let rounds = master.heap.prepare(&mut master, 3).map(|_| master.heap.sequences()[1]);
        assert!(rounds.is_some());
        master.construct(3, |i, child| {
            child.alloc(1, 16);
            // Child `round % 3` takes five segments, the others one or none.
            let n = if i == round % 3 { 5 } else { i % 2 };
            for _ in 0..n {
                assert!(seen.insert(child.alloc(3 << 20, 16)), "given twice");
            }
        });
    }
    let high = seen.iter().map(|&p| locate(p).unwrap().1).max().unwrap();
    // 20 rounds of at most 6 segments; without stretches it would be 20 rounds of 15.
    assert!(high < 200, "spread to {high} for {} segments", seen.len());
}

#[test]
fn what_is_freed_beyond_a_reserve_goes_back_to_the_system() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let all: Vec<usize> = (0..40).map(|_| master.alloc(4 << 20, 16)).collect();
    for &p in &all {
        fill(p, 4 << 20, 1);
    }
    let before = pages().len();
    all.iter().for_each(|&p| assert!(master.free(p)));
    assert!(master.released >= 90 << 20);
    assert!(pages().len() < before - (90 << 20) / PAGE);
    for _ in 0..40 {
        let p = Heap::ROOT.alloc_zeroed(&mut master, 4 << 20, 16) as usize;
        assert!(is_zero(p, 4 << 20));
    }
}
