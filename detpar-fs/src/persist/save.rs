//! Saving.

use super::{INDEX, Saved, SavedGroup, journal, root_sum, sum, superblocks, write_block};
use super::{Store, crc::crc32c};
use crate::fs::Fs;
use crate::layout::group::{Descriptor, SUMS};
use crate::layout::superblock::{SEQUENCES, Superblock};
use crate::layout::{BLOCK, Block, put_u32, zeroed};
use crate::tree::Tree;
use crate::volume::Volume;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Deref;

/// What a save writes.
#[derive(Default)]
struct Writes<'v> {
    /// Blocks that the old image does not use.
    fresh: BTreeMap<u32, Contents<'v>>,
    /// Blocks that it does.
    over: BTreeMap<u32, Contents<'v>>,
}

/// A block's contents: a volume's, or made for the save.
enum Contents<'v> {
    Volume(&'v Block),
    Made(Box<Block>),
}

impl Deref for Contents<'_> {
    type Target = Block;

    fn deref(&self) -> &Block {
        match self {
            Contents::Volume(block) => block,
            Contents::Made(block) => block,
        }
    }
}

impl Fs {
    /// Saves the file system to a store. If the store holds what this file system was loaded from
    /// or saved to last, only what changed since is written. Returns how many blocks were.
    ///
    /// Whenever this ends, be it in the midst of a write, the store holds the old disk image or the
    /// new one. A store without one may be left without.
    ///
    /// # Errors
    /// Those of the store. The file system is as it was, and can be saved again.
    ///
    /// # Examples
    /// ```
    /// use detpar_fs::{Fs, Mkfs};
    ///
    /// let mut store = Vec::new();
    /// let fs = Mkfs::new().blocks(1000).inodes(100).mkfs()?;
    /// fs.write("kept", "for later")?;
    /// fs.save(&mut store)?;
    /// let again = Fs::load(&mut store, || 0).unwrap();
    /// assert_eq!(again.read("kept")?, b"for later");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn save(&self, store: &mut dyn Store) -> io::Result<u64> {
        let mut tree = self.tree();
        let saved = save(&mut tree, store);
        if saved.is_err() {
            tree.saved = None;
            tree.volume.layers.drop_dirty();
        }
        saved
    }
}

fn save(tree: &mut Tree, store: &mut dyn Store) -> io::Result<u64> {
    let old = finish(store)?;
    let known = tree.saved.take().filter(|s| {
        old.as_ref().is_some_and(|o| o.sequence == s.sequence && o.root_sum == s.root_sum)
    });
    if known.is_none() {
        tree.volume.layers.drop_dirty();
    }
    let dirty = tree.volume.layers.take_dirty().unwrap_or_else(|| {
        let all: BTreeSet<u32> = tree.volume.layers.numbers().collect();
        all.into_iter().collect()
    });
    let volume = &tree.volume;
    let before = known.map(|s| s.groups).unwrap_or_default();
    let unknown = old.as_ref().filter(|_| before.is_empty());
    let old_blocks = old.as_ref().map_or(0, |o| o.geometry.blocks);
    // Of an image that this file system knows nothing of every block may be in use.
    let in_use = |block: u32| unknown.is_some_and(|o| block < o.geometry.blocks);
    let (groups, writes) = plan(volume, &dirty, before, in_use);
    let count = (writes.fresh.len() + writes.over.len()) as u64;

    let end = u64::from(volume.geometry.blocks);
    if store.size()? < end * BLOCK as u64 {
        store.set_size(end * BLOCK as u64)?;
    }
    for (number, block) in &writes.fresh {
        write_block(store, u64::from(*number), block)?;
    }
    let mut superblock = Superblock {
        geometry: volume.geometry,
        root_sum: root_sum(&volume.geometry, &groups),
        sequence: old.map_or(0, |o| o.sequence) + 1,
        journal_start: end.max(u64::from(old_blocks)),
        journal_blocks: writes.over.len() as u32,
        journal_sum: 0,
    };
    superblock.journal_sum = write_journal(store, superblock.journal_start, &writes.over)?;
    store.sync()?;
    write_superblock(store, &superblock)?;
    store.sync()?;
    let written = complete(store, superblock, &writes.over)?;
    let (sequence, root_sum) = (written.sequence, written.root_sum);
    tree.saved = Some(Saved { sequence, root_sum, groups });
    Ok(count)
}

