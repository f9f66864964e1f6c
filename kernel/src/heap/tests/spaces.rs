//! Parents and children without processes: a snapshot is a copy of all pages, a child's
//! changes are what differs from it afterwards, and what it was granted stays even if it fails.

use super::support::*;
use crate::heap::Heap;
use crate::heap::class::{SEGMENT, ZONE, locate};
use crate::heap::turns::can_leave;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

fn inside(ranges: &[(usize, usize)], page: usize) -> bool {
    ranges.iter().any(|&(a, n)| (a..a + n).contains(&page))
}

/// Constructs whose children ran in turn, and children that vacated what they took.
static IN_TURN: AtomicUsize = AtomicUsize::new(0);
static VACATED: AtomicUsize = AtomicUsize::new(0);

/// Runs the children of a construct, each on its snapshot, in the given order unless they have
/// turns; merges all if all return true. What grandchildren were granted counts as granted to
/// the child.
fn fork(parent: &mut Space, k: usize, order: &[usize], body: &mut Body) -> bool {
    const ZERO: [u8; PAGE] = [0; PAGE];
    let session = parent.prepare(k);
    // What a child sees: the parent's memory; `file` changes with every grant.
    let base = pages();
    let mut file = base.clone();
    let mut changed: Vec<Pages> = vec![Pages::new(); k];
    let mut frees = vec![Vec::new(); k];
    let mut ok = true;
    let mut granted = Vec::new();
    let in_turn = parent.heap.runs_in_turn(k);
    let given = parent.heap.sequences();
    let mut left = given;
    let mut order = order.to_vec();
    if in_turn {
        order.sort_unstable();
        IN_TURN.fetch_add(1, Relaxed);
    }
    for i in order {
        restore(&file);
        let mut child = parent.child(session, i, k);
        if in_turn {
            child.take_turn(&left);
        }
        ok &= body(i, &mut child);
        let mut leaves = child.heap.leave(session, &child.sequences);
        let vacated = child.heap.vacate(session, &child.sequences);
        if let Some(v) = vacated {
            VACATED.fetch_add(1, Relaxed);
            leaves = child.sequences;
            parent.dirty_below[0] = parent.dirty_below[0].max(v.dirty_below);
        }
        if in_turn {
            assert!(can_leave(&left, &leaves));
            left = leaves;
        }
        let now = pages();
        let all: BTreeSet<usize> = now.keys().chain(file.keys()).copied().collect();
        for a in all {
            let page = now.get(&a).map_or(&ZERO, |p| &**p);
            let before = file.get(&a).map_or(&ZERO, |p| &**p);
            if page == before {
                continue;
            }
            if inside(&child.granted, a) {
                file.insert(a, Box::new(*page));
            } else if !vacated.is_some_and(|v| v.holds(a)) {
                changed[i].insert(a, Box::new(*page));
            }
        }
        for z in 0..parent.dirty_below.len() {
            parent.dirty_below[z] = parent.dirty_below[z].max(child.dirty_below[z]);
        }
        frees[i] = child.deferred;
        granted.extend(child.granted);
    }
    restore(&file);
    if !ok {
        for &(a, _) in &granted {
            let (z, n) = locate(a).unwrap();
            parent.dirty_below[z] = parent.dirty_below[z].max(n + 1);
        }
    } else {
        merge(&base, &changed);
        for &(addr, _) in frees.iter().flatten() {
            assert!(parent.free(addr), "a deferred free of no block");
        }
        match in_turn {
            true => parent.heap.adopt_in_turn(k, session, &left),
            false => parent.heap.adopt(k, session),
        }
    }
    if parent.depth > 0 {
        parent.granted.extend(granted);
    }
    ok
}

type Body<'a> = dyn FnMut(usize, &mut Space) -> bool + 'a;

fn merge(base: &Pages, changed: &[Pages]) {
    let addrs: BTreeSet<usize> = changed.iter().flat_map(|c| c.keys().copied()).collect();
    for a in addrs {
        let reference = base.get(&a).map_or([0; PAGE], |p| **p);
        let (mut out, mut by) = (reference, [usize::MAX; PAGE]);
        for (i, c) in changed.iter().enumerate() {
            let Some(p) = c.get(&a) else { continue };
            for b in 0..PAGE {
                if p[b] != reference[b] {
                    assert_eq!(by[b], usize::MAX, "two children wrote {:x}", a + b);
                    (out[b], by[b]) = (p[b], i);
                }
            }
        }
        write_page(a, &out);
    }
}

