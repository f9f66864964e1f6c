//! The calls as a naive model: a space is its bytes, its permissions, the reference image and
//! its children. Every rule of `docs/calls.md` stands here once, in the order in which the
//! document gives it. A child runs where it is started, to its next stop: nothing that others
//! do meanwhile can reach it, so when it runs makes no difference.
mod around;
mod blocks;
mod merge;
mod ranges;

use self::blocks::Blocks;
use self::ranges::check;
use super::planted::Planted;
use super::program::{
    ARENA, Bell, Copy, Failure, Get, PAGE, Part, Perm, Place, Program, Put, Span,
};
use super::runner::{self, Answer, Calls, Progress, Refused, Seen, State, Stopped, Text};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a program shows: the outcome of each of the master's steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The outcomes.
    pub seen: Vec<Seen>,
    /// Whether it got to its end: it neither failed nor waits for what never happens.
    pub ended: bool,
    /// The master's arena after its last step.
    pub arena: Vec<u8>,
    /// What came out of the program.
    pub printed: Vec<u8>,
    /// Whether a child was merged that allocated or had children, for a second time without a
    /// new Snap, or after its parent got a new one: its heap's book-keeping may be in conflict,
    /// and the model has none.
    pub vague: bool,
}

/// Runs a program in the master of a new tree.
pub fn interpret(program: &Program) -> Shown {
    interpret_with(program, None)
}

/// Runs a program with an error planted.
pub fn interpret_with(program: &Program, planted: Option<Planted>) -> Shown {
    let mut master = Space::master(planted);
    let mut seen = Vec::new();
    let end = Progress::default().run(program, &mut master, &mut |s| seen.push(s));
    Shown {
        seen,
        ended: end.is_ok(),
        arena: master.memory,
        printed: master.printed,
        vague: master.vague.get(),
    }
}

/// Numbers from here on are no names.
const OWN_IDS: u32 = 1 << 31;

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
struct Space {
    master: bool,
    /// Whether it has no name: nobody could start it again.
    unnamed: bool,
    memory: Vec<u8>,
    perms: BTreeMap<(Part, u64), Perm>,
    local: u8,
    reference: Option<Vec<u8>>,
    children: BTreeMap<u32, Space>,
    status: Status,
    /// Blocks of the heap, and those of the reference image.
    blocks: Blocks,
    old_blocks: Blocks,
    /// What it printed and nobody took over yet; in the master, what came out.
    printed: Vec<u8>,
    /// How much of that the program has asked for.
    asked: usize,
    /// Signals that were asked for, and whether their handlers have run.
    bells: Rc<Cell<[Option<bool>; 2]>>,
    /// Whether the named one is blocked.
    held: bool,
    /// Where it goes on when it is started.
    task: Option<(Program, Progress)>,
    /// Whether it changed its heap's book-keeping since its snapshot.
    books: bool,
    /// Whether it was merged since its snapshot.
    merged: bool,
    /// How many snapshots it got, and how many its parent had when it got the last.
    snaps: u32,
    of_parent: u32,
    /// The same for the whole tree, see [`Shown::vague`].
    vague: Rc<Cell<bool>>,
    planted: Option<Planted>,
    /// For planted errors alone: bytes written since the snapshot, killed children, a start
    /// that is put off.
    written: Vec<bool>,
    graves: BTreeMap<u32, Space>,
    late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Status {
    Running,
    Stopped(State),
}

impl Space {
    fn master(planted: Option<Planted>) -> Space {
        Space {
            master: true,
            unnamed: false,
            memory: vec![0; ARENA],
            perms: BTreeMap::new(),
            local: 0,
            reference: None,
            children: BTreeMap::new(),
            status: Status::Running,
            blocks: Blocks::default(),
            old_blocks: Blocks::default(),
            printed: Vec::new(),
            asked: 0,
            bells: Rc::default(),
            held: false,
            task: None,
            books: false,
            merged: false,
            snaps: 0,
            of_parent: 0,
            vague: Rc::default(),
            planted,
            written: vec![false; ARENA],
            graves: BTreeMap::new(),
            late: false,
        }
    }

    /// A child as its first put creates it.
    fn create(&self) -> Space {
        let master = Space::master(self.planted);
        Space {
            master: false,
            memory: self.memory.clone(),
            perms: if self.errs(Planted::PermNotInherited) {
                BTreeMap::new()
            } else {
                self.perms.clone()
            },
            reference: self.errs(Planted::ReferenceFromCreation).then(|| self.memory.clone()),
            status: Status::Stopped(State::Created),
            blocks: self.blocks.clone(),
            vague: self.vague.clone(),
            ..master
        }
    }

    fn errs(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }

