//! Cases to compare the merge with its oracle on. For tests.

use super::{
    Accept, Area, Block, COUNT, Changes, Child, Cursor, Done, Hook, HookConflict, Mask, NOBODY,
    Owner, Page, PlanError, Policy, Region, Run, Target, Units, WriteOnce, Writes, apply, oracle,
    plan_by_units,
};
use crate::abi::{Conflict, PAGE};

/// Where the memory of all cases begins.
pub const START: u64 = 0x5000_0000_0000;

/// Memory of a few pages from [`START`] on.
#[derive(Clone, Default)]
pub struct Memory(pub Vec<Page>);

impl Target for Memory {
    fn page(&self, addr: u64) -> &Page {
        &self.0[(addr - START) as usize / PAGE]
    }

    fn page_mut(&mut self, addr: u64) -> &mut Page {
        &mut self.0[(addr - START) as usize / PAGE]
    }
}

/// A child that owns what it hands over.
#[derive(Clone, Default)]
pub struct OwnedChild {
    index: u32,
    addrs: Vec<u64>,
    pages: Vec<Page>,
    frees: Vec<Block>,
    written: Vec<u64>,
    masks: Vec<Mask>,
}

impl OwnedChild {
    /// A child that did nothing.
    pub fn new(index: u32) -> Self {
        Self { index, ..Self::default() }
    }

    /// What it hands over.
    pub fn claim(&self) -> Child<'_> {
        let writes = Writes { addrs: &self.written, masks: &self.masks };
        Child {
            index: self.index,
            addrs: &self.addrs,
            pages: &self.pages,
            frees: &self.frees,
            writes,
        }
    }

    /// The child's copy of the page, made dirty.
    pub fn dirty(&mut self, target: &Memory, addr: u64) -> &mut Page {
        let i = match self.addrs.binary_search(&addr) {
            Ok(i) => i,
            Err(i) => {
                self.addrs.insert(i, addr);
                self.pages.insert(i, target.page(addr).clone());
                i
            }
        };
        &mut self.pages[i]
    }

    /// Writes `value` at `at` bytes behind [`START`].
    pub fn write(&mut self, target: &Memory, at: usize, value: u8) {
        self.dirty(target, START + (at / PAGE * PAGE) as u64).0[at % PAGE] = value;
    }

    /// Makes exactly known that the child wrote the byte at `at`, whatever is there.
    pub fn written(&mut self, target: &Memory, at: usize) {
        let addr = START + (at / PAGE * PAGE) as u64;
        self.dirty(target, addr);
        let i = match self.written.binary_search(&addr) {
            Ok(i) => i,
            Err(i) => {
                self.written.insert(i, addr);
                self.masks.insert(i, Mask([0; PAGE / 8]));
                i
            }
        };
        self.masks[i].0[at % PAGE / 8] |= 1 << (at % 8);
    }

    /// Frees the block, unless it overlaps one freed before.
    pub fn free(&mut self, at: usize, len: usize) {
        let block = Block { addr: START + at as u64, len: len as u64 };
        let i = self.frees.partition_point(|old| old.addr < block.addr);
        let overlaps = |old: &Block| {
            old.addr < block.addr + block.len.max(1) && block.addr < old.addr + old.len.max(1)
        };
        if !self.frees.iter().any(overlaps) {
            self.frees.insert(i, block);
        }
    }
}

/// A merge to try.
#[derive(Clone, Default)]
pub struct Case {
    /// The parent's memory.
    pub target: Memory,
    /// In index order.
    pub children: Vec<OwnedChild>,
    /// Sorted and disjoint.
    pub regions: Vec<Region>,
    /// Where no region is.
    pub units: OwnedUnits,
}

/// Units of a case.
#[derive(Clone, Default)]
pub struct OwnedUnits {
    /// See [`Units`].
    pub areas: Vec<Area>,
    /// See [`Units`].
    pub runs: Vec<Run>,
    /// See [`Units`].
    pub owners: Vec<Owner>,
}

