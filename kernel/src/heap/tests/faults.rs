//! Errors that the allocator once had or could have, one test each.

use super::support::*;
use crate::heap::class::{HEAP_END, SEGMENT, ZONE, segment_addr};
use crate::heap::{Heap, block_of};
use crate::image::layout::{HEAP, META};

#[test]
fn zeroed_memory_is_zero_beyond_an_earlier_smaller_life() {
    let _memory = Memory::new();
    let mut s = Space::master();
    let p = s.alloc(4 << 20, 16);
    fill(p, 4 << 20, 7);
    assert!(s.free(p));
    // A shorter life of the same segment must not make its end look clean.
    let q = s.alloc(1 << 20, 16);
    assert_eq!(p, q);
    assert!(s.free(q));
    let z = s.heap.alloc_zeroed(&mut s, 4 << 20, 16) as usize;
    assert_eq!(p, z);
    assert!(is_zero(z, 4 << 20));
}

#[test]
fn a_block_that_grew_in_place_is_all_dirty() {
    let _memory = Memory::new();
    let mut s = Space::master();
    let p = s.alloc(300 << 10, 16);
    assert!(Heap::resize_in_place(&s, p, 4 << 20));
    assert!(!Heap::resize_in_place(&s, p, (4 << 20) + 1));
    fill(p, 4 << 20, 7);
    assert!(Heap::resize_in_place(&s, p, 2 << 20));
    assert!(!Heap::resize_in_place(&s, p, 1000));
    assert!(s.free(p));
    let z = s.heap.alloc_zeroed(&mut s, 4 << 20, 16) as usize;
    assert_eq!(p, z);
    assert!(is_zero(z, 4 << 20));
}

#[test]
fn runs_grow_where_they_are() {
    let _memory = Memory::new();
    let mut s = Space::master();
    let p = s.alloc(40 << 10, 16);
    assert!(Heap::resize_in_place(&s, p, 200 << 10));
    assert!(Heap::usable(p) >= 200 << 10);
    let q = s.alloc(40 << 10, 16);
    assert!(q >= p + (200 << 10));
    assert!(!Heap::resize_in_place(&s, p, 250 << 10), "the next block is in the way");
    assert!(s.free(q));
    assert!(Heap::resize_in_place(&s, p, 900 << 10), "to the end of the segment");
    assert!(!Heap::resize_in_place(&s, p, 2 << 20));
    fill(p, 900 << 10, 1);
    assert_eq!(block_of(p + (900 << 10) - 1).map(|b| b.start), Some(p));
    assert!(s.free(p));
    let (a, b) = (s.alloc(40 << 10, 16), s.alloc(40 << 10, 16));
    assert_eq!((a, b), (p, p + (40 << 10)));
}

#[test]
fn an_inherited_block_does_not_grow() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let (run, large) = (master.alloc(40 << 10, 16), master.alloc(600 << 10, 16));
    let before = pages();
    master.construct(1, |_, child| {
        for p in [run, large] {
            assert!(!Heap::resize_in_place(child, p, Heap::usable(p) + 1));
            assert!(Heap::resize_in_place(child, p, Heap::usable(p)));
        }
    });
    let after = pages();
    let table = before.iter().filter(|(a, _)| (META..HEAP).contains(*a));
    assert!(table.into_iter().all(|(a, p)| after[a] == *p), "wrote about an inherited block");
}

#[test]
fn large_alignments() {
    let _memory = Memory::new();
    let mut s = Space::master();
    for shift in 13..=30 {
        let p = s.alloc(100, 1 << shift);
        fill(p, 100, 1);
        assert!(Heap::resize_in_place(&s, p, 5000));
        assert!(s.free(p));
    }
    assert_eq!(s.alloc(100, 1 << 41), 0);
}

#[test]
fn addresses_that_are_no_block_are_ignored() {
    let _memory = Memory::new();
    let mut s = Space::master();
    let never = [0, 16, META, HEAP, HEAP_END - 16, HEAP_END, usize::MAX - 15];
    for a in never.into_iter().chain((0..ZONE.len()).map(|z| segment_addr(z, 3))) {
        assert!(!s.free(a), "{a:x}");
        assert_eq!((block_of(a), Heap::usable(a)), (None, 0));
        assert!(!Heap::resize_in_place(&s, a, 10));
    }
    let p = s.alloc(16, 16);
    // The segment's head, the span's header, a block never handed out, a page never used.
    for a in [HEAP, HEAP + 4096, p & !4095, p + 16, HEAP + SEGMENT - 4096] {
        assert!(!s.free(a), "{a:x}");
        assert_eq!(block_of(a), None);
    }
    assert_eq!(s.prepare(2), 1);
    // A lane that was never used.
    let lane = s.heap.lane(1).0;
    for a in (lane..lane + SEGMENT).step_by(512) {
        assert!(!s.free(a));
    }
}

#[test]
fn a_lane_in_used_memory_starts_empty() {
    let _memory = Memory::new();
    let mut s = Space::master();
    // Segments full of something, then free: lanes are made of them.
    let all: Vec<usize> = (0..40).map(|_| s.alloc(250 << 10, 16)).collect();
    all.iter().for_each(|&p| fill(p, 250 << 10, 0x48));
    all.iter().for_each(|&p| assert!(s.free(p)));
    s.construct(5, |i, child| {
        if i != 3 {
            child.construct(3, |_, c| {
                let p = c.alloc(64, 16);
                assert!(c.free(p));
            });
            let p = child.alloc(64, 16);
            assert!(child.free(p));
            assert!(child.deferred.is_empty());
        }
    });
}

