//! Looks a volume over: is everything that is used there once, and nothing else?

mod check;
mod repair;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use check::{check, written_inodes};
pub(crate) use repair::repair;

use std::fmt;

/// Something wrong with a file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is about.
    pub place: Place,
    /// What is wrong with it.
    pub what: &'static str,
}

/// What a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The superblock.
    Superblock,
    /// A group.
    Group(u32),
    /// A block.
    Block(u32),
    /// An inode.
    Inode(u32),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Superblock => write!(f, "superblock: {}", self.what),
            Place::Group(n) => write!(f, "group {n}: {}", self.what),
            Place::Block(n) => write!(f, "block {n}: {}", self.what),
            Place::Inode(n) => write!(f, "inode {n}: {}", self.what),
        }
    }
}

/// No list of problems is longer.
pub(crate) const MOST: usize = 1000;