impl OwnedUnits {
    /// As the merge takes them.
    pub fn units(&self) -> Units<'_> {
        Units { areas: &self.areas, runs: &self.runs, owners: &self.owners }
    }

    /// Adds elements from `at` bytes behind [`START`] on, with these runs.
    pub fn add(&mut self, at: usize, elements: usize, stride: u64, runs: &[Run], owner: usize) {
        let start = START + at as u64;
        let end = start + elements as u64 * stride;
        let at = self.areas.partition_point(|area| area.start < start);
        let new = Area { start, end, stride, runs: (self.runs.len(), runs.len()), owner };
        self.areas.insert(at, new);
        self.runs.extend_from_slice(runs);
    }

    /// Adds an owner, which is the unit at `place` bytes behind [`START`].
    pub fn own(&mut self, place: std::ops::Range<usize>, outer: usize) -> usize {
        let [start, end] = [place.start, place.end].map(|at| START + at as u64);
        self.owners.push(Owner { start, end, outer });
        self.owners.len() - 1
    }

    /// Replaces them by areas between the edges.
    fn randomize(&mut self, random: &mut Random, edges: [usize; 8]) {
        // What has an owner: where it lies, and what owns that.
        let mut known: Vec<(usize, usize, usize)> = Vec::new();
        let mut pairs: Vec<&[usize]> = edges.windows(2).collect();
        if random.below(2) == 0 {
            pairs.reverse();
        }
        for pair in pairs.into_iter().take(1 + random.below(5)) {
            let len = pair[1] - pair[0];
            let stride = [1, 2, 4, 8, 8, 16, 24, len.max(1)][random.below(8)];
            let elements = len / stride;
            if elements == 0 {
                continue;
            }
            let (stride, half) = (stride as u64, stride as u64 / 2);
            let run = |start, end, unit| Run { start, end, unit };
            let runs: &[Run] = match random.below(4) {
                0 => &[run(0, stride, 1)],
                1 if half > 0 => &[run(0, half, half), run(half, stride, stride - half)],
                2 if half > 0 => &[run(half, stride, stride - half)],
                _ => &[run(0, stride, stride)],
            };
            let owner = match known.len() {
                n if n > 0 && random.below(2) == 0 => {
                    let (from, to, outer) = known[random.below(n)];
                    self.own(from..to, outer)
                }
                _ => NOBODY,
            };
            self.add(pair[0], elements, stride, runs, owner);
            let last = runs[runs.len() - 1];
            let at = pair[0] + random.below(elements) * stride as usize;
            let unit = at + (last.end - last.unit) as usize..at + last.end as usize;
            known.push((unit.start, unit.end, owner));
        }
    }
}

/// What of a case can be used for the next one.
#[derive(Default)]
pub struct Scratch {
    cursors: Vec<Cursor>,
    result: Memory,
    pages: Vec<Page>,
}

impl Case {
    /// Merges the case in both ways; the conflict, if there is one.
    ///
    /// # Errors
    ///
    /// What differs.
    pub fn check(&self, scratch: &mut Scratch) -> Result<Option<Conflict>, String> {
        let children: Vec<Child<'_>> = self.children.iter().map(OwnedChild::claim).collect();
        if scratch.cursors.len() < children.len() {
            scratch.cursors.resize(children.len(), Cursor::NEW);
        }
        scratch.result.0.clone_from(&self.target.0);
        let expected =
            oracle::merge_by_units(&self.target, &children, &self.regions, self.units.units());
        let planned = plan_by_units(
            &scratch.result,
            &children,
            &self.regions,
            self.units.units(),
            &mut scratch.cursors,
        );
        match (planned, expected) {
            (Ok(plan), Ok(expected)) => {
                let stats = apply(plan, &mut scratch.result);
                let mut pages: Vec<u64> =
                    self.children.iter().flat_map(|child| &child.addrs).copied().collect();
                pages.sort_unstable();
                let distinct = pages.chunk_by(|a, b| a == b);
                let shared = distinct.clone().filter(|same| same.len() > 1).count();
                let numbers = (distinct.count() as u64, shared as u64);
                if (stats.pages, stats.shared) != numbers {
                    return Err(format!("{stats:?}, the oracle counts {numbers:?}"));
                }
                let mut expected = expected.into_iter().peekable();
                for (number, (new, old)) in scratch.result.0.iter().zip(&self.target.0).enumerate()
                {
                    let start = START + (number * PAGE) as u64;
                    let mut wanted = old.clone();
                    while let Some((addr, value)) =
                        expected.next_if(|(addr, _)| addr - start < PAGE as u64)
                    {
                        wanted.0[(addr - start) as usize] = value;
                    }
                    if new.0 != wanted.0 {
                        let i = (0..PAGE).find(|&i| new.0[i] != wanted.0[i]).unwrap_or(0);
                        return Err(format!(
                            "byte {:#x} is {}, the oracle says {} (reference {})",
                            start + i as u64,
                            new.0[i],
                            wanted.0[i],
                            old.0[i]
                        ));
                    }
                }
                Ok(None)
            }
            (Err(PlanError::Conflict(conflict)), Err(expected)) if conflict == expected => {
                if scratch.result.0.iter().zip(&self.target.0).any(|(a, b)| a.0 != b.0) {
                    return Err("the target was changed in spite of a conflict".into());
                }
                Ok(Some(conflict))
            }
            (Err(error), Ok(_)) => Err(format!("{error:?}, the oracle merges")),
            (Ok(_), Err(expected)) => Err(format!("merged, the oracle says {expected:?}")),
            (Err(error), Err(expected)) => Err(format!("{error:?}, the oracle says {expected:?}")),
        }
    }

