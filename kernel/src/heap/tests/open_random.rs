//! Open children: random programs against an oracle.

use super::support::*;
use super::world::*;
use crate::heap::Heap;
use crate::heap::class::ZONE;
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug)]
struct Block {
    addr: usize,
    len: usize,
    tag: u8,
    /// Made by the space that looks at it, or below.
    own: bool,
    /// Whether that space may write and free it: its parent or siblings may otherwise.
    mine: bool,
}

/// An outstanding open child.
struct Outstanding {
    lane: usize,
    /// Its state before it ran, and afterwards.
    ready: Option<(Snapshot, Space, Vec<Block>, u64)>,
    ended: Option<(Ended, Vec<Block>, u64)>,
    lent: BTreeSet<usize>,
}

/// What random programs did, and when their children run, which must not matter.
#[derive(Default)]
struct Programs {
    when: Random,
    joined: usize,
    killed: usize,
    closed: usize,
    in_turn: usize,
    vacated: usize,
    waiting: usize,
    deepest: u32,
}

/// One space's program.
struct Program {
    r: Random,
    seed: u64,
    live: Vec<Block>,
    open: Vec<Outstanding>,
    /// Addresses so far, in program order.
    trace: u64,
}

pub(super) fn disjoint(mut all: Vec<(usize, usize)>) {
    all.sort_unstable();
    for w in all.windows(2) {
        assert!(w[0].0 + w[0].1 <= w[1].0, "two live blocks overlap: {w:x?}");
    }
}

impl Program {
    fn new(seed: u64, live: Vec<Block>) -> Program {
        Program { r: Random(seed), seed, live, open: Vec::new(), trace: seed }
    }

