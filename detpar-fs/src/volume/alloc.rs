//! Which blocks and inodes are free.

use super::{GroupState, Volume};
use crate::errno::{Errno, Result};
use crate::layout::group::Geometry;
use crate::layout::inode::{Inode, Kind, Policy, ROOT};
use crate::layout::{Block, zeroed};

/// The first clear bit from `from` on, below `end`.
fn find_clear(bitmap: &Block, from: u32, end: u32) -> Option<u32> {
    let mut word = from / 64;
    let mut skip = from % 64;
    while word * 64 < end {
        let at = word as usize * 8;
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&bitmap[at..at + 8]);
        let clear = !u64::from_le_bytes(bytes) & (!0 << skip);
        if clear != 0 {
            let bit = word * 64 + clear.trailing_zeros();
            return (bit < end).then_some(bit);
        }
        (word, skip) = (word + 1, 0);
    }
    None
}

/// Whether a bit is set.
fn bit(bitmap: &Block, index: u32) -> bool {
    bitmap[index as usize / 8] >> (index % 8) & 1 == 1
}

fn set(bitmap: &mut Block, index: u32, value: bool) {
    let mask = 1 << (index % 8);
    let byte = &mut bitmap[index as usize / 8];
    *byte = if value { *byte | mask } else { *byte & !mask };
}

/// The bitmap of a group's blocks before any file has one: what the group itself uses, and what
/// lies beyond its end.
fn fresh_bitmap(geometry: &Geometry, group: u32) -> Box<Block> {
    let mut bitmap = zeroed();
    bitmap.fill(0xff);
    for index in geometry.data_at()..geometry.blocks_in(group) {
        set(&mut bitmap, index, false);
    }
    bitmap
}

impl Volume {
    /// A group that nobody has used.
    pub(super) fn fresh_group(geometry: &Geometry, group: u32) -> GroupState {
        let reserved = if group == 0 { ROOT } else { 0 };
        GroupState {
            free_blocks: geometry.blocks_in(group).saturating_sub(geometry.data_at()),
            free_inodes: geometry.inodes_per_group - reserved,
            block_hint: geometry.data_at(),
            inode_hint: reserved,
        }
    }

    /// Makes the group's bitmap of blocks, unless it is there, and returns its number.
    fn ready(&mut self, group: u32) -> u32 {
        let block = self.geometry.block_bitmap(group);
        if self.layers.find(block).is_none() {
            self.layers.insert(block, fresh_bitmap(&self.geometry, group));
        }
        block
    }

    /// Takes a free block: the next one from `near` on in its group, else any of that group, else
    /// any of the groups after it. What it holds is for the caller to write.
    ///
    /// # Errors
    /// `ENOSPC`
    pub fn take_block(&mut self, near: u32) -> Result<u32> {
        let groups = self.geometry.groups();
        let first = self.geometry.group_of(near).unwrap_or(0);
        for step in 0..groups {
            let group = (first + step) % groups;
            let state = self.groups[group as usize];
            if state.free_blocks == 0 {
                continue;
            }
            let start = self.geometry.start(group);
            let end = self.geometry.blocks_in(group);
            let bitmap = self.ready(group);
            let bits = self.layers.get_mut(bitmap);
            let wanted = near.saturating_sub(start).max(state.block_hint);
            let ahead = if step == 0 { find_clear(bits, wanted, end) } else { None };
            let Some(index) = ahead.or_else(|| find_clear(bits, state.block_hint, end)) else {
                return Err(Errno::EIO);
            };
            set(bits, index, true);
            let state = &mut self.groups[group as usize];
            state.free_blocks -= 1;
            if index == state.block_hint {
                state.block_hint += 1;
            }
            return Ok(start + index);
        }
        Err(Errno::ENOSPC)
    }

