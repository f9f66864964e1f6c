//! The part of control memory that workers can only read, and what keeps it so.

use super::{Brief, Control, MAX_CONSTRUCTS, Mailbox, control};
use crate::image::layout::{CONTROL, MAX_WORKERS};
use crate::sys;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// What becomes of a new worker. It writes this before it is confined and never again.
#[repr(C)]
pub(crate) struct Birth {
    /// Whether it could be set up.
    pub up: AtomicU32,
    /// Set once if it could not: see [`step::error`].
    pub error: AtomicU64,
}

/// What the master tells all workers, who can only read it.
#[repr(C, align(4096))]
pub(crate) struct Told {
    /// Whether the master sleeps on `event`.
    pub master_sleeps: AtomicU32,
    /// Whether write sets are taken exactly.
    pub check: AtomicU32,
    /// Whether a timeline is taken.
    pub timeline: AtomicU32,
    /// How many writes of a child are watched for who wrote the byte of a conflict.
    pub patience: AtomicU64,
    /// How many reads of a child are watched for what siblings of it wrote; 0: none.
    pub reads: AtomicU64,
    /// Seed of chaos scheduling; 0: off.
    pub chaos: AtomicU64,
    /// How many idle workers may watch their mailboxes for a while before they sleep.
    pub spinners_allowed: AtomicU32,
    /// Whether the master waits for any worker to become idle.
    pub hungry: AtomicU32,
    /// Layers made so far by the master.
    pub layers: AtomicU64,
    /// How workers were set up.
    pub births: [Birth; MAX_WORKERS],
    /// Constructs as they were given out.
    pub briefs: [Brief; MAX_CONSTRUCTS],
}

/// Leaves a new worker of control memory what it is to write; or all, where it could not be set
/// up after all.
pub(crate) fn protect(slot: u32, yes: bool) -> sys::Sys<()> {
    let from = CONTROL + core::mem::offset_of!(Control, told);
    let own = CONTROL + core::mem::offset_of!(Control, mail) + slot as usize * size_of::<Mailbox>();
    let both = libc::PROT_READ | libc::PROT_WRITE;
    let rights = if yes { libc::PROT_READ } else { both };
    // SAFETY: rights in this process; it keeps those that `Control` says.
    unsafe {
        sys::protect(from, CONTROL + size_of::<Control>() - from, rights)?;
        sys::protect(own, size_of::<Mailbox>(), both)
    }
}

/// A number for a layer that no other has. Any process can forge what it writes, so each counts
/// what it makes in memory that no other writes, and slots outlive processes.
pub(crate) fn new_layer(slot: u32) -> u64 {
    let mail = control().mail.get(slot as usize);
    let count = mail.map_or(&control().told.layers, |m| &m.layers);
    u64::from(slot + 1) << 48 | (count.fetch_add(1, Relaxed).wrapping_add(1) & ((1 << 48) - 1))
}

/// What the master gave out as construct `c`, one of the workers' own.
pub(crate) fn brief(c: u32) -> Option<&'static Brief> {
    control().told.briefs.get(c as usize)
}
