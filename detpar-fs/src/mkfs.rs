//! Making a new file system.

use crate::Fs;
use crate::tree::Tree;
use crate::volume::{Clock, Volume};
use std::io;
use std::sync::Arc;

/// What a new file system is like.
#[derive(Clone)]
pub struct Mkfs {
    blocks: u32,
    inodes: u32,
    clock: Clock,
}

impl Default for Mkfs {
    fn default() -> Mkfs {
        Mkfs::new()
    }
}

impl Mkfs {
    /// 4 GiB, 65,536 inodes, a clock that stands still at the start of 1970. Memory is used for
    /// what is written, not for what there could be.
    pub fn new() -> Mkfs {
        Mkfs { blocks: 1 << 20, inodes: 1 << 16, clock: Arc::new(|| 0) }
    }

    /// Blocks of 4096 bytes, all in all.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().blocks(1024).inodes(100).mkfs()?;
    /// assert!(fs.usage().blocks < 1024, "some are for the tables");
    /// assert!(fs.usage().inodes >= 99);
    /// # Ok(())
    /// # }
    /// ```
    pub fn blocks(mut self, blocks: u32) -> Mkfs {
        self.blocks = blocks;
        self
    }

    /// Inodes, one for each file, directory and symbolic link; rounded up.
    pub fn inodes(mut self, inodes: u32) -> Mkfs {
        self.inodes = inodes;
        self
    }

    /// What timestamps are taken from: nanoseconds since 1970.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let fs = Mkfs::new().clock(|| 5_000_000_000).mkfs()?;
    /// fs.write("/a", "")?;
    /// let at = fs.metadata("/a")?.modified().duration_since(std::time::UNIX_EPOCH);
    /// assert_eq!(at.ok(), Some(Duration::from_secs(5)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Mkfs {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes the file system.
    ///
    /// # Errors
    /// `EINVAL`: too few blocks for so many inodes.
    pub fn mkfs(&self) -> io::Result<Fs> {
        Ok(Fs::of(Tree::new(Volume::new(self.blocks, self.inodes, Arc::clone(&self.clock))?)))
    }
}
