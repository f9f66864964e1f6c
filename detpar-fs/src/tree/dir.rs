//! Names in directories: a tree by hash, so that a name is found in a few blocks however many
//! there are, and a listing has the same order whoever made the entries when.

use crate::errno::{Errno, Result};
use crate::layout::dirblock::{self, NODE_BITS, SLOTS};
use crate::layout::inode::Inode;
use crate::volume::Volume;

/// Levels of nodes; names whose hashes share the bits of all of them lie in chains.
pub(crate) const LEVELS: u32 = 6;

/// What a directory says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub ino: u32,
    pub kind: u8,
    /// The directory's block and the place in it.
    place: (u32, usize),
}

/// An entry, to be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub hash: u64,
    pub ino: u32,
    pub kind: u8,
    pub name: Vec<u8>,
}

/// Where a hash leads.
struct Way {
    leaf: u32,
    /// The node above the leaf, and the slot in it.
    parent: Option<(u32, usize)>,
    /// Nodes above the leaf.
    level: u32,
}

fn slot_of(hash: u64, level: u32) -> usize {
    (hash >> (64 - NODE_BITS * (level + 1))) as usize & (SLOTS - 1)
}

impl Volume {
    fn way(&self, dir: &Inode, hash: u64) -> Result<Way> {
        let (mut leaf, mut parent) = (0, None);
        for level in 0..=LEVELS {
            let block = self.dir_block(dir, leaf)?;
            if !dirblock::is_node(block)? {
                return Ok(Way { leaf, parent, level });
            }
            if level == LEVELS {
                break;
            }
            let slot = slot_of(hash, level);
            parent = Some((leaf, slot));
            leaf = dirblock::slot(block, slot);
        }
        Err(Errno::EIO)
    }

    /// The blocks of a leaf and its chain.
    fn chain(&self, dir: &Inode, leaf: u32) -> impl Iterator<Item = Result<u32>> {
        let (mut next, mut left) = (Some(leaf), dir.len / crate::layout::BLOCK as u64);
        std::iter::from_fn(move || {
            let fb = next.take()?;
            let Some(fewer) = left.checked_sub(1) else { return Some(Err(Errno::EIO)) };
            left = fewer;
            match self.dir_block(dir, fb).and_then(dirblock::leaf) {
                Ok(leaf) => {
                    next = (leaf.next != 0).then_some(leaf.next);
                    Some(Ok(fb))
                }
                Err(e) => Some(Err(e)),
            }
        })
    }

    /// Looks a name up.
    ///
    /// # Errors
    /// `EIO`: the directory is damaged.
    pub fn find_name(&self, dir: &Inode, name: &[u8]) -> Result<Option<Found>> {
        if dir.len == 0 {
            return Ok(None);
        }
        let way = self.way(dir, dirblock::hash(name))?;
        for fb in self.chain(dir, way.leaf) {
            let fb = fb?;
            if let Some(e) = dirblock::find(self.dir_block(dir, fb)?, name) {
                return Ok(Some(Found { ino: e.ino, kind: e.kind, place: (fb, e.at) }));
            }
        }
        Ok(None)
    }

    /// Adds a name that is not there. The caller writes the inode.
    ///
    /// # Errors
    /// `ENOSPC`: the directory is as it was, perhaps in more blocks.
    pub fn add_name(&mut self, dir: &mut Inode, name: &[u8], ino: u32, kind: u8) -> Result<()> {
        if dir.len == 0 {
            self.add_dir_block(dir, dirblock::new_leaf(0))?;
        }
        let hash = dirblock::hash(name);
        loop {
            let way = self.way(dir, hash)?;
            let mut last = way.leaf;
            let mut room = None;
            for fb in self.chain(dir, way.leaf) {
                last = fb?;
                let leaf = dirblock::leaf(self.dir_block(dir, last)?)?;
                if room.is_none() && dirblock::has_room(&leaf, name) {
                    room = Some(last);
                }
            }
            if let Some(fb) = room {
                dirblock::push(self.dir_block_mut(dir, fb)?, ino, kind, name);
                dir.entries += 1;
                return Ok(());
            }
            self.make_room(dir, &way, last)?;
        }
    }

