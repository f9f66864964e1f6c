//! Control memory: what master and workers share beside the image. It lies outside the
//! image, so that it is neither snapshot nor merged.
//!
//! Invariants cited by SAFETY comments:
//! - `control`: control, private and exchange memory are mapped at their fixed addresses,
//!   zero where never written, from `space::boot` on; every field is valid for any bytes, or
//!   read only after its writer published it through an atomic of the same record.
//! - `own`: private memory is used by one thread of the process at a time: the space's user
//!   code when it allocates or traps, or the control plane while user code is suspended.
//!
//! A worker's mailbox and exchange area are written by that worker, constructs by all: what
//! stands there is a claim. `exec::claims` checks it before the parent follows a pointer or a
//! length, `exec::master` knows itself who has what, and notices what cannot be.

use super::command::Command;
use super::common::Shown;
use super::input::LINE;
use super::timeline;
use super::trace::Ending;
use crate::abi::{Entry, MAX_CHILDREN};
use crate::heap::class::ZONES;
use crate::heap::state::Sequence;
use crate::image::huge::Pages;
use crate::image::layout::{CONTROL, EXCHANGE, EXCHANGE_SIZE, MAX_WORKERS, PRIVATE};
use crate::sys::cpu::{FloatControl, Registers};
use core::sync::atomic::{AtomicU32, AtomicU64};

/// States of a worker as its mailbox shows them.
pub(crate) mod state {
    /// Has nothing to do.
    pub const IDLE: u32 = 0;
    /// Was given a construct.
    pub const BUSY: u32 = 1;
    /// Its child is suspended in a get of its own.
    pub const REQUEST: u32 = 2;
    /// Ended its child by a fault and exits.
    pub const FAULTED: u32 = 3;
}

/// What a suspended child may ask the master for.
pub(crate) mod ask {
    /// To run a closed construct; answered when all its children have stopped.
    pub const RUN: u32 = 0;
    /// To start an open one; answered at once.
    pub const OPEN: u32 = 1;
    /// To wait until the target's children have stopped.
    pub const WAIT: u32 = 2;
    /// To let the target's stopped children go on with the request; answered at once.
    pub const RESTART: u32 = 3;
    /// To end the target's children.
    pub const KILL: u32 = 4;
    /// To let the target's stopped children go on with the request; answered when all have
    /// stopped again.
    pub const AGAIN: u32 = 6;
    /// To be parked until the parent of the child lets it go on.
    pub const PARK: u32 = 5;
    /// To read standard input: as many bytes as the target says, at most.
    pub const READ: u32 = 7;
}

/// What the master tells the worker of a stopped child, in [`Mailbox::reply`].
pub(crate) mod tell {
    /// To let it go on with the construct's request.
    pub const GO_ON: u32 = 0;
    /// To leave it to the exchange area and to be free for others.
    pub const LEAVE: u32 = 1;
}

/// One child of a construct, as the parent describes it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// What it runs.
    pub entry: Entry,
    /// First argument of the entry.
    pub data: *mut (),
    /// Second argument of the entry.
    pub arg: usize,
    /// Size in bytes of the result it writes.
    pub out_size: usize,
}

/// What a parent asks for: the children of one construct.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Request {
    /// The jobs, in the parent's image.
    pub jobs: *const Job,
    /// How many.
    pub count: u32,
    /// Depth of the children.
    pub depth: u32,
    /// Session of the children's heaps.
    pub session: u64,
    /// The parent's heap, whose lanes they use.
    pub heap: usize,
    /// The parent's stack pointer: everything from there on is live.
    pub stack: usize,
    /// Path of the parent, hashed.
    pub path: u64,
    /// Construct that the parent is a child of; `u32::MAX`: none, it is the master.
    pub parent: u32,
    /// The parent's index there.
    pub parent_index: u32,
    /// The open child's id.
    pub name: u32,
    /// Floating-point control of the parent.
    pub float: FloatControl,
    /// Where the heap gets fresh segments.
    pub sequences: [Sequence; ZONES],
    /// All segments of the parent's memory have numbers below these.
    pub reach: [u32; ZONES],
    /// The children's memory where it differs from the image file, see [`super::layer`].
    pub chain: usize,
    /// The open child's lane; 0: lanes by index, as in closed constructs.
    pub lane: usize,
    /// Stack memory from here on is merged.
    pub merge_from: usize,
    /// See [`order`].
    pub orders: u32,
    /// What to do to the stopped child before it starts.
    pub commands: [Command; 3],
    /// The open child's job; those of a closed construct lie at `jobs`.
    pub job: Option<Job>,
    /// Pages that the parent's code may not read or write, and its children's neither.
    pub restricted: usize,
    /// How many ranges.
    pub restricted_count: usize,
    /// The parent's virtual clock.
    pub clock: u64,
    /// The children run for what they write to some pages, see [`crate::check`]; 0: for all.
    pub watch: usize,
    /// Memory that they fill in place, see [`super::common`]: address and length, or zeros.
    pub common: (usize, usize),
    /// What each of them is granted in place, in the parent's image, see [`super::inplace`]; read
    /// with [`order::IN_PLACE`] only.
    pub parts: *const (usize, usize),
    /// Not 0: they go on from these records, of which 0 stands for a child that does nothing.
    pub records: usize,
}

