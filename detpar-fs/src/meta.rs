//! What there is to know of a file, and of a file system.

use crate::layout::BLOCK;
use crate::layout::inode::{Inode, Kind, Policy};
use std::time::{Duration, SystemTime};

/// What there is to know of a file.
///
/// ```
/// use detpar_fs::Mkfs;
///
/// # fn main() -> std::io::Result<()> {
/// let mut fs = Mkfs::new().mkfs()?;
/// fs.write("/a", "abc")?;
/// fs.symlink("a", "/b")?;
/// let (file, link) = (fs.metadata("/b")?, fs.symlink_metadata("/b")?);
/// assert!(file.is_file() && link.is_symlink() && fs.metadata("/")?.is_dir());
/// assert_eq!((file.len(), file.nlink(), link.len()), (3, 1, 1));
/// assert_eq!(file.ino(), fs.metadata("/a")?.ino());
/// // The file system's own clock: it stands still unless it is given another one.
/// assert_eq!(file.modified(), std::time::SystemTime::UNIX_EPOCH);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    ino: u32,
    node: Inode,
}

/// A time by its nanoseconds since 1970, as inodes have it.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// let before = SystemTime::UNIX_EPOCH - Duration::from_nanos(7);
/// assert_eq!(detpar_fs::time(-7), before);
/// ```
pub fn time(nanoseconds: i64) -> SystemTime {
    let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
    if nanoseconds < 0 {
        SystemTime::UNIX_EPOCH - distance
    } else {
        SystemTime::UNIX_EPOCH + distance
    }
}

// A length in bytes; directories have one, too, and no file is "empty" for having none.
#[allow(clippy::len_without_is_empty)]
impl Metadata {
    pub(crate) fn new(ino: u32, node: Inode) -> Metadata {
        Metadata { ino, node }
    }

    /// How often the inode's number was used before: with the number it tells files apart that
    /// had the same one, one after another.
    pub fn generation(&self) -> u32 {
        self.node.generation
    }

    /// A regular file, a directory or a symbolic link.
    pub fn kind(&self) -> Kind {
        self.node.kind().unwrap_or(Kind::File)
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.kind() == Kind::Dir
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.kind() == Kind::File
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.kind() == Kind::Symlink
    }

    /// Bytes of contents.
    pub fn len(&self) -> u64 {
        self.node.len
    }

    /// The inode's number.
    pub fn ino(&self) -> u64 {
        u64::from(self.ino)
    }

    /// Names of a file; two more than the directories in it for a directory.
    pub fn nlink(&self) -> u64 {
        u64::from(self.node.nlink)
    }

    /// Type and permission bits, as `st_mode` has them. The permissions are kept, not enforced.
    pub fn mode(&self) -> u32 {
        self.node.mode
    }

    /// Bytes of the blocks that it uses.
    pub fn allocated(&self) -> u64 {
        self.node.blocks * BLOCK as u64
    }

    /// What a reconcile does with it.
    pub fn policy(&self) -> Policy {
        self.node.policy
    }

    /// When the contents were last changed.
    pub fn modified(&self) -> SystemTime {
        time(self.node.mtime)
    }

    /// When it was last read, so far as somebody said so: reading does not change it.
    pub fn accessed(&self) -> SystemTime {
        time(self.node.atime)
    }

    /// When it was made.
    pub fn created(&self) -> SystemTime {
        time(self.node.btime)
    }

    /// When contents, attributes or names last changed.
    pub fn changed(&self) -> SystemTime {
        time(self.node.ctime)
    }
}

/// What a file system holds, and could hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of a block.
    pub block_size: u32,
    /// Blocks that files can have.
    pub blocks: u64,
    /// Of these, free ones.
    pub free_blocks: u64,
    /// Inodes.
    pub inodes: u64,
    /// Of these, free ones.
    pub free_inodes: u64,
}
