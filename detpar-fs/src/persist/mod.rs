//! Saving to a disk image, and loading. In this module an image is always a disk image.
//!
//! A save leaves the old or the new image whenever it ends. What the old image does not use is
//! written in place; all else goes to a journal behind the image first. The superblock that names
//! the journal is the point from which on the image is the new one. Then the journal is copied to
//! where its blocks belong, and a second superblock says that there is none.

pub(crate) mod crc;
mod load;
mod save;
mod store;

pub use load::LoadError;
pub use store::Store;

use crate::layout::group::Geometry;
use crate::layout::superblock::{COPIES, Refused, Superblock};
use crate::layout::{BLOCK, Block, get_u32, zeroed};
use crc::crc32c;
use std::collections::BTreeMap;
use std::io;

/// Entries in a block of a journal's index: a block's number and its checksum.
const INDEX: usize = BLOCK / 8;

/// What a store is known to hold.
pub(crate) struct Saved {
    sequence: u64,
    root_sum: u32,
    groups: BTreeMap<u32, SavedGroup>,
}

/// A group in the store.
#[derive(Clone, Default)]
struct SavedGroup {
    /// Of the descriptor.
    sum: u32,
    /// Of the blocks of checksums; 0: zeros, not written.
    sum_blocks: Vec<u32>,
    /// Of all blocks; 0: zeros, not written.
    sums: Vec<u32>,
}

/// A block's checksum; never 0, which means that there is none.
fn sum(block: &Block) -> u32 {
    crc32c(block).max(1)
}

/// The checksum over those of all descriptors.
fn root_sum(geometry: &Geometry, groups: &BTreeMap<u32, SavedGroup>) -> u32 {
    let mut bytes = Vec::new();
    for g in 0..geometry.groups() {
        bytes.extend(groups.get(&g).map_or(0, |group| group.sum).to_le_bytes());
    }
    crc32c(&bytes)
}

fn read_block(store: &mut dyn Store, number: u64) -> io::Result<Box<Block>> {
    let mut block = zeroed();
    store.read_at(number * BLOCK as u64, &mut block[..])?;
    Ok(block)
}

fn write_block(store: &mut dyn Store, number: u64, block: &Block) -> io::Result<()> {
    store.write_at(number * BLOCK as u64, block)
}

/// The superblocks of a store, the one that counts first.
fn superblocks(store: &mut dyn Store) -> io::Result<Vec<Result<Superblock, Refused>>> {
    let mut all = Vec::new();
    if store.size()? >= u64::from(COPIES) * BLOCK as u64 {
        for copy in 0..COPIES {
            all.push(Superblock::decode(&*read_block(store, u64::from(copy))?));
        }
    }
    all.sort_by_key(|s| std::cmp::Reverse(s.as_ref().map_or(0, |s| s.sequence + 1)));
    Ok(all)
}

/// The blocks of a journal, by number; `None`: it is not whole.
fn journal(
    store: &mut dyn Store,
    superblock: &Superblock,
) -> io::Result<Option<BTreeMap<u32, Box<Block>>>> {
    let count = u64::from(superblock.journal_blocks);
    let index_blocks = count.div_ceil(INDEX as u64);
    let start = superblock.journal_start;
    let end = start.checked_add(index_blocks + count).and_then(|e| e.checked_mul(BLOCK as u64));
    if end.is_none_or(|end| end > store.size().unwrap_or(0)) {
        return Ok(None);
    }
    let mut index = Vec::new();
    for i in 0..index_blocks {
        index.extend_from_slice(&read_block(store, start + i)?[..]);
    }
    if crc32c(&index) != superblock.journal_sum {
        return Ok(None);
    }
    let mut blocks = BTreeMap::new();
    for i in 0..count {
        let block = read_block(store, start + index_blocks + i)?;
        let at = i as usize * 8;
        if sum(&block) != get_u32(&index, at + 4) {
            return Ok(None);
        }
        blocks.insert(get_u32(&index, at), block);
    }
    Ok(Some(blocks))
}
