//! Where the blocks of a file lie: ten direct pointers, then trees one, two and three deep.

use super::Volume;
use crate::errno::{Errno, Result};
use crate::layout::inode::{DIRECT, Inode};
use crate::layout::{BLOCK, POINTERS, get_u32, put_u32, zeroed};

/// Blocks of the largest file.
const MAX_BLOCKS: u64 = DIRECT as u64 + POINTERS + POINTERS.pow(2) + POINTERS.pow(3);
/// Bytes of the largest file.
pub(crate) const MAX_LEN: u64 = MAX_BLOCKS * BLOCK as u64;

/// Where the pointer to a block of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    /// In the inode.
    Inode(usize),
    /// In an indirect block, at this index.
    Block(u32, usize),
    /// Nowhere: this many blocks from here on are a hole.
    Hole(u64),
}

/// A block's way down: the pointer of the inode, how deep its tree is, the index in the tree.
fn way(fb: u64) -> Option<(usize, u32, u64)> {
    if fb < DIRECT as u64 {
        return Some((fb as usize, 0, 0));
    }
    let mut index = fb - DIRECT as u64;
    for depth in 1..=3 {
        if index < POINTERS.pow(depth) {
            return Some((DIRECT + depth as usize - 1, depth, index));
        }
        index -= POINTERS.pow(depth);
    }
    None
}

impl Volume {
    /// Where the pointer to a file's block is.
    pub(super) fn leaf(&self, node: &Inode, fb: u64) -> Leaf {
        let Some((pointer, mut depth, mut index)) = way(fb) else { return Leaf::Hole(1 << 40) };
        if depth == 0 {
            return Leaf::Inode(pointer);
        }
        let mut block = node.pointers[pointer];
        loop {
            let below = POINTERS.pow(depth - 1);
            if block == 0 {
                return Leaf::Hole(below * POINTERS - index);
            }
            if depth == 1 {
                return Leaf::Block(block, index as usize);
            }
            block = get_u32(self.layers.get(block), (index / below) as usize * 4);
            (depth, index) = (depth - 1, index % below);
        }
    }

    /// The same for a block that is to be written: makes the indirect blocks on the way.
    ///
    /// # Errors
    /// `EFBIG`, `ENOSPC`
    pub(super) fn leaf_mut(&mut self, node: &mut Inode, fb: u64, near: u32) -> Result<Leaf> {
        let (pointer, mut depth, mut index) = way(fb).ok_or(Errno::EFBIG)?;
        if depth == 0 {
            return Ok(Leaf::Inode(pointer));
        }
        let mut block = node.pointers[pointer];
        if block == 0 {
            block = self.take_block(near)?;
            self.layers.insert(block, zeroed());
            node.pointers[pointer] = block;
            node.blocks += 1;
        }
        while depth > 1 {
            let below = POINTERS.pow(depth - 1);
            let at = (index / below) as usize * 4;
            let mut next = get_u32(self.layers.get(block), at);
            if next == 0 {
                next = self.take_block(near)?;
                self.layers.insert(next, zeroed());
                put_u32(self.layers.get_mut(block), at, next);
                node.blocks += 1;
            }
            block = next;
            (depth, index) = (depth - 1, index % below);
        }
        Ok(Leaf::Block(block, index as usize))
    }

    /// The block that a pointer names; 0 for a hole.
    pub(super) fn pointer(&self, node: &Inode, leaf: Leaf) -> u32 {
        match leaf {
            Leaf::Inode(i) => node.pointers[i],
            Leaf::Block(b, i) => get_u32(self.layers.get(b), i * 4),
            Leaf::Hole(_) => 0,
        }
    }

    /// Sets a pointer that `leaf_mut` gave.
    pub(super) fn set_pointer(&mut self, node: &mut Inode, leaf: Leaf, to: u32) {
        match leaf {
            Leaf::Inode(i) => node.pointers[i] = to,
            Leaf::Block(b, i) => put_u32(self.layers.get_mut(b), i * 4, to),
            Leaf::Hole(_) => {}
        }
    }

