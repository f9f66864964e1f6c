//! Shutting a child off from every outside input (rule R6).
//!
//! A worker installs a seccomp filter before its first child: every system call that does
//! not come from the gate traps. The trap is answered by `emulate` from the one table in
//! [`policy`], by the [`Handler`] (files and streams), or refused as a fault. Entries of the
//! vDSO, which never enter the kernel, are patched to plain system calls.

pub mod clock;
#[cfg(test)]
mod docs;
mod emulate;
mod filter;
mod install;
mod machine;
mod memory;
pub mod policy;
mod signals;
mod table;
pub(crate) mod vdso;

pub(crate) use emulate::{Log, mix, registers};
#[cfg(feature = "interpose")]
pub(crate) use emulate::{fill_seeded, keys};
pub(crate) use install::{gate_and, install, signal_stack};

use crate::abi::{Cause, Limit};
use crate::exec::control::{Role, me};
use crate::exec::worker;
use core::sync::atomic::{AtomicUsize, Ordering::*};

/// Process and thread id that every child sees as its own.
pub const VIRTUAL_ID: i64 = 2;
/// Parent process id that every child sees.
pub const VIRTUAL_PARENT_ID: i64 = 1;
/// User and group id that every child sees.
pub const VIRTUAL_USER: i64 = 1000;
/// Processors that every child sees, at any number of workers: as many as the pieces that work
/// is usually cut into.
pub const VIRTUAL_PROCESSORS: u32 = 64;

/// Emulation of system calls on files and streams. The kernel knows no files.
///
/// [`Handler::call`] runs in a signal handler of a child, on the signal stack: it must make no
/// system call and not unwind. It may allocate and use the child's thread-local storage: the
/// signal comes from the program's own call, never from within the allocator, whose calls pass
/// the gate.
pub trait Handler: Sync {
    /// Answers call `nr` with its result or negative error number; `None` refuses it.
    fn call(&self, log: &mut dyn FnMut(&[u8]) -> bool, nr: i64, args: &[u64; 6]) -> Option<i64>;

    /// Delivers in the master what children printed, in program order.
    fn deliver(&self, log: &[u8]);

    /// Gives one part of a child's log, for its parent to keep. False where that finds no room.
    fn part(&self, log: &[u8], part: Part, keep: &mut dyn FnMut(&[u8]) -> bool) -> bool;

    /// How many entries [`Handler::meet`] makes at most for a log. On the control stack, as that.
    fn claims(&self, log: &[u8]) -> usize;

    /// Enters what the log of `who` says it changed into a table of zeros, or of what others
    /// entered. Returns a lower one who changed the same, and the path: of the first such change.
    /// The table has more entries of [`ENTRY`] words than were announced.
    ///
    /// Runs on the control stack: no allocation, no panic, no thread-local storage. Logs are what
    /// children claim: any bytes.
    fn meet<'a>(&self, who: u32, log: &'a [u8], table: &mut [u64]) -> Option<(u32, &'a [u8])>;

    /// Called in the parent when a child was merged, in program order: its changes to files are
    /// the parent's now.
    fn merged(&self, log: &[u8]);

    /// Called in the parent just before its children start: its own output comes first.
    fn before_fork(&self);

    /// Called in the parent before its children start or are waited for: takes from its streams,
    /// until [`Handler::take_back`], what these have read ahead of standard input and the program
    /// has not used. Children find nothing there; those of the master read it first.
    fn put_aside(&self) -> [&'static [u8]; 2] {
        [&[], &[]]
    }

    /// Called in the parent when it goes on: children have read so much of what was put aside.
    fn take_back(&self, _read: usize) {}

    /// Called in a child after its body, on its own stack.
    fn child_ends(&self);

    /// Logs what a child that is ended by a fault had printed and not written out. Runs on the
    /// control stack, over memory that may hold anything.
    fn child_faulted(&self, log: &mut dyn FnMut(&[u8]) -> bool);
}

/// What a log tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What was printed: a parent keeps it although the child failed.
    Printed,
    /// Changes to files.
    Files,
}

/// Words of an entry of the table of [`Handler::meet`].
pub const ENTRY: usize = 5;

/// The first descriptor of a file that a child opened.
pub const FIRST_FILE: u64 = 1 << 20;

/// Fills a buffer with what `getrandom` gives the running child.
pub fn fill_random(to: &mut [u8]) {
    // SAFETY: the buffer is the caller's.
    unsafe { emulate::fill_seeded(to.as_mut_ptr(), to.len()) };
}

/// Writes down a change to a file that the running space made, as one record of its handler's. The
/// master's are kept only as long as it has open children, who may have changed the same.
///
/// # Panics
/// In the master: more than a gigabyte was changed beside open children. A child ends.
pub fn note(record: &[u8]) {
    let me = me();
    if (me.role != Role::Master || me.open_count > 0) && !Log::append(record) {
        no_room();
    }
}

/// The running space's log is full.
pub(crate) fn no_room() {
    if me().role != Role::Master {
        worker::end_child(Cause::Limit(Limit::Exchange));
    }
    panic!("more was written to files beside open children than is kept (1 GiB): join them before");
}

/// Says that the running child uses files: what its calls on them leave in its memory where values
/// have no bytes of their own is not compared in checking mode.
pub fn uses_files() {
    me().files = 1;
}

/// Reads standard input in the running child, whose call on it is answered: how many bytes, or a
/// negative error number.
///
/// # Safety
/// In [`Handler::call`]; the program passed a buffer of that size to the call.
pub unsafe fn read_input(to: *mut u8, len: usize) -> i64 {
    // SAFETY: the caller's contract.
    unsafe { crate::exec::input::read(to, len) }
}

/// The virtual clock of the running space in nanoseconds since 1970; reading it does not move it.
pub fn time() -> i64 {
    clock::nanoseconds()
}

/// What a futex call does, without the flags that are known; unknown ones stay in it.
const fn futex_command(op: i32) -> i32 {
    op & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME)
}

static HANDLER: AtomicUsize = AtomicUsize::new(0);

/// Sets the handler of this process. It lives for ever.
pub(crate) fn set_handler(h: &'static &'static dyn Handler) {
    HANDLER.store(core::ptr::from_ref(h) as usize, Release);
}

/// The handler, once set.
pub(crate) fn handler() -> Option<&'static dyn Handler> {
    let p = HANDLER.load(Acquire) as *const &'static dyn Handler;
    // SAFETY: only `set_handler` writes the word: a reference that lives for ever.
    unsafe { p.as_ref() }.copied()
}