#[derive(Clone, Copy, Debug)]
struct Block {
    addr: usize,
    len: usize,
    tag: u8,
    /// Made by the space that looks at it, or below.
    own: bool,
    /// Whether that space may free it: siblings must not free the same.
    may_free: bool,
}

/// A random program: allocates, frees, forks, fails; checks every block all the time.
struct Program {
    r: Random,
    failures: usize,
    constructs: usize,
    deferred: usize,
}

impl Program {
    fn check(live: &[Block]) {
        for b in live {
            assert!(bytes(b.addr, b.len).iter().all(|&x| x == b.tag), "{b:x?}");
            assert!(Heap::usable(b.addr) >= b.len, "{b:x?}");
        }
    }

    fn make(&mut self, space: &mut Space, live: &mut Vec<Block>) {
        let len = match self.r.below(40) {
            0 => 300_000 + self.r.below(300_000),
            1 => self.r.below(60_000),
            2..10 => self.r.below(3000),
            _ => self.r.below(200),
        };
        let addr = if self.r.chance(5) {
            let p = space.heap.alloc_zeroed(space, len, 16) as usize;
            assert!(is_zero(p, len), "zeroed, {len} bytes");
            p
        } else {
            space.alloc(len, 16)
        };
        let tag = self.r.next() as u8;
        // Snapshots are copies here: large blocks would make them slow.
        let len = len.min(9000);
        fill(addr, len, tag);
        live.push(Block { addr, len, tag, own: true, may_free: true });
    }

    fn drop_one(&mut self, space: &mut Space, live: &mut Vec<Block>) {
        let n = self.r.below(live.len().max(1));
        let Some(&b) = live.get(n) else { return };
        if !b.may_free {
            return;
        }
        live.swap_remove(n);
        let before = space.deferred.len();
        assert!(space.free(b.addr), "{b:x?}");
        let deferred = space.deferred.len() - before;
        assert_eq!(deferred, usize::from(!b.own && space.depth > 0), "{b:x?} {}", space.depth);
        self.deferred += deferred;
    }

    fn run(&mut self, space: &mut Space, live: &mut Vec<Block>, most: u32) {
        for _ in 0..10 + self.r.below(60) {
            match self.r.below(20) {
                0..9 => self.make(space, live),
                9..18 => self.drop_one(space, live),
                18 if space.depth < most && self.r.chance(1 + 2 * space.depth as usize) => {
                    self.fork(space, live, most);
                }
                _ => {}
            }
        }
        Self::check(live);
    }

    fn fork(&mut self, space: &mut Space, live: &mut Vec<Block>, most: u32) {
        let k = 1 + self.r.below(4);
        let mut order: Vec<usize> = (0..k).collect();
        for i in (1..k).rev() {
            order.swap(i, self.r.below(i + 1));
        }
        self.constructs += 1;
        let fails = self.r.chance(4).then(|| self.r.below(k));
        let inherited = live.clone();
        let mut after = vec![Vec::new(); k];
        let ok = fork(space, k, &order, &mut |i, child| {
            let mut mine = inherited.clone();
            for b in &mut mine {
                b.own = false;
                b.may_free &= (b.addr >> 4) % k == i;
            }
            self.run(child, &mut mine, most);
            if self.r.chance(2) {
                // Nothing of its own is left: as a rule it vacates.
                mine.retain(|b| !b.own || !child.free(b.addr));
            }
            after[i] = mine;
            fails != Some(i)
        });
        assert_eq!(ok, fails.is_none());
        if ok {
            live.retain(|b| after.iter().all(|a| a.iter().any(|x| x.addr == b.addr && !x.own)));
            let made = after.iter().flatten().filter(|b| b.own);
            live.extend(made);
        } else {
            self.failures += 1;
        }
        Self::check(live);
    }
}

fn random_programs(seeds: std::ops::Range<u64>) -> Program {
    let mut all = Program { r: Random(0), failures: 0, constructs: 0, deferred: 0 };
    for seed in seeds {
        let _memory = Memory::new();
        all.r = Random(seed);
        let mut master = Space::master();
        // With few segments left children run in turn, at once or one level further down.
        if let Some(left) = [None, Some(400), Some(150)][seed as usize % 3] {
            master.sequences[0].next = u64::from(ZONE[0].count) - left;
        }
        let mut live = Vec::new();
        for _ in 0..3 {
            all.run(&mut master, &mut live, 3);
            all.fork(&mut master, &mut live, 3);
        }
        while !live.is_empty() {
            all.drop_one(&mut master, &mut live);
        }
    }
    all
}