    fn perm(&self, place: Place) -> Perm {
        if self.errs(Planted::PermIgnored) {
            return Perm::ReadWrite;
        }
        *self.perms.get(&page(place)).unwrap_or(&Perm::ReadWrite)
    }

    fn may_read(&self, place: Place) -> bool {
        self.perm(place) != Perm::None
    }

    fn may_write(&self, place: Place) -> bool {
        self.perm(place) == Perm::ReadWrite
    }

    fn set(&mut self, index: usize, value: u8) {
        self.memory[index] = value;
        self.written[index] = true;
    }

    /// The end of a computation takes the space's children with it.
    fn end(&mut self, state: State) {
        self.status = Status::Stopped(state);
        self.task = None;
        self.books |= !self.children.is_empty();
        if !self.errs(Planted::SubtreeSurvives) {
            self.children.clear();
        }
    }

    /// Runs to the next stop.
    fn start(&mut self) {
        self.late = false;
        self.status = Status::Running;
        let (program, mut progress) = self.task.take().expect("checked by put");
        let outcome = progress.run(&program, self, &mut |_| {});
        if outcome.is_ok() {
            self.end(State::Returned);
        } else if matches!(self.status, Status::Stopped(State::Ret(_))) {
            if self.errs(Planted::RestartsFromBeginning) {
                progress = Progress::default();
            }
            self.task = Some((program, progress));
        }
    }

    /// The state of a child that has stopped, or that it runs for ever.
    fn stopped(&mut self, id: u32) -> Option<Result<State, Stopped>> {
        let child = self.children.get_mut(&id)?;
        if child.late {
            let written: BTreeSet<_> =
                (0..ARENA).filter(|i| child.written[*i]).map(|i| page(Place::at(i))).collect();
            for i in 0..ARENA {
                if !written.contains(&page(Place::at(i))) {
                    child.memory[i] = self.memory[i];
                }
            }
            child.start();
        }
        Some(match child.status {
            Status::Stopped(state) => Ok(state),
            Status::Running => Err(Stopped),
        })
    }

    /// The child's memory and the reference image become this space's memory.
    fn snap(&mut self, id: u32) {
        let child = self.children.get_mut(&id).expect("created before");
        let errs = |planted| child.planted == Some(planted);
        let (last, inherits) =
            (errs(Planted::LastPageNotSnapped), !errs(Planted::PermNotInherited));
        let (kept, old) = (errs(Planted::ChangesSurviveSnap), errs(Planted::ReferenceStays));
        let (local, ends) = (errs(Planted::LocalFollowsSnap), errs(Planted::SnapEndsSubtree));
        for i in 0..ARENA {
            let forgotten = last && page(Place::at(i)) == (Part::Heap, 3);
            let stays = kept && child.written[i];
            if !(forgotten || stays) {
                child.memory[i] = self.memory[i];
            }
        }
        if !(old && child.reference.is_some()) {
            child.reference = Some(self.memory.clone());
        }
        child.blocks = self.blocks.clone();
        child.old_blocks = self.blocks.clone();
        child.written.fill(false);
        (child.books, child.merged) = (false, false);
        (child.snaps, child.of_parent) = (child.snaps + 1, self.snaps);
        if inherits {
            child.perms = self.perms.clone();
        }
        if local {
            child.local = self.local;
        }
        if ends {
            child.children.clear();
        }
    }

    fn copy_from(&mut self, other: &[u8], copy: &Copy) {
        let short = u64::from(self.errs(Planted::CopyShort) && !self.master);
        for i in 0..copy.from.len.saturating_sub(short) as usize {
            self.set(copy.to.index() + i, other[copy.from.place.index() + i]);
        }
    }

    fn clear(&mut self, span: Span) {
        let (mut from, mut to) = (span.place.index(), span.place.index() + span.len as usize);
        let part = span.place.part;
        let end = (part.start() + part.size()) as usize;
        if self.errs(Planted::ZeroLong) && span.len > 0 {
            to = (to + 1).min(end);
        }
        if self.errs(Planted::ZeroWholePages) && span.len > 0 && part != Part::Frame {
            let start = part.start() as usize;
            let page = PAGE as usize;
            from = start + (from - start) / page * page;
            to = start + (to - start).div_ceil(page) * page;
        }
        (from..to).for_each(|i| self.set(i, 0));
    }

    fn set_perm(&mut self, span: Span, perm: Perm) {
        for page in 0..span.len / PAGE {
            self.perms.insert((span.place.part, span.place.offset / PAGE + page), perm);
        }
    }

