//! Makes a sound volume of what is left of one. What is whole and can be reached stays; files that
//! have lost their names get one in `/lost+found`; what makes no sense goes.

use super::check::{Seen, is_name, written_inodes};
use crate::errno::{Errno, Result};
use crate::layout::dirblock;
use crate::layout::inode::{ALL, DIRECT, Inode, Kind, LINKS, Policy, ROOT};
use crate::layout::{BLOCK, POINTERS, get_u32, put_u32};
use crate::tree::{PATH, Tree};
use crate::volume::{MAX_LEN, Volume};
use std::collections::{BTreeMap, BTreeSet};

/// An entry that was found in a block of a directory.
type Raw = (Vec<u8>, u32);

/// Repairs a volume. What it counts and what its bitmaps say is made anew.
///
/// # Errors
/// `ENOSPC`: there is no room for what is left.
pub(crate) fn repair(mut volume: Volume) -> Result<Volume> {
    volume.layers.drop_dirty();
    let seen = inodes(&mut volume);
    volume.remark(|block| seen.has(block));
    let mut tree = Tree::new(volume);
    root(&mut tree)?;
    let raw = directories(&mut tree)?;
    let mut walk = Walk { reached: BTreeSet::new(), tree };
    walk.from(ROOT)?;
    walk.attach_lost(&raw)?;
    Ok(walk.tree.volume)
}

/// Clears inodes that make no sense and pointers that lead nowhere; returns the blocks in use.
fn inodes(volume: &mut Volume) -> Seen {
    let mut seen = Seen::default();
    for ino in written_inodes(volume).collect::<Vec<_>>() {
        let node = volume.any_inode(ino).ok().filter(|n| ino >= ROOT && n.nlink > 0 && sane(n));
        let generation = volume.any_inode(ino).map_or(0, |n| n.generation);
        let Some(mut node) = node else {
            volume.set_inode(ino, &Inode::free(generation));
            continue;
        };
        node.len = node.len.min(MAX_LEN);
        if node.is_dir() {
            // Until it is reached: what is there may be no inode's number.
            node.parent = ROOT;
            node.len -= node.len % BLOCK as u64;
        }
        let end = node.len.div_ceil(BLOCK as u64);
        let mut keep = Keep { volume, seen: &mut seen, end, count: 0 };
        let mut start = 0;
        for i in 0..ALL {
            let depth = (i + 1).saturating_sub(DIRECT) as u32;
            if node.is_inline() || !keep.all(node.pointers[i], depth, start) {
                node.pointers[i] = 0;
            }
            start += POINTERS.pow(depth);
        }
        node.blocks = keep.count;
        volume.clear_end(&node);
        volume.set_inode(ino, &node);
    }
    seen
}

fn sane(node: &Inode) -> bool {
    match node.kind() {
        Some(Kind::Symlink) => (1..=PATH as u64).contains(&node.len),
        Some(_) => true,
        None => false,
    }
}

struct Keep<'v> {
    volume: &'v mut Volume,
    seen: &'v mut Seen,
    /// Blocks of the file.
    end: u64,
    count: u64,
}

impl Keep<'_> {
    /// Whether a pointer can stay; below it only those that can do.
    fn all(&mut self, block: u32, depth: u32, start: u64) -> bool {
        let can = block != 0
            && start < self.end
            && self.volume.geometry.is_data(block)
            && self.seen.insert(block);
        if !can {
            return false;
        }
        self.count += 1;
        for i in 0..if depth == 0 { 0 } else { POINTERS } {
            let at = i as usize * 4;
            let next = get_u32(self.volume.layers.get(block), at);
            let first = start + i * POINTERS.pow(depth - 1);
            if next != 0 && !self.all(next, depth - 1, first) {
                put_u32(self.volume.layers.get_mut(block), at, 0);
            }
        }
        true
    }
}

/// Makes a root directory if there is none.
fn root(tree: &mut Tree) -> Result<()> {
    let volume = &mut tree.volume;
    let mut node = match volume.inode(ROOT) {
        Ok(node) if node.is_dir() => node,
        Ok(_) => {
            // A file in its place can have no name: there is no directory that leads to it.
            volume.free_inode(ROOT)?;
            fresh_root(volume)?
        }
        Err(_) => fresh_root(volume)?,
    };
    (node.parent, node.nlink) = (ROOT, 2);
    volume.set_inode(ROOT, &node);
    Ok(())
}

fn fresh_root(volume: &mut Volume) -> Result<Inode> {
    let (ino, node) = volume.new_inode(0, Kind::Dir, 0o755, Policy::Conflict)?;
    if ino == ROOT { Ok(node) } else { Err(Errno::EIO) }
}