    /// Gives a block back.
    ///
    /// # Errors
    /// `EIO`: it is none that a file may have, or free already.
    pub fn free_block(&mut self, block: u32) -> Result<()> {
        let group = self.geometry.group_of(block).ok_or(Errno::EIO)?;
        let index = block - self.geometry.start(group);
        let bitmap = self.ready(group);
        if index < self.geometry.data_at() || !bit(self.layers.get(bitmap), index) {
            return Err(Errno::EIO);
        }
        set(self.layers.get_mut(bitmap), index, false);
        let state = &mut self.groups[group as usize];
        state.free_blocks += 1;
        state.block_hint = state.block_hint.min(index);
        self.layers.forget(block);
        Ok(())
    }

    /// Makes an inode: in the group of `near`, or one after it.
    ///
    /// # Errors
    /// `ENOSPC`: no inode is free.
    pub fn new_inode(
        &mut self,
        near: u32,
        kind: Kind,
        permissions: u32,
        policy: Policy,
    ) -> Result<(u32, Inode)> {
        let groups = self.geometry.groups();
        let first = near / self.geometry.inodes_per_group;
        let free = |g: &u32| self.groups[*g as usize].free_inodes > 0;
        let all = (0..groups).map(|step| (first + step) % groups);
        let group = all.into_iter().find(free).ok_or(Errno::ENOSPC)?;
        let bitmap = self.geometry.inode_bitmap(group);
        let state = &mut self.groups[group as usize];
        let bits = self.layers.get_mut(bitmap);
        let index = find_clear(bits, state.inode_hint, self.geometry.inodes_per_group);
        let index = index.ok_or(Errno::EIO)?;
        set(bits, index, true);
        state.free_inodes -= 1;
        state.inode_hint = index + 1;
        let ino = group * self.geometry.inodes_per_group + index;
        let mut node = Inode::free(self.any_inode(ino)?.generation);
        let now = self.now();
        node.mode = kind.bits() | permissions & 0o7777;
        node.policy = policy;
        (node.atime, node.mtime, node.ctime, node.btime) = (now, now, now, now);
        self.set_inode(ino, &node);
        Ok((ino, node))
    }

    /// Gives back an inode and all its blocks.
    ///
    /// # Errors
    /// `EIO`: it is none, or what it points to makes no sense.
    pub fn free_inode(&mut self, ino: u32) -> Result<()> {
        let mut node = self.inode(ino)?;
        self.cut(ino, &mut node, 0)?;
        self.set_inode(ino, &Inode::free(node.generation.wrapping_add(1)));
        let group = ino / self.geometry.inodes_per_group;
        let index = ino % self.geometry.inodes_per_group;
        set(self.layers.get_mut(self.geometry.inode_bitmap(group)), index, false);
        let state = &mut self.groups[group as usize];
        state.free_inodes += 1;
        state.inode_hint = state.inode_hint.min(index);
        Ok(())
    }

    /// Whether an inode's bit is set.
    pub fn inode_used(&self, ino: u32) -> bool {
        let bitmap = self.geometry.inode_bitmap(ino / self.geometry.inodes_per_group);
        bit(self.layers.get(bitmap), ino % self.geometry.inodes_per_group)
    }

    /// A bit of a group's bitmap of blocks that is there.
    pub fn bitmap_bit(&self, group: u32, index: u32) -> bool {
        bit(self.layers.get(self.geometry.block_bitmap(group)), index)
    }

    /// Whether a block's bit is set.
    pub fn block_used(&self, block: u32) -> bool {
        let Some(group) = self.geometry.group_of(block) else { return true };
        let index = block - self.geometry.start(group);
        match self.layers.find(self.geometry.block_bitmap(group)) {
            Some(bitmap) => bit(bitmap, index),
            None => index < self.geometry.data_at(),
        }
    }

    /// Counts again what is free in each group.
    pub fn recount(&mut self) {
        for group in 0..self.geometry.groups() {
            let mut state = Volume::fresh_group(&self.geometry, group);
            let inodes = self.layers.get(self.geometry.inode_bitmap(group));
            let numbers = state.inode_hint..self.geometry.inodes_per_group;
            state.free_inodes = numbers.filter(|i| !bit(inodes, *i)).count() as u32;
            if let Some(blocks) = self.layers.find(self.geometry.block_bitmap(group)) {
                let data = self.geometry.data_at()..self.geometry.blocks_in(group);
                state.free_blocks = data.filter(|i| !bit(blocks, *i)).count() as u32;
            }
            self.groups[group as usize] = state;
        }
    }

