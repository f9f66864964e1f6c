//! The timeline of a run (`DETPAR_TRACE`): what each space did and when, for people to look at.
//!
//! Whoever does something leaves a record of it in a ring in control memory; the master writes
//! what is there to a file now and then. Nothing is allocated, nobody waits for anybody: where
//! the ring is full records are dropped and counted. Nothing here is visible to the program.
//! Workers write the ring, so what it says is believed by readers of the file alone.

mod names;
mod write;

pub(super) use write::SIZE as WRITER_SIZE;
pub(crate) use write::{finish, open, relieve};

use super::control::{Me, Request, Role, brief, control};
use super::stage;
use crate::abi::Cause;
use crate::merge::Page;
use crate::sys::{self, cpu};
use core::sync::atomic::{AtomicU64, Ordering::*};

/// Records that the ring holds.
const RECORDS: u64 = 1 << 16;

/// What a record is about.
pub(crate) mod kind {
    /// A space ran, from a start to an end or a stop.
    pub const SPACE: u32 = 1;
    /// A construct is about to begin: what its path is made of.
    pub const OPENED: u32 = 2;
    /// A closed construct, in the track of its parent.
    pub const CLOSED: u32 = 3;
    /// A child's changes entered its parent's image.
    pub const MERGED: u32 = 4;
    /// All children of a construct were planned and merged, or refused.
    pub const MERGE: u32 = 5;
    /// The snapshot for an open child and its start.
    pub const STARTED: u32 = 6;
    /// A parent waited for an open child.
    pub const WAITED: u32 = 7;
    /// A worker ended in the middle of a construct.
    pub const WORKER_ENDED: u32 = 8;
}

/// How a space or a merge ended.
pub(crate) mod end {
    /// As it should.
    pub const WELL: u32 = 0;
    /// It has stopped and may go on.
    pub const STOPPED: u32 = 1;
    /// By a panic.
    pub const PANIC: u32 = 2;
    /// By a signal.
    pub const FAULT: u32 = 3;
    /// By a call that is refused.
    pub const REFUSED: u32 = 4;
    /// By a limit.
    pub const LIMIT: u32 = 5;
    /// By a conflict.
    pub const CONFLICT: u32 = 6;
    /// Its worker died, or something else was wrong with it.
    pub const KILLED: u32 = 7;

    /// Added where a space ran once more to be watched.
    pub const AGAIN: u32 = 256;
}

/// How somebody with such a failure ended.
pub(crate) fn end_of(cause: &Cause) -> u32 {
    match cause {
        Cause::Panic => end::PANIC,
        Cause::Fault(_) => end::FAULT,
        Cause::Forbidden(_) => end::REFUSED,
        Cause::Limit(_) => end::LIMIT,
        Cause::Conflict(_) | Cause::File(_) => end::CONFLICT,
        Cause::Differs(_) | Cause::Killed { .. } => end::KILLED,
    }
}

/// One record; which fields have a meaning depends on its kind.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Event {
    /// See [`kind`].
    pub kind: u32,
    /// Slot of the worker, or of the master.
    pub track: u32,
    /// Path of the construct, hashed.
    pub construct: u64,
    /// Path of the space, hashed.
    pub space: u64,
    /// Index of a child in its construct.
    pub index: u32,
    /// See [`end`]; of `OPENED`, the construct's number in its parent.
    pub detail: u32,
    /// Cycles: the beginning, two steps, the end. 0: was not reached.
    pub at: [u64; 4],
    /// Numbers that the kind says.
    pub counts: [u64; 4],
}

#[repr(C, align(128))]
struct Place {
    /// The record's number plus one, once it is whole.
    number: AtomicU64,
    event: Event,
}

/// The ring, in control memory.
#[repr(C)]
pub(crate) struct Ring {
    /// Records reserved so far.
    head: AtomicU64,
    /// Records that the master has taken out.
    tail: AtomicU64,
    /// Records dropped since the ring was full.
    lost: AtomicU64,
    places: [Place; RECORDS as usize],
}

impl Ring {
    fn place(&self, n: u64) -> &Place {
        &self.places[(n % RECORDS) as usize]
    }
}

/// What a worker notes of the space that it runs.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Lap {
    at: [u64; 4],
    /// Page faults, first as they stood when the space went on.
    faults: u64,
    /// Cycles spent looking for changed pages.
    scan: u64,
}

/// Whether a timeline is taken.
#[inline]
pub(crate) fn is_on() -> bool {
    control().told.timeline.load(Relaxed) != 0
}

/// The time, in cycles; 0 where no timeline is taken.
#[inline]
pub(crate) fn now() -> u64 {
    if is_on() { cpu::cycles() } else { 0 }
}

