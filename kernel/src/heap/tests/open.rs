//! Open children: one matter each.

use super::open_random::disjoint;
use super::support::*;
use crate::heap::Heap;
use crate::heap::class::{ZONE, locate};
use crate::heap::open::freed_since;
use crate::image::layout::MAX_DEPTH;
use std::collections::BTreeSet;

/// A fork and its join, of a child that runs at once on its parent's memory: right where
/// neither looks at what the other does meanwhile.
fn fork_join(space: &mut Space, j: usize, body: impl FnOnce(&mut Space)) {
    let child = open_in_turn(space, j, body);
    back(space, j, child);
}

fn back(space: &mut Space, j: usize, child: Space) {
    space.heap.adopt_open(j);
    child.deferred.iter().for_each(|&(addr, _)| assert!(space.free(addr)));
    space.settle();
}

#[test]
fn a_hundred_thousand_forks_neither_leak_nor_spread() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let mut kept = std::collections::VecDeque::new();
    let (mut state, mut first) = (None, None);
    for round in 0..100_000 {
        let mut seen = Vec::new();
        let (big, mine) = (master.alloc(200, 16), master.alloc(30, 16));
        fork_join(&mut master, 0, |child| {
            let (a, b) = (child.alloc(40, 16), child.alloc(5000, 16));
            assert!(child.free(a) && child.free(b));
            kept.push_back(child.alloc(100, 16));
            if round % 64 == 0 {
                let big = child.alloc(1 << 20, 16);
                assert!(child.free(big));
                fork_join(child, 0, |c| {
                    let p = c.alloc(700, 16);
                    assert!(c.free(p));
                });
            }
            seen.extend([a, b]);
        });
        assert!(master.free(big) && master.free(mine));
        if kept.len() > 2 {
            assert!(master.free(kept.pop_front().unwrap()));
        }
        if round == 200 {
            state = Some((master.heap.sequences(), pages().len()));
        }
        if round > 200 {
            assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen);
        }
    }
    assert_eq!(state, Some((master.heap.sequences(), pages().len())));
}

/// Beside a child that runs for long, whatever else its parent does, memory is used again.
#[test]
fn loops_beside_a_long_child_do_not_grow() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let old: Vec<usize> = [20, 2000, 90_000, 700_000].map(|n| master.alloc(n, 16)).into();
    let long = master.open_child(0);
    assert!(old.iter().all(|&p| master.free(p)));
    assert_eq!(master.freed.len(), 4);
    let mut kept = std::collections::VecDeque::new();
    let mut state = None;
    for round in 0..3000 {
        let sizes = [24, 24, 300, 3000, 40_000, 600_000];
        kept.extend(sizes.map(|n| master.alloc(n, 16)));
        fork_join(&mut master, 1, |c| kept.extend(sizes.map(|n| c.alloc(n, 16))));
        master.construct(2, |_, c| kept.extend(sizes.map(|n| c.alloc(n, 16))));
        // Two open children that overlap.
        let (mut a, mut b) = (master.open_child(1), master.open_child(2));
        kept.extend(sizes.map(|n| a.alloc(n, 16)));
        kept.extend(sizes.map(|n| b.alloc(n, 16)));
        back(&mut master, 1, a);
        // What lives through three rounds crosses the starts of many children.
        while kept.len() > 3 * 36 {
            assert!(master.free(kept.pop_front().unwrap()));
        }
        back(&mut master, 2, b);
        if round == 300 {
            state = Some((master.heap.sequences(), pages().len(), master.freed.len()));
        }
    }
    assert_eq!(state, Some((master.heap.sequences(), pages().len(), master.freed.len())));
    back(&mut master, 0, long);
    assert!(master.freed.is_empty());
    assert!(old.iter().all(|&p| Heap::usable(p) == 0));
}

