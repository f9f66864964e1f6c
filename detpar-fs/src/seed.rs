//! File systems to be, for spaces that start from a snapshot of memory.

use crate::fs::Fs;
use crate::tree::Tree;
use crate::volume::{Frozen, Volume};
use std::sync::{Arc, PoisonError};

/// What a file system held, and its place in memory that is inherited: a file system grows from it
/// without a write to that memory, not even to a count of references.
///
/// # Examples
/// ```
/// use detpar_fs::Mkfs;
///
/// let fs = Mkfs::new().mkfs()?;
/// fs.write("/a", "1")?;
/// let child = fs.seed().grow(|| 0);
/// child.write("/b", "2")?;
/// assert_eq!(child.read("/a")?, b"1");
/// let seed = child.into_seed().expect("nobody else has it");
/// assert!(seed.grow(|| 0).read("/b").is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Seed {
    below: Arc<Frozen>,
    origin: Arc<Frozen>,
}

impl Seed {
    /// A file system that starts with what the other one held. Nothing is copied. Its clock tells
    /// nanoseconds since 1970.
    pub fn grow(self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Fs {
        Fs::of(Tree::new(Volume::over_handles(self.below, self.origin, Arc::new(clock))))
    }

    /// Whether a file, of this number and generation, is in it.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.write("/a", "1")?;
    /// let seed = fs.seed();
    /// fs.write("/b", "2")?;
    /// let holds = |m: detpar_fs::Metadata| seed.holds(m.ino(), m.generation());
    /// assert!(holds(fs.metadata("/a")?) && !holds(fs.metadata("/b")?));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn holds(&self, ino: u64, generation: u32) -> bool {
        let inode = u32::try_from(ino).ok().and_then(|ino| self.below.inode(ino));
        inode.is_some_and(|node| node.mode != 0 && node.generation == generation)
    }
}

impl Fs {
    /// Fixes what there is now, for a file system that grows from it. Costs what was written since
    /// the last one.
    pub fn seed(&self) -> Seed {
        let mut tree = self.tree();
        tree.volume.settle();
        let below = tree.volume.snapshot();
        Seed { origin: Arc::clone(&below), below }
    }

    /// Whether anything was written since the last seed or fork, or since it was made.
    pub fn is_touched(&self) -> bool {
        self.tree().volume.layers.is_touched()
    }

    /// What this file system grew from; what was written here is dropped. Nothing where it did not
    /// grow, and where it is still in use: by a clone, an open file, a fork.
    pub fn into_seed(self) -> Option<Seed> {
        let tree = Arc::into_inner(self.tree)?;
        let tree = tree.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (below, origin) = tree.volume.into_handles()?;
        Some(Seed { below, origin })
    }
}
