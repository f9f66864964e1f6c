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
    /// Of all blocks up to the last that was written; 0: zeros, not written.
    sums: Vec<u32>,
}

impl SavedGroup {
    /// Keeps no room for blocks that were not written: there may be many groups with next to
    /// nothing in them.
    fn trim(&mut self) {
        let end = self.sums.iter().rposition(|sum| *sum != 0).map_or(0, |last| last + 1);
        self.sums.truncate(end);
        self.sums.shrink_to_fit();
    }
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
            let superblock = Superblock::decode(&*read_block(store, u64::from(copy))?);
            // One in the other's place would be written over first by the next save.
            all.push(superblock.and_then(|s| match s.place() == u64::from(copy) {
                true => Ok(s),
                false => Err(Refused::Damaged),
            }));
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
    let blocks = superblock.geometry.blocks;
    if count > u64::from(blocks) || end.is_none_or(|end| end > store.size().unwrap_or(0)) {
        return Ok(None);
    }
    let mut index = Vec::new();
    for i in 0..index_blocks {
        index.extend_from_slice(&read_block(store, start + i)?[..]);
    }
    if crc32c(&index) != superblock.journal_sum {
        return Ok(None);
    }
    let mut held = BTreeMap::new();
    for i in 0..count {
        let block = read_block(store, start + index_blocks + i)?;
        let at = i as usize * 8;
        let number = get_u32(&index, at);
        // What has no place in a group is not for a journal to write.
        if !(COPIES..blocks).contains(&number) || sum(&block) != get_u32(&index, at + 4) {
            return Ok(None);
        }
        held.insert(number, block);
    }
    Ok(Some(held))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{filled, put_u32};
    use crate::{Fs, Mkfs, OpenOptions};

    /// An image with the superblock that `change` makes of its own, and a journal of one block.
    fn image(number: u32, change: impl Fn(&mut Superblock)) -> Vec<u8> {
        let mut store = Vec::new();
        let fs = Mkfs::new().blocks(200).inodes(64).mkfs().unwrap();
        fs.write("kept", "x").unwrap();
        fs.save(&mut store).unwrap();
        let mut superblock = superblocks(&mut store).unwrap().remove(0).unwrap();
        let (mut index, payload) = (zeroed(), filled(&[7; BLOCK]));
        put_u32(&mut index[..], 0, number);
        put_u32(&mut index[..], 4, sum(&payload));
        write_block(&mut store, 200, &index).unwrap();
        write_block(&mut store, 201, &payload).unwrap();
        superblock.sequence += 1;
        (superblock.journal_start, superblock.journal_blocks) = (200, 1);
        superblock.journal_sum = crc32c(&index[..]);
        change(&mut superblock);
        write_block(&mut store, superblock.place(), &superblock.encode()).unwrap();
        store
    }

    #[test]
    fn a_superblock_counts_in_its_place_only() {
        let mut store = Vec::new();
        let fs = Mkfs::new().blocks(200).inodes(64).mkfs().unwrap();
        fs.save(&mut store).unwrap();
        let good = superblocks(&mut store).unwrap().remove(0).unwrap();
        let wrong = Superblock { sequence: good.sequence + 1, root_sum: 0, ..good.clone() };
        write_block(&mut store, good.place() ^ 1, &zeroed()).unwrap();
        assert!(Fs::load(&mut store, || 0).is_ok());
        // Over the good one, with a sequence that belongs beside it.
        write_block(&mut store, good.place(), &wrong.encode()).unwrap();
        write_block(&mut store, good.place() ^ 1, &good.encode()).unwrap();
        assert!(matches!(Fs::load(&mut store, || 0), Err(LoadError::NoImage)));
    }

    #[test]
    fn blocks_of_zeros_cost_no_memory_when_loaded() {
        let mut store = Vec::new();
        let fs = Mkfs::new().blocks(2000).inodes(64).mkfs().unwrap();
        fs.write("zeros", vec![0; 1000 * BLOCK]).unwrap();
        fs.save(&mut store).unwrap();
        let loaded = Fs::load(&mut store, || 0).unwrap();
        assert!(loaded.tree().volume.layers.numbers().count() < 20);
        // They are the file's all the same, here and in what is saved of it.
        let mut expected = vec![0; 1000 * BLOCK];
        let file = OpenOptions::new().write(true).open(&loaded, "zeros").unwrap();
        assert_eq!(file.write_at(b"x", 5000).unwrap(), 1);
        expected[5000] = b'x';
        let mut other = Vec::new();
        loaded.save(&mut store).unwrap();
        loaded.save(&mut other).unwrap();
        for mut store in [store, other] {
            let again = Fs::load(&mut store, || 0).unwrap();
            assert!(again.read("zeros").unwrap() == expected);
            assert_eq!(again.usage().free_blocks, fs.usage().free_blocks);
        }
    }

    #[test]
    fn groups_with_nothing_in_them_cost_nothing() {
        let mut group = SavedGroup { sums: vec![0; 1 << 15], ..SavedGroup::default() };
        group.sums[70] = 1;
        group.trim();
        assert_eq!((group.sums.len(), group.sums.capacity()), (71, 71));
        group.sums[70] = 0;
        group.trim();
        assert_eq!(group.sums.capacity(), 0);
    }

    #[test]
    fn a_journal_writes_nowhere_but_in_the_image() {
        for number in [0, 1, 200, u32::MAX] {
            let mut store = image(number, |_| {});
            assert_eq!(Fs::load(&mut store, || 0).unwrap().read("kept").unwrap(), b"x");
            let fs = Mkfs::new().blocks(200).inodes(64).mkfs().unwrap();
            fs.write("new", "y").unwrap();
            fs.save(&mut store).unwrap();
            assert_eq!(store.len(), 200 * BLOCK);
            assert_eq!(Fs::load(&mut store, || 0).unwrap().read("new").unwrap(), b"y");
        }
    }

    #[test]
    fn a_sequence_at_its_end_is_no_way_to_lose_a_save() {
        let end = crate::layout::superblock::SEQUENCES;
        let fs = Mkfs::new().blocks(200).inodes(64).mkfs().unwrap();
        for sequence in [end - 3, end - 2, end, end + 1, u64::MAX] {
            let mut store = image(0, |s| s.sequence = sequence);
            let before = store.clone();
            match fs.save(&mut store) {
                // The image had been loaded or not; what is saved is what is loaded.
                Ok(_) => assert!(Fs::load(&mut store, || 0).unwrap().read("kept").is_err()),
                Err(e) => assert_eq!((e.kind(), &store), (io::ErrorKind::InvalidData, &before)),
            }
        }
    }
}
