//! What native code in a child can reach of the control plane: for tests that attack it.

use super::control::*;
use crate::abi::REGISTERS;
use crate::image::layout::{CONTROL, EXCHANGE_SIZE, PRIVATE};
use crate::sys::gate;
use core::mem::offset_of;

/// A range of addresses: start and length.
pub type Range = (usize, usize);

/// Where everything lies, as the running child sees it. `docs/exec.md` says what it means.
#[derive(Clone, Copy, Debug)]
pub struct Exposed {
    /// Code from which system calls may come.
    pub gate: Range,
    /// Its routine that makes one: number, then six arguments, by the C convention.
    pub call: usize,
    /// Its system call that returns from a signal.
    pub restorer: usize,
    /// Control memory that all workers write.
    pub shared: Range,
    /// Control memory that the master alone writes.
    pub told: Range,
    /// Mailboxes of all workers, one after another.
    pub mail: Range,
    /// This worker's.
    pub own_mail: Range,
    /// This worker's exchange area.
    pub area: Range,
    /// The next worker's.
    pub next_area: Range,
    /// This process's own record.
    pub me: Range,
    /// All its private memory.
    pub private: Range,
    /// Descriptors of the image file, of the exchange file and of the page map.
    pub fds: [i32; 3],
    /// This worker's slot.
    pub slot: u32,
    /// The child's construct.
    pub construct: u32,
    /// Its index in that.
    pub index: u32,
}

/// Words of the mailbox, as offsets.
pub const MAIL: &[(&str, usize)] = &[
    ("go", offset_of!(Mailbox, go)),
    ("state", offset_of!(Mailbox, state)),
    ("construct", offset_of!(Mailbox, construct)),
    ("life", offset_of!(Mailbox, life)),
    ("given", offset_of!(Mailbox, given)),
    ("ask", offset_of!(Mailbox, ask)),
    ("target", offset_of!(Mailbox, target)),
    ("request", offset_of!(Mailbox, request)),
    ("count", offset_of!(Mailbox, request) + offset_of!(Request, count)),
    ("depth", offset_of!(Mailbox, request) + offset_of!(Request, depth)),
    ("chain", offset_of!(Mailbox, request) + offset_of!(Request, chain)),
    ("reply", offset_of!(Mailbox, reply)),
    ("stages", offset_of!(Mailbox, stages)),
    ("layers", offset_of!(Mailbox, layers)),
    ("granted", offset_of!(Mailbox, granted)),
    ("line", offset_of!(Mailbox, line)),
];

/// Words of a construct, as offsets.
pub const CONSTRUCT: &[(&str, usize)] = &[
    ("released", offset_of!(Construct, released)),
    ("next", offset_of!(Construct, next)),
    ("limit", offset_of!(Construct, limit)),
    ("reported", offset_of!(Construct, reported)),
];

/// Words of an outcome, as offsets.
pub const OUTCOME: &[(&str, usize)] = &[
    ("claim", offset_of!(Outcome, claim)),
    ("status", offset_of!(Outcome, status)),
    ("evicted", offset_of!(Outcome, evicted)),
    ("stage", offset_of!(Outcome, stage)),
    ("saved", offset_of!(Outcome, saved)),
];

/// Words of a stage, as offsets.
pub const STAGE: &[(&str, usize)] = &[
    ("failed", offset_of!(Stage, head.failed)),
    ("location_len", offset_of!(Stage, location_len)),
    ("message_len", offset_of!(Stage, message_len)),
    ("message", offset_of!(Stage, message)),
    ("cause", offset_of!(Stage, cause)),
    ("result", offset_of!(Stage, head.result)),
    ("addrs", offset_of!(Stage, head.addrs)),
    ("pages", offset_of!(Stage, head.pages)),
    ("page_count", offset_of!(Stage, head.page_count)),
    ("kept", offset_of!(Stage, kept)),
    ("frees", offset_of!(Stage, head.frees)),
    ("free_count", offset_of!(Stage, head.free_count)),
    ("read", offset_of!(Stage, read)),
    ("read_len", offset_of!(Stage, read_len)),
    ("log", offset_of!(Stage, head.log)),
    ("log_len", offset_of!(Stage, head.log_len)),
    ("clock", offset_of!(Stage, head.clock)),
    ("registers_at_end", offset_of!(Stage, registers_at_end)),
    ("stack_pointer_at_end", offset_of!(Stage, registers_at_end) + 7 * 8),
    ("place_at_end", offset_of!(Stage, registers_at_end) + (REGISTERS - 1) * 8),
    ("frames", offset_of!(Stage, frames)),
    ("frames_len", offset_of!(Stage, frames_len)),
    ("masks", offset_of!(Stage, masks)),
    ("found", offset_of!(Stage, found)),
    ("found_count", offset_of!(Stage, found_count)),
    ("owner", offset_of!(Stage, head.owner)),
];

/// Bytes of an outcome.
pub const OUTCOME_SIZE: usize = size_of::<Outcome>();
/// Bytes of a stage.
pub const STAGE_SIZE: usize = size_of::<Stage>();
/// Where a construct's outcomes begin, as an offset.
pub const OUTCOMES: usize = offset_of!(Construct, outcomes);

/// The words that workers and master tell each other by, for a child.
pub fn exposed() -> Exposed {
    let me = me();
    let slot = me.slot as usize;
    let (start, end) = gate::range();
    let told = CONTROL + offset_of!(Control, told);
    let mail = CONTROL + offset_of!(Control, mail);
    let box_size = size_of::<Mailbox>();
    Exposed {
        gate: (start, end - start),
        call: gate::entry(),
        restorer: gate::det_restorer as *const () as usize,
        shared: (CONTROL, told - CONTROL),
        told: (told, mail - told),
        mail: (mail, size_of::<[Mailbox; crate::image::layout::MAX_WORKERS]>()),
        own_mail: (mail + slot * box_size, box_size),
        area: (exchange(me.slot), EXCHANGE_SIZE),
        next_area: (exchange(me.slot + 1), EXCHANGE_SIZE),
        me: (PRIVATE + private::ME, size_of::<Me>()),
        private: (PRIVATE, private::SIZE),
        fds: [me.image_fd, me.exchange_fd, me.pagemap_fd],
        slot: me.slot,
        construct: me.construct,
        index: me.index,
    }
}

/// Where a construct of the running program lies.
pub fn construct_at(construct: u32) -> usize {
    CONTROL + offset_of!(Control, constructs) + construct as usize * size_of::<Construct>()
}
