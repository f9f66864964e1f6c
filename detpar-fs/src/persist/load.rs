//! Loading. Nothing that a store holds is trusted.

use super::{Saved, SavedGroup, Store, journal, read_block, root_sum, sum, superblocks};
use crate::errno::Errno;
use crate::fs::Fs;
use crate::fsck::{self, Place, Problem};
use crate::layout::group::{Descriptor, Geometry, SUMS};
use crate::layout::superblock::{Refused, Superblock};
use crate::layout::{BLOCK, Block, get_u32};
use crate::tree::Tree;
use crate::volume::{Clock, Volume};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Why a disk image could not be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The store failed.
    Io(io::Error),
    /// There is no disk image, or not even one of its superblocks is whole.
    NoImage,
    /// It has a version or a feature that this program does not know.
    Unknown(&'static str),
    /// It is damaged in these places, and perhaps in others.
    Damaged(Vec<Problem>),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Io(e) => write!(f, "the disk image cannot be read: {e}"),
            LoadError::NoImage => write!(f, "no disk image of a file system"),
            LoadError::Unknown(what) => {
                write!(f, "the disk image has an unknown {what}; use a newer program")
            }
            LoadError::Damaged(problems) => {
                write!(f, "the disk image is damaged; a repair keeps what is whole")?;
                problems.iter().take(10).try_for_each(|p| write!(f, "; {p}"))
            }
        }
    }
}

impl std::error::Error for LoadError {}

impl From<io::Error> for LoadError {
    fn from(e: io::Error) -> LoadError {
        LoadError::Io(e)
    }
}

impl From<Errno> for LoadError {
    fn from(e: Errno) -> LoadError {
        LoadError::Io(e.into())
    }
}

impl Fs {
    /// Loads a file system from a store. All checksums are compared and everything is looked over
    /// ([`Fs::check`]) before anything is used.
    ///
    /// The clock tells nanoseconds since 1970, for new timestamps.
    ///
    /// # Errors
    /// [`LoadError`]
    pub fn load(
        store: &mut dyn Store,
        clock: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Result<Fs, LoadError> {
        let mut read = read(store, Arc::new(clock))?;
        if read.problems.is_empty() {
            free_orphans(&mut read.volume);
            read.problems = fsck::check(&read.volume);
        }
        if !read.problems.is_empty() {
            return Err(LoadError::Damaged(read.problems));
        }
        let mut tree = Tree::new(read.volume);
        tree.saved = Some(read.saved);
        Ok(Fs::of(tree))
    }
}

impl Fs {
    /// Loads what is left of a damaged disk image: what is whole and can be reached stays, files that
    /// have lost their names get one in `/lost+found`, damaged blocks of contents read as zeros.
    /// Returns what was wrong as well. The store is not changed; save the file system to it if
    /// that is what you want.
    ///
    /// # Errors
    /// [`LoadError`]: no superblock is whole, the store failed, or there is no room for
    /// `/lost+found`.
    pub fn load_repaired(
        store: &mut dyn Store,
        clock: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Result<(Fs, Vec<Problem>), LoadError> {
        let mut read = read(store, Arc::new(clock))?;
        free_orphans(&mut read.volume);
        let mut problems = read.problems;
        problems.append(&mut fsck::check(&read.volume));
        let volume = fsck::repair(read.volume)?;
        match fsck::check(&volume) {
            left if left.is_empty() => Ok((Fs::of(Tree::new(volume)), problems)),
            left => Err(LoadError::Damaged(left)),
        }
    }
}

/// What could be read of a disk image.
pub(super) struct Read {
    pub volume: Volume,
    saved: Saved,
    /// What could not.
    pub problems: Vec<Problem>,
}

/// A store with a journal over it.
struct Image<'s> {
    store: &'s mut dyn Store,
    journal: BTreeMap<u32, Box<Block>>,
}

impl Image<'_> {
    fn block(&mut self, number: u32) -> io::Result<Box<Block>> {
        match self.journal.get(&number) {
            Some(block) => Ok(block.clone()),
            None => read_block(self.store, u64::from(number)),
        }
    }
}