    fn try_put(&mut self, id: u32, put: &Put) -> Answer<()> {
        if put.tree || put.limit {
            return Ok(Err(Refused::Unsupported));
        }
        let copy = put.copy.map(|c| [c.from, c.target()]);
        let ranges = copy.into_iter().flatten().chain(put.zero);
        if let Err(refused) = check(ranges, put.perm) {
            return Ok(Err(refused));
        }
        if let Some(copy) = put.copy
            && !places(copy.from).all(|p| self.may_read(p))
        {
            return Ok(Err(Refused::Fault));
        }
        if id >= OWN_IDS {
            return Ok(Err(Refused::Invalid));
        }
        let state = self.stopped(id).transpose()?;
        let failed = matches!(state, Some(State::Exception(_)));
        let restarts = self.errs(Planted::FailedChildRestarts);
        if failed && !(put.regs.is_some() && (put.snap || restarts)) {
            return Ok(Err(Refused::Invalid));
        }
        if failed {
            // What was not taken over of the one that failed goes with it.
            self.children.get_mut(&id).expect("it failed").printed.clear();
        }
        let startable = self.children.get(&id).is_some_and(|c| c.task.is_some());
        if put.start && put.regs.is_none() && !startable {
            return Ok(Err(Refused::Invalid));
        }
        self.books |= state.is_none() || put.snap;
        if state.is_none() {
            let mut child = self.create();
            if let Some(grave) = self.graves.remove(&id) {
                if self.errs(Planted::KilledMemoryStays) {
                    child.memory = grave.memory;
                }
                if self.errs(Planted::SubtreeSurvives) {
                    child.children = grave.children;
                }
            }
            self.children.insert(id, child);
        }
        let late = self.errs(Planted::SnapAfterCopy);
        if put.snap && !late {
            self.snap(id);
        }
        let memory = self.memory.clone();
        let child = self.children.get_mut(&id).expect("created above");
        if let Some(copy) = &put.copy {
            child.copy_from(&memory, copy);
            if child.errs(Planted::CopyIntoReference) && child.reference.is_some() {
                child.reference = Some(child.memory.clone());
            }
        }
        if put.snap && late {
            self.snap(id);
        }
        let child = self.children.get_mut(&id).expect("created above");
        if let Some(span) = put.zero {
            child.clear(span);
        }
        if let Some((span, perm)) = put.perm {
            child.set_perm(span, perm);
        }
        if let Some(program) = &put.regs {
            child.task = Some((program.clone(), Progress::default()));
            child.status = Status::Stopped(State::Created);
            if !child.errs(Planted::LocalSurvivesRegs) {
                child.local = 0;
            }
            if child.errs(Planted::RegsEndSubtree) {
                child.children.clear();
            }
        }
        if put.start {
            if child.errs(Planted::LateWritesSeen) {
                child.late = true;
            } else {
                child.start();
            }
        }
        Ok(Ok(()))
    }

    fn try_get(&mut self, id: u32, get: &Get) -> Answer<State> {
        if get.tree {
            return Ok(Err(Refused::Unsupported));
        }
        if !self.master && (get.dont_wait || get.signals) {
            return Ok(Err(Refused::Permission));
        }
        let copy = get.copy.map(|c| [c.from, c.target()]);
        let ranges = copy.into_iter().flatten().chain(get.zero);
        if let Err(refused) = check(ranges, get.perm) {
            return Ok(Err(refused));
        }
        let mut targets = get.copy.map(|c| c.target()).into_iter().chain(get.zero);
        if !targets.all(|t| places(t).all(|p| self.may_write(p))) {
            return Ok(Err(Refused::Fault));
        }
        if self.errs(Planted::UnknownIdFound) && !self.children.contains_key(&id) {
            let child = self.create();
            self.children.insert(id, child);
        }
        let state = match self.stopped(id) {
            None => return Ok(Err(Refused::NoChild)),
            Some(Err(Stopped)) if get.dont_wait => return Ok(Err(Refused::Again)),
            Some(Err(Stopped)) if get.signals && self.interrupted() => {
                return Ok(Err(Refused::Interrupted));
            }
            Some(state) => state?,
        };
        if matches!(state, State::Exception(_)) && !self.errs(Planted::FailedChildMerges) {
            self.deliver(id);
            return Ok(Ok(state));
        }
        if let Some(copy) = &get.copy
            && self.errs(Planted::CopyBeforeMerge)
        {
            let bytes = self.children[&id].memory.clone();
            self.copy_from(&bytes, copy);
        }
        if get.merge
            && let Err(refused) = self.merge(id)
        {
            return Ok(Err(refused));
        }
        if get.merge {
            self.deliver(id);
        }
        if let Some(copy) = &get.copy {
            let bytes = self.children[&id].memory.clone();
            self.copy_from(&bytes, copy);
        }
        if let Some(span) = get.zero {
            self.clear(span);
        }
        if let Some((span, perm)) = get.perm {
            self.set_perm(span, perm);
        }
        Ok(Ok(state))
    }
}

/// The page of a byte.
fn page(place: Place) -> (Part, u64) {
    (place.part, place.offset / PAGE)
}

/// The bytes of a range that was checked.
fn places(span: Span) -> impl Iterator<Item = Place> {
    (0..span.len).map(move |i| Place { offset: span.place.offset + i, ..span.place })
}

impl Calls for Space {
    fn put(&mut self, id: u32, put: &Put) -> Answer<()> {
        let before = (cfg!(debug_assertions) && self.planted.is_none()).then(|| self.clone());
        let answer = self.try_put(id, put);
        if answer != Ok(Ok(()))
            && let Some(before) = before
        {
            assert!(*self == before, "a refused put changed something: {put}");
        }
        if matches!(answer, Ok(Err(_)))
            && self.errs(Planted::RefusedPutCreates)
            && !self.children.contains_key(&id)
        {
            let child = self.create();
            self.children.insert(id, child);
        }
        answer
    }

