//! Executes a program in a space, by way of whatever calls there are.
//!
//! What a space sees goes into a digest that the runner keeps in its own frame: nothing of the
//! runner lies in the arena, and in a child it neither allocates nor writes a static. The
//! digest leaves a child as the code of a ret ([`Op::Report`]). In the master each step's
//! outcome is logged as well.
use super::program::{Bell, Failure, Get, Op, Place, Program, Put, Span};

/// The outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Done; there is nothing to see.
    Done,
    /// All bytes read have this value.
    All(u8),
    /// A digest of bytes that differ.
    Digest(u64),
    /// The value of the thread-local.
    Local(u8),
    /// The state of a child at a get.
    State(State),
    /// A call was refused: nothing changed.
    Refused(Refused),
    /// What came out of the program: the first bytes of it, then zeros.
    Text(Text),
    /// Whether a signal's handler has run.
    Rang(bool),
}

/// The beginning of an output.
pub type Text = [u8; 8];

/// The first bytes of an output.
pub fn text(bytes: &[u8]) -> Text {
    let mut text = Text::default();
    text.iter_mut().zip(bytes).for_each(|(t, b)| *t = *b);
    text
}

/// The state of a child that does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Never started since it was created.
    Created,
    /// Stopped by a ret with this code.
    Ret(u32),
    /// Its entry has returned.
    Returned,
    /// It failed.
    Exception(Failure),
}

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// This space may not do this.
    Permission,
    /// An option that no engine offers.
    Unsupported,
    /// Arguments or a child's state do not fit the options.
    Invalid,
    /// No child has this id.
    NoChild,
    /// The child runs.
    Again,
    /// A signal came that may interrupt the wait.
    Interrupted,
    /// This space is a master already.
    Exists,
    /// Parent and child changed bytes, or one of them freed some, that are not of the arena:
    /// in a block or a slot.
    Elsewhere,
    /// A range is no memory of the image, or not open to its space.
    Fault,
    /// Parent and child changed this byte.
    Conflict(Place),
    /// A join failed by the failure of this child, counted in the order of the join.
    Child(u32, Failure),
    /// Of forked children joined at once, this one met a conflict with what came before it.
    Late(u32, Place),
    /// A join failed because these two children changed this byte, the lower one first.
    Siblings(u32, u32, Place),
    /// Anything else, by its number in `errno.h`: no program of this module expects one.
    Other(i32),
}

/// The space has stopped: its runner shall not go on now (or not at all).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// What a call answers, if it answers.
pub type Answer<T> = Result<Result<T, Refused>, Stopped>;

/// The calls of one space, and its memory.
///
/// A real engine's `ret` comes back when the space was started again; its failures, and a wait
/// for what never stops, do not come back. The interpreter says [`Stopped`] instead.
pub trait Calls {
    /// Puts a child.
    fn put(&mut self, id: u32, put: &Put) -> Answer<()>;
    /// Gets a child.
    fn get(&mut self, id: u32, get: &Get) -> Answer<State>;
    /// Gets a child without waiting, until it has stopped.
    fn poll(&mut self, id: u32, get: &Get) -> Answer<State> {
        loop {
            let answer = self.get(id, get)?;
            if answer != Err(Refused::Again) {
                return Ok(answer);
            }
        }
    }
    /// Kills a child and all below it.
    fn kill(&mut self, id: u32) -> Answer<()>;
    /// Runs children without a name and merges all or none.
    fn join(&mut self, programs: &[Program]) -> Answer<()>;
    /// Waits for forked children, merges all or none, and ends them.
    fn take(&mut self, ids: &[u32]) -> Answer<()>;
    /// Stops this space until its parent starts it.
    fn ret(&mut self, code: u32) -> Answer<()>;
    /// The byte at a place.
    fn load(&mut self, place: Place) -> Result<u8, Stopped>;
    /// Writes a byte.
    fn store(&mut self, place: Place, value: u8) -> Result<(), Stopped>;
    /// This space's thread-local.
    fn local(&mut self) -> u8;
    /// Sets this space's thread-local.
    fn set_local(&mut self, value: u8);
    /// Fails.
    fn fail(&mut self, how: Failure) -> Stopped;
    /// Computes for ever.
    fn spin(&mut self) -> Stopped;
    /// Prints a byte.
    fn print(&mut self, byte: u8);
    /// What has come out of the program since the last time.
    fn delivered(&mut self) -> Text;
    /// Allocates a block for a slot.
    fn alloc(&mut self, slot: usize, value: u8);
    /// Frees a slot's block.
    fn free(&mut self, slot: usize);
    /// Fills a slot's block.
    fn fill(&mut self, slot: usize, value: u8);
    /// The value of all bytes of a slot's block, if it is one.
    fn block(&mut self, slot: usize) -> Option<u8>;
    /// Asks for a signal.
    fn ring(&mut self, bell: Bell);
    /// Whether its handler has run, after waiting for it if so wanted; it comes no more.
    fn rang(&mut self, bell: Bell, wait: bool) -> bool;
    /// Blocks a signal, or unblocks it.
    fn hold(&mut self, bell: Bell, hold: bool);
    /// Tries to become a master.
    fn become_master(&mut self) -> Result<(), Refused>;
}