#[test]
fn what_a_child_holds_stays_until_it_ends() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let sizes = [16, 100, 3000, 90_000, 700_000, 5 << 20];
    // Made by the master itself, by an open child, by a closed one.
    let mut old: Vec<usize> = sizes.map(|n| master.alloc(n, 16)).into();
    fork_join(&mut master, 0, |c| old.extend(sizes.map(|n| c.alloc(n, 16))));
    master.construct(1, |_, c| old.extend(sizes.map(|n| c.alloc(n, 16))));
    for lane in [0, 1] {
        // Lane 0 is that in which some of the blocks lie.
        let first = master.open_child(lane);
        let second = master.open_child(2);
        let new: Vec<usize> = sizes.map(|n| master.alloc(n, 16)).into();
        for &p in &old {
            assert!(master.free(p));
            assert!(Heap::usable(p) > 0);
        }
        assert_eq!(master.freed.len(), old.len());
        let mut log = master.freed.clone();
        let both: Vec<_> = freed_since(&mut log, first.session).collect();
        let mut expected: Vec<_> = old.iter().map(|&p| (p, Heap::usable(p))).collect();
        expected.sort_unstable();
        assert_eq!(both, expected);
        assert_eq!(freed_since(&mut log, second.session).collect::<Vec<_>>(), expected);
        // A child that starts now sees those as freed before, and what is newer as live.
        let third = master.open_child(3);
        assert_eq!(freed_since(&mut log, third.session).count(), 0);
        assert!(master.free(new[0]));
        let mut log = master.freed.clone();
        let since: Vec<_> = freed_since(&mut log, third.session).collect();
        assert_eq!(since, [(new[0], 16)]);
        // Made since the newest started: nobody holds it.
        let newest = master.alloc(16, 16);
        assert!(master.free(newest));
        assert_eq!(Heap::usable(newest), 0);
        back(&mut master, 2, second);
        assert!(old.iter().all(|&p| Heap::usable(p) > 0));
        back(&mut master, lane, first);
        assert!(old.iter().all(|&p| Heap::usable(p) == 0), "nobody holds these any more");
        assert!(Heap::usable(new[0]) > 0);
        back(&mut master, 3, third);
        assert_eq!((Heap::usable(new[0]), master.freed.len()), (0, 0));
        new[1..].iter().for_each(|&p| assert!(master.free(p)));
        old = sizes.map(|n| master.alloc(n, 16)).into();
    }
}

#[test]
fn children_that_are_given_up_hold_nothing() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let p = master.alloc(100, 16);
    for j in [0, 1, 20] {
        master.open_child(j);
    }
    assert!(master.free(p));
    master.heap.drop_all_open();
    master.settle();
    assert_eq!((Heap::usable(p), master.freed.len()), (0, 0));
}

/// A free that waits must not be carried out in a lane that is away again.
#[test]
fn a_free_waits_for_the_child_that_runs_in_the_blocks_lane() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let mut p = 0;
    fork_join(&mut master, 1, |c| p = c.alloc(100, 16));
    let holder = master.open_child(0);
    assert!(master.free(p));
    let there = master.open_child(1);
    back(&mut master, 0, holder);
    assert!(Heap::usable(p) > 0, "its lane is away");
    assert_eq!(master.freed.len(), 1);
    // Started after the free: nobody who holds it is left, but for its book-keeping.
    let mut log = master.freed.clone();
    assert_eq!(freed_since(&mut log, there.session).count(), 0);
    back(&mut master, 1, there);
    assert_eq!((Heap::usable(p), master.freed.len()), (0, 0));
}

#[test]
fn a_block_freed_twice_while_it_waits_is_freed_once() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let p = master.alloc(100, 16);
    let first = master.open_child(0);
    assert!(master.free(p));
    let second = master.open_child(1);
    assert!(master.free(p));
    let mut log = master.freed.clone();
    assert_eq!(freed_since(&mut log, first.session).count(), 1);
    back(&mut master, 0, first);
    back(&mut master, 1, second);
    assert_eq!(Heap::usable(p), 0);
    assert_eq!(master.alloc(100, 16), p);
    master.settle();
    assert!(Heap::usable(p) > 0);
}

/// A child frees what it inherited, its parent too: both are known, the block goes once.
#[test]
fn a_nested_parent_records_and_defers_frees_of_what_it_inherited() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let p = master.alloc(100, 16);
    fork_join(&mut master, 0, |parent| {
        let child = parent.open_child(0);
        assert!(parent.free(p));
        assert_eq!(parent.deferred, [(p, 112)]);
        let mut log = parent.freed.clone();
        assert_eq!(freed_since(&mut log, child.session).collect::<Vec<_>>(), [(p, 112)]);
        back(parent, 0, child);
        assert_eq!((parent.deferred.len(), parent.freed.len()), (1, 0));
        assert!(Heap::usable(p) > 0);
    });
    assert_eq!(Heap::usable(p), 0);
}

#[test]
fn all_lanes_are_disjoint_and_keep_their_place() {
    let _memory = Memory::new();
    let mut master = Space::master();
    fn blocks(space: &mut Space, n: usize, seen: &mut BTreeSet<usize>) {
        for _ in 0..n {
            assert!(seen.insert(space.alloc(3 << 20, 16)), "given twice");
        }
    }
    let mut seen = BTreeSet::new();
    blocks(&mut master, 5, &mut seen);
    for _ in 0..3 {
        let mut children: Vec<Space> = Vec::new();
        for j in 0..24 {
            children.push(master.open_child(j));
            blocks(&mut master, 1, &mut seen);
        }
        master.construct(3, |_, c| blocks(c, 2, &mut seen));
        for (j, c) in children.iter_mut().enumerate() {
            blocks(c, j % 4, &mut seen);
            c.construct(2, |_, c| blocks(c, 1, &mut seen));
            for i in 0..2 {
                fork_join(c, i, |c| blocks(c, 2, &mut seen));
            }
        }
        for (j, c) in children.into_iter().enumerate().rev() {
            back(&mut master, j, c);
        }
        blocks(&mut master, 2, &mut seen);
    }
}