    /// Marks as used the blocks that `used` says, and the inodes that have a mode; counts anew.
    pub fn remark(&mut self, used: impl Fn(u32) -> bool) {
        for group in 0..self.geometry.groups() {
            let start = self.geometry.start(group);
            let data = self.geometry.data_at()..self.geometry.blocks_in(group);
            let blocks: Vec<u32> = data.filter(|index| used(start + index)).collect();
            let bitmap = self.geometry.block_bitmap(group);
            if !blocks.is_empty() || self.layers.find(bitmap).is_some() {
                let mut bits = fresh_bitmap(&self.geometry, group);
                blocks.into_iter().for_each(|index| set(&mut bits, index, true));
                self.layers.insert(bitmap, bits);
            }
            let first = group * self.geometry.inodes_per_group;
            let numbers = 0..self.geometry.inodes_per_group;
            let inodes: Vec<u32> = numbers.filter(|i| self.inode(first + i).is_ok()).collect();
            let bitmap = self.geometry.inode_bitmap(group);
            if !inodes.is_empty() || self.layers.find(bitmap).is_some() {
                let mut bits = zeroed();
                inodes.into_iter().for_each(|index| set(&mut bits, index, true));
                self.layers.insert(bitmap, bits);
            }
        }
        self.recount();
    }

    /// The volume grew: frees the blocks that its last group got.
    pub(super) fn extend_group(&mut self, group: u32, had: u32) {
        let bitmap = self.geometry.block_bitmap(group);
        let end = self.geometry.blocks_in(group);
        // Made where it was not: so a snapshot and a save see that something changed.
        self.ready(group);
        let bits = self.layers.get_mut(bitmap);
        (had..end).for_each(|index| set(bits, index, false));
        let state = &mut self.groups[group as usize];
        state.free_blocks += end - had;
        state.block_hint = state.block_hint.min(had);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::group::BITS;
    use std::sync::Arc;

    #[test]
    fn clear_bits_are_found() {
        let mut bitmap = zeroed();
        bitmap.fill(0xff);
        for index in [3, 64, 130] {
            set(&mut bitmap, index, false);
        }
        assert_eq!(find_clear(&bitmap, 0, BITS), Some(3));
        assert_eq!(find_clear(&bitmap, 4, BITS), Some(64));
        assert_eq!(find_clear(&bitmap, 65, BITS), Some(130));
        assert_eq!(find_clear(&bitmap, 65, 130), None);
        assert_eq!(find_clear(&bitmap, 131, BITS), None);
    }

    #[test]
    fn all_blocks_can_be_taken_and_given_back() {
        let mut v = Volume::new(40_000, 100, Arc::new(|| 0)).unwrap();
        let free = |v: &Volume| v.groups.iter().map(|g| g.free_blocks).sum::<u32>();
        let all = free(&v);
        let taken: Vec<u32> = (0..all).map(|_| v.take_block(0).unwrap()).collect();
        assert_eq!(v.take_block(0), Err(Errno::ENOSPC));
        assert!(taken.iter().all(|b| v.geometry.is_data(*b) && v.block_used(*b)));
        assert!(taken.windows(2).all(|w| w[0] < w[1]));
        for b in &taken {
            v.free_block(*b).unwrap();
        }
        assert_eq!(v.free_block(taken[0]), Err(Errno::EIO));
        assert_eq!(free(&v), all);
        let counted = v.groups.clone();
        v.recount();
        assert!(
            v.groups
                .iter()
                .zip(counted)
                .all(|(a, b)| a.free_blocks == b.free_blocks && a.free_inodes == b.free_inodes)
        );
        v.grow(50_000).unwrap();
        // What the last group lacked, and a group of its own for the rest.
        let more = free(&v);
        assert!(more > all + 9000 && more < all + 10_000);
        assert_eq!((0..more + 9).filter(|_| v.take_block(0).is_ok()).count() as u32, more);
    }
}