/// Leaves a record in the ring.
fn record(event: Event) {
    let ring = &control().timeline;
    let mut n = ring.head.load(Relaxed);
    loop {
        if n.wrapping_sub(ring.tail.load(Acquire)) >= RECORDS {
            ring.lost.fetch_add(1, Relaxed);
            return;
        }
        match ring.head.compare_exchange_weak(n, n + 1, AcqRel, Relaxed) {
            Ok(_) => break,
            Err(now) => n = now,
        }
    }
    let place = ring.place(n);
    // SAFETY: `control`: the place was reserved for this record alone, and the master reads it
    // only after the number below.
    unsafe { (&raw const place.event).cast_mut().write(event) };
    place.number.store(n + 1, Release);
}

/// The worker begins with a space, or goes on with it.
#[inline]
pub(crate) fn begin(me: &mut Me) {
    if is_on() {
        me.lap = Lap { at: [cpu::cycles(), 0, 0, 0], ..Lap::default() };
    }
}

/// The space's own code begins.
#[inline]
pub(crate) fn entered(me: &mut Me) {
    if is_on() {
        (me.lap.at[1], me.lap.faults) = (cpu::cycles(), sys::faults());
    }
}

/// The space's own code has ended or stopped.
#[inline]
pub(crate) fn left(me: &mut Me) {
    if is_on() {
        me.lap.at[2] = cpu::cycles();
        me.lap.faults = sys::faults().saturating_sub(me.lap.faults);
    }
}

/// Changed pages were looked for since `began`.
#[inline]
pub(crate) fn scanned(me: &mut Me, began: u64) {
    if began != 0 {
        me.lap.scan += cpu::cycles().saturating_sub(began);
    }
}

/// What the running space hands over is staged.
#[inline]
pub(super) fn handed_over(me: &mut Me, r: &Request, stays: bool, failed: bool) {
    if is_on() {
        let how = match stays {
            _ if failed => end::PANIC,
            true => end::STOPPED,
            false => end::WELL,
        };
        space(me, r.path, how | if r.watch != 0 { end::AGAIN } else { 0 });
    }
}

/// The running space was ended, and the reason is staged.
#[inline]
pub(super) fn ended(me: &mut Me) {
    if is_on() {
        let how = end_of(&stage::stage(me).cause.read());
        space(me, brief(me.construct).map_or(0, |b| b.request.path), how);
    }
}

fn space(me: &mut Me, construct: u64, detail: u32) {
    if me.lap.at[1] != 0 && me.lap.at[2] == 0 {
        // It was ended in the middle.
        left(me);
    }
    let st = stage::stage(me);
    let pages = if st.failed == 0 { st.page_count as u64 } else { 0 };
    record(Event {
        kind: kind::SPACE,
        track: me.slot,
        construct,
        space: me.path,
        index: me.index,
        detail,
        at: [me.lap.at[0], me.lap.at[1], me.lap.at[2], cpu::cycles()],
        counts: [pages, me.lap.faults, me.lap.scan, st.log_len as u64],
    });
}

/// The running space makes a construct of so many children; `path` names it.
#[inline]
pub(crate) fn opened(me: &Me, path: u64, children: u32) {
    if is_on() {
        let parent = if me.role == Role::Master { None } else { brief(me.construct) };
        record(Event {
            kind: kind::OPENED,
            track: me.slot,
            construct: path,
            space: me.path,
            index: me.index,
            detail: me.constructs as u32,
            at: [cpu::cycles(), 0, 0, 0],
            counts: [parent.map_or(0, |b| b.request.path), children.into(), 0, 0],
        });
    }
}

/// The running space did something about a construct: it began, took a step and ended.
#[inline]
pub(crate) fn did(me: &Me, kind: u32, construct: u64, [from, step]: [u64; 2], n: usize, end: u32) {
    if is_on() {
        record(Event {
            kind,
            track: me.slot,
            construct,
            space: me.path,
            index: 0,
            detail: end,
            at: [from, step, 0, cpu::cycles()],
            counts: [n as u64, 0, 0, 0],
        });
    }
}

/// A child's changes are about to enter its parent's image: these pages, `before` them others.
pub(crate) fn merged<'p>(
    me: &Me,
    (construct, child): (u64, u32),
    pages: impl Iterator<Item = (&'p Page, &'p Page)>,
    frees: usize,
) {
    let (mut count, mut bytes) = (0u64, 0u64);
    for (now, before) in pages {
        count += 1;
        bytes += now.0.iter().zip(&before.0).filter(|(a, b)| a != b).count() as u64;
    }
    record(Event {
        kind: kind::MERGED,
        track: me.slot,
        construct,
        space: super::worker::child_path(construct, child),
        index: child,
        detail: end::WELL,
        at: [cpu::cycles(), 0, 0, 0],
        counts: [count, bytes, frees as u64, 0],
    });
}

/// A worker that had a construct is no more.
#[inline]
pub(super) fn worker_ended(slot: u32) {
    if is_on() {
        let at = [cpu::cycles(), 0, 0, 0];
        record(Event { kind: kind::WORKER_ENDED, track: slot, at, ..Event::default() });
    }
}
