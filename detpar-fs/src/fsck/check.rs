//! The look itself. It trusts nothing: a volume may come from anywhere.

use super::{MOST, Place, Problem, shape};
use crate::layout::dirblock::{self, NAME};
use crate::layout::inode::{Inode, Kind, LINKS, ROOT};
use crate::layout::{BLOCK, Block, group, zeroed};
use crate::volume::{MAX_LEN, Volume};
use std::collections::{BTreeMap, BTreeSet};

/// A set of blocks.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<u32, Box<Block>>);

impl Seen {
    /// Adds one; `false` if it was there.
    pub fn insert(&mut self, block: u32) -> bool {
        let bits = self.0.entry(block / group::BITS).or_insert_with(zeroed);
        let bit = block % group::BITS;
        let byte = &mut bits[bit as usize / 8];
        let new = *byte >> (bit % 8) & 1 == 0;
        *byte |= 1 << (bit % 8);
        new
    }

    /// Whether one is there.
    pub fn has(&self, block: u32) -> bool {
        let bit = block % group::BITS;
        let bits = self.0.get(&(block / group::BITS));
        bits.is_some_and(|b| b[bit as usize / 8] >> (bit % 8) & 1 == 1)
    }
}

struct Check<'v> {
    volume: &'v Volume,
    problems: Vec<Problem>,
    blocks: Seen,
    /// Inodes that the tree reaches, and by how many names.
    links: BTreeMap<u32, u32>,
    /// Directories in directories.
    subdirs: BTreeMap<u32, u32>,
}

/// Everything that is wrong, up to a thousand things; empty: all is well. Inodes without a name
/// that wait for their last user are well.
pub(crate) fn check(volume: &Volume) -> Vec<Problem> {
    let mut check = Check {
        volume,
        problems: Vec::new(),
        blocks: Seen::default(),
        links: BTreeMap::new(),
        subdirs: BTreeMap::new(),
    };
    check.names();
    check.inodes();
    check.groups();
    check.problems.truncate(MOST);
    check.problems
}

/// The inodes whose block was ever written.
pub(crate) fn written_inodes(volume: &Volume) -> impl Iterator<Item = u32> + use<'_> {
    let geometry = volume.geometry;
    let blocks = (0..geometry.inodes()).step_by(group::INODES as usize);
    let written = blocks.filter(move |i| volume.layers.find(geometry.inode_place(*i).0).is_some());
    written.flat_map(|first| first..first + group::INODES)
}

/// Whether a directory can have an entry of that name.
pub(super) fn is_name(name: &[u8]) -> bool {
    (1..=NAME).contains(&name.len())
        && !name.iter().any(|b| matches!(b, 0 | b'/'))
        && name != b"."
        && name != b".."
}

