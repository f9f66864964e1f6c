//! Random programs: a tree of spaces from a seed.
//!
//! Places, lengths and values are few, so that spaces meet: at the ends of pages and parts,
//! on the same bytes, with the values that were there. Every program ends: steps of the master
//! that would wait for ever, or fail, are taken out.
use super::interpreter::interpret;
use super::program::{
    Copy, Failure, Get, HUGE, OUTSIDE, OVERFLOWING, Op, PAGE, Part, Perm, Place, Program, Put, Span,
};
use crate::harness::Numbers;
use std::collections::BTreeSet;

/// What programs use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Joins alone.
    Joins,
    /// Joins, and forks with joins of what was forked.
    Forks,
    /// All calls with all options.
    Calls,
}

/// Whether a program uses no more than its level has: below [`Level::Calls`] a put is a fork,
/// of a name that is not in use.
pub fn fits(program: &Program, level: Level) -> bool {
    let mut live = BTreeSet::new();
    let fits_here = |op: &Op| {
        let forks = level > Level::Joins;
        match op {
            Op::Put(id, put) => forks && put.is_fork() && live.insert(*id),
            Op::Take(ids) => {
                let once: BTreeSet<_> = ids.iter().collect();
                if once.len() == ids.len() && ids.iter().all(|id| live.contains(id)) {
                    live.retain(|id| !ids.contains(id));
                }
                forks
            }
            Op::Kill(id) => {
                live.remove(id);
                forks
            }
            Op::Get(..) | Op::Poll(..) | Op::Ret(_) | Op::RetByte(_) | Op::Report => false,
            _ => true,
        }
    };
    let below = |op: &Op| op.below().iter().all(|p| fits(p, level));
    level == Level::Calls || program.0.iter().all(fits_here) && program.0.iter().all(below)
}

/// How large programs get.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Steps of the master, about; children have about half as many.
    pub steps: u64,
    /// Levels below the master.
    pub depth: u32,
    /// Computations in a program, at most.
    pub spaces: u64,
}

/// What CI runs.
pub const SIZE: Size = Size { steps: 20, depth: 3, spaces: 14 };

/// The program of a seed.
pub fn program(seed: u64, level: Level, size: Size) -> Program {
    // Of the first few that the seed gives, the first whose outcome the model knows.
    let tries = (0..).map(|i| attempt(seed ^ i << 40, level, size));
    tries.into_iter().find(|p| !interpret(p).vague).expect("one of them")
}

fn attempt(seed: u64, level: Level, size: Size) -> Program {
    let mut random = Random { numbers: Numbers(seed), level, size, left: size.spaces };
    // Each program has some kinds of trouble, so that not all end early.
    let calls = level == Level::Calls;
    let t = Troubles {
        errors: calls && random.one_in(3),
        perms: calls && random.one_in(3),
        failures: random.one_in(3),
        endless: calls && random.one_in(4),
        narrow: !random.one_in(3),
    };
    let mut program = random.space(0, &t);
    loop {
        let shown = interpret(&program);
        if shown.ended {
            return program;
        }
        // Each step of the master shows something: the next one is where it hangs.
        program.0.remove(shown.seen.len());
    }
}

/// What may go wrong in a program.
struct Troubles {
    errors: bool,
    perms: bool,
    failures: bool,
    endless: bool,
    /// All places lie close together.
    narrow: bool,
}

struct Random {
    numbers: Numbers,
    level: Level,
    size: Size,
    left: u64,
}