/// Reads what is whole.
pub(super) fn read(store: &mut dyn Store, clock: Clock) -> Result<Read, LoadError> {
    let all = superblocks(store)?;
    let Some(superblock) = all.iter().find_map(|s| s.as_ref().ok()).cloned() else {
        return Err(match all.into_iter().find_map(Result::err) {
            Some(Refused::Unknown(what)) => LoadError::Unknown(what),
            _ => LoadError::NoImage,
        });
    };
    if store.size()? < u64::from(superblock.geometry.blocks) * BLOCK as u64 {
        let what = "says that the disk image is longer than it is";
        return Err(LoadError::Damaged(vec![Problem { place: Place::Superblock, what }]));
    }
    let journal = if superblock.journal_blocks > 0 { journal(store, &superblock)? } else { None };
    let mut image = Image { store, journal: journal.unwrap_or_default() };
    read_groups(&mut image, &superblock, clock)
}

fn read_groups(
    image: &mut Image<'_>,
    superblock: &Superblock,
    clock: Clock,
) -> Result<Read, LoadError> {
    let geometry = superblock.geometry;
    let mut volume = Volume::empty(geometry, clock);
    let (mut groups, mut problems) = (BTreeMap::new(), Vec::new());
    let mut counts = Vec::new();
    for g in 0..geometry.groups() {
        let block = image.block(geometry.start(g))?;
        if block.iter().all(|b| *b == 0) {
            continue;
        }
        let descriptor = Descriptor::decode(&block, &geometry).filter(|d| d.group == g);
        let Some(descriptor) = descriptor else {
            problems.push(Problem { place: Place::Group(g), what: "has a damaged descriptor" });
            continue;
        };
        counts.push((g, descriptor.free_blocks, descriptor.free_inodes));
        let group = read_group(image, &mut volume, g, sum(&block), descriptor, &mut problems)?;
        groups.insert(g, group);
    }
    let root = root_sum(&geometry, &groups);
    if root != superblock.root_sum {
        let what = "does not fit the groups: they are of different saves, or one is damaged";
        problems.push(Problem { place: Place::Superblock, what });
    }
    volume.recount();
    for (g, blocks, inodes) in counts {
        let state = volume.groups[g as usize];
        if problems.is_empty() && (state.free_blocks, state.free_inodes) != (blocks, inodes) {
            problems.push(Problem { place: Place::Group(g), what: "counts other free blocks" });
        }
    }
    volume.layers.take_dirty();
    let saved = Saved { sequence: superblock.sequence, root_sum: root, groups };
    Ok(Read { volume, saved, problems })
}

/// Reads the blocks of a group.
fn read_group(
    image: &mut Image<'_>,
    volume: &mut Volume,
    g: u32,
    own: u32,
    descriptor: Descriptor,
    problems: &mut Vec<Problem>,
) -> io::Result<SavedGroup> {
    let geometry = volume.geometry;
    let mut group = SavedGroup {
        sum: own,
        sum_blocks: descriptor.sums,
        sums: vec![0; geometry.blocks_per_group as usize],
    };
    for (part, expected) in (0u32..).zip(&group.sum_blocks) {
        if *expected == 0 {
            continue;
        }
        let number = geometry.sums(g) + part;
        let block = image.block(number)?;
        if sum(&block) != *expected {
            problems.push(Problem { place: Place::Block(number), what: "of checksums is damaged" });
            continue;
        }
        let sums = group.sums[(part * SUMS) as usize..].iter_mut().take(SUMS as usize);
        for (i, sum) in sums.enumerate() {
            *sum = get_u32(&block[..], i * 4);
        }
    }
    for (index, expected) in (0..geometry.blocks_in(g)).zip(&group.sums) {
        let number = geometry.start(g) + index;
        if *expected == 0 || !is_stored(&geometry, index) {
            continue;
        }
        let block = image.block(number)?;
        if sum(&block) != *expected {
            problems.push(Problem { place: Place::Block(number), what: "is damaged" });
        } else if block.iter().any(|b| *b != 0) {
            // Zeros need no memory: a block of checksums could claim four megabytes of holes.
            volume.layers.insert(number, block);
        }
    }
    group.trim();
    Ok(group)
}

/// Whether a block of a group is one that has a checksum in the group's table.
fn is_stored(geometry: &Geometry, index: u32) -> bool {
    matches!(index, 1 | 2) || index >= geometry.inodes_at()
}

/// Frees the inodes that had no name when the image was saved, but were open.
fn free_orphans(volume: &mut Volume) {
    for ino in fsck::written_inodes(volume).collect::<Vec<_>>() {
        let orphan = volume.any_inode(ino).is_ok_and(|i| i.mode != 0 && i.nlink == 0);
        if orphan && volume.inode_used(ino) {
            // Where its pointers make no sense the check that follows says so.
            if volume.free_inode(ino).is_err() {
                break;
            }
        }
    }
}