/// A space with open children was itself a child: its parent skips what all of them took.
#[test]
fn the_parent_of_a_parent_skips_what_open_children_took() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let mut seen = BTreeSet::new();
    for round in 0..10 {
        master.construct(3, |i, c| {
            for j in 0..(i + round) % 3 {
                fork_join(c, j, |c| {
                    for _ in 0..1 + j {
                        assert!(seen.insert(c.alloc(3 << 20, 16)));
                    }
                });
            }
            assert!(seen.insert(c.alloc(3 << 20, 16)));
        });
        assert!(seen.insert(master.alloc(3 << 20, 16)));
    }
    let high = seen.iter().map(|&p| locate(p).unwrap().1).max().unwrap();
    // What others skipped is not lost: no more than the widest child of each round needs.
    assert!((high as usize) < 8 * seen.len(), "{} blocks up to {high}", seen.len());
}

/// Each level starts the next one in this lane, and both keep a block.
fn chain(space: &mut Space, lane: usize, blocks: &mut Vec<usize>, in_turn: &mut Vec<u32>) {
    blocks.push(space.alloc(2000, 16));
    assert_ne!(blocks.last(), Some(&0));
    if space.depth as usize >= MAX_DEPTH - 1 {
        return;
    }
    // Those in lower lanes end first.
    let lower: Vec<Space> = (0..lane).map(|j| open_in_turn(space, j, |_| {})).collect();
    let child = open_in_turn(space, lane, |c| chain(c, lane, blocks, in_turn));
    if child.in_turn {
        in_turn.push(space.depth);
    }
    blocks.push(space.alloc(2000, 16));
    assert_ne!(blocks.last(), Some(&0));
    back(space, lane, child);
    lower.into_iter().enumerate().for_each(|(j, c)| back(space, j, c));
}

/// An open child that runs at once, on its parent's memory, and is not back yet.
fn open_in_turn(space: &mut Space, j: usize, body: impl FnOnce(&mut Space)) -> Space {
    let mut child = space.open_child(j);
    body(&mut child);
    if child.in_turn {
        let left = child.heap.leave(child.session, &child.sequences);
        space.heap.go_on_behind(&left);
    }
    child
}

#[test]
fn open_children_nest_to_any_depth() {
    for lane in [0, 1] {
        let _memory = Memory::new();
        let (mut blocks, mut in_turn) = (Vec::new(), Vec::new());
        chain(&mut Space::master(), lane, &mut blocks, &mut in_turn);
        assert_eq!(blocks.len(), 2 * (MAX_DEPTH - 1) + 1);
        assert_eq!(blocks.iter().collect::<BTreeSet<_>>().len(), blocks.len());
        // From where shares are small on, all; the deepest space has no children.
        assert!(in_turn.iter().rev().copied().eq(5..MAX_DEPTH as u32 - 1), "{in_turn:?}");
    }
}

/// What a child in turn took and does not keep, since it is not merged, is taken again.
#[test]
fn children_in_turn_that_are_not_merged_leave_nothing_behind() {
    let _memory = Memory::new();
    let mut master = Space::master();
    master.sequences[0].next = u64::from(ZONE[0].count) - 4000;
    fork_join(&mut master, 0, |parent| {
        let mut seen = BTreeSet::new();
        parent.alloc(1, 16);
        for _ in 0..100 {
            let mut child = parent.open_child(0);
            assert!(child.in_turn);
            let before = pages();
            seen.extend((0..8).map(|_| child.alloc(250 << 10, 16)));
            let left = child.heap.leave(child.session, &child.sequences);
            restore(&before);
            let behind = parent.heap.go_on_behind(&left);
            assert!(behind > child.sequences[0].next);
            parent.heap.drop_open(0);
            parent.heap.take_back(&child.sequences[0], behind);
        }
        assert_eq!(seen.len(), 8);
    });
}

