//! Inodes.

use super::{Field, fields};
use crate::errno::{Errno, Result};

/// Bytes of an inode.
pub(crate) const SIZE: usize = 256;
/// Direct pointers.
pub(crate) const DIRECT: usize = 10;
/// All pointers: direct, single, double, triple indirect.
pub(crate) const ALL: usize = DIRECT + 3;
/// The longest target of a symbolic link that lies in the inode.
pub(crate) const INLINE: usize = 112;
/// Where it lies.
pub(crate) const INLINE_AT: usize = 140;
/// The root directory's number; 0 and 1 are never used.
pub(crate) const ROOT: u32 = 2;
/// Most links to one inode.
pub(crate) const LINKS: u32 = 65_535;

fields! { FIELDS;
    MODE 0 4; NLINK 4 4; LENGTH 8 8; BLOCKS 16 8; GENERATION 24 4; POLICY 28 4;
    DATA_VERSION 32 8; ATTR_VERSION 40 8; ATIME 48 8; MTIME 56 8; CTIME 64 8; BTIME 72 8;
    PARENT 80 4; ENTRIES 84 4;
    POINTER0 88 4; POINTER1 92 4; POINTER2 96 4; POINTER3 100 4; POINTER4 104 4; POINTER5 108 4;
    POINTER6 112 4; POINTER7 116 4; POINTER8 120 4; POINTER9 124 4;
    SINGLE 128 4; DOUBLE 132 4; TRIPLE 136 4;
}

const POINTER_FIELDS: [Field; ALL] = [
    POINTER0, POINTER1, POINTER2, POINTER3, POINTER4, POINTER5, POINTER6, POINTER7, POINTER8,
    POINTER9, SINGLE, DOUBLE, TRIPLE,
];

/// What an inode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
}

impl Kind {
    /// The type bits of a mode.
    pub(crate) fn bits(self) -> u32 {
        match self {
            Kind::File => 0o100_000,
            Kind::Dir => 0o040_000,
            Kind::Symlink => 0o120_000,
        }
    }

    /// The kind that a mode's type bits name.
    pub(crate) fn of(mode: u32) -> Option<Kind> {
        [Kind::File, Kind::Dir, Kind::Symlink].into_iter().find(|k| k.bits() == mode & 0o170_000)
    }

    /// As in directory entries.
    pub(crate) fn byte(self) -> u8 {
        (self.bits() >> 12) as u8
    }
}

/// What a reconcile does where both sides changed a file, or a name in a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Reports a conflict, unless both sides only appended.
    #[default]
    Conflict,
    /// The side that is later in program order wins.
    Last,
    /// What the later side appended is appended to what the earlier one made of the file.
    Append,
}

impl Policy {
    /// As in inodes.
    pub(crate) fn number(self) -> u32 {
        self as u32
    }

    /// The policy with that number.
    pub(crate) fn of(number: u32) -> Option<Policy> {
        [Policy::Conflict, Policy::Last, Policy::Append].get(number as usize).copied()
    }
}

/// An inode, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inode {
    pub mode: u32,
    pub nlink: u32,
    pub len: u64,
    /// Blocks that its pointers reach, indirect ones included.
    pub blocks: u64,
    /// How often the number was used before.
    pub generation: u32,
    pub policy: Policy,
    /// Rises with every change of the contents.
    pub data_version: u64,
    /// Rises with every change of mode, times or policy that a caller asked for.
    pub attr_version: u64,
    pub atime: i64,
    pub mtime: i64,
    pub ctime: i64,
    pub btime: i64,
    /// Of a directory: the one it lies in.
    pub parent: u32,
    /// Of a directory: its entries.
    pub entries: u32,
    pub pointers: [u32; ALL],
    /// The target of a short symbolic link, as far as `len`.
    pub inline: [u8; INLINE],
}

impl Inode {
    /// A free inode.
    pub fn free(generation: u32) -> Inode {
        Inode {
            mode: 0,
            nlink: 0,
            len: 0,
            blocks: 0,
            generation,
            policy: Policy::Conflict,
            data_version: 0,
            attr_version: 0,
            atime: 0,
            mtime: 0,
            ctime: 0,
            btime: 0,
            parent: 0,
            entries: 0,
            pointers: [0; ALL],
            inline: [0; INLINE],
        }
    }

    /// Reads an inode.
    ///
    /// # Errors
    /// `EIO`: its policy is none.
    pub fn decode(from: &[u8]) -> Result<Inode> {
        let mut pointers = [0; ALL];
        for (to, field) in pointers.iter_mut().zip(POINTER_FIELDS) {
            *to = field.get32(from);
        }
        let mut inline = [0; INLINE];
        inline.copy_from_slice(&from[INLINE_AT..INLINE_AT + INLINE]);
        Ok(Inode {
            mode: MODE.get32(from),
            nlink: NLINK.get32(from),
            len: LENGTH.get(from),
            blocks: BLOCKS.get(from),
            generation: GENERATION.get32(from),
            policy: Policy::of(POLICY.get32(from)).ok_or(Errno::EIO)?,
            data_version: DATA_VERSION.get(from),
            attr_version: ATTR_VERSION.get(from),
            atime: ATIME.get(from) as i64,
            mtime: MTIME.get(from) as i64,
            ctime: CTIME.get(from) as i64,
            btime: BTIME.get(from) as i64,
            parent: PARENT.get32(from),
            entries: ENTRIES.get32(from),
            pointers,
            inline,
        })
    }

    /// Writes an inode.
    pub fn encode(&self, to: &mut [u8]) {
        let numbers = [
            (MODE, u64::from(self.mode)),
            (NLINK, u64::from(self.nlink)),
            (LENGTH, self.len),
            (BLOCKS, self.blocks),
            (GENERATION, u64::from(self.generation)),
            (POLICY, u64::from(self.policy.number())),
            (DATA_VERSION, self.data_version),
            (ATTR_VERSION, self.attr_version),
            (ATIME, self.atime as u64),
            (MTIME, self.mtime as u64),
            (CTIME, self.ctime as u64),
            (BTIME, self.btime as u64),
            (PARENT, u64::from(self.parent)),
            (ENTRIES, u64::from(self.entries)),
        ];
        for (field, value) in numbers {
            field.put(to, value);
        }
        for (value, field) in self.pointers.iter().zip(POINTER_FIELDS) {
            field.put(to, u64::from(*value));
        }
        to[INLINE_AT..INLINE_AT + INLINE].copy_from_slice(&self.inline);
    }

    /// What it is; `None` for a free one.
    pub fn kind(&self) -> Option<Kind> {
        Kind::of(self.mode)
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.kind() == Some(Kind::Dir)
    }

    /// Whether its contents are the target of a symbolic link that lies in the inode.
    pub fn is_inline(&self) -> bool {
        self.kind() == Some(Kind::Symlink) && self.len <= INLINE as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inode_survives_its_bytes() {
        let mut inode = Inode::free(7);
        inode.mode = Kind::Symlink.bits() | 0o777;
        inode.policy = Policy::Append;
        inode.len = 1 << 41;
        inode.mtime = -5;
        for (i, pointer) in inode.pointers.iter_mut().enumerate() {
            *pointer = 100 + i as u32;
        }
        inode.inline[INLINE - 1] = 9;
        let mut bytes = [0; SIZE];
        inode.encode(&mut bytes);
        assert_eq!(Inode::decode(&bytes).unwrap(), inode);
        POLICY.put(&mut bytes, 3);
        assert_eq!(Inode::decode(&bytes), Err(Errno::EIO));
    }
}