/// Bits of [`Request::orders`].
pub(crate) mod order {
    /// Take the parent's memory afresh.
    pub const SNAP: u32 = 1;
    /// Run; without it the child only carries out commands.
    pub const START: u32 = 2;
    /// Begin at the job's entry; without it the child goes on where it stopped.
    pub const ENTER: u32 = 4;
    /// The child stays after its entry has ended, until it is killed.
    pub const STAY: u32 = 8;
    /// What the child writes may not go to the file: others rely on it as it is.
    pub const NO_GRANTS: u32 = 16;
    /// With `SNAP`: the child keeps no frames of its own.
    pub const AFRESH: u32 = 64;
    /// What the child printed so far was delivered.
    pub const PRINTED: u32 = 32;
    /// The children run one after another, see [`crate::heap::turns`].
    pub const IN_TURN: u32 = 128;
    /// What the children fill in place is their parent's memory at once.
    pub const SHARED: u32 = 256;
    /// The children may change the parts that they were granted in their parent's memory.
    pub const IN_PLACE: u32 = 512;
}

/// What is known of one child.
#[repr(C)]
pub(crate) struct Outcome {
    /// Life of the construct (high half) and slot of the worker that took it, plus one.
    pub claim: AtomicU64,
    /// 0, or one of [`outcome`].
    pub status: AtomicU32,
    /// Not 0: the child is evicted and waits for a worker; its stage says how to go on.
    pub evicted: AtomicU32,
    /// Address of its stage once the status is set.
    pub stage: AtomicU64,
    /// Address of what was in its part before it changed that in place, see [`super::inplace`]; 0:
    /// it did not.
    pub saved: AtomicU64,
}

/// Values of [`Outcome::status`].
pub(crate) mod outcome {
    /// Returned; the stage holds results and changes.
    pub const RETURNED: u32 = 1;
    /// Failed; the stage holds the cause.
    pub const FAILED: u32 = 2;
    /// Failed without a stage: the worker was killed by the signal in its place.
    pub const KILLED: u32 = 3;
    /// Failed without a stage: no worker could be had, for the error number in its place.
    pub const NO_WORKER: u32 = 4;
    /// Stopped in the middle, or carried out its commands; the stage holds its changes.
    pub const STOPPED: u32 = 5;
    /// The same, and no worker has it any more: the stage holds all it needs to go on.
    pub const EVICTED: u32 = 6;

    /// Whether a child can go on.
    pub const fn stopped(status: u32) -> bool {
        matches!(status, STOPPED | EVICTED)
    }
}

/// Steps of making a worker, in the high half of an error of it, beside the error number.
pub(crate) mod step {
    /// Signal handlers.
    pub const HANDLERS: u32 = 1;
    /// The vDSO.
    pub const VDSO: u32 = 2;
    /// The filter.
    pub const FILTER: u32 = 3;
    /// Process group and life line.
    pub const TIES: u32 = 4;
    /// The page map.
    pub const PAGE_MAP: u32 = 5;
    /// Inherited descriptors.
    pub const DESCRIPTORS: u32 = 6;
    /// The image.
    pub const IMAGE: u32 = 7;
    /// In the master: signalling and reaping.
    pub const PIDFD: u32 = 8;
    /// In the master: death by a signal, which stands in the place of the error number.
    pub const DEAD: u32 = 9;
    /// In the master: clone.
    pub const CLONE: u32 = 10;
    /// The trap of the time stamp counter.
    pub const TSC: u32 = 11;

