//! The table: short programs, each for one rule of `docs/calls.md` or a few, with what every
//! step of the master shows. What a child sees it shows by the code of a ret, or by bytes that
//! its parent takes over.
mod around;
mod blocks;
mod calls;
mod errors;
mod get;
mod life;
mod merge;
mod nested;
mod put;

use super::program::{Failure, Get, Op, Place, Program, Put};
use super::runner::{self, Refused, Seen, State, report};

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// The rules that it is about.
    pub rules: &'static [&'static str],
    /// What the master does, and what each step shows.
    pub steps: Vec<(Op, Seen)>,
}

impl Row {
    /// The master's program.
    pub fn program(&self) -> Program {
        Program(self.steps.iter().map(|(op, _)| op.clone()).collect())
    }

    /// What it shows.
    pub fn shows(&self) -> Vec<Seen> {
        self.steps.iter().map(|(_, seen)| *seen).collect()
    }
}

/// All rows.
pub fn rows() -> Vec<Row> {
    let parts = [
        life::rows(),
        put::rows(),
        get::rows(),
        merge::rows(),
        nested::rows(),
        errors::rows(),
        calls::rows(),
        around::rows(),
        blocks::rows(),
    ];
    parts.into_iter().flatten().collect()
}

fn row<const N: usize>(
    name: &'static str,
    rules: &'static [&'static str],
    steps: [(Op, Seen); N],
) -> Row {
    Row { name, rules, steps: steps.into() }
}

const OK: Seen = Seen::Done;
const CREATED: Seen = Seen::State(State::Created);
const RETURNED: Seen = Seen::State(State::Returned);
const INVALID: Seen = Seen::Refused(Refused::Invalid);
const FAULT: Seen = Seen::Refused(Refused::Fault);
const NO_CHILD: Seen = Seen::Refused(Refused::NoChild);
const PERMISSION: Seen = Seen::Refused(Refused::Permission);
const UNSUPPORTED: Seen = Seen::Refused(Refused::Unsupported);
const AGAIN: Seen = Seen::Refused(Refused::Again);
const INTERRUPTED: Seen = Seen::Refused(Refused::Interrupted);
const EXISTS: Seen = Seen::Refused(Refused::Exists);
const ELSEWHERE: Seen = Seen::Refused(Refused::Elsewhere);

/// Bytes that all have this value.
fn all(value: u8) -> Seen {
    Seen::All(value)
}

fn stopped(code: u32) -> Seen {
    Seen::State(State::Ret(code))
}

fn failed(how: Failure) -> Seen {
    Seen::State(State::Exception(how))
}

fn conflict(place: Place) -> Seen {
    Seen::Refused(Refused::Conflict(place))
}

/// What came out.
fn text(text: &str) -> Seen {
    Seen::Text(runner::text(text.as_bytes()))
}

/// Writes one byte.
fn set(place: Place, value: u8) -> Op {
    fill(place, 1, value)
}

/// Writes equal bytes.
fn fill(place: Place, len: u64, value: u8) -> Op {
    Op::Write { span: place.span(len), value, step: 0 }
}

/// Writes `value`, `value + 1` and so on.
fn count(place: Place, len: u64, value: u8) -> Op {
    Op::Write { span: place.span(len), value, step: 1 }
}

/// Reads one byte.
fn look(place: Place) -> Op {
    read(place, 1)
}

fn read(place: Place, len: u64) -> Op {
    Op::Read(place.span(len))
}

fn add(place: Place, by: u8) -> Op {
    Op::Add { span: place.span(1), by }
}

fn put(id: u32, put: Put) -> Op {
    Op::Put(id, put)
}

/// Regs, Snap and Start.
fn fork(id: u32, steps: impl Into<Vec<Op>>) -> Op {
    Op::Put(id, Put::fork(steps))
}

fn start(id: u32) -> Op {
    Op::Put(id, Put::new().start())
}

fn get(id: u32, get: Get) -> Op {
    Op::Get(id, get)
}

fn merge(id: u32) -> Op {
    Op::Get(id, Get::new().merge())
}

fn status(id: u32) -> Op {
    Op::Get(id, Get::new())
}

/// Something that takes a while and leaves the heap block as it was where that was zero.
fn work() -> [Op; 3] {
    use super::program::heap;
    [fill(heap(0), 4 * 4096, 9), fill(heap(0), 4 * 4096, 8), fill(heap(0), 4 * 4096, 0)]
}

/// Steps behind [`work`].
fn late(steps: impl IntoIterator<Item = Op>) -> Vec<Op> {
    work().into_iter().chain(steps).collect()
}
