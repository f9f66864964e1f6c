//! Cylinder groups: where their parts lie, and their descriptors.

use super::superblock::COPIES;
use super::{BLOCK, Block, fields, get_u32, inode, put_u32, zeroed};
use crate::persist::crc::crc32c;

/// Bits of a bitmap's block: most blocks or inodes in a group.
pub(crate) const BITS: u32 = (BLOCK * 8) as u32;
/// Inodes in a block.
pub(crate) const INODES: u32 = (BLOCK / inode::SIZE) as u32;
/// Most groups: a load looks at the descriptor of each, also where a disk image has only a hole
/// there. Groups of full size are at most an eighth as many.
pub(crate) const GROUPS: u32 = 1 << 20;
/// Checksums in a block.
pub(crate) const SUMS: u32 = (BLOCK / 4) as u32;
/// What a descriptor begins with.
const MAGIC: u32 = u32::from_le_bytes(*b"CGRP");
/// Where a descriptor has the checksums of the group's blocks of checksums.
pub(crate) const SUMS_AT: usize = 64;

fields! { FIELDS; MAGIC_ 0 4; GROUP 4 4; FREE_BLOCKS 8 4; FREE_INODES 12 4; SUM 4092 4; }

/// How a file system is cut into groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// All blocks, superblocks included.
    pub blocks: u32,
    pub blocks_per_group: u32,
    /// A multiple of `INODES`.
    pub inodes_per_group: u32,
}

impl Geometry {
    /// Whether such a file system can be.
    pub fn is_sound(&self) -> bool {
        let inodes = self.inodes_per_group;
        (1..=BITS).contains(&self.blocks_per_group)
            && (INODES..=BITS).contains(&inodes)
            && inodes.is_multiple_of(INODES)
            && self.data_at() < self.blocks_per_group
            && (1..=GROUPS).contains(&self.groups())
            && u64::from(self.groups()) * u64::from(inodes) <= u64::from(u32::MAX)
    }

    /// Groups; a rest too small for a block of data is not used.
    pub fn groups(&self) -> u32 {
        let blocks = self.blocks.saturating_sub(COPIES);
        let rest = blocks % self.blocks_per_group;
        blocks / self.blocks_per_group + u32::from(rest > self.data_at())
    }

    /// All inodes.
    pub fn inodes(&self) -> u32 {
        self.groups() * self.inodes_per_group
    }

    /// The group's first block, its descriptor.
    pub fn start(&self, group: u32) -> u32 {
        COPIES + group * self.blocks_per_group
    }

    /// Blocks of the group; the last one may have fewer.
    pub fn blocks_in(&self, group: u32) -> u32 {
        self.blocks.saturating_sub(self.start(group)).min(self.blocks_per_group)
    }

    /// Blocks of checksums in a group.
    pub fn sum_blocks(&self) -> u32 {
        self.blocks_per_group.div_ceil(SUMS)
    }

    /// The group's bitmap of blocks.
    pub fn block_bitmap(&self, group: u32) -> u32 {
        self.start(group) + 1
    }

    /// The group's bitmap of inodes.
    pub fn inode_bitmap(&self, group: u32) -> u32 {
        self.start(group) + 2
    }

    /// The group's first block of checksums.
    pub fn sums(&self, group: u32) -> u32 {
        self.start(group) + 3
    }

    /// Where in a group its inodes begin.
    pub fn inodes_at(&self) -> u32 {
        3 + self.sum_blocks()
    }

    /// Where in a group its data begin.
    pub fn data_at(&self) -> u32 {
        self.inodes_at() + self.inodes_per_group / INODES
    }

    /// The group of a block; `None` for the superblocks and what lies beyond the end.
    pub fn group_of(&self, block: u32) -> Option<u32> {
        let group = block.checked_sub(COPIES)? / self.blocks_per_group;
        (group < self.groups() && block < self.blocks).then_some(group)
    }