#[test]
fn random_programs_of_spaces_keep_every_block() {
    let p = random_programs(0..6);
    let (in_turn, vacated) = (IN_TURN.load(Relaxed), VACATED.load(Relaxed));
    assert!(in_turn > 20 && vacated > 40, "{in_turn} {vacated}");
    assert!(
        p.failures > 10 && p.constructs > 60 && p.deferred > 100,
        "{} {} {}",
        p.failures,
        p.constructs,
        p.deferred
    );
}

#[test]
#[ignore = "long"]
fn many_random_programs_of_spaces_keep_every_block() {
    random_programs(100..600);
}

/// What a child allocates, given by its seed.
fn some_work(child: &mut Space, seed: u64) -> Vec<usize> {
    let mut r = Random(seed);
    let mut live = Vec::new();
    let mut all = Vec::new();
    for _ in 0..200 {
        if r.chance(3) && !live.is_empty() {
            let p = live.swap_remove(r.below(live.len()));
            assert!(child.free(p));
        } else {
            let bits = 4 + r.below(17);
            let n = r.below(1 << bits);
            live.push(child.alloc(n, 16));
            all.push(live[live.len() - 1]);
        }
    }
    all
}

#[test]
fn addresses_do_not_depend_on_siblings_or_their_order() {
    let mut first = None;
    for variant in 0..4usize {
        let _memory = Memory::new();
        let mut master = Space::master();
        let order = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]][variant];
        let mut seen = Vec::new();
        let ok = fork(&mut master, 4, &order, &mut |i, child| {
            if i != 2 {
                // Siblings do something else in each variant.
                some_work(child, (variant * 10 + i) as u64);
                return true;
            }
            seen.push(some_work(child, 99));
            fork(child, 3, &[2, 0, 1], &mut |j, c| {
                if j == 1 {
                    seen.push(some_work(c, 77));
                } else {
                    some_work(c, (variant * 100 + j) as u64);
                }
                true
            })
        });
        assert!(ok);
        assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen, "variant {variant}");
    }
}

#[test]
fn lanes_are_disjoint_at_every_width_and_depth() {
    fn tree(space: &mut Space, widths: &[usize], all: &mut Vec<(usize, usize, u8)>) {
        let Some((&k, rest)) = widths.split_first() else { return };
        space.construct(k, |i, child| {
            for len in [30, 3000, 100_000, 700_000] {
                let (p, tag) = (child.alloc(len, 16), (all.len() + i) as u8);
                fill(p, len.min(5000), tag);
                all.push((p, len, tag));
            }
            tree(child, rest, all);
        });
    }
    for widths in [&[1usize, 1, 1][..], &[2, 3, 4], &[64], &[7, 9], &[4, 4, 8], &[64, 2]] {
        let _memory = Memory::new();
        let mut all = Vec::new();
        let mut master = Space::master();
        tree(&mut master, widths, &mut all);
        tree(&mut master, widths, &mut all);
        for &(p, len, tag) in &all {
            assert!(bytes(p, len.min(5000)).iter().all(|&b| b == tag));
        }
        all.sort_unstable();
        assert!(all.windows(2).all(|w| w[0].0 + w[0].1 <= w[1].0), "{widths:?}");
    }
}