    fn mix(&mut self, x: u64) {
        self.trace = (self.trace.rotate_left(7) ^ x).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn check(&self) {
        for b in &self.live {
            let bad = bytes(b.addr, b.len).iter().position(|&x| x != b.tag);
            assert_eq!(bad.map(|n| (n, bytes(b.addr, b.len)[n])), None, "{b:x?}");
            assert!(Heap::usable(b.addr) >= b.len, "{b:x?}");
        }
        let ended = self.open.iter().filter_map(|o| o.ended.as_ref());
        let theirs = ended.flat_map(|(_, live, _)| live.iter().filter(|b| b.own));
        disjoint(self.live.iter().chain(theirs).map(|b| (b.addr, b.len)).collect());
    }

    fn make(&mut self, space: &mut Space) {
        let len = match self.r.below(40) {
            0 => 300_000 + self.r.below(300_000),
            1 => self.r.below(60_000),
            2..10 => self.r.below(3000),
            _ => self.r.below(200),
        };
        let addr = if self.r.chance(5) {
            let p = space.heap.alloc_zeroed(space, len, 16) as usize;
            // Looking at all of a large block would give it pages to copy.
            assert!(is_zero(p, len.min(6000)), "zeroed, {len} bytes");
            p
        } else {
            space.alloc(len, 16)
        };
        self.mix(addr as u64);
        let (tag, len) = (self.r.next() as u8, len.min(6000));
        fill(addr, len, tag);
        self.live.push(Block { addr, len, tag, own: true, mine: true });
    }

    fn pick(&mut self) -> Option<usize> {
        let n = self.r.below(self.live.len().max(1));
        self.live.get(n).filter(|b| b.mine).map(|_| n)
    }

    fn drop_one(&mut self, all: &mut Programs, space: &mut Space) {
        let Some(n) = self.pick() else { return };
        let b = self.live.swap_remove(n);
        let (deferred, waiting) = (space.deferred.len(), space.freed.len());
        assert!(space.free(b.addr), "{b:x?}");
        let deferred = space.deferred.len() - deferred;
        assert_eq!(deferred, usize::from(!b.own && space.depth > 0), "{b:x?} {}", space.depth);
        if space.freed.len() > waiting {
            all.waiting += 1;
            assert!(!self.open.is_empty() && Heap::usable(b.addr) >= b.len);
        } else if deferred == 0 {
            assert_eq!(Heap::usable(b.addr), 0);
        }
    }

    fn write(&mut self) {
        let Some(n) = self.pick() else { return };
        let b = &mut self.live[n];
        b.tag = self.r.next() as u8;
        fill(b.addr, b.len, b.tag);
    }

    fn resize(&mut self, space: &mut Space) {
        let Some(n) = self.pick() else { return };
        let (b, len) = (self.live[n], self.r.below(5000) + 1);
        if Heap::resize_in_place(space, b.addr, b.len + len) {
            let b = &mut self.live[n];
            (b.len, b.tag) = (b.len + len, self.r.next() as u8);
            fill(b.addr, b.len, b.tag);
        }
    }

    /// Some blocks go to a child, which alone may write and free them.
    fn lend(&mut self) -> (BTreeSet<usize>, Vec<Block>) {
        let mut lent = BTreeSet::new();
        let mut view = self.live.clone();
        for (mine, theirs) in self.live.iter_mut().zip(&mut view) {
            theirs.own = false;
            theirs.mine = mine.mine && self.r.chance(4);
            if theirs.mine {
                mine.mine = false;
                lent.insert(mine.addr);
            }
        }
        (lent, view)
    }

    /// What a child did to the blocks lent to it, and what it made, if it was merged.
    fn take_back(&mut self, lent: &BTreeSet<usize>, after: Option<Vec<Block>>) {
        let Some(after) = after else {
            self.live.iter_mut().filter(|b| lent.contains(&b.addr)).for_each(|b| b.mine = true);
            return;
        };
        let was_own = |b: &&Block| b.own && lent.contains(&b.addr);
        let owned: BTreeSet<usize> = self.live.iter().filter(was_own).map(|b| b.addr).collect();
        self.live.retain(|b| !lent.contains(&b.addr));
        let back = after.into_iter().filter(|b| b.own || lent.contains(&b.addr));
        self.live.extend(back.map(|b| Block {
            own: b.own || owned.contains(&b.addr),
            mine: true,
            ..b
        }));
    }

    fn start(&mut self, all: &mut Programs, world: &mut World, space: &mut Space) {
        let lane = (0..).find(|&j| self.open.iter().all(|o| o.lane != j)).unwrap();
        let child = space.open_child(lane);
        let in_turn = child.in_turn;
        self.mix(child.session);
        let (lent, view) = self.lend();
        let snapshot = world.snapshot(space);
        let seed = self.r.next();
        let mut o =
            Outstanding { lane, ready: Some((snapshot, child, view, seed)), ended: None, lent };
        if all.when.chance(2) || in_turn {
            o.run(all, world, space);
        }
        self.open.push(o);
    }

    fn end(&mut self, all: &mut Programs, world: &mut World, space: &mut Space) {
        let n = self.r.below(self.open.len().max(1));
        if n >= self.open.len() {
            return;
        }
        let mut o = self.open.swap_remove(n);
        if self.r.chance(5) {
            all.killed += 1;
            let ended = o.ended.as_ref().map(|(e, ..)| e);
            world.kill(space, o.lane, ended);
            self.take_back(&o.lent, None);
        } else {
            all.joined += 1;
            o.run(all, world, space);
            let (ended, after, trace) = o.ended.unwrap();
            self.mix(trace);
            world.join(space, o.lane, &ended);
            self.take_back(&o.lent, Some(after));
        }
        self.check();
    }

    fn closed(&mut self, all: &mut Programs, world: &mut World, space: &mut Space) {
        all.closed += 1;
        let k = 1 + self.r.below(3);
        let session = space.prepare(k);
        let snapshot = world.snapshot(space);
        let mut ended = Vec::new();
        let mut results = Vec::new();
        for i in 0..k {
            let (lent, view) = self.lend();
            let child = space.child(session, i, k);
            let mut p = Program::new(self.r.next(), view);
            ended.push(world.run(space, &snapshot, child, |world, child| p.run(all, world, child)));
            self.mix(p.trace);
            results.push((lent, p.live));
        }
        if self.r.chance(5) {
            for c in &ended {
                c.space.was_granted.iter().for_each(|&(a, _)| space.note_dirty(a));
            }
            results.iter().for_each(|(lent, _)| self.take_back(lent, None));
        } else {
            world.merge(&ended, &[]);
            for (c, (lent, after)) in ended.iter().zip(results) {
                for &(addr, _) in &c.space.deferred {
                    assert!(space.free(addr), "a deferred free of no block");
                }
                self.take_back(&lent, Some(after));
            }
            space.heap.adopt(k, session);
        }
        self.check();
    }

    fn run(&mut self, all: &mut Programs, world: &mut World, space: &mut Space) {
        all.deepest = all.deepest.max(space.depth);
        let steps = if space.depth == 0 { 150 } else { 20 + self.r.below(40) };
        for _ in 0..steps {
            let forks = self.r.chance(1 + 2 * space.depth as usize) && space.depth < 3;
            match self.r.below(24) {
                0..8 => self.make(space),
                8..15 => self.drop_one(all, space),
                15..17 => self.write(),
                17 => self.resize(space),
                18..20 if forks && self.open.len() < 4 => self.start(all, world, space),
                20..22 => self.end(all, world, space),
                22 if forks => self.closed(all, world, space),
                _ => {}
            }
        }
        while !self.open.is_empty() {
            self.end(all, world, space);
        }
        assert!(space.freed.is_empty(), "frees wait for nobody");
        // Some keep nothing of what they made.
        while space.depth > 0 && space.in_turn && self.seed.is_multiple_of(4) {
            let Some(n) = self.live.iter().position(|b| b.own && b.mine) else { break };
            assert!(space.free(self.live.swap_remove(n).addr));
        }
        self.check();
    }
}

impl Outstanding {
    fn run(&mut self, all: &mut Programs, world: &mut World, parent: &mut Space) {
        let Some((snapshot, child, view, seed)) = self.ready.take() else { return };
        let mut p = Program::new(seed, view);
        let ended = world.run(parent, &snapshot, child, |world, child| {
            p.check();
            p.run(all, world, child);
        });
        all.in_turn += usize::from(ended.space.in_turn);
        all.vacated += usize::from(ended.vacated);
        self.ended = Some((ended, p.live, p.trace));
    }
}

/// With few segments `left` open children of children run in turn.
fn random_programs(seeds: std::ops::Range<u64>, left: Option<u64>) -> Programs {
    let when = Random(0);
    let mut all = Programs { when, ..Programs::default() };
    for seed in seeds {
        let mut first = None;
        for schedule in 0..2 {
            let _memory = Memory::new();
            all.when = Random(seed * 2 + schedule);
            let mut master = Space::master();
            if let Some(left) = left {
                master.sequences[0].next = u64::from(ZONE[0].count) - left;
            }
            let mut p = Program::new(seed, Vec::new());
            p.run(&mut all, &mut World::default(), &mut master);
            assert_eq!(*first.get_or_insert(p.trace), p.trace, "seed {seed}: other addresses");
            while !p.live.is_empty() {
                p.drop_one(&mut all, &mut master);
            }
        }
    }
    all
}

#[test]
fn random_programs_of_open_children_keep_every_block() {
    let p = random_programs(0..3, None);
    let counts = [p.joined, p.killed, p.closed, p.waiting, p.deepest as usize];
    assert!(counts.iter().zip([30, 10, 20, 40, 3]).all(|(&n, least)| n >= least), "{counts:?}");
}

#[test]
fn random_programs_of_open_children_in_turn_keep_every_block() {
    // All open children of children have turns; those in higher lanes.
    for left in [4000, 128_000] {
        let p = random_programs(0..3, Some(left));
        let counts = [p.joined, p.killed, p.in_turn, p.vacated];
        assert!(counts.iter().zip([30, 10, 20, 3]).all(|(&n, least)| n >= least), "{counts:?}");
    }
}

#[test]
#[ignore = "long"]
fn many_random_programs_of_open_children_keep_every_block() {
    random_programs(100..400, None);
    random_programs(400..550, Some(4000));
    random_programs(550..700, Some(128_000));
}
