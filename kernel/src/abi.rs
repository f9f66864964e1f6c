//! Flags, identifiers and records that cross the three calls. Imports nothing of ours.
//!
//! The shapes follow Determinator's Put/Get/Ret (Aviram et al., OSDI 2010, section 3.2)
//! as the `dput`/`dget`/`dret` system calls of deterministic Linux offer them.

use bitflags::bitflags;

/// Size in bytes of a page, the unit in which dirty memory is collected.
pub const PAGE: usize = 4096;

/// In place of a child's index: the parent itself, where it went on beside its children.
pub const PARENT: u32 = u32::MAX;

/// Most children that one closed construct may have.
pub const MAX_CHILDREN: usize = 1024;

bitflags! {
    /// What a put does; the order is Snap, Copy, Zero, Perm, Regs, Start.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct PutFlags: u32 {
        /// Set the child's registers (its entry, data and stack).
        const REGS = 1 << 0;
        /// Copy a range of the parent's memory into the child.
        const COPY = 1 << 1;
        /// Zero a range of the child's memory.
        const ZERO = 1 << 2;
        /// Fix the reference image and give the child its copy.
        const SNAP = 1 << 3;
        /// Start the child.
        const START = 1 << 4;
        /// Set page permissions of a range.
        const PERM = 1 << 5;
        /// Reserved: copy a subtree of spaces.
        const TREE = 1 << 6;
        /// Reserved: limit the number of instructions.
        const LIMIT = 1 << 7;
        /// With `PERM`: the pages may be read.
        const READ = 1 << 8;
        /// With `PERM` and `READ`: the pages may be written.
        const WRITE = 1 << 9;
    }
}

bitflags! {
    /// What a get does once the child has stopped; the order is Merge, Copy, Zero, Perm, Regs.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct GetFlags: u32 {
        /// Read the child's registers.
        const REGS = 1 << 0;
        /// Copy a range of the child's memory into the parent.
        const COPY = 1 << 1;
        /// Zero a range of the parent's memory.
        const ZERO = 1 << 2;
        /// Merge what the child changed since its snapshot.
        const MERGE = 1 << 3;
        /// Set page permissions of a range.
        const PERM = 1 << 4;
        /// Read the child's status.
        const STATUS = 1 << 5;
        /// Reserved: copy a subtree of spaces.
        const TREE = 1 << 6;
        /// Do not wait for a running child.
        const DONT_WAIT = 1 << 7;
        /// With `PERM`: the pages may be read.
        const READ = 1 << 8;
        /// With `PERM` and `READ`: the pages may be written.
        const WRITE = 1 << 9;
    }
}

/// What code may do with pages.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Perm {
    /// Nothing.
    None = 0,
    /// Read.
    Read = 1,
    /// Read and write.
    ReadWrite = 2,
}

/// Where a stopped child stands; all zero where it is not in the middle of its entry.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Instruction pointer.
    pub ip: u64,
    /// Stack pointer.
    pub stack: u64,
}

/// State of a child, as a get finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not run since it came into being or got new registers.
    Created,
    /// It stopped by a ret with this code.
    Ret(u32),
    /// Its entry returned.
    Returned,
    /// It failed.
    Exception(Cause),
}

/// Name of a child, chosen by its parent: one namespace per parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildId(pub u32);

/// How a child's entry ended when it returned to the kernel by itself.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The body returned; its result is in the result buffer.
    Returned = 0,
    /// The body panicked; the panic was recorded with [`crate::call::record_panic`].
    Panicked = 1,
}

/// What a child runs: `entry(data, arg, out)` on a stack of its own.
///
/// `out` points to `out_size` writable bytes, aligned to 4096, outside the image.
pub type Entry = unsafe extern "C" fn(data: *mut (), arg: usize, out: *mut u8) -> End;

/// Two children, or a child and its parent, changed the same byte since the snapshot.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Address of the lowest conflicting byte.
    pub address: u64,
    /// Index of the lower child, or [`PARENT`].
    pub lower: u32,
    /// Index of the higher child: the conflict is reported as its failure.
    pub higher: u32,
    /// The eight aligned bytes around `address` in the reference image.
    pub reference: [u8; 8],
    /// The same bytes as the lower child left them.
    pub lower_value: [u8; 8],
    /// The same bytes as the higher child left them.
    pub higher_value: [u8; 8],
    /// Which of the two freed the heap block at `address` instead of writing the byte.
    pub freed: Freed,
}

/// A child read what a sibling wrote since the snapshot, and saw what was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The byte and the two children, as in a conflict: one wrote it, the other read it.
    pub bytes: Conflict,
    /// Whether the higher one read it.
    pub by_higher: bool,
}

impl Read {
    /// Index of the child that read.
    pub fn reader(&self) -> u32 {
        if self.by_higher { self.bytes.higher } else { self.bytes.lower }
    }
}

/// Whether a conflict stems from freeing the block (a free counts as a write of all of it).
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freed {
    /// Both wrote.
    Neither = 0,
    /// The lower child freed the block that the higher one wrote.
    Lower = 1,
    /// The higher child freed the block that the lower one wrote.
    Higher = 2,
    /// Both freed the block.
    Both = 3,
}