    /// Frees all blocks of a file from the `keep`th on.
    ///
    /// # Errors
    /// `EIO`: the pointers make no sense.
    pub(crate) fn free_from(&mut self, node: &mut Inode, keep: u64) -> Result<()> {
        for i in keep.min(DIRECT as u64) as usize..DIRECT {
            let block = std::mem::take(&mut node.pointers[i]);
            if block != 0 {
                self.free_block(block)?;
                node.blocks = node.blocks.saturating_sub(1);
            }
        }
        let mut start = DIRECT as u64;
        for depth in 1..=3 {
            let pointer = DIRECT + depth as usize - 1;
            let keep = keep.saturating_sub(start);
            if keep < POINTERS.pow(depth) && node.pointers[pointer] != 0 {
                let freed = self.free_tree(node.pointers[pointer], depth, keep)?;
                node.blocks = node.blocks.saturating_sub(freed);
                if keep == 0 {
                    node.pointers[pointer] = 0;
                }
            }
            start += POINTERS.pow(depth);
        }
        Ok(())
    }

    /// Frees the blocks of a tree from the `keep`th on, the tree itself if none is kept. Returns
    /// how many.
    fn free_tree(&mut self, block: u32, depth: u32, keep: u64) -> Result<u64> {
        let below = POINTERS.pow(depth - 1);
        let mut freed = 0;
        for i in (keep / below) as usize..POINTERS as usize {
            let next = get_u32(self.layers.get(block), i * 4);
            if next == 0 {
                continue;
            }
            let rest = keep.saturating_sub(i as u64 * below);
            if depth > 1 {
                freed += self.free_tree(next, depth - 1, rest)?;
            } else {
                self.free_block(next)?;
                freed += 1;
            }
            if rest == 0 && keep != 0 {
                put_u32(self.layers.get_mut(block), i * 4, 0);
            }
        }
        if keep == 0 {
            self.free_block(block)?;
            freed += 1;
        }
        Ok(freed)
    }

    /// Calls `visit` with every block that a file's pointers reach: its number, how deep the tree
    /// below it is (0: data), and the file's block that it is or begins with. A tree is entered
    /// where `visit` says so.
    pub fn each_block(&self, node: &Inode, visit: &mut impl FnMut(u32, u32, u64) -> bool) {
        for (fb, block) in node.pointers[..DIRECT].iter().enumerate() {
            if *block != 0 {
                visit(*block, 0, fb as u64);
            }
        }
        let mut start = DIRECT as u64;
        for depth in 1..=3 {
            self.each_in_tree(node.pointers[DIRECT + depth as usize - 1], depth, start, visit);
            start += POINTERS.pow(depth);
        }
    }

    fn each_in_tree(
        &self,
        block: u32,
        depth: u32,
        start: u64,
        visit: &mut impl FnMut(u32, u32, u64) -> bool,
    ) {
        if block == 0 || !visit(block, depth, start) || depth == 0 {
            return;
        }
        let table = self.layers.get(block);
        for i in 0..POINTERS {
            let next = get_u32(table, i as usize * 4);
            self.each_in_tree(next, depth - 1, start + i * POINTERS.pow(depth - 1), visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_cover_all_blocks() {
        assert_eq!(way(9), Some((9, 0, 0)));
        assert_eq!(way(10), Some((10, 1, 0)));
        assert_eq!(way(1033), Some((10, 1, 1023)));
        assert_eq!(way(1034), Some((11, 2, 0)));
        assert_eq!(way(1034 + 1024 * 1024), Some((12, 3, 0)));
        assert_eq!(way(MAX_BLOCKS - 1), Some((12, 3, (1 << 30) - 1)));
        assert_eq!(way(MAX_BLOCKS), None);
    }
}
