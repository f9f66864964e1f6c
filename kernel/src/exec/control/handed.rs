//! What a child hands over to its parent.

use crate::abi::REGISTERS;
use crate::check::sight::Sight;
use crate::exec::cause::CauseRecord;
use crate::heap::class::ZONES;
use crate::heap::state::Sequence;
use core::ops::{Deref, DerefMut};

/// What every child hands over, in as few cache lines as can be: its parent runs on another
/// processor. All places are addresses within the worker's exchange area.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Head {
    /// Whose it is: construct, its life, and the child's index.
    pub owner: [u32; 3],
    /// Whether `cause` is set.
    pub failed: u32,
    /// Code of the last ret.
    pub code: u32,
    /// Whether its entry returned, so that it cannot go on without a new one.
    pub ended: u32,
    /// The result the entry wrote.
    pub result: usize,
    /// Addresses of changed pages, ascending.
    pub addrs: usize,
    /// Their contents.
    pub pages: usize,
    /// How many.
    pub page_count: usize,
    /// Inherited blocks it freed, ascending.
    pub frees: usize,
    /// How many.
    pub free_count: usize,
    /// What the handler logged.
    pub log: usize,
    /// Bytes of the log.
    pub log_len: usize,
    /// The child's virtual clock.
    pub clock: u64,
    /// Constructs that it made.
    pub constructs: u64,
    /// Not 0 once the running child has used a file.
    pub files: u64,
}

/// What one child hands over, at the start of a range of its worker's exchange area: what every
/// one does, and what few do.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    /// What every child hands over.
    pub head: Head,
    /// Length of the panic's location.
    pub location_len: u32,
    /// Length of the panic's message; `u64::MAX`: not a string.
    pub message_len: u64,
    /// Where it stopped.
    pub registers: crate::abi::Registers,
    /// Panic's location, then its message.
    pub message: usize,
    /// Why the child failed.
    pub cause: CauseRecord,
    /// Where the rest of an evicted child lies, see [`crate::exec::evict`].
    pub kept: usize,
    /// Bytes that the parent asked for.
    pub read: usize,
    /// How many.
    pub read_len: usize,
    /// What the next child in turn may take segments from.
    pub left: [Sequence; ZONES],
    /// Registers of a child that a signal ended, see [`crate::exec::trace`].
    pub registers_at_end: [u64; REGISTERS],
    /// Its stack from the stack pointer on.
    pub frames: usize,
    /// How many bytes of it.
    pub frames_len: usize,
    /// What it wrote to each of the pages that it is watched for.
    pub masks: usize,
    /// Conflicts that checking found below it.
    pub found: usize,
    /// How many.
    pub found_count: usize,
    /// How it stood when it went on last, see [`crate::exec::evict::record`].
    pub record: usize,
    /// The last write to the byte that it is watched for, see [`crate::check::sight`].
    pub sight: Sight,
}

impl Deref for Stage {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}