    /// Replaces the case by the random one of this seed.
    pub fn randomize(&mut self, seed: u64, scratch: &mut Scratch) {
        let random = &mut Random(seed);
        for child in &mut self.children {
            scratch.pages.append(&mut child.pages);
            child.addrs.clear();
            child.frees.clear();
            child.written.clear();
            child.masks.clear();
        }
        let pages = 1 + random.below(3);
        let size = pages * PAGE;
        let fill = random.value();
        self.target.0.resize(pages, Page([0; PAGE]));
        for page in &mut self.target.0 {
            page.0.fill(fill);
        }
        // Everything happens near a few places, so that it meets.
        let places: [usize; 3] = [(); 3].map(|()| match random.below(3) {
            0 => random.below(pages + 1) * PAGE,
            1 => random.below(pages) * PAGE + random.below(2) * (PAGE - 8),
            _ => random.below(size),
        });
        let spread = [4, 16, 64, 512][random.below(4)];
        let near = |random: &mut Random| {
            (places[random.below(3)] + random.below(spread))
                .saturating_sub(spread / 2)
                .min(size - 1)
        };
        for _ in 0..random.below(3) {
            let at = near(random);
            self.target.0[at / PAGE].0[at % PAGE] = random.value();
        }
        let count = match random.below(256) {
            0 => 60 + random.below(30),
            n => 1 + n % 8,
        };
        self.children.resize_with(count, OwnedChild::default);
        // In some cases children keep apart by taking turns at the bytes; so most of those merge.
        let apart = random.below(2) == 0;
        let frees = random.below(3) == 0;
        let exact = random.below(3) == 0;
        let by_units = random.below(3) == 0;
        let mut index = 0;
        for (number, child) in self.children.iter_mut().enumerate() {
            index += random.below(3) as u32 / 2;
            child.index = index;
            index += 1;
            for _ in 0..random.below(4) {
                let (at, value) = (near(random), random.value());
                let len = [1, 1, 2, 8][random.below(4)];
                for at in at..(at + len).min(size) {
                    let at = if apart { at / count * count + number } else { at };
                    if at < size {
                        child.write_with(&self.target, at, value, &mut scratch.pages);
                    }
                }
            }
            for _ in 0..if exact { random.below(4) } else { 0 } {
                let at = near(random);
                let at = if apart { at / count * count + number } else { at };
                if at < size {
                    child.written(&self.target, at);
                }
            }
            if frees && random.below(2) == 0 {
                for _ in 0..1 + random.below(2) {
                    let at = near(random);
                    let len = match random.below(32) {
                        0 => random.below(2 * PAGE),
                        n => n % 8 * (1 + random.below(3)),
                    };
                    // A block begins in the page of what it holds.
                    let len = if by_units { len.min(PAGE - at % PAGE) } else { len };
                    child.free(at, len.min(size - at));
                }
            }
        }
        self.regions.clear();
        let mut edges = [(); 8].map(|()| near(random));
        edges.sort_unstable();
        self.units = OwnedUnits::default();
        if by_units {
            self.units.randomize(random, edges);
        } else if random.below(2) == 0 {
            for edge in edges.windows(2).take(1 + random.below(7)) {
                let policy = random_policy(random.below(11), fill, edge[1] - edge[0]);
                let [start, end] = [edge[0], edge[1]].map(|at| START + at as u64);
                if let Some(policy) = policy {
                    self.regions.push(Region { start, end, policy });
                }
            }
        }
    }
}