    /// Splits a leaf, or adds to its chain where hashes have no more bits.
    fn make_room(&mut self, dir: &mut Inode, way: &Way, last: u32) -> Result<()> {
        let leaf = dirblock::leaf(self.dir_block(dir, way.leaf)?)?;
        if leaf.depth >= NODE_BITS * LEVELS {
            let depth = dirblock::leaf(self.dir_block(dir, last)?)?.depth;
            let fb = self.add_dir_block(dir, dirblock::new_leaf(depth))?;
            dirblock::set_next(self.dir_block_mut(dir, last)?, fb);
            return Ok(());
        }
        if leaf.depth < NODE_BITS * way.level {
            return self.split(dir, way, leaf.depth);
        }
        // The leaf has one slot, or is the directory's only block: a node takes its place.
        match way.parent {
            Some((node, slot)) => {
                let fb = self.add_dir_block(dir, dirblock::new_node(way.leaf))?;
                dirblock::set_slot(self.dir_block_mut(dir, node)?, slot, fb);
            }
            None => {
                let contents = Box::new(*self.dir_block(dir, 0)?);
                let fb = self.add_dir_block(dir, contents)?;
                *self.dir_block_mut(dir, 0)? = *dirblock::new_node(fb);
            }
        }
        Ok(())
    }

    /// Moves those names of a leaf to a new one whose next bit is set.
    fn split(&mut self, dir: &mut Inode, way: &Way, depth: u32) -> Result<()> {
        let (node, slot) = way.parent.ok_or(Errno::EIO)?;
        let bit = 1u64 << (63 - depth);
        let (mut low, mut high) = (dirblock::new_leaf(depth + 1), dirblock::new_leaf(depth + 1));
        for e in dirblock::entries(self.dir_block(dir, way.leaf)?) {
            let to = if dirblock::hash(e.name) & bit == 0 { &mut low } else { &mut high };
            dirblock::push(to, e.ino, e.kind, e.name);
        }
        let fb = self.add_dir_block(dir, high)?;
        *self.dir_block_mut(dir, way.leaf)? = *low;
        // The leaf's slots are as many as the bits that it does not look at yet can say.
        let slots = 1usize << (NODE_BITS * way.level - depth);
        let first = slot & !(slots - 1);
        let node = self.dir_block_mut(dir, node)?;
        for i in first + slots / 2..first + slots {
            dirblock::set_slot(node, i, fb);
        }
        Ok(())
    }

    /// Takes out a name that `find_name` found. The caller writes the inode.
    ///
    /// # Errors
    /// `EIO`: the directory is damaged.
    pub fn drop_name(&mut self, dir: &mut Inode, found: Found) -> Result<()> {
        let (fb, at) = found.place;
        dirblock::remove(self.dir_block_mut(dir, fb)?, at);
        dir.entries = dir.entries.saturating_sub(1);
        if dir.entries == 0 {
            self.free_from(dir, 0)?;
            dir.len = 0;
        }
        Ok(())
    }

    /// Points a name that `find_name` found to another inode.
    ///
    /// # Errors
    /// `EIO`: the directory is damaged.
    pub fn turn_name(&mut self, dir: &Inode, found: Found, ino: u32, kind: u8) -> Result<()> {
        let (fb, at) = found.place;
        dirblock::replace(self.dir_block_mut(dir, fb)?, at, ino, kind);
        Ok(())
    }