/// Builds all directories anew from what their leaves hold.
fn directories(tree: &mut Tree) -> Result<BTreeMap<u32, Vec<Raw>>> {
    let mut all = BTreeMap::new();
    for ino in written_inodes(&tree.volume).collect::<Vec<_>>() {
        let Ok(mut node) = tree.volume.inode(ino) else { continue };
        if !node.is_dir() {
            continue;
        }
        let raw = entries(&tree.volume, &node);
        tree.volume.free_from(&mut node, 0)?;
        (node.len, node.blocks, node.entries, node.nlink) = (0, 0, 0, 2);
        for (name, child) in &raw {
            let Ok(inode) = tree.volume.inode(*child) else { continue };
            let kind = inode.kind().ok_or(Errno::EIO)?.byte();
            tree.volume.add_name(&mut node, name, *child, kind)?;
        }
        tree.volume.set_inode(ino, &node);
        all.insert(ino, raw);
    }
    Ok(all)
}

/// The entries of a directory that can be, each name once.
fn entries(volume: &Volume, node: &Inode) -> Vec<Raw> {
    let mut found: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    // By pointers: what the length says may be far more than there is.
    volume.each_block(node, &mut |block, depth, _| {
        if depth == 0 {
            for e in dirblock::entries(volume.layers.get(block)) {
                if is_name(e.name) && e.ino != ROOT && volume.inode(e.ino).is_ok() {
                    found.entry(e.name.to_vec()).or_insert(e.ino);
                }
            }
        }
        true
    });
    found.into_iter().collect()
}

struct Walk {
    tree: Tree,
    reached: BTreeSet<u32>,
}

impl Walk {
    /// Goes through the tree below a directory that has its name: counts links, sets parents,
    /// takes out second names of directories.
    fn from(&mut self, top: u32) -> Result<()> {
        self.reached.insert(top);
        let mut dirs = vec![top];
        while let Some(dir) = dirs.pop() {
            for e in self.tree.volume.list_all(&self.tree.volume.inode(dir)?)? {
                let mut node = self.tree.volume.inode(e.ino)?;
                let new = self.reached.insert(e.ino);
                if !new && (node.is_dir() || node.nlink >= LINKS) {
                    self.tree.leave(dir, &e.name)?;
                    continue;
                }
                if node.is_dir() {
                    node.parent = dir;
                    self.tree.count_subdir(dir, true)?;
                    dirs.push(e.ino);
                } else {
                    node.nlink = if new { 1 } else { node.nlink + 1 };
                }
                self.tree.volume.set_inode(e.ino, &node);
            }
        }
        Ok(())
    }

    /// Gives names to what has none: first to what no lost directory names.
    fn attach_lost(&mut self, raw: &BTreeMap<u32, Vec<Raw>>) -> Result<()> {
        let all: Vec<u32> = written_inodes(&self.tree.volume)
            .filter(|ino| self.tree.volume.inode(*ino).is_ok())
            .collect();
        let mut named = BTreeSet::new();
        for dir in all.iter().filter(|ino| !self.reached.contains(ino)) {
            named.extend(raw.get(dir).into_iter().flatten().map(|(_, ino)| *ino));
        }
        for pass in [false, true] {
            for ino in &all {
                if !self.reached.contains(ino) && named.contains(ino) == pass {
                    self.attach(*ino)?;
                }
            }
        }
        Ok(())
    }

    fn attach(&mut self, ino: u32) -> Result<()> {
        let lost = match self.tree.lookup(b"/lost+found", false) {
            Ok(dir) if self.tree.volume.inode(dir)?.is_dir() => dir,
            Ok(_) => ROOT,
            Err(_) => {
                let dir = self.tree.make(ROOT, b"lost+found", Kind::Dir, 0o755)?;
                self.reached.insert(dir);
                dir
            }
        };
        let mut name = format!("#{ino}").into_bytes();
        while self.tree.volume.find_name(&self.tree.volume.inode(lost)?, &name)?.is_some() {
            name.push(b'#');
        }
        let mut node = self.tree.volume.inode(ino)?;
        self.tree.enter(lost, &name, ino, &node)?;
        if node.is_dir() {
            node.parent = lost;
            self.tree.count_subdir(lost, true)?;
            self.tree.volume.set_inode(ino, &node);
            return self.from(ino);
        }
        node.nlink = 1;
        self.reached.insert(ino);
        self.tree.volume.set_inode(ino, &node);
        Ok(())
    }
}