    fn get(&mut self, id: u32, get: &Get) -> Answer<State> {
        let before = (cfg!(debug_assertions) && self.planted.is_none()).then(|| self.clone());
        let answer = self.try_get(id, get);
        if !matches!(answer, Ok(Ok(_)))
            && let Some(before) = before
        {
            assert!(*self == before, "a refused get changed something: {get}");
        }
        answer
    }

    fn poll(&mut self, id: u32, get: &Get) -> Answer<State> {
        match self.get(id, get)? {
            Err(Refused::Again) => Err(Stopped),
            answer => Ok(answer),
        }
    }

    fn kill(&mut self, id: u32) -> Answer<()> {
        let Some(child) = self.children.remove(&id) else { return Ok(Err(Refused::NoChild)) };
        self.books = true;
        if self.planted.is_some() {
            self.graves.insert(id, child);
        }
        Ok(Ok(()))
    }

    fn join(&mut self, programs: &[Program]) -> Answer<()> {
        self.try_join(programs)
    }

    fn take(&mut self, ids: &[u32]) -> Answer<()> {
        self.try_take(ids)
    }

    fn ret(&mut self, code: u32) -> Answer<()> {
        if self.master || self.unnamed {
            return Ok(Err(Refused::Permission));
        }
        self.status = Status::Stopped(State::Ret(code));
        Err(Stopped)
    }

    fn load(&mut self, place: Place) -> Result<u8, Stopped> {
        if self.may_read(place) {
            return Ok(self.memory[place.index()]);
        }
        Err(self.fail(Failure::Fault))
    }

    fn store(&mut self, place: Place, value: u8) -> Result<(), Stopped> {
        if !self.may_write(place) {
            return Err(self.fail(Failure::Fault));
        }
        self.set(place.index(), value);
        Ok(())
    }

    fn local(&mut self) -> u8 {
        self.local
    }

    fn set_local(&mut self, value: u8) {
        self.local = value;
    }

    fn fail(&mut self, how: Failure) -> Stopped {
        if !self.master {
            self.end(State::Exception(how));
        }
        Stopped
    }

    fn spin(&mut self) -> Stopped {
        Stopped
    }

    fn print(&mut self, byte: u8) {
        self.printed.push(byte);
    }

    fn delivered(&mut self) -> Text {
        let text = runner::text(&self.printed[self.asked..]);
        self.asked = self.printed.len();
        text
    }

    fn alloc(&mut self, slot: usize, value: u8) {
        self.books = true;
        self.blocks.alloc(slot, value);
    }

    fn free(&mut self, slot: usize) {
        self.books = true;
        self.blocks.free(slot);
    }

    fn fill(&mut self, slot: usize, value: u8) {
        self.blocks.fill(slot, value);
    }

    fn block(&mut self, slot: usize) -> Option<u8> {
        Some(self.blocks.value(slot))
    }

    fn ring(&mut self, bell: Bell) {
        let mut bells = self.bells.get();
        bells[bell as usize] = Some(false);
        self.bells.set(bells);
    }

    fn rang(&mut self, bell: Bell, wait: bool) -> bool {
        let mut bells = self.bells.get();
        let rang = bells[bell as usize].take().expect("it was asked for");
        self.bells.set(bells);
        rang || wait
    }

    fn hold(&mut self, bell: Bell, hold: bool) {
        assert_eq!(bell, Bell::Named, "holding the other one makes no difference");
        self.held = hold;
        let [named, other] = self.bells.get();
        self.bells.set([named.map(|rang| rang || !hold), other]);
    }

    fn become_master(&mut self) -> Result<(), Refused> {
        Err(if self.master { Refused::Exists } else { Refused::Permission })
    }
}