    /// Whether files may have it.
    pub fn is_data(&self, block: u32) -> bool {
        self.group_of(block).is_some_and(|g| block - self.start(g) >= self.data_at())
    }

    /// The block of an inode, and the place in it. The inode must be one of the file system's.
    pub fn inode_place(&self, ino: u32) -> (u32, usize) {
        let (group, index) = (ino / self.inodes_per_group, ino % self.inodes_per_group);
        let block = self.start(group) + self.inodes_at() + index / INODES;
        (block, (index % INODES) as usize * inode::SIZE)
    }
}

/// A descriptor, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub group: u32,
    pub free_blocks: u32,
    pub free_inodes: u32,
    /// One for each block of checksums.
    pub sums: Vec<u32>,
}

impl Descriptor {
    /// Its block.
    pub fn encode(&self) -> Box<Block> {
        let mut block = zeroed();
        let numbers = [
            (MAGIC_, MAGIC),
            (GROUP, self.group),
            (FREE_BLOCKS, self.free_blocks),
            (FREE_INODES, self.free_inodes),
        ];
        for (field, value) in numbers {
            field.put(&mut block[..], u64::from(value));
        }
        for (i, sum) in self.sums.iter().enumerate() {
            put_u32(&mut block[..], SUMS_AT + 4 * i, *sum);
        }
        let sum = crc32c(&block[..SUM.at]);
        SUM.put(&mut block[..], u64::from(sum));
        block
    }

    /// Reads one; `None` if it is none or was damaged.
    pub fn decode(block: &Block, geometry: &Geometry) -> Option<Descriptor> {
        let whole = MAGIC_.get32(block) == MAGIC && SUM.get32(block) == crc32c(&block[..SUM.at]);
        whole.then(|| Descriptor {
            group: GROUP.get32(block),
            free_blocks: FREE_BLOCKS.get32(block),
            free_inodes: FREE_INODES.get32(block),
            sums: (0..geometry.sum_blocks() as usize)
                .map(|i| get_u32(block, SUMS_AT + 4 * i))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other() {
        let g = Geometry { blocks: 70_000, blocks_per_group: BITS, inodes_per_group: 8192 };
        assert!(g.is_sound());
        assert_eq!((g.groups(), g.start(1), g.blocks_in(2)), (3, 32_770, 70_000 - 65_538));
        assert_eq!((g.sums(0), g.inodes_at(), g.data_at()), (5, 35, 35 + 512));
        assert_eq!(g.inode_place(8192 + 17), (32_770 + 35 + 1, 256));
        assert!(!g.is_data(2 + 546) && g.is_data(2 + 547) && !g.is_data(70_000) && !g.is_data(1));
    }

    #[test]
    fn nonsense_is_refused() {
        let good = Geometry { blocks: 1000, blocks_per_group: 256, inodes_per_group: 64 };
        assert!(good.is_sound());
        assert!(!Geometry { blocks: 8, ..good }.is_sound());
        assert!(!Geometry { blocks_per_group: 0, ..good }.is_sound());
        assert!(!Geometry { blocks_per_group: BITS + 1, ..good }.is_sound());
        assert!(!Geometry { inodes_per_group: 8, ..good }.is_sound());
        assert!(!Geometry { inodes_per_group: 20, ..good }.is_sound());
        assert!(!Geometry { blocks_per_group: 8, ..good }.is_sound());
    }

    #[test]
    fn a_descriptor_survives_its_block() {
        let geometry = Geometry { blocks: 70_000, blocks_per_group: BITS, inodes_per_group: 64 };
        let d = Descriptor { group: 1, free_blocks: 2, free_inodes: 3, sums: (9..41).collect() };
        let mut block = d.encode();
        assert_eq!(Descriptor::decode(&block, &geometry), Some(d));
        block[SUMS_AT] ^= 1;
        assert_eq!(Descriptor::decode(&block, &geometry), None);
    }
}