/// How far a space is in its program, and what it has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    next: usize,
    seen: u64,
}

impl Progress {
    /// Runs on until the program ends or the space stops.
    pub fn run(
        &mut self,
        program: &Program,
        calls: &mut impl Calls,
        log: &mut impl FnMut(Seen),
    ) -> Result<(), Stopped> {
        while let Some(op) = program.0.get(self.next) {
            self.next += 1;
            if let Some(seen) = self.step(op, calls)? {
                self.seen = fold(self.seen, seen);
                log(seen);
            }
        }
        Ok(())
    }

    /// What this step saw; nothing where it was a ret, after which a child only goes on.
    fn step(&mut self, op: &Op, calls: &mut impl Calls) -> Result<Option<Seen>, Stopped> {
        let done = |result: Result<(), Refused>| match result {
            Ok(()) => Seen::Done,
            Err(refused) => Seen::Refused(refused),
        };
        let state = |result: Result<State, Refused>| match result {
            Ok(state) => Seen::State(state),
            Err(refused) => Seen::Refused(refused),
        };
        Ok(Some(match op {
            Op::Write { span, value, step } => {
                for i in 0..span.len {
                    let byte = value.wrapping_add(step.wrapping_mul(i as u8));
                    calls.store(at(*span, i), byte)?;
                }
                Seen::Done
            }
            Op::Add { span, by } => {
                for i in 0..span.len {
                    let byte = calls.load(at(*span, i))?;
                    calls.store(at(*span, i), byte.wrapping_add(*by))?;
                }
                Seen::Done
            }
            Op::Read(span) => read(*span, calls)?,
            Op::SetLocal(value) => {
                calls.set_local(*value);
                Seen::Done
            }
            Op::Local => Seen::Local(calls.local()),
            Op::Put(id, put) => done(calls.put(*id, put)?),
            Op::Get(id, get) => state(calls.get(*id, get)?),
            Op::Poll(id, get) => state(calls.poll(*id, get)?),
            Op::Kill(id) => done(calls.kill(*id)?),
            Op::Join(programs) => done(calls.join(programs)?),
            Op::Take(ids) => done(calls.take(ids)?),
            Op::Ret(code) => return ret(calls, *code),
            Op::RetByte(place) => {
                let code = u32::from(calls.load(*place)?);
                return ret(calls, code);
            }
            Op::Report => return ret(calls, code(self.seen)),
            Op::Fail(how) => return Err(calls.fail(*how)),
            Op::Spin => return Err(calls.spin()),
            Op::Print(byte) => {
                calls.print(*byte);
                Seen::Done
            }
            Op::Delivered => Seen::Text(calls.delivered()),
            Op::Alloc(slot, value) => {
                calls.alloc(*slot, *value);
                Seen::Done
            }
            Op::Free(slot) => {
                calls.free(*slot);
                Seen::Done
            }
            Op::Fill(slot, value) => {
                calls.fill(*slot, *value);
                Seen::Done
            }
            // Zero stands for bytes that differ: no block is filled with it.
            Op::Block(slot) => Seen::All(calls.block(*slot).unwrap_or(0)),
            Op::Ring(bell) => {
                calls.ring(*bell);
                Seen::Done
            }
            Op::Rang(bell) => Seen::Rang(calls.rang(*bell, false)),
            Op::Await(bell) => Seen::Rang(calls.rang(*bell, true)),
            Op::Hold(bell, hold) => {
                calls.hold(*bell, *hold);
                Seen::Done
            }
            Op::BecomeMaster => done(calls.become_master()),
        }))
    }
}

