//! The shape of a directory: its blocks must be the tree that the code which reads it relies on.
//! Otherwise a look-up could go around in circles, a listing could take for ever, and a split
//! could write to slots that are none.

use super::check::Seen;
use crate::layout::BLOCK;
use crate::layout::dirblock::{self, NODE_BITS, SLOTS};
use crate::layout::inode::Inode;
use crate::tree::LEVELS;
use crate::volume::Volume;

/// Whether the blocks of a directory are a tree in which each of them is once.
pub(super) fn is_tree(volume: &Volume, dir: &Inode) -> bool {
    let mut walk = Walk { volume, dir, seen: Seen::default(), blocks: 0 };
    if dir.len == 0 {
        return true;
    }
    // A block, the nodes above it, and the slots that lead to it.
    let mut ways = vec![(0, 0, 1)];
    while let Some((fb, level, slots)) = ways.pop() {
        match walk.block(fb, level, slots) {
            Some(mut below) => ways.append(&mut below),
            None => return false,
        }
    }
    walk.blocks == dir.len / BLOCK as u64
}

struct Walk<'v> {
    volume: &'v Volume,
    dir: &'v Inode,
    seen: Seen,
    blocks: u64,
}

impl Walk<'_> {
    /// Looks at a block; returns those below it. `None`: it cannot be there.
    fn block(&mut self, fb: u32, level: u32, slots: usize) -> Option<Vec<(u32, u32, usize)>> {
        self.once(fb)?;
        let block = self.volume.dir_block(self.dir, fb).ok()?;
        if !dirblock::is_node(block).ok()? {
            self.leaves(fb, level, slots)?;
            return Some(Vec::new());
        }
        if slots != 1 || level >= LEVELS {
            return None;
        }
        let (mut below, mut first) = (Vec::new(), 0);
        while first < SLOTS {
            let to = dirblock::slot(block, first);
            let run = (first..SLOTS).take_while(|slot| dirblock::slot(block, *slot) == to).count();
            if !run.is_power_of_two() || !first.is_multiple_of(run) {
                return None;
            }
            below.push((to, level + 1, run));
            first += run;
        }
        Some(below)
    }

    /// Looks at a leaf and its chain.
    fn leaves(&mut self, fb: u32, level: u32, slots: usize) -> Option<()> {
        let mut leaf = self.leaf(fb)?;
        let depth = leaf.depth;
        let bits = (NODE_BITS * level).checked_sub(depth).filter(|bits| *bits <= NODE_BITS)?;
        if slots != 1 << bits {
            return None;
        }
        while leaf.next != 0 {
            let next = leaf.next;
            self.once(next)?;
            leaf = self.leaf(next).filter(|l| l.depth == depth && depth == NODE_BITS * LEVELS)?;
        }
        Some(())
    }

    /// A leaf whose entries go as far as it says.
    fn leaf(&self, fb: u32) -> Option<dirblock::Leaf> {
        let block = self.volume.dir_block(self.dir, fb).ok()?;
        let leaf = dirblock::leaf(block).ok()?;
        (dirblock::end(block) == leaf.used).then_some(leaf)
    }

    fn once(&mut self, fb: u32) -> Option<()> {
        self.blocks += 1;
        self.seen.insert(fb).then_some(())
    }
}