/// Low lanes have their shares, a higher one has turns, one after another.
#[test]
fn children_in_turn_beside_others_share_no_segment() {
    let _memory = Memory::new();
    let mut master = Space::master();
    master.sequences[0].next = u64::from(ZONE[0].count) - 128_000;
    fork_join(&mut master, 0, |parent| {
        let mut blocks = Vec::new();
        let mut four = |space: &mut Space| {
            blocks.extend((0..4 * 4).map(|_| (space.alloc(250 << 10, 16), 250 << 10)));
        };
        let mut low = [parent.open_child(0), parent.open_child(1)];
        assert!(low.iter().all(|c| !c.in_turn));
        for _ in 0..3 {
            let child = open_in_turn(parent, 2, &mut four);
            assert!(child.in_turn);
            four(parent);
            low.iter_mut().for_each(&mut four);
            back(parent, 2, child);
            four(parent);
            parent.construct(2, |_, c| four(c));
        }
        low.into_iter().enumerate().for_each(|(j, c)| back(parent, j, c));
        four(parent);
        disjoint(blocks);
    });
}

/// Those that are started so that their parents cannot wait: by a put of their own.
#[test]
fn nesting_of_open_children_beside_their_parents_ends_at_a_limit() {
    let _memory = Memory::new();
    for lane in [0, 1] {
        let mut spaces = vec![Space::master()];
        loop {
            let space = spaces.last_mut().unwrap();
            // The lower lane is in use as well.
            if (0..lane).any(|j| space.heap.open_lane(space, j, false).is_none()) {
                break;
            }
            let Some(l) = space.heap.open_lane(space, lane, false) else { break };
            let (child, parent) = (space.child(l.session, 0, 1), space.heap);
            assert_eq!(parent, child.parent);
            spaces.push(Space { heap: l.heap, sequences: l.sequences, ..child });
        }
        assert_eq!(spaces.len() - 1, [11, 10][lane], "lane {lane}");
    }
}

#[test]
fn a_thousand_open_children_have_a_gib_each() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let mut taken = vec![false; ZONE[0].count as usize];
    for j in 0..1000 {
        let child = master.open_child(j);
        let mut s = child.sequences[0];
        for _ in 0..1000 {
            let n = s.next as usize;
            assert!(!std::mem::replace(&mut taken[n], true), "segment {n} was given twice");
            s.next += s.step;
        }
        assert!(child.sequences[4].next < u64::from(ZONE[4].count), "a block of 256 MiB");
    }
}

/// At a barrier a child goes on in its lane with a new session and new sequences.
#[test]
fn a_child_goes_on_after_a_barrier() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let mut seen = BTreeSet::new();
    let mut session = master.prepare(3);
    let mut children: Vec<Space> = (0..3).map(|i| master.child(session, i, 3)).collect();
    let mut made = vec![Vec::new(); 3];
    for round in 0..6 {
        for (i, c) in children.iter_mut().enumerate() {
            let inherited = std::mem::take(&mut made[i]);
            for &p in &inherited {
                assert!(c.free(p));
            }
            assert_eq!(c.deferred.len(), inherited.len(), "made before the barrier");
            let sizes = [20, 300, 3000, 90_000, 3 << 20];
            made[i].extend(sizes.map(|n| c.alloc(n, 16)));
            for _ in 0..(i + round) % 3 {
                made[i].push(c.alloc(3 << 20, 16));
            }
            let own = c.alloc(50, 16);
            assert!(c.free(own) && c.deferred.len() == inherited.len());
            seen.extend(made[i].iter().filter(|&&p| locate(p).unwrap().0 > 0));
        }
        let all: Vec<(usize, usize)> =
            made.iter().flatten().map(|&p| (p, Heap::usable(p))).collect();
        disjoint(all);
        for c in &mut children {
            for (p, _) in std::mem::take(&mut c.deferred) {
                assert!(master.free(p));
            }
        }
        master.heap.adopt(3, session);
        let before = session;
        session = master.prepare(3);
        assert!(session > before);
        for (i, c) in children.iter_mut().enumerate() {
            let next = master.child(session, i, 3);
            (c.session, c.sequences) = (next.session, next.sequences);
        }
    }
    let high = seen.iter().map(|&p| locate(p).unwrap().1).max().unwrap();
    assert!(high < 40, "{} segments up to {high}", seen.len());
}

#[test]
fn memory_freed_while_nothing_can_be_given_back_goes_when_it_can() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let child = master.open_child(0);
    master.keeps = true;
    let all: Vec<usize> = (0..40).map(|_| master.alloc(4 << 20, 16)).collect();
    all.iter().for_each(|&p| fill(p, 4 << 20, 1));
    all.iter().for_each(|&p| assert!(master.free(p)));
    assert_eq!(master.released, 0);
    master.keeps = false;
    back(&mut master, 0, child);
    assert!(master.released >= 90 << 20, "{}", master.released);
    for _ in 0..40 {
        let p = master.heap.alloc_zeroed(&mut master, 4 << 20, 16) as usize;
        assert!(is_zero(p, 4 << 20));
    }
}