    /// A step and its error number in one.
    pub const fn error(step: u32, errno: i32) -> u64 {
        (step as u64) << 32 | errno as u32 as u64
    }
}

/// What the master gave out as a construct. Workers can only read it.
#[repr(C, align(64))]
pub(crate) struct Brief {
    /// Number of lives of this slot: stages of an earlier life are released.
    pub life: AtomicU32,
    /// Whether a child may be taken only when the one below it has reported.
    pub in_turn: AtomicU32,
    /// The request.
    pub request: Request,
}

/// A construct in progress: workers claim and report outcomes, and all of them can write here.
#[repr(C, align(4096))]
pub(crate) struct Construct {
    /// Set by a nested parent when it no longer needs the stages.
    pub released: AtomicU32,
    /// Below this index all children are taken.
    pub next: AtomicU32,
    /// Children from this index on are not needed any more.
    pub limit: AtomicU32,
    /// Children that reported.
    pub reported: AtomicU32,
    /// Outcome of each child.
    pub outcomes: [Outcome; MAX_CHILDREN],
}

/// A worker's mailbox.
#[repr(C, align(4096))]
pub(crate) struct Mailbox {
    /// Futex: incremented to start the worker or to resume its suspended child.
    pub go: AtomicU32,
    /// Whether the worker sleeps on `go`.
    pub sleeping: AtomicU32,
    /// See [`state`].
    pub state: AtomicU32,
    /// Construct it works for.
    pub construct: AtomicU32,
    /// Life of that construct: the worker takes children of this one only.
    pub life: AtomicU32,
    /// Evicted child of it that the worker is to take first, plus one; 0: none.
    pub given: AtomicU32,
    /// What the suspended child asks for, see [`ask`].
    pub ask: AtomicU32,
    /// The construct that it is about.
    pub target: AtomicU32,
    /// The suspended child's request.
    pub request: Request,
    /// Construct slot that answers the request; `u32::MAX` where a limit refused it. For a reader:
    /// how many bytes it gets, or see [`super::input::failed`].
    pub reply: AtomicU32,
    /// Who wants to read: the path of the space, and how much it has read.
    pub reader: [u64; 2],
    /// What it gets.
    pub line: [u8; LINE],
    /// Live stages in the slot's exchange area.
    pub stages: AtomicU32,
    /// Layers made so far by spaces in this slot.
    pub layers: AtomicU64,
    /// High-water marks of fresh segments granted to children, by zone.
    pub granted: [AtomicU32; ZONES],
}

/// Shared control memory. A worker can write what comes before `told`, and its own mailbox: the
/// master takes nothing there for true that it does not know itself.
#[repr(C)]
pub(crate) struct Control {
    /// Futex: incremented at every event the master may wait for.
    pub event: AtomicU32,
    /// Times that children ran once more, to be watched.
    pub second_runs: AtomicU32,
    /// How many idle workers watch their mailboxes.
    pub spinners: AtomicU32,
    /// Highest fresh segment by zone that a failed construct may have written, plus one.
    pub dirty_below: [AtomicU32; ZONES],
    /// Small and huge pages.
    pub pages: Pages,
    /// What was done when, where a timeline is taken.
    pub timeline: timeline::Ring,
    /// Constructs.
    pub constructs: [Construct; MAX_CONSTRUCTS],
    /// What the master says.
    pub told: Told,
    /// Mailboxes.
    pub mail: [Mailbox; MAX_WORKERS],
}

/// Slot of the home worker, which runs on the master's processor while the master waits:
/// handing one processor over costs far less than waking another.
pub(crate) const HOME: u32 = 0;

/// Most constructs in progress at a time, nested ones included.
pub(crate) const MAX_CONSTRUCTS: usize = 4096;

/// The shared control memory.
#[inline]
pub(crate) fn control() -> &'static Control {
    // SAFETY: `control`.
    unsafe { &*(CONTROL as *const Control) }
}

/// Layout of an exchange area.
pub(crate) mod area {
    /// Stages end here.
    pub const STAGES: usize = 6 << 30;
    /// The running child's log.
    pub const LOG: usize = 6 << 30;
    /// Bytes of the log.
    pub const LOG_SIZE: usize = 1 << 30;
    /// The running child's deferred frees.
    pub const FREES: usize = 7 << 30;
    /// How many fit.
    pub const FREES_MAX: usize = (512 << 20) / 16;
    /// The running child's panic message.
    pub const MESSAGE: usize = (7 << 30) + (512 << 20);
    /// Bytes of it.
    pub const MESSAGE_SIZE: usize = 16 << 20;
    /// The list of live stages.
    pub const LIVE: usize = MESSAGE + MESSAGE_SIZE;
    /// Most of them, and the bytes of their list.
    pub const LIVE_MAX: u32 = 65536;
    pub const LIVE_SIZE: usize = 2 << 20;
}