impl Check<'_> {
    fn problem(&mut self, place: Place, what: &'static str) {
        if self.problems.len() < MOST {
            self.problems.push(Problem { place, what });
        }
    }

    /// Goes through the tree from the root.
    fn names(&mut self) {
        match self.volume.inode(ROOT) {
            Ok(root) if root.is_dir() && root.parent == ROOT => {}
            _ => return self.problem(Place::Inode(ROOT), "is no root directory"),
        }
        self.links.insert(ROOT, 1);
        let mut dirs = vec![ROOT];
        while let Some(dir) = dirs.pop() {
            let Ok(node) = self.volume.inode(dir) else { continue };
            let Some(listed) = self.entries(dir, &node) else { continue };
            for (name, ino, kind) in listed {
                match self.volume.inode(ino) {
                    Ok(child) if child.kind().map(Kind::byte) == Some(kind) => {
                        let links = self.links.entry(ino).or_insert(0);
                        *links += 1;
                        if !child.is_dir() {
                            continue;
                        }
                        if *links > 1 {
                            self.problem(Place::Inode(ino), "is a directory with two names");
                            continue;
                        }
                        if child.parent != dir {
                            self.problem(Place::Inode(ino), "names another parent");
                        }
                        *self.subdirs.entry(dir).or_insert(0) += 1;
                        dirs.push(ino);
                    }
                    _ => self.problem(Place::Inode(dir), "names an inode that is free or other"),
                }
                if !is_name(&name) {
                    self.problem(Place::Inode(dir), "has an entry with an impossible name");
                }
            }
        }
    }

    /// The entries of a directory, which must be those that a look-up finds.
    fn entries(&mut self, dir: u32, node: &Inode) -> Option<Vec<(Vec<u8>, u32, u8)>> {
        // First of all: what follows relies on it.
        let sound = shape::is_tree(self.volume, node);
        let listed = if sound { self.volume.list_all(node).ok() } else { None };
        let Some(listed) = listed else {
            self.problem(Place::Inode(dir), "is a damaged directory");
            return None;
        };
        let mut raw = 0;
        for fb in 0..node.len / BLOCK as u64 {
            let block = u32::try_from(fb).ok().and_then(|fb| self.volume.dir_block(node, fb).ok());
            let Some(block) = block else {
                self.problem(Place::Inode(dir), "is a directory with a hole");
                return None;
            };
            if dirblock::is_node(block) == Ok(false) {
                let entries = dirblock::entries(block).count() as u32;
                if entries != dirblock::count(block) {
                    self.problem(Place::Inode(dir), "has a leaf with another number of entries");
                }
                raw += entries;
            }
        }
        if raw != node.entries || listed.len() as u32 != raw {
            self.problem(Place::Inode(dir), "has another number of entries");
        }
        let mut names = BTreeSet::new();
        for e in &listed {
            let found = self.volume.find_name(node, &e.name);
            if !found.is_ok_and(|f| f.is_some_and(|f| f.ino == e.ino)) || !names.insert(&e.name) {
                self.problem(Place::Inode(dir), "has an entry in a wrong place");
            }
        }
        Some(listed.into_iter().map(|e| (e.name, e.ino, e.kind)).collect())
    }

    /// Goes through all inodes.
    fn inodes(&mut self) {
        for ino in written_inodes(self.volume) {
            let used = self.volume.inode_used(ino);
            let Ok(node) = self.volume.any_inode(ino) else {
                self.problem(Place::Inode(ino), "makes no sense");
                continue;
            };
            if (node.mode != 0) != used {
                self.problem(Place::Inode(ino), "is used and marked free, or the other way round");
            }
            if node.mode == 0 {
                continue;
            }
            let Some(kind) = node.kind() else {
                self.problem(Place::Inode(ino), "is of no kind");
                continue;
            };
            let names = self.links.get(&ino).copied().unwrap_or(0);
            let links = match kind {
                Kind::Dir if names > 0 => 2 + self.subdirs.get(&ino).copied().unwrap_or(0),
                _ => names,
            };
            if links != node.nlink || kind != Kind::Dir && links > LINKS {
                let what = if names == 0 { "has no name" } else { "has another number of links" };
                self.problem(Place::Inode(ino), what);
            }
            self.contents(ino, &node, kind);
        }
    }

    fn contents(&mut self, ino: u32, node: &Inode, kind: Kind) {
        if node.is_inline() {
            if node.pointers.iter().any(|p| *p != 0) || node.len == 0 || node.blocks != 0 {
                self.problem(Place::Inode(ino), "is a link of two kinds, or to nowhere");
            }
            return;
        }
        let whole = node.len.is_multiple_of(BLOCK as u64);
        if node.len > MAX_LEN
            || kind == Kind::Dir && !whole
            || kind == Kind::Symlink && node.len > crate::tree::PATH as u64
        {
            return self.problem(Place::Inode(ino), "has an impossible length");
        }
        let end = node.len.div_ceil(BLOCK as u64);
        let (mut count, mut wrong) = (0, None);
        let (seen, volume) = (&mut self.blocks, self.volume);
        volume.each_block(node, &mut |block, depth, fb| {
            if !volume.geometry.is_data(block) {
                wrong = Some("points to a block that no file can have");
            } else if !seen.insert(block) {
                wrong = Some("points to a block that something else has");
            } else if !volume.block_used(block) {
                wrong = Some("points to a block that is marked free");
            } else if depth == 0 && fb >= end {
                wrong = Some("has blocks behind its end");
            } else {
                count += 1;
                return true;
            }
            false
        });
        if let Some(what) = wrong {
            self.problem(Place::Inode(ino), what);
        } else if count != node.blocks {
            self.problem(Place::Inode(ino), "has another number of blocks");
        } else if !whole && !volume.ends_in_zeros(node) {
            self.problem(Place::Inode(ino), "has bytes behind its end");
        }
    }

    /// Compares the bitmaps and counts with what was found.
    fn groups(&mut self) {
        let volume = self.volume;
        let geometry = &volume.geometry;
        for g in 0..geometry.groups() {
            let state = volume.groups[g as usize];
            let Some(bitmap) = volume.layers.find(geometry.block_bitmap(g)) else { continue };
            let files_have = geometry.data_at()..geometry.blocks_in(g);
            let mut free = 0;
            'group: for (first, bits) in (0..).step_by(64).zip(bitmap.chunks_exact(8)) {
                // Most of a bitmap is all free, or behind the end.
                if files_have.contains(&first) && first + 63 < files_have.end {
                    if bits == [0; 8] {
                        free += 64;
                        continue;
                    }
                } else if first >= files_have.end && bits == [0xff; 8] {
                    continue;
                }
                for index in first..first + 64 {
                    let used = volume.bitmap_bit(g, index);
                    if !files_have.contains(&index) {
                        if !used {
                            self.problem(Place::Group(g), "has blocks of its own marked free");
                            break 'group;
                        }
                    } else if !used {
                        free += 1;
                    } else if !self.blocks.has(geometry.start(g) + index) {
                        let block = geometry.start(g) + index;
                        self.problem(Place::Block(block), "is marked used, but nothing has it");
                    }
                }
            }
            if free != state.free_blocks {
                self.problem(Place::Group(g), "has another number of free blocks");
            }
        }
        for g in 0..geometry.groups() {
            let first = g * geometry.inodes_per_group;
            let reserved = if g == 0 { ROOT } else { 0 };
            let numbers = first + reserved..first + geometry.inodes_per_group;
            let free = if volume.layers.find(geometry.inode_bitmap(g)).is_some() {
                numbers.filter(|ino| !volume.inode_used(*ino)).count()
            } else {
                numbers.len()
            };
            if free as u32 != volume.groups[g as usize].free_inodes {
                self.problem(Place::Group(g), "has another number of free inodes");
            }
        }
    }
}
