//! A volume: blocks, inodes and the contents of files by inode number. It knows no names.

mod alloc;
mod content;
mod layer;
pub(crate) mod log;
mod map;

pub(crate) use layer::{Frozen, Layers};
pub(crate) use map::MAX_LEN;

use crate::errno::{Errno, Result};
use crate::layout::group::{BITS, Geometry, INODES};
use crate::layout::inode::{self, Inode, Kind, Policy};
use crate::layout::superblock::COPIES;
use log::Log;
use std::sync::Arc;

/// Tells the time, in nanoseconds since 1970.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What is known of a group without a look at its bitmaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupState {
    pub free_blocks: u32,
    pub free_inodes: u32,
    /// No block of the group below this one is free.
    pub block_hint: u32,
    /// No inode of the group below this one is free.
    pub inode_hint: u32,
}

/// A volume.
pub(crate) struct Volume {
    pub layers: Layers,
    pub log: Log,
    pub geometry: Geometry,
    pub groups: Vec<GroupState>,
    pub clock: Clock,
    /// The snapshot that it started from.
    pub origin: Option<Arc<Frozen>>,
}

impl Volume {
    /// A new volume with an empty root directory.
    ///
    /// # Errors
    /// `EINVAL`: so few blocks cannot hold so many inodes.
    pub fn new(blocks: u32, inodes: u32, clock: Clock) -> Result<Volume> {
        let geometry = divide(blocks, inodes).ok_or(Errno::EINVAL)?;
        let mut volume = Volume::empty(geometry, clock);
        let root = volume.new_inode(0, Kind::Dir, 0o755, Policy::Conflict)?;
        if root.0 != inode::ROOT {
            return Err(Errno::EIO);
        }
        let mut node = root.1;
        (node.parent, node.nlink) = (inode::ROOT, 2);
        volume.set_inode(root.0, &node);
        Ok(volume)
    }

    /// A volume in which nothing was ever written.
    pub fn empty(geometry: Geometry, clock: Clock) -> Volume {
        let groups = (0..geometry.groups()).map(|g| Volume::fresh_group(&geometry, g)).collect();
        Volume {
            layers: Layers::default(),
            log: Log::default(),
            geometry,
            groups,
            clock,
            origin: None,
        }
    }

    /// What a snapshot holds, by two handles to it that are used up.
    pub fn over_handles(below: Arc<Frozen>, origin: Arc<Frozen>, clock: Clock) -> Volume {
        Volume {
            log: Log::default(),
            geometry: below.geometry,
            groups: below.groups.clone(),
            clock,
            layers: Layers::over(below),
            origin: Some(origin),
        }
    }

    /// The two handles back, once all above the snapshot is dropped.
    pub fn into_handles(self) -> Option<(Arc<Frozen>, Arc<Frozen>)> {
        let origin = self.origin?;
        Some((self.layers.into_below(&origin)?, origin))
    }

    /// What a snapshot holds, to look at or to go on from.
    pub fn over(frozen: &Arc<Frozen>, clock: Clock) -> Volume {
        Volume::over_handles(Arc::clone(frozen), Arc::clone(frozen), clock)
    }

    /// Fixes what there is now. Costs a few words for each group.
    pub fn snapshot(&mut self) -> Arc<Frozen> {
        self.layers.freeze(&mut self.log, self.geometry, &self.groups)
    }

    /// Brings the memory of snapshots together that nobody uses any more.
    pub fn settle(&mut self) {
        self.layers.settle(&mut self.log, self.origin.as_ref());
    }

    /// Goes on as a volume over the last snapshot of this one.
    pub fn adopt(&mut self, above: Volume) {
        self.layers.adopt(above.layers);
        (self.log, self.geometry, self.groups) = (above.log, above.geometry, above.groups);
    }

    /// What changed since the snapshot; `None` if this volume does not come from it.
    pub fn changed_since(&self, snapshot: &Arc<Frozen>) -> Option<Log> {
        let mut log = self.log.clone();
        for frozen in self.layers.chain() {
            if Arc::ptr_eq(frozen, snapshot) {
                return Some(log);
            }
            log.prepend(frozen.log.clone());
        }
        None
    }

    /// The log, if anybody will look at it.
    pub fn log(&mut self) -> Option<&mut Log> {
        self.layers.below().is_some().then_some(&mut self.log)
    }

    /// What the clock shows.
    pub fn now(&self) -> i64 {
        (self.clock)()
    }

    /// An inode, used or not.
    ///
    /// # Errors
    /// `EIO`: there is no such number, or its bits make no sense.
    pub fn any_inode(&self, ino: u32) -> Result<Inode> {
        if ino >= self.geometry.inodes() {
            return Err(Errno::EIO);
        }
        let (block, at) = self.geometry.inode_place(ino);
        Inode::decode(&self.layers.get(block)[at..at + inode::SIZE])
    }

    /// An inode in use.
    ///
    /// # Errors
    /// As [`Volume::any_inode`], and `EIO` for one that is free.
    pub fn inode(&self, ino: u32) -> Result<Inode> {
        self.any_inode(ino).and_then(|i| if i.mode == 0 { Err(Errno::EIO) } else { Ok(i) })
    }

    /// Writes an inode, whose number must be one of the volume's.
    pub fn set_inode(&mut self, ino: u32, node: &Inode) {
        let (block, at) = self.geometry.inode_place(ino);
        node.encode(&mut self.layers.get_mut(block)[at..at + inode::SIZE]);
    }

    /// Makes the volume larger; with it the number of inodes grows.
    ///
    /// # Errors
    /// `EINVAL`: it is larger already.
    pub fn grow(&mut self, blocks: u32) -> Result<()> {
        let new = Geometry { blocks, ..self.geometry };
        if blocks < self.geometry.blocks || !new.is_sound() {
            return Err(Errno::EINVAL);
        }
        let old = std::mem::replace(&mut self.geometry, new);
        // The last group had its missing blocks marked as used.
        if let Some(last) = old.groups().checked_sub(1) {
            self.extend_group(last, old.blocks_in(last));
        }
        for group in old.groups()..new.groups() {
            self.groups.push(Volume::fresh_group(&new, group));
        }
        Ok(())
    }
}

/// Cuts a volume into as few groups of equal size as bitmaps of a block allow.
fn divide(blocks: u32, inodes: u32) -> Option<Geometry> {
    let rest = blocks.checked_sub(COPIES)?;
    let groups = rest.max(inodes).div_ceil(BITS).max(1);
    let blocks_per_group = rest.div_ceil(groups);
    // The root directory's number and those below it are nobody's else.
    let inodes = inodes.checked_add(inode::ROOT + 1)?;
    let inodes_per_group = inodes.div_ceil(groups).next_multiple_of(INODES);
    let geometry =
        Geometry { blocks, blocks_per_group, inodes_per_group: inodes_per_group.min(BITS) };
    (geometry.is_sound() && geometry.groups() == groups).then_some(geometry)
}
