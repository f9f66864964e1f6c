//! Names: directories, paths, and the operations on them.

mod dir;
mod files;
mod names;
mod path;

pub(crate) use dir::{LEVELS, Listed};
pub(crate) use files::{Access, FileId};
pub(crate) use path::PATH;

use crate::errno::{Errno, Result};
use crate::layout::inode::{Inode, Kind};
use crate::persist::Saved;
use crate::volume::Volume;
use std::collections::BTreeMap;

/// A file system: a volume, and who has which of its files open.
pub(crate) struct Tree {
    pub volume: Volume,
    files: files::Files,
    /// How often an inode is open.
    open: BTreeMap<u32, u32>,
    /// What the store holds that this was loaded from or saved to last.
    pub saved: Option<Saved>,
}

impl Tree {
    /// The file system of a volume.
    pub fn new(volume: Volume) -> Tree {
        Tree { volume, files: files::Files::default(), open: BTreeMap::new(), saved: None }
    }

    /// A file system that starts as this one is now.
    pub fn fork(&mut self) -> Tree {
        self.volume.settle();
        let snapshot = self.volume.snapshot();
        Tree::new(Volume::over(&snapshot, self.volume.clock.clone()))
    }

    /// The same, in which the files that are open here count as open.
    pub fn fork_with_open(&mut self) -> Tree {
        Tree { open: self.open.clone(), ..self.fork() }
    }

    /// Becomes what `fork_with_open` made, and what it has done since.
    pub fn adopt(&mut self, trial: Tree) {
        self.volume.adopt(trial.volume);
        self.volume.settle();
    }

    /// An inode's number that a caller kept, if it is the same inode still.
    pub fn same_inode(&self, ino: u32, generation: u32) -> Option<Inode> {
        self.volume.inode(ino).ok().filter(|i| i.generation == generation)
    }

    /// Changes an inode's attributes.
    pub fn set_attributes(&mut self, ino: u32, change: impl FnOnce(&mut Inode)) -> Result<()> {
        let mut node = self.volume.inode(ino)?;
        change(&mut node);
        // A loaded image may say any number; only whether it is another counts.
        node.attr_version = node.attr_version.wrapping_add(1);
        node.ctime = self.volume.now();
        self.volume.set_inode(ino, &node);
        if let Some(log) = self.volume.log() {
            log.attributes.insert(ino);
        }
        Ok(())
    }

    /// Makes a file as long as that.
    ///
    /// # Errors
    /// `EISDIR`, `EINVAL` for what is no file, `EFBIG`.
    pub fn set_len(&mut self, ino: u32, len: u64) -> Result<()> {
        let mut node = self.volume.inode(ino)?;
        match node.kind() {
            Some(Kind::File) => {}
            Some(Kind::Dir) => return Err(Errno::EISDIR),
            _ => return Err(Errno::EINVAL),
        }
        self.volume.cut(ino, &mut node, len)?;
        self.changed(ino, &mut node);
        Ok(())
    }

    /// Stamps and writes an inode whose contents changed.
    fn changed(&mut self, ino: u32, node: &mut Inode) {
        let now = self.volume.now();
        (node.mtime, node.ctime) = (now, now);
        node.data_version = node.data_version.wrapping_add(1);
        self.volume.set_inode(ino, node);
    }
}
