//! Kinds of failures.

/// What is known of a fault's cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The stack overflowed.
    StackOverflow,
    /// The child touched memory that is not part of the image, or wrote what is read-only.
    OutsideImage,
    /// The child waits for a lock that its parent holds, which cannot end: the parent waits
    /// for the child.
    Deadlock,
    /// The child read the time stamp counter of the processor, and `DETPAR_TSC=trap` is set.
    TimeStamp,
    /// Nothing but the signal.
    Signal,
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitKind {
    /// Children of one construct.
    Children,
    /// Memory of one space's heap.
    Heap,
    /// Spaces inside of each other.
    Depth,
    /// Memory that one child changed, and what it printed.
    Exchange,
    /// Worker processes.
    Workers,
    /// Blocks of its parent that one child freed.
    Frees,
    /// Ranges of memory with permissions of their own.
    Permissions,
    /// Open files: each worker process needs a descriptor.
    Descriptors,
    /// Memory for a worker process.
    Memory,
    /// What the system must allow worker processes.
    Setup,
}