#[test]
fn sessions_rise_and_inherited_frees_wait() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let mut last = 0;
    let mut old: Vec<usize> = [20, 2000, 100_000, 600_000].map(|n| master.alloc(n, 16)).into();
    for _ in 0..10 {
        let mut made = Vec::new();
        assert!(fork(&mut master, 2, &[1, 0], &mut |i, child| {
            assert!(child.session > last);
            if i == 0 {
                for (n, &p) in old.iter().enumerate() {
                    assert!(child.free(p));
                    assert_eq!((child.deferred.len(), child.deferred[n].0), (n + 1, p));
                    // It stays a block until the merge.
                    assert!(Heap::usable(p) >= 20);
                }
                let session = child.session;
                let mut own = Vec::new();
                assert!(fork(child, 1, &[0], &mut |_, c| {
                    assert!(c.session > session);
                    own = [20, 2000, 100_000, 600_000].map(|n| c.alloc(n, 16)).into();
                    true
                }));
                // A later construct uses the same spans.
                assert!(fork(child, 1, &[0], &mut |_, c| {
                    made = [20, 2000, 100_000, 600_000].map(|n| c.alloc(n, 16)).into();
                    assert!(c.free(own[0]));
                    assert_eq!(c.deferred.len(), 1);
                    true
                }));
                assert!(own[1..].iter().all(|&p| child.free(p)));
                assert_eq!(child.deferred.len(), old.len());
            }
            true
        }));
        assert!(old.iter().all(|&p| Heap::usable(p) == 0 || made.contains(&p)));
        let session = master.prepare(1);
        assert!(session > last);
        (last, old) = (session, made);
    }
}

#[test]
fn a_failed_construct_leaves_nothing_behind() {
    let _memory = Memory::new();
    let mut master = Space::master();
    let mut before = Vec::new();
    assert!(fork(&mut master, 2, &[0, 1], &mut |_, child| {
        before.extend(some_work(child, 5));
        true
    }));
    // In use, but empty: only what the child made lies there, and it frees all of that.
    assert!(fork(&mut master, 2, &[0, 1], &mut |_, child| {
        let all: Vec<usize> = (0..500).map(|_| child.alloc(3000, 16)).collect();
        all[1..].iter().all(|&p| child.free(p))
    }));
    let mut first = None;
    for round in 0..6 {
        let mut seen = Vec::new();
        let session = master.prepare(2);
        let ok = fork(&mut master, 2, &[1, 0], &mut |i, child| {
            assert_eq!(child.session, session + 1);
            let a: Vec<usize> = (0..900).map(|_| child.alloc(3000, 16)).collect();
            let b: Vec<usize> = (0..20).map(|_| child.alloc(400_000, 16)).collect();
            a.iter().chain(&b).for_each(|&p| fill(p, 3000, 0xee));
            assert!(a.iter().chain(&b).all(|&p| child.free(p)));
            // The freed segments are used again, for other sizes.
            let c: Vec<usize> = (0..900).map(|_| child.alloc(3500, 16)).collect();
            c.iter().for_each(|&p| fill(p, 3500, 0xdd));
            seen.push((i, a, b, c));
            round == 5
        });
        assert_eq!(ok, round == 5);
        assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen, "round {round}");
    }
    let p = Heap::ROOT.alloc_zeroed(&mut master, 600_000, 16) as usize;
    assert!(is_zero(p, 600_000));
}

/// A segment that holds no block, but a span with room, is in use: a child that empties it
/// for good and takes it again must not write to it past its snapshot.
#[test]
fn a_failed_child_does_not_reach_a_segment_that_was_in_use() {
    let mut addresses = Vec::new();
    for fails in [false, true] {
        let _memory = Memory::new();
        let mut master = Space::master();
        let mut at = 0;
        assert!(fork(&mut master, 1, &[0], &mut |_, child| {
            while at / SEGMENT == 0 || at / SEGMENT == child.heap.0 / SEGMENT {
                at = child.alloc(3000, 16);
            }
            child.free(at)
        }));
        let mut again = false;
        let ok = fork(&mut master, 1, &[0], &mut |_, child| {
            if fails {
                let all: Vec<usize> = (0..500).map(|_| child.alloc(3000, 16)).collect();
                assert!(all.contains(&at));
                let there = |p: &&usize| **p / SEGMENT == at / SEGMENT;
                assert!(all.iter().filter(there).all(|&p| child.free(p)));
                for _ in 0..20 {
                    let p = child.alloc(250 << 10, 16);
                    fill(p, 250 << 10, 0xee);
                    again |= there(&&p);
                }
            }
            !fails
        });
        assert_eq!((ok, again), (!fails, fails));
        assert!(fork(&mut master, 1, &[0], &mut |_, child| {
            let all: Vec<usize> = (0..500).map(|_| child.alloc(3000, 16)).collect();
            all.iter().for_each(|&p| fill(p, 3000, 1));
            assert!(all.iter().all(|&p| child.free(p)));
            addresses.push(all);
            true
        }));
    }
    assert_eq!(addresses[0], addresses[1]);
}