/// A signal that ended a child.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Signal number, as in `signal(7)`.
    pub signal: i32,
    /// Signal code (`si_code`).
    pub code: i32,
    /// Faulting address, 0 where the signal has none.
    pub address: u64,
    /// Instruction pointer.
    pub ip: u64,
    /// What lies at the address, as far as the kernel knows.
    pub site: Site,
}

/// What the kernel knows of a faulting address.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// Nothing special.
    Unknown = 0,
    /// The guard page below the stack: a stack overflow.
    StackGuard = 1,
    /// Writable memory of the master that is not part of the image.
    OutsideImage = 2,
    /// A lock held by the parent: waiting for it would last for ever.
    Deadlock = 3,
    /// An instruction that reads the time stamp counter, where that traps.
    TimeStamp = 4,
}

/// How many registers a [`Trace`] has.
pub const REGISTERS: usize = 17;

/// How many calls are kept of those that led to an allocation.
pub const CALLS: usize = 24;

/// How many indices of a task path are kept below a child.
pub const TRAIL: usize = 8;

/// Where a child stood when it ended.
#[derive(Clone)]
pub struct Trace {
    /// Registers by their DWARF numbers: rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15, and
    /// the instruction pointer.
    pub registers: [u64; REGISTERS],
    /// Its stack, from the stack pointer on, as far as it was kept.
    pub stack: Vec<u8>,
}

/// Who wrote the byte of a conflict last, on one side.
#[derive(Clone, Debug)]
pub struct Writer {
    /// Where it stood; registers are all zero where that is not known.
    pub trace: Trace,
    /// First byte that the instruction wrote.
    pub start: u64,
    /// How many.
    pub len: u64,
    /// Whether it is known to be the last write: later ones were watched as well.
    pub last: bool,
    /// Where it was one below the child that conflicts: the indices that lead to it.
    pub below: [u32; TRAIL],
    /// How many, also where they are not all there.
    pub depth: u32,
}

/// The place alone: a register that the program does not use holds what the worker left there, which
/// is something else in each run, and programs print errors by `{:?}`.
impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace").field("ip", &self.registers[REGISTERS - 1]).finish_non_exhaustive()
    }
}

/// A system call that confinement refused.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Forbidden {
    /// System call number.
    pub nr: i64,
    /// The six argument registers.
    pub args: [u64; 6],
    /// Instruction pointer after the call.
    pub ip: u64,
}

/// Without the arguments: a call that takes fewer leaves any values in the other registers.
impl std::fmt::Debug for Forbidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut s = f.debug_struct("Forbidden");
        s.field("nr", &self.nr).field("ip", &self.ip).finish_non_exhaustive()
    }
}

/// An exhausted limit.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// More than [`MAX_CHILDREN`] children in one construct.
    Children = 0,
    /// The heap range of a space is used up.
    Heap = 1,
    /// Spaces nested deeper than the kernel supports.
    Depth = 2,
    /// A child changed more memory than its exchange area holds.
    Exchange = 3,
    /// No worker process could be created: a limit on processes.
    Workers = 4,
    /// A child freed more inherited blocks than can be recorded.
    Frees = 5,
    /// More ranges with permissions of their own than a space may have.
    Regions = 6,
    /// No worker process could be created: a limit on open files.
    Descriptors = 7,
    /// No worker process could be created: no memory for it.
    Memory = 8,
    /// No worker process could be set up: the system denies what it takes.
    Setup = 9,
}

/// How the second run of a child differed from the first, from the same snapshot.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It wrote something else, or freed it, first at this address.
    Memory(u64),
    /// Its result differed.
    Result,
    /// It printed something else.
    Output,
    /// It ended in another way.
    End,
}

/// Two children, or a child and its parent, changed the same file or name since the snapshot.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileConflict {
    /// Index of the lower child, or [`PARENT`].
    pub lower: u32,
    /// Index of the higher child: the conflict is reported as its failure.
    pub higher: u32,
    /// Where the path lies until the construct is released, in the log of the higher child.
    pub path: u64,
    /// Bytes of the path.
    pub len: u64,
}

impl FileConflict {
    /// The path, which lies in this log.
    pub(crate) fn path_in(&self, log: &[u8]) -> String {
        let at = (self.path as usize).wrapping_sub(log.as_ptr() as usize);
        let path = log.get(at..).and_then(|l| l.get(..self.len as usize)).unwrap_or(&[]);
        String::from_utf8_lossy(path).into_owned()
    }
}

/// Why a construct failed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Changed by two.
    Conflict(Conflict),
    /// A file changed by two.
    File(FileConflict),
    /// In checking mode: the child did not do the same when it ran once more.
    Differs(Difference),
    /// The body panicked; message and location travel beside.
    Panic,
    /// A signal.
    Fault(Fault),
    /// A refused system call.
    Forbidden(Forbidden),
    /// An exhausted limit.
    Limit(Limit),
    /// The worker was killed from outside.
    Killed {
        /// The signal that killed it.
        signal: i32,
    },
}

/// A failed construct: the failure with the lowest index (rule R3).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Index of the child that failed.
    pub child: u32,
    /// Why.
    pub cause: Cause,
}