/// Bytes of an exchange area.
pub(crate) const EXCHANGE_BYTES: usize = EXCHANGE_SIZE;

/// The master's place among the exchange areas.
pub(crate) const MASTER_AREA: u32 = MAX_WORKERS as u32;

/// Start of the exchange area of a worker or of the master.
pub(crate) const fn exchange(slot: u32) -> usize {
    EXCHANGE + slot as usize * EXCHANGE_SIZE
}

/// The slot in whose exchange area an address lies.
pub(crate) const fn slot_at(at: usize) -> u32 {
    (at.wrapping_sub(EXCHANGE) / EXCHANGE_SIZE) as u32
}

/// Who runs in this process.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// An ordinary process: image heap, no master space.
    Plain = 0,
    /// The master.
    Master = 1,
    /// A worker between children.
    Worker = 2,
    /// A child.
    Child = 3,
}

/// State of this process, in private memory.
#[repr(C)]
pub(crate) struct Me {
    pub role: Role,
    pub slot: u32,
    pub depth: u32,
    /// Index of the running child in its construct.
    pub index: u32,
    pub construct: u32,
    /// Whether inputs are recorded or replayed, see [`crate::replay`].
    pub inputs: u32,
    /// Set in the template's run: thread destructors go to the template's list.
    pub template: u32,
    /// Heap of the running space.
    pub heap: usize,
    pub session: u64,
    /// The last session in which the running space's heap was used.
    pub opened: u64,
    /// Not 0: an allocation is looking where it was called from.
    pub unwinding: u32,
    pub sequences: [Sequence; ZONES],
    /// Hash of the task path.
    pub path: u64,
    /// Constructs this space made: part of its children's paths.
    pub constructs: u64,
    /// Not 0 once the child has used a file.
    pub files: u64,
    /// Random numbers drawn so far.
    pub drawn: u64,
    /// Bytes of standard input read so far.
    pub read: u64,
    /// The running space's virtual clock.
    pub clock: u64,
    /// The running child's signal mask, which has no effect.
    pub mask: u64,
    /// Seed of the whole run.
    pub seed: u64,
    /// Parent's stack pointer of the running child.
    pub parent_stack: usize,
    pub log_len: usize,
    pub free_count: usize,
    /// Frees recorded for open children.
    pub freed_count: usize,
    /// Not 0: one found no room. Outstanding open children fail with `Limit::Frees`.
    pub freed_lost: u32,
    /// Length of the recorded panic message plus one; 0: none recorded.
    pub message_len: usize,
    pub location_len: usize,
    pub message_is_string: u32,
    pub grant_count: u32,
    pub thread_exit_count: u32,
    pub template_exit_count: u32,
    /// Process id of the master.
    pub master_pid: i32,
    pub image_fd: i32,
    pub exchange_fd: i32,
    pub pagemap_fd: i32,
    /// Both ends of the pipe that the workers live by.
    pub life_line: [i32; 2],
    /// Incremented whenever the master's mappings change.
    pub epoch: u32,
    /// Whether the program ever took rights away from memory of the image.
    pub protected: u32,
    /// Page faults at the last time all pages were known to be clean.
    pub clean_faults: u64,
    /// Private pages below this address in the stack belong to dead frames.
    pub dead_top: usize,
    /// Depth whose thread pointer is in force.
    pub tls_depth: u32,
    /// Live stages in the worker's list.
    pub stage_count: u32,
    /// Bytes of the exchange area that stages used of late.
    pub stage_high: usize,
    /// What the running space's memory is besides the file and its own changed pages: the
    /// layers it has made and those it started from.
    pub chain: usize,
    /// The chain it started from.
    pub base: usize,
    /// Layer up to which a chain was brought into this worker's memory.
    pub applied: u64,
    /// Pages copied in and runs mapped for it.
    pub copied_count: usize,
    /// Pages of the image among them, each counted once.
    pub copied_pages: usize,
    pub mapped_count: usize,
    /// Stack memory from here on is merged.
    pub merge_from: usize,
    /// Open children of the running space.
    pub open_count: usize,
    /// End of the stages before the first layer that was made for open children.
    pub open_mark: usize,
    /// End of the room that there was then.
    pub open_limit: usize,
    /// What the running child was told, see [`order`].
    pub orders: u32,
    /// Code of the last ret.
    pub ret_code: u32,
    /// What the running space offers to the children of its closed constructs.
    pub offered: (usize, usize),
    /// What the running child fills in place.
    pub filled: (usize, usize),
    /// What this worker maps shared for that.
    pub shown: Shown,
    /// Pages that the running child was granted in place, see [`super::inplace`].
    pub part: (usize, usize),
    /// Ranges of pages that the running space's code may not read or write.
    pub restricted: usize,
    /// The running child's stage, its end so far and the end of the room it may use.
    pub stage: usize,
    pub stage_end: usize,
    pub stage_limit: usize,
    /// Where this worker's page tables for stages are filled, from and to.
    pub stage_filled: (usize, usize),
    /// Segments of each zone below this number may hold private pages of the running child;
    /// what it was granted lies above.
    pub scan_below: [u32; ZONES],
    /// The same for the segments' table entries.
    pub table_below: [u32; ZONES],
    /// Where the running child starts or goes on.
    pub child_registers: Registers,
    /// Where the worker goes on when its child ends or stops.
    pub worker_registers: Registers,
    /// Pages that the running child took from segments it was not granted.
    pub tail_pages: usize,
    /// Set once the running child took down its signal stack, as Rust does before it exits.
    pub leaving: u32,
    /// Whether the time stamp counter traps in children.
    pub tsc_traps: u32,
    /// What the control plane has instead of the time stamp counter where that traps.
    pub ticks: u64,
    /// Why and where a child is being ended, see [`super::trace`].
    pub ending: Ending,
    /// How the running child's entry ended.
    pub end: u32,
    /// The running child's entry has left its result; its thread-exit functions run.
    pub has_result: bool,
    /// Value of `go` last seen by this worker.
    pub seen_go: u32,
    /// What the timeline is to say of the running space.
    pub lap: timeline::Lap,
}

