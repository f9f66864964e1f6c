//! The six steps, as a trait: the reader's machine and ours both have them.
use std::{fmt, io};

/// Bytes of a page.
pub const PAGE: usize = 4096;

// ANCHOR: types
/// A byte that a child changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which byte.
    pub at: usize,
    /// What the child left there.
    pub value: u8,
}

/// Two children changed the same byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict {
    /// The lowest such byte.
    pub at: usize,
    /// The child with the lowest number that changed it.
    pub lower: usize,
    /// The next one.
    pub higher: usize,
}

/// Why a run came to nothing. The memory is as before.
#[derive(Debug)]
pub enum Failed {
    /// The system gave no memory.
    System(io::Error),
    /// Two children changed the same byte.
    Conflict(Conflict),
}
// ANCHOR_END: types

impl From<io::Error> for Failed {
    fn from(e: io::Error) -> Failed {
        Failed::System(e)
    }
}

impl From<Conflict> for Failed {
    fn from(c: Conflict) -> Failed {
        Failed::Conflict(c)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::System(e) => write!(f, "no memory for the children: {e}"),
            Failed::Conflict(Conflict { at, lower, higher }) => {
                write!(f, "children {lower} and {higher} both changed byte {at}")
            }
        }
    }
}

impl std::error::Error for Failed {}

/// What a child runs, on memory of its own.
pub type Body<'a> = &'a (dyn Fn(&mut [u8]) + Sync);

// ANCHOR: machine
/// A machine that runs children on snapshots of one memory.
pub trait Machine {
    /// The parent's memory.
    type Memory: AsRef<[u8]> + AsMut<[u8]>;
    /// A child's memory. It lives no longer than the parent stands still.
    type Child<'m>: AsRef<[u8]> + AsMut<[u8]> + Send;

    /// Step 1: so many bytes of zeros, in a file that has no name.
    fn create(len: usize) -> io::Result<Self::Memory>;
    /// Step 2, Snap: the memory as it is now. Nothing is copied until it is written.
    fn snap(memory: &Self::Memory) -> io::Result<Self::Child<'_>>;
    /// Step 3: numbers of the pages that differ.
    fn changed_pages(before: &[u8], after: &[u8]) -> Vec<usize>;
    /// Step 4: the bytes that differ, in order.
    fn changes(before: &[u8], after: &[u8]) -> Vec<Change>;
    /// Step 5, Merge: the changes of all children, sorted by place, if no two are of the same byte.
    fn merge(children: &[Vec<Change>]) -> Result<Vec<Change>, Conflict>;
    /// Step 6, Start: runs a child for each body, all at once, and merges all of them or none.
    fn run(memory: &mut Self::Memory, bodies: &[Body]) -> Result<(), Failed>;
}
// ANCHOR_END: machine