impl OwnedChild {
    /// Like [`OwnedChild::write`], with pages from a pool.
    fn write_with(&mut self, target: &Memory, at: usize, value: u8, pool: &mut Vec<Page>) {
        let addr = START + (at / PAGE * PAGE) as u64;
        if let Err(i) = self.addrs.binary_search(&addr) {
            let mut page = pool.pop().unwrap_or(Page([0; PAGE]));
            page.0 = target.page(addr).0;
            self.addrs.insert(i, addr);
            self.pages.insert(i, page);
        }
        self.write(target, at, value);
    }
}

/// A policy by number, including "no region", for `len` bytes of memory that is mostly `fill`.
pub fn random_policy(number: usize, fill: u8, len: usize) -> Option<Policy> {
    match number {
        0 => Some(Policy::NoMerge),
        1 => Some(Policy::Bytes),
        2 => Some(Policy::Hook(LEAF)),
        3 => Some(Policy::Hook(ADD)),
        4 => Some(Policy::Hook(FIRST)),
        5 => once(fill, len, Accept::Any),
        6 => {
            let value = u32::from_le_bytes([fill; 4]);
            once(fill, len, Accept::Finished(Done { at: len / 3, value }))
        }
        7 => once(fill, len, Accept::Finished(Done { at: 0, value: 1 })),
        8 => once(fill, len, Accept::Same),
        9 => Some(Policy::Hook(COUNT)),
        _ => None,
    }
}

/// An object that is written once.
pub fn once(fill: u8, len: usize, accept: Accept) -> Option<Policy> {
    static FILLED: [[u8; 3 * PAGE]; 6] = [
        [0; 3 * PAGE],
        [1; 3 * PAGE],
        [2; 3 * PAGE],
        [7; 3 * PAGE],
        [128; 3 * PAGE],
        [255; 3 * PAGE],
    ];
    let initial = FILLED.iter().find(|filled| filled[0] == fill)?.get(..len)?;
    Some(Policy::WriteOnce(WriteOnce { initial, accept }))
}

/// The splitmix64 generator (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
/// OOPSLA 2014).
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.draw() % end as u64) as usize
    }

    /// From few values, so that they meet.
    fn value(&mut self) -> u8 {
        [0, 1, 2, 0x80, 0xff][self.below(5)]
    }
}

/// Leaves of four bytes, counted from the start of the region: two children must not change the
/// same one, whatever the byte.
pub const LEAF: Hook = Hook { check: leaf_check, merge: leaf_merge };

fn leaves(changes: &Changes<'_>) -> impl Iterator<Item = core::ops::Range<usize>> + use<> {
    let (skew, len) = ((changes.offset() % 4) as usize, changes.reference().len());
    (0..len + skew).step_by(4).map(move |at| at.saturating_sub(skew)..(at + 4 - skew).min(len))
}

fn leaf_check(changes: &Changes<'_>) -> Result<(), HookConflict> {
    let reference = changes.reference();
    for (i, (higher, version)) in changes.versions().enumerate() {
        for leaf in leaves(changes) {
            let changed = |version: &[u8]| version[leaf.clone()] != reference[leaf.clone()];
            let mut before = changes.versions().take(i);
            if changed(version)
                && let Some((lower, _)) = before.find(|(_, version)| changed(version))
            {
                return Err(HookConflict { at: leaf.start, lower, higher });
            }
        }
    }
    Ok(())
}

fn leaf_merge(changes: &Changes<'_>, out: &mut [u8]) {
    for (_, version) in changes.versions() {
        for leaf in leaves(changes) {
            if version[leaf.clone()] != changes.reference()[leaf.clone()] {
                out[leaf.clone()].copy_from_slice(&version[leaf]);
            }
        }
    }
}

/// Bytes that count: what children added adds up.
pub const ADD: Hook = Hook { check: |_| Ok(()), merge: add };

fn add(changes: &Changes<'_>, out: &mut [u8]) {
    for (_, version) in changes.versions() {
        for ((out, old), new) in out.iter_mut().zip(changes.reference()).zip(version) {
            *out = out.wrapping_add(new.wrapping_sub(*old));
        }
    }
}

/// The first version in index order, as a whole.
pub const FIRST: Hook = Hook { check: |_| Ok(()), merge: first };

fn first(changes: &Changes<'_>, out: &mut [u8]) {
    if let Some((_, version)) = changes.versions().next() {
        out.copy_from_slice(version);
    }
}