/// Copies what a journal named by a superblock holds to where it belongs, and says so.
fn complete(
    store: &mut dyn Store,
    mut superblock: Superblock,
    blocks: &BTreeMap<u32, impl Deref<Target = Block>>,
) -> io::Result<Superblock> {
    for (number, block) in blocks {
        write_block(store, u64::from(*number), block)?;
    }
    store.sync()?;
    superblock.sequence += 1;
    superblock.journal_blocks = 0;
    write_superblock(store, &superblock)?;
    store.sync()?;
    store.set_size(u64::from(superblock.geometry.blocks) * BLOCK as u64)?;
    Ok(superblock)
}

/// Ends a save that did not come to its end after its image became the new one. Returns the
/// superblock that counts.
fn finish(store: &mut dyn Store) -> io::Result<Option<Superblock>> {
    let Some(superblock) = superblocks(store)?.into_iter().find_map(Result::ok) else {
        return Ok(None);
    };
    if superblock.sequence > SEQUENCES - 3 {
        let what = "the disk image counts no more saves; save to an empty store";
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    if superblock.journal_blocks == 0 {
        return Ok(Some(superblock));
    }
    // Without its journal the image lies in place; if not, there is nothing to be saved.
    match journal(store, &superblock)? {
        Some(blocks) => complete(store, superblock, &blocks).map(Some),
        None => Ok(Some(superblock)),
    }
}

fn write_superblock(store: &mut dyn Store, superblock: &Superblock) -> io::Result<()> {
    write_block(store, superblock.place(), &superblock.encode())
}

/// Writes a journal; returns its index's checksum.
fn write_journal(
    store: &mut dyn Store,
    start: u64,
    blocks: &BTreeMap<u32, Contents<'_>>,
) -> io::Result<u32> {
    let mut index = vec![0; blocks.len().div_ceil(INDEX) * BLOCK];
    for (i, (number, block)) in blocks.iter().enumerate() {
        put_u32(&mut index, i * 8, *number);
        put_u32(&mut index, i * 8 + 4, sum(block));
    }
    if !blocks.is_empty() {
        store.write_at(start * BLOCK as u64, &index)?;
    }
    let payload = start + (index.len() / BLOCK) as u64;
    for (number, block) in (payload..).zip(blocks.values()) {
        write_block(store, number, block)?;
    }
    Ok(crc32c(&index))
}

/// What has to be written so that the image is what the volume is: the blocks that are dirty, the
/// checksums of these, the descriptors of their groups.
fn plan<'v>(
    volume: &'v Volume,
    dirty: &[u32],
    before: BTreeMap<u32, SavedGroup>,
    in_use: impl Fn(u32) -> bool,
) -> (BTreeMap<u32, SavedGroup>, Writes<'v>) {
    let geometry = volume.geometry;
    let (mut groups, mut writes) = (before, Writes::default());
    let mut put = |number: u32, block: Contents<'v>, was: u32| {
        let over = was != 0 || in_use(number);
        if over { &mut writes.over } else { &mut writes.fresh }.insert(number, block);
    };
    let dirty = dirty.iter().filter_map(|b| Some((geometry.group_of(*b)?, *b)));
    for same in dirty.collect::<Vec<_>>().chunk_by(|a, b| a.0 == b.0) {
        let g = same[0].0;
        let group = groups.entry(g).or_default();
        group.sums.resize(geometry.blocks_per_group as usize, 0);
        group.sum_blocks.resize(geometry.sum_blocks() as usize, 0);
        let mut changed = BTreeSet::new();
        for (_, number) in same {
            let index = number - geometry.start(g);
            let contents = volume.layers.find(*number).filter(|_| volume.block_used(*number));
            let new = contents.map_or(0, sum);
            let old = std::mem::replace(&mut group.sums[index as usize], new);
            if let Some(contents) = contents {
                put(*number, Contents::Volume(contents), old);
            }
            if old != new {
                changed.insert(index / SUMS);
            }
        }
        for part in changed {
            let mut block = zeroed();
            let sums = group.sums[(part * SUMS) as usize..].iter().take(SUMS as usize);
            for (i, sum) in sums.enumerate() {
                put_u32(&mut block[..], i * 4, *sum);
            }
            let was = std::mem::replace(&mut group.sum_blocks[part as usize], sum(&block));
            put(geometry.sums(g) + part, Contents::Made(block), was);
        }
        let state = volume.groups[g as usize];
        let descriptor = Descriptor {
            group: g,
            free_blocks: state.free_blocks,
            free_inodes: state.free_inodes,
            sums: group.sum_blocks.clone(),
        };
        let block = descriptor.encode();
        let was = std::mem::replace(&mut group.sum, sum(&block));
        put(geometry.start(g), Contents::Made(block), was);
        group.trim();
    }
    (groups, writes)
}