mod handed;
pub(crate) mod private;
mod told;
pub(crate) use handed::{Head, Stage};
pub(crate) use told::{Told, brief, new_layer, protect};

/// State of this process.
///
/// Callers must not hold two such references across code that uses another.
#[inline]
pub(crate) fn me() -> &'static mut Me {
    // SAFETY: `control` and `own`.
    unsafe { &mut *((PRIVATE + private::ME) as *mut Me) }
}

/// An item of a table in private memory.
///
/// # Safety
/// The table must lie at `offset`, have more than `i` items, and any bytes must be a valid T.
#[inline]
pub(crate) unsafe fn private_item<T>(offset: usize, i: usize) -> &'static mut T {
    // SAFETY: `control` and `own`, and the caller's contract.
    unsafe { &mut *((PRIVATE + offset) as *mut T).add(i) }
}

const _: () = {
    use private::*;
    assert!(ME + size_of::<Me>() <= VIEW);
    assert!(TEMPLATE_EXITS + EXITS_MAX as usize * 16 <= REGIONS && (ME ^ REGIONS) >> 21 == 0);
    assert!(GRANTS + GRANTS_MAX as usize * 16 <= EXITS);
    assert!(EXITS + EXITS_MAX as usize * 16 <= COPIED);
    assert!(MERGE + MERGE_SIZE <= WATCH && FOUND_END <= WORKER_STACK - STACK_SIZE);
    assert!(CONTROL_STACK > STACK_SIZE && SIGNAL_STACK + SIGNAL_SIZE <= TOUCHED);
    assert!(
        TOUCHED_END <= WRITERS
            && WRITERS_END <= SEEN
            && SEEN_END <= TIMELINE
            && WRITTEN_END <= RESULT
    );
    assert!(TIMELINE + timeline::WRITER_SIZE <= TIMELINE_END && TIMELINE_END <= WRITTEN);
    assert!(WRITTEN_END <= INPUT && GIVEN < INPUT_END && INPUT_END <= RESULT);
    assert!(RESULT < SIZE && FREED + (1 << 30) <= SCRATCH);
};
const _: () = assert!(size_of::<Mailbox>() == 4096 && size_of::<Told>().is_multiple_of(4096));