/// The names that programs use.
const IDS: [u32; 4] = [0, 1, 2, 0x7fff_ffff];

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.numbers.below(n)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    /// The steps of a space.
    fn space(&mut self, depth: u32, t: &Troubles) -> Program {
        let most = if depth == 0 { self.size.steps } else { self.size.steps / 2 };
        let steps = most / 4 + self.below(most);
        let mut program = Vec::new();
        if depth > 0 && self.one_in(3) {
            program.extend([Op::Local, Op::SetLocal(1 + self.below(2) as u8)]);
        }
        let mut live = BTreeSet::new();
        while (program.len() as u64) < steps {
            match self.level {
                Level::Calls => self.calls(depth, t, &mut program),
                Level::Forks => self.forks(depth, t, &mut live, &mut program),
                Level::Joins => program.push(self.step(depth, t)),
            }
        }
        if self.level == Level::Forks && !self.one_in(4) {
            program.push(Op::Take(live.into_iter().collect()));
        }
        if self.level == Level::Calls {
            // What was forgotten would go unseen.
            for id in IDS {
                if self.one_in(2) {
                    let get = Get { merge: self.one_in(2), ..Get::new() };
                    program.push(Op::Get(id, get));
                }
            }
            if depth > 0 && !self.one_in(4) {
                program.push(Op::Report);
            }
            if depth > 0 && t.endless && self.one_in(8) {
                program.push(Op::Spin);
            }
        }
        Program(program)
    }

    /// A step that calls nobody, or a join.
    fn step(&mut self, depth: u32, t: &Troubles) -> Op {
        match self.below(20) {
            0..9 => Op::Write {
                span: self.span(t),
                value: self.below(3) as u8,
                step: self.pick(&[0, 0, 1]),
            },
            9..12 => Op::Add { span: self.span(t), by: self.pick(&[1, 1, 255, 0]) },
            12..16 => Op::Read(self.span(t)),
            16 => self.pick(&[Op::SetLocal(1), Op::SetLocal(2), Op::Local, Op::Local]),
            17 if depth > 0 && t.failures && self.one_in(2) => {
                Op::Fail(self.pick(&[Failure::Panic, Failure::Fault, Failure::Refused]))
            }
            18 => Op::Print(b'a' + self.below(26) as u8),
            _ => self.join(depth, t),
        }
    }

    fn join(&mut self, depth: u32, t: &Troubles) -> Op {
        let k = self.pick(&[1, 2, 2, 2, 3, 5]);
        let children = (0..k).map_while(|_| self.child(depth, t)).collect::<Vec<_>>();
        if children.is_empty() { Op::Read(self.span(t)) } else { Op::Join(children) }
    }

    fn child(&mut self, depth: u32, t: &Troubles) -> Option<Program> {
        if depth >= self.size.depth || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(self.space(depth + 1, t))
    }

    /// Forks, joins of the forked, kills. `live` has the names in use.
    fn forks(&mut self, depth: u32, t: &Troubles, live: &mut BTreeSet<u32>, to: &mut Vec<Op>) {
        let id = self.pick(&IDS);
        to.push(match self.below(10) {
            0..3 if !live.contains(&id) => match self.child(depth, t) {
                Some(program) => {
                    live.insert(id);
                    Op::Put(id, Put::fork(program.0))
                }
                None => self.step(depth, t),
            },
            3 => {
                let mut ids = Vec::new();
                for _ in 0..self.below(4) {
                    // Rarely one that is not there, or twice.
                    let id = self.pick(&IDS);
                    if live.contains(&id) && !ids.contains(&id) || self.one_in(12) {
                        ids.push(id);
                    }
                }
                let mut seen = BTreeSet::new();
                if ids.iter().all(|id| live.contains(id) && seen.insert(*id)) {
                    live.retain(|id| !seen.contains(id));
                }
                Op::Take(ids)
            }
            4 if self.one_in(3) => {
                live.remove(&id);
                Op::Kill(id)
            }
            _ => self.step(depth, t),
        });
    }

    /// Calls of all kinds, and short sequences in which they are usual.
    fn calls(&mut self, depth: u32, t: &Troubles, to: &mut Vec<Op>) {
        let id = self.pick(&[0, 0, 0, 1, 1, 2, IDS[3]]);
        match self.below(36) {
            0..7 => to.push(Op::Put(id, self.put(depth, t))),
            7..14 => {
                let get = self.get(t);
                to.push(self.asked(id, get, depth, t));
            }
            14 => {
                to.push(Op::Kill(id));
                let put = self.put(depth, t);
                let get = self.get(t);
                to.push(Op::Put(id, Put { snap: self.one_in(3), ..put }));
                to.push(Op::Get(id, Get { copy: Some(self.copy(t)), ..get }));
            }
            // A child that is taken over, or its state alone.
            15..18 => {
                let put = self.put(depth, t);
                let parent = self.step(depth, t);
                let get = Get { merge: !self.one_in(4), ..self.get(t) };
                to.extend([Op::Put(id, put), parent, Op::Get(id, get)]);
            }
            // On with it, with a new snapshot or without.
            18..21 => {
                let put = Put { regs: None, start: true, ..self.put(depth, t) };
                let get = Get { merge: !self.one_in(3), ..Get::new() };
                to.extend([Op::Put(id, put), Op::Get(id, get)]);
            }
            21..24 if depth > 0 => to.push(match self.below(4) {
                0 => Op::Ret(self.below(3) as u32),
                1 => Op::RetByte(self.place(t)),
                _ => Op::Report,
            }),
            21 if t.errors => to.push(Op::Ret(1)),
            24 => to.push(self.pick(&[Op::SetLocal(1), Op::SetLocal(2), Op::Local])),
            25 if t.failures => {
                let mut fork = self.put(depth, t);
                let how = self.pick(&[Failure::Panic, Failure::Fault, Failure::Refused]);
                fork.regs.iter_mut().for_each(|p| p.0.push(Op::Fail(how)));
                let again = Put { snap: self.one_in(2), ..self.put(depth, t) };
                let get = self.get(t);
                to.extend([Op::Put(id, fork), Op::Get(id, get), Op::Put(id, again)]);
            }
            _ => to.push(self.step(depth, t)),
        }
    }

    fn asked(&mut self, id: u32, get: Get, depth: u32, t: &Troubles) -> Op {
        // Whether a child runs at the moment of one question depends on the machine.
        if self.one_in(8) && (depth == 0 || t.errors) {
            return Op::Poll(id, Get { dont_wait: true, ..get });
        }
        Op::Get(id, get)
    }

    fn put(&mut self, depth: u32, t: &Troubles) -> Put {
        let mut put = Put { snap: !self.one_in(4), ..Put::new() };
        if !self.one_in(5) {
            put.regs = self.child(depth, t);
        }
        put.start = if put.regs.is_some() { !self.one_in(6) } else { self.one_in(2) };
        if self.one_in(4) {
            put.copy = Some(self.copy(t));
        }
        if self.one_in(5) {
            put.zero = Some(self.range(t));
        }
        if t.perms && self.one_in(2) {
            put.perm = Some(self.perm(t));
        }
        if t.errors && self.one_in(20) {
            put.tree = self.one_in(2);
            put.limit = !put.tree;
        }
        put
    }

    fn get(&mut self, t: &Troubles) -> Get {
        let mut get = Get { merge: !self.one_in(3), ..Get::new() };
        if self.one_in(4) {
            get.copy = Some(self.copy(t));
        }
        if self.one_in(8) {
            get.zero = Some(self.range(t));
        }
        if t.perms && self.one_in(3) {
            get.perm = Some(self.perm(t));
        }
        get.regs = self.one_in(8);
        if t.errors {
            get.tree = self.one_in(30);
            get.signals = self.one_in(30);
        }
        get
    }

    fn copy(&mut self, t: &Troubles) -> Copy {
        let from = self.range(t);
        if from.place.part == Part::Outside || from.len > PAGE * 8 {
            return Copy { from, to: self.place(t) };
        }
        // Half of all copies go where they come from, as Determinator's must.
        if self.one_in(2) {
            return Copy { from, to: from.place };
        }
        let part = self.part();
        let len = from.len.min(part.size());
        let offset = self.offset(part, t).min(part.size() - len);
        Copy { from: Span { len, ..from }, to: Place { part, offset } }
    }

    fn perm(&mut self, t: &Troubles) -> (Span, Perm) {
        let part = self.pick(&[Part::Heap, Part::Static]);
        let pages = part.size() / PAGE;
        let first = if t.narrow { 0 } else { self.below(pages) };
        let len = (1 + self.below(2)).min(pages - first) * PAGE;
        let mut span = Place { part, offset: first * PAGE }.span(len);
        if t.errors && self.one_in(10) {
            span = self.pick(&[
                Place { offset: span.place.offset + 1, ..span.place }.span(len - 1),
                span.place.span(len - 8),
                OUTSIDE.span(PAGE),
            ]);
        }
        (span, self.pick(&[Perm::None, Perm::Read, Perm::ReadWrite, Perm::ReadWrite]))
    }

    fn part(&mut self) -> Part {
        self.pick(&[Part::Heap, Part::Heap, Part::Heap, Part::Static, Part::Static, Part::Frame])
    }

    fn place(&mut self, t: &Troubles) -> Place {
        let part = self.part();
        Place { part, offset: self.offset(part, t).min(part.size() - 1) }
    }

    /// An offset into a part, its end included.
    fn offset(&mut self, part: Part, t: &Troubles) -> u64 {
        if t.narrow {
            return self.below(6) + self.pick(&[0, 0, part.size() - 6]);
        }
        if self.one_in(3) {
            return self.below(part.size() + 1);
        }
        let near = self.below(part.size() / PAGE + 1) * PAGE + self.below(10);
        near.saturating_sub(5).min(part.size())
    }

    /// A range that exists.
    fn span(&mut self, t: &Troubles) -> Span {
        let part = self.part();
        let offset = self.offset(part, t);
        let len = match self.below(6) {
            0 if !t.narrow => self.below(part.size() + 1),
            1 if !t.narrow => PAGE,
            _ => 1 + self.below(9),
        };
        let len = len.min(part.size() - offset);
        Place { part, offset }.span(len)
    }

    /// A range for a call: sometimes empty, sometimes wrong.
    fn range(&mut self, t: &Troubles) -> Span {
        let span = self.span(t);
        if t.errors && self.one_in(8) {
            let long = self.pick(&[OVERFLOWING, HUGE]);
            return self.pick(&[span.place.span(long), OUTSIDE.span(8), OUTSIDE.span(0)]);
        }
        if self.one_in(16) { span.place.span(0) } else { span }
    }
}