    /// The entries of the first leaf that has any whose place is `from` or later, in order.
    /// Empty: there are no more.
    ///
    /// # Errors
    /// `EIO`: the directory is damaged.
    pub fn list(&self, dir: &Inode, from: u64) -> Result<Vec<Listed>> {
        let mut from = Some(from);
        while let Some(at) = from.filter(|_| dir.len > 0) {
            let way = self.way(dir, at)?;
            let mut listed = Vec::new();
            for fb in self.chain(dir, way.leaf) {
                listed.extend(dirblock::entries(self.dir_block(dir, fb?)?).filter_map(|e| {
                    let hash = dirblock::hash(e.name);
                    let entry = Listed { hash, ino: e.ino, kind: e.kind, name: e.name.to_vec() };
                    (hash >= at).then_some(entry)
                }));
            }
            if !listed.is_empty() {
                listed.sort_by(|a, b| (a.hash, &a.name).cmp(&(b.hash, &b.name)));
                return Ok(listed);
            }
            let depth = dirblock::leaf(self.dir_block(dir, way.leaf)?)?.depth;
            if depth == 0 {
                break;
            }
            let step = 1u64 << (64 - depth);
            from = (at & !(step - 1)).checked_add(step);
        }
        Ok(Vec::new())
    }

    /// All entries, in the order of a listing.
    ///
    /// # Errors
    /// `EIO`: the directory is damaged.
    pub fn list_all(&self, dir: &Inode) -> Result<Vec<Listed>> {
        let mut all: Vec<Listed> = Vec::new();
        let mut from = Some(0);
        while let Some(at) = from {
            let mut some = self.list(dir, at)?;
            from = some.last().and_then(|e| e.hash.checked_add(512));
            all.append(&mut some);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    #[test]
    fn names_are_found_whatever_came_and_went() {
        let mut v = Volume::new(20_000, 100, Arc::new(|| 0)).unwrap();
        let mut dir = v.inode(2).unwrap();
        let mut model = BTreeMap::new();
        let mut seed = 7u64;
        for round in 0..60_000u32 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let n = (seed >> 40) % 9000;
            let name = format!("{n}{}", "y".repeat((n % 37) as usize)).into_bytes();
            let found = v.find_name(&dir, &name).unwrap();
            assert_eq!(found.map(|f| f.ino), model.get(&name).copied());
            match found {
                Some(f) if round % 3 == 0 => {
                    v.drop_name(&mut dir, f).unwrap();
                    model.remove(&name);
                }
                Some(f) => {
                    v.turn_name(&dir, f, round, 8).unwrap();
                    model.insert(name, round);
                }
                None => {
                    v.add_name(&mut dir, &name, round, 8).unwrap();
                    model.insert(name, round);
                }
            }
        }
        assert!(model.len() > 5000);
        let listed = v.list_all(&dir).unwrap();
        assert!(listed.windows(2).all(|w| w[0].hash <= w[1].hash));
        let listed: BTreeMap<_, _> = listed.into_iter().map(|e| (e.name, e.ino)).collect();
        assert_eq!(listed, model);
        for name in model.keys() {
            let found = v.find_name(&dir, name).unwrap().unwrap();
            v.drop_name(&mut dir, found).unwrap();
        }
        assert_eq!((dir.len, dir.blocks, dir.entries), (0, 0, 0));
    }

    #[test]
    fn names_with_one_hash_lie_in_a_chain() {
        // A node's slot is what the hash says, so leaves of the last depth stand for collisions.
        let mut v = Volume::new(2000, 100, Arc::new(|| 0)).unwrap();
        let mut dir = v.inode(2).unwrap();
        v.add_dir_block(&mut dir, dirblock::new_leaf(NODE_BITS * LEVELS)).unwrap();
        let names: Vec<Vec<u8>> = (0..200).map(|i| format!("{i:0>200}").into_bytes()).collect();
        for (i, name) in names.iter().enumerate() {
            v.add_name(&mut dir, name, i as u32, 8).unwrap();
        }
        for (i, name) in names.iter().enumerate() {
            assert_eq!(v.find_name(&dir, name).unwrap().unwrap().ino, i as u32);
        }
        assert!(dir.len > 10 * 4096);
    }
}
