//! The superblock, of which a disk image has two.

use super::group::Geometry;
use super::{BLOCK, Block, fields, zeroed};
use crate::persist::crc::crc32c;

/// What a disk image begins with.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"DETPARFS");
/// The version of the format.
pub(crate) const VERSION: u32 = 1;
/// Features that a reader must know of; there are none yet.
pub(crate) const FEATURES: u32 = 0;
/// The highest sequence: a save counts on from what is there.
pub(crate) const SEQUENCES: u64 = u64::MAX / 2;
/// Superblocks at the start of a disk image.
pub(crate) const COPIES: u32 = 2;

fields! { FIELDS;
    MAGIC_ 0 8; VERSION_ 8 4; FEATURES_ 12 4; BLOCK_SIZE 20 4; BLOCKS 24 4;
    BLOCKS_PER_GROUP 28 4; INODES_PER_GROUP 32 4; ROOT_SUM 36 4; SEQUENCE 40 8;
    JOURNAL_START 48 8; JOURNAL_BLOCKS 56 4; JOURNAL_SUM 60 4; SUM 4092 4;
}

/// A superblock, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Superblock {
    pub geometry: Geometry,
    /// Checksum over those of all groups' descriptors.
    pub root_sum: u32,
    /// Rises with each superblock that is written; the highest counts.
    pub sequence: u64,
    /// The block of the disk image at which the journal starts.
    pub journal_start: u64,
    /// Blocks in the journal, its index not counted; 0: there is none.
    pub journal_blocks: u32,
    /// Checksum of the journal's index.
    pub journal_sum: u32,
}

/// Why a block is no superblock to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is none, or was damaged.
    Damaged,
    /// It is one of a version or with features that are unknown.
    Unknown(&'static str),
}

impl Superblock {
    /// The block of the disk image that it is written to.
    pub fn place(&self) -> u64 {
        self.sequence % u64::from(COPIES)
    }

    /// Its contents.
    pub fn encode(&self) -> Box<Block> {
        let mut block = zeroed();
        let g = &self.geometry;
        let numbers = [
            (MAGIC_, MAGIC),
            (VERSION_, u64::from(VERSION)),
            (FEATURES_, u64::from(FEATURES)),
            (BLOCK_SIZE, BLOCK as u64),
            (BLOCKS, u64::from(g.blocks)),
            (BLOCKS_PER_GROUP, u64::from(g.blocks_per_group)),
            (INODES_PER_GROUP, u64::from(g.inodes_per_group)),
            (ROOT_SUM, u64::from(self.root_sum)),
            (SEQUENCE, self.sequence),
            (JOURNAL_START, self.journal_start),
            (JOURNAL_BLOCKS, u64::from(self.journal_blocks)),
            (JOURNAL_SUM, u64::from(self.journal_sum)),
        ];
        for (field, value) in numbers {
            field.put(&mut block[..], value);
        }
        let sum = crc32c(&block[..SUM.at]);
        SUM.put(&mut block[..], u64::from(sum));
        block
    }

    /// Reads one.
    pub fn decode(block: &Block) -> Result<Superblock, Refused> {
        if MAGIC_.get(block) != MAGIC || SUM.get32(block) != crc32c(&block[..SUM.at]) {
            return Err(Refused::Damaged);
        }
        if VERSION_.get32(block) != VERSION {
            return Err(Refused::Unknown("version"));
        }
        if FEATURES_.get32(block) & !FEATURES != 0 {
            return Err(Refused::Unknown("feature"));
        }
        if BLOCK_SIZE.get(block) != BLOCK as u64 {
            return Err(Refused::Unknown("block size"));
        }
        let geometry = Geometry {
            blocks: BLOCKS.get32(block),
            blocks_per_group: BLOCKS_PER_GROUP.get32(block),
            inodes_per_group: INODES_PER_GROUP.get32(block),
        };
        if !geometry.is_sound() || SEQUENCE.get(block) > SEQUENCES {
            return Err(Refused::Damaged);
        }
        Ok(Superblock {
            geometry,
            root_sum: ROOT_SUM.get32(block),
            sequence: SEQUENCE.get(block),
            journal_start: JOURNAL_START.get(block),
            journal_blocks: JOURNAL_BLOCKS.get32(block),
            journal_sum: JOURNAL_SUM.get32(block),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::group::{BITS, GROUPS, INODES};

    #[test]
    fn more_groups_than_a_load_looks_at_are_refused() {
        let decoded = |blocks_per_group, blocks| {
            let geometry = Geometry { blocks, blocks_per_group, inodes_per_group: INODES };
            let (root_sum, sequence, journal_start) = (0, 2, 0);
            let (journal_blocks, journal_sum) = (0, 0);
            #[rustfmt::skip]
            let superblock = Superblock {
                geometry, root_sum, sequence, journal_start, journal_blocks, journal_sum,
            };
            Superblock::decode(&superblock.encode()).map(|s| s.geometry.groups())
        };
        assert_eq!(decoded(BITS, u32::MAX), Ok(1 << 17));
        assert_eq!(decoded(8, COPIES + 8 * GROUPS), Ok(GROUPS));
        assert_eq!(decoded(8, COPIES + 8 * (GROUPS + 1)), Err(Refused::Damaged));
        assert_eq!(decoded(8, u32::MAX), Err(Refused::Damaged));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let geometry = Geometry { blocks: 1000, blocks_per_group: 256, inodes_per_group: 64 };
        let superblock = Superblock {
            geometry,
            root_sum: 1,
            sequence: 2,
            journal_start: 3,
            journal_blocks: 4,
            journal_sum: 5,
        };
        let mut block = superblock.encode();
        assert_eq!(Superblock::decode(&block), Ok(superblock));
        let ends = (0..JOURNAL_SUM.at * 8 + 64).chain(SUM.at * 8..BLOCK * 8);
        for bit in ends.chain((0..BLOCK * 8).step_by(101)) {
            block[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Superblock::decode(&block), Err(Refused::Damaged), "bit {bit}");
            block[bit / 8] ^= 1 << (bit % 8);
        }
        let mut last = block.clone();
        SEQUENCE.put(&mut last[..], u64::MAX);
        let sum = crc32c(&last[..SUM.at]);
        SUM.put(&mut last[..], u64::from(sum));
        assert_eq!(Superblock::decode(&last), Err(Refused::Damaged));
        VERSION_.put(&mut block[..], 2);
        let sum = crc32c(&block[..SUM.at]);
        SUM.put(&mut block[..], u64::from(sum));
        assert_eq!(Superblock::decode(&block), Err(Refused::Unknown("version")));
    }
}