fn at(span: Span, i: u64) -> Place {
    Place { offset: span.place.offset + i, ..span.place }
}

fn read(span: Span, calls: &mut impl Calls) -> Result<Seen, Stopped> {
    let mut hash = START;
    let (mut first, mut same) = (None, true);
    for i in 0..span.len {
        let byte = calls.load(at(span, i))?;
        same &= *first.get_or_insert(byte) == byte;
        hash = mix(hash, u64::from(byte));
    }
    Ok(match first {
        Some(byte) if same => Seen::All(byte),
        _ => Seen::Digest(hash),
    })
}

/// A child sees nothing of its ret; the master sees that it may not ret.
fn ret(calls: &mut impl Calls, code: u32) -> Result<Option<Seen>, Stopped> {
    Ok(calls.ret(code)?.err().map(Seen::Refused))
}

/// The code of [`Op::Report`] in a space that has seen this.
pub fn report(seen: &[Seen]) -> u32 {
    code(seen.iter().fold(0, |hash, seen| fold(hash, *seen)))
}

fn code(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, a word at a time.
fn mix(hash: u64, word: u64) -> u64 {
    (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(7)
}

fn fold(hash: u64, seen: Seen) -> u64 {
    let failure = |how: Failure| how as u64;
    let (kind, value) = match seen {
        Seen::Done => (0, 0),
        Seen::All(byte) => (1, byte.into()),
        Seen::Digest(hash) => (2, hash),
        Seen::Local(value) => (3, value.into()),
        Seen::State(State::Created) => (4, 0),
        Seen::State(State::Ret(code)) => (5, code.into()),
        Seen::State(State::Returned) => (6, 0),
        Seen::State(State::Exception(how)) => (7, failure(how)),
        Seen::Refused(Refused::Permission) => (8, 0),
        Seen::Refused(Refused::Unsupported) => (9, 0),
        Seen::Refused(Refused::Invalid) => (10, 0),
        Seen::Refused(Refused::NoChild) => (11, 0),
        Seen::Refused(Refused::Again) => (12, 0),
        Seen::Refused(Refused::Fault) => (13, 0),
        Seen::Refused(Refused::Conflict(place)) => (14, place.index() as u64),
        Seen::Refused(Refused::Other(number)) => (15, number as u64),
        Seen::Refused(Refused::Child(i, how)) => (16, u64::from(i) << 8 | failure(how)),
        Seen::Refused(Refused::Late(i, place)) => (18, u64::from(i) << 32 | place.index() as u64),
        Seen::Refused(Refused::Interrupted) => (19, 0),
        Seen::Refused(Refused::Exists) => (20, 0),
        Seen::Refused(Refused::Elsewhere) => (21, 0),
        Seen::Text(text) => (22, u64::from_le_bytes(text)),
        Seen::Rang(rang) => (23, rang.into()),
        Seen::Refused(Refused::Siblings(lower, higher, place)) => {
            (17, u64::from(lower) << 48 | u64::from(higher) << 32 | place.index() as u64)
        }
    };
    mix(mix(hash, kind), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::program::{ARENA, PAGE, frame, heap, stat};

    #[test]
    fn outcomes_have_digests_of_their_own() {
        let mut all = vec![Seen::Done];
        all.extend((0..3).flat_map(|v| {
            let codes = [State::Ret(v.into()), State::Created, State::Returned];
            let refused = [Refused::Again, Refused::Conflict(heap(v.into()))];
            [Seen::All(v), Seen::Digest(v.into()), Seen::Local(v)]
                .into_iter()
                .chain(codes.map(Seen::State))
                .chain(refused.map(Seen::Refused))
        }));
        all.dedup();
        for (i, a) in all.iter().enumerate() {
            for b in &all[..i] {
                assert!(a == b || fold(7, *a) != fold(7, *b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn places_and_indices_correspond() {
        for index in 0..ARENA {
            assert_eq!(Place::at(index).index(), index);
        }
        assert_eq!((Place::at(0), Place::at(256)), (frame(0), heap(0)));
        assert_eq!(Place::at(ARENA - 1), stat(2 * PAGE - 1));
    }
}