#[test]
fn an_emptied_first_segment_stays() {
    let _memory = Memory::new();
    let mut s = Space::master();
    for _ in 0..3 {
        let all: Vec<usize> = (0..3000).map(|_| s.alloc(1000, 16)).collect();
        all.iter().for_each(|&p| assert!(s.free(p)));
    }
    let p = s.alloc(1000, 16);
    assert!((HEAP..HEAP + 5 * SEGMENT).contains(&p));
    s.construct(1, |_, child| {
        for _ in 0..3 {
            let all: Vec<usize> = (0..3000).map(|_| child.alloc(1000, 16)).collect();
            all.iter().for_each(|&p| assert!(child.free(p)));
        }
    });
}

/// Whatever a child's wild writes left in the book-keeping, the heap's code stays within
/// its memory, ends and does not panic.
#[test]
fn overwritten_book_keeping_is_survived() {
    for seed in 0..60 {
        let _memory = Memory::new();
        let mut s = Space::master();
        let mut r = Random(seed);
        let mut known = Vec::new();
        s.construct(3, |_, c| {
            known.extend([8, 48, 300, 3000, 50_000, 700_000].map(|n| c.alloc(n, 16)));
        });
        known.extend([8, 48, 300, 3000, 50_000, 700_000].map(|n| s.alloc(n, 16)));
        for j in 0..2 {
            let mut c = s.open_child(j);
            known.extend([8, 300, 50_000, 700_000].map(|n| c.alloc(n, 16)));
            known[j * 2..][..2].iter().for_each(|&p| assert!(s.free(p)));
        }
        s.heap.adopt_open(0);
        for (a, mut p) in pages() {
            let n = if r.chance(2) { PAGE } else { 64 };
            for _ in 0..n {
                let b = r.below(PAGE);
                p[b] = if r.chance(3) { r.below(4) as u8 } else { r.next() as u8 };
            }
            write_page(a, &p);
        }
        // A heap whose mark is gone is set up anew: keep it half of the time.
        let st = crate::heap::segment::heap_of_number(0);
        if r.chance(2) {
            st.magic.set(crate::heap::state::MAGIC);
        }
        for round in 0..300 {
            let near = known[r.below(known.len())].wrapping_add(r.below(SEGMENT)) & !15;
            let wild = (HEAP + r.below(HEAP_END - HEAP)) & !15;
            for a in [near, wild, known[r.below(known.len())]] {
                block_of(a);
                s.free(a);
                Heap::resize_in_place(&s, a, r.below(1 << 20));
            }
            let _ = s.heap.alloc(&mut s, r.below(1 << (4 + round % 18)), 16);
            if round % 50 == 0 {
                let k = 1 + r.below(4);
                if let Some(session) = s.heap.prepare(&mut s, k) {
                    let mut c = s.child(session, 0, k);
                    let _ = c.heap.alloc(&mut c, r.below(5000), 16);
                    s.heap.adopt(k, session);
                }
                let j = r.below(4);
                if let Some(l) = s.heap.open_lane(&mut s, j, true) {
                    let mut c = s.child(l.session, 0, 1);
                    (c.heap, c.sequences) = (l.heap, l.sequences);
                    let _ = c.heap.alloc(&mut c, r.below(5000), 16);
                    s.free(known[r.below(known.len())]);
                }
                let j = r.below(4);
                if r.chance(2) {
                    s.heap.adopt_open(j);
                } else {
                    s.heap.drop_open(j);
                }
                s.settle();
            }
        }
    }
}

#[test]
fn the_masters_front_takes_a_block_once_and_hands_it_out_once() {
    let _memory = Memory::new();
    let mut s = Space::master();
    let held: Vec<usize> = (0..100).map(|_| s.alloc(48, 16)).collect();
    // More than wait at a time; each of them freed once more at once, and all once more at last.
    for &p in &held {
        assert!(s.free(p));
        assert!(!s.free(p) && block_of(p).is_none() && Heap::usable(p) == 0);
    }
    assert!(held.iter().all(|&p| !s.free(p)));
    let mut again: Vec<usize> = (0..100).map(|_| s.alloc(48, 16)).collect();
    assert_eq!(again[0], held[31], "the last of those that wait comes first");
    again.sort_unstable();
    again.dedup();
    assert_eq!(again, held, "each once");
    // What stands in a block counts for nothing.
    let p = s.alloc(48, 16);
    // SAFETY: the block is live.
    unsafe { (p as *mut [u64; 2]).write([0xd17e_a5ed_0f4e_e0b1; 2]) };
    assert!(block_of(p).is_some() && s.free(p) && block_of(p).is_none());
}

#[test]
fn a_block_that_waits_in_the_front_is_nothing_to_children() {
    let _memory = Memory::new();
    let mut s = Space::master();
    let p = s.alloc(48, 16);
    assert!(s.free(p));
    s.construct(2, |_, child| {
        assert!(!child.free(p) && block_of(p).is_none());
        let q = child.alloc(48, 16);
        assert!(q != p && child.free(q));
    });
    assert_eq!(s.alloc(48, 16), p);
}
