//! Layout of private memory, as offsets. A fork copies the page tables of what was written
//! there, so what most processes write lies in one table of 2 MiB, and scratch is not inherited.

/// Bytes of it.
pub const SIZE: usize = 10 << 30;
/// End of the control stack (it grows down from here).
pub const CONTROL_STACK: usize = ME;
/// Bytes of each control stack.
pub const STACK_SIZE: usize = 4 << 20;
/// The state of this process.
pub const ME: usize = (8 << 20) + (128 << 10);
/// State of the view of the image.
pub const VIEW: usize = ME + (8 << 10);
/// Entries of the vDSO.
pub const VDSO: usize = ME + (12 << 10);
/// What the master knows of huge pages.
pub const HUGE: usize = ME + (16 << 10);
/// What a worker knows of its scans.
pub const SCANS: usize = ME + (20 << 10);
/// Places of the children of a join, in order.
pub const TURNS: usize = ME + (36 << 10);
/// State of the master's executor.
pub const MASTER: usize = ME + (40 << 10);
/// Thread-storage template.
pub const TLS_TEMPLATE: usize = ME + (296 << 10);
/// Open children of the running space.
pub const CHILDREN: usize = ME + (424 << 10);
/// Ranges of pages that the running space's code may not read or write.
pub const PERMISSIONS: usize = ME + (808 << 10);
/// Thread-exit functions of the thread-storage template: `(function, argument)`.
pub const TEMPLATE_EXITS: usize = ME + (936 << 10);
/// The region table; what it seldom holds lies behind the page table of 2 MiB.
pub const REGIONS: usize = ME + (1448 << 10);
/// End of the region table.
pub const REGIONS_END: usize = 14 << 20;
/// Frees recorded for open children.
pub const FREED: usize = 2 << 30;
/// How many fit.
pub const FREED_MAX: usize = (1 << 30) / size_of::<crate::heap::open::Freed>();

/// From here on nothing is inherited: new processes find zeros.
pub const SCRATCH: usize = 4 << 30;
/// Granted ranges of the running child: `(address, length)`.
pub const GRANTS: usize = SCRATCH;
/// How many are kept; a child past that goes on without grants.
pub const GRANTS_MAX: u32 = 8192;
/// Thread-exit functions of the running child: `(function, argument)`.
pub const EXITS: usize = SCRATCH + (1 << 20);
/// How many.
pub const EXITS_MAX: u32 = 32768;
/// Addresses of the pages copied in for the running child.
pub const COPIED: usize = SCRATCH + (2 << 20);
/// Runs mapped for it.
pub const MAPPED: usize = SCRATCH + (3 << 20);
/// Scratch of the merge.
pub const MERGE: usize = SCRATCH + (4 << 20);
/// Bytes of it.
pub const MERGE_SIZE: usize = 48 << 20;
/// The watch of the running child.
pub const WATCH: usize = SCRATCH + (52 << 20);
/// Conflicts that checking found below it.
pub const FOUND: usize = SCRATCH + (53 << 20);
/// End of that table.
pub const FOUND_END: usize = SCRATCH + (54 << 20);
/// Memory whose page tables were filled for children that read it.
pub const AHEAD: usize = SCRATCH + (66 << 20);
/// End of that table.
pub const AHEAD_END: usize = SCRATCH + (67 << 20);
/// Pages that were copied in for the running child, and whether it has written them.
pub const TOUCHED: usize = SCRATCH + (128 << 20);
/// End of that table.
pub const TOUCHED_END: usize = SCRATCH + (130 << 20);
/// Who wrote the byte of a conflict.
pub const WRITERS: usize = SCRATCH + (131 << 20);
/// End of that record.
pub const WRITERS_END: usize = SCRATCH + (132 << 20);
/// What a child read that a sibling wrote.
pub const SEEN: usize = SCRATCH + (132 << 20);
/// End of that record.
pub const SEEN_END: usize = SCRATCH + (133 << 20);
/// What the master writes of the timeline.
pub const TIMELINE: usize = SCRATCH + (136 << 20);
/// End of that.
pub const TIMELINE_END: usize = SCRATCH + (144 << 20);
/// Where the record of inputs stands.
pub const INPUTS: usize = SCRATCH + (144 << 20);
/// End of that.
pub const INPUTS_END: usize = SCRATCH + (145 << 20);
/// What merged open children of the running space wrote.
pub const WRITTEN: usize = SCRATCH + (256 << 20);
/// End of that table.
pub const WRITTEN_END: usize = SCRATCH + (768 << 20);
/// Standard input of children, as the master has it.
pub const INPUT: usize = SCRATCH + (768 << 20);
/// How far the table of what they got reaches.
pub const GIVEN_TABLE: usize = INPUT + (64 << 10);
/// That table.
pub const GIVEN: usize = INPUT + (1 << 20);
/// End of it.
pub const INPUT_END: usize = SCRATCH + (1 << 30);
/// End of the stack that a new worker starts on.
pub const WORKER_STACK: usize = SCRATCH + (60 << 20);
/// What the running child's entry results in: at the same place in every worker.
pub const RESULT: usize = SCRATCH + (1 << 30);
/// Bytes of it.
pub const RESULT_SIZE: usize = SIZE - RESULT;
/// Start of the signal stack.
pub const SIGNAL_STACK: usize = SCRATCH + (64 << 20);
/// Bytes of the signal stack.
pub const SIGNAL_SIZE: usize = 256 << 10;
