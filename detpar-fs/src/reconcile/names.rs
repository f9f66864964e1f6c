//! The names that a child made, removed and renamed.

use super::{ConflictKind, Side, paths};
use crate::errno::{Errno, Result};
use crate::layout::inode::{Kind, LINKS, Policy, ROOT};
use std::collections::BTreeMap;

/// What a child made of a name.
struct Change {
    /// The directory's number, in the snapshot or, where the child made it, in the child.
    dir: u32,
    dir_inherited: bool,
    name: Vec<u8>,
    /// What it named in the snapshot.
    before: Option<u32>,
    /// What it names in the child.
    after: Option<u32>,
}

impl Side<'_> {
    /// Does all changes of names, or finds what speaks against it.
    pub(super) fn take_names(&mut self) -> Result<()> {
        let changes = self.changes()?;
        let mut agreed = Vec::new();
        for change in &changes {
            if self.agree(change)? {
                agreed.push(change);
            }
        }
        if !self.conflicts.is_empty() {
            return Ok(());
        }
        for change in &agreed {
            self.make_inode(change)?;
        }
        // Names that inodes gain and lose: an inode may lose one before it gains another.
        let mut gained: BTreeMap<u32, i64> = BTreeMap::new();
        let mut times: BTreeMap<u32, i64> = BTreeMap::new();
        for change in &agreed {
            let dir = self.dir_in_parent(change).ok_or(Errno::EIO)?;
            let node = self.parent.volume.inode(dir)?;
            let theirs = self.child.any_inode(change.dir)?.mtime;
            let time = times.entry(dir).or_insert(node.mtime);
            *time = theirs.max(*time);
            if self.parent.volume.find_name(&node, &change.name)?.is_some() {
                let ino = self.parent.leave(dir, &change.name)?;
                *gained.entry(ino).or_insert(0) -= 1;
                if self.parent.volume.inode(ino)?.is_dir() {
                    self.parent.count_subdir(dir, false)?;
                }
            }
        }
        for change in &agreed {
            let dir = self.dir_in_parent(change).ok_or(Errno::EIO)?;
            self.blame.names.insert((dir, change.name.clone()), self.index);
            let Some(after) = change.after else { continue };
            let ino = self.made.get(&after).copied().unwrap_or(after);
            let mut node = self.parent.volume.inode(ino)?;
            self.parent.enter(dir, &change.name, ino, &node)?;
            *gained.entry(ino).or_insert(0) += 1;
            if node.is_dir() {
                self.parent.count_subdir(dir, true)?;
                // Read again: the two may be one.
                node = self.parent.volume.inode(ino)?;
                node.parent = dir;
                self.parent.volume.set_inode(ino, &node);
            }
        }
        for (dir, time) in times {
            let mut node = self.parent.volume.inode(dir)?;
            node.mtime = time;
            self.parent.volume.set_inode(dir, &node);
        }
        self.settle_links(&gained)
    }

    /// All names that differ between child and snapshot.
    fn changes(&self) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        for (&dir, names) in &self.log.names {
            let before = self.in_reference(dir).filter(|d| d.is_dir());
            let after = self.in_child(dir).filter(|d| d.is_dir());
            let same = self.inherited(dir);
            for name in names {
                let was = match &before {
                    Some(d) => self.reference.find_name(d, name)?.map(|f| f.ino),
                    None => None,
                };
                let is = match &after {
                    Some(d) => self.child.find_name(d, name)?.map(|f| f.ino),
                    None => None,
                };
                let change = |dir_inherited, before, after| Change {
                    dir,
                    dir_inherited,
                    name: name.clone(),
                    before,
                    after,
                };
                if same {
                    if was != is || is.is_some_and(|ino| !self.inherited(ino)) {
                        changes.push(change(true, was, is));
                    }
                    continue;
                }
                // The number stands for two directories, one after the other.
                if was.is_some() {
                    changes.push(change(true, was, None));
                }
                if is.is_some() {
                    changes.push(change(false, None, is));
                }
            }
        }
        Ok(changes)
    }

    /// The number in the parent of the directory of a change.
    fn dir_in_parent(&self, change: &Change) -> Option<u32> {
        if change.dir_inherited {
            return self.in_parent(change.dir).map(|_| change.dir);
        }
        self.made.get(&change.dir).copied()
    }

    /// Where a change happened, for a report.
    fn path_of(&self, change: &Change) -> std::path::PathBuf {
        let in_child = !change.dir_inherited || self.inherited(change.dir);
        let volume = if in_child { self.child } else { &self.reference };
        paths::of_name(volume, change.dir, &change.name)
    }

    /// Whether a change goes together with what the parent's name stands for now.
    fn agree(&mut self, change: &Change) -> Result<bool> {
        if let Some(after) = change.after
            && self.inherited(after)
            && self.in_parent(after).is_none()
        {
            let lower = self.who_unlinked(after);
            self.conflict(ConflictKind::Removed, self.path_of(change), lower);
            return Ok(false);
        }
        if !change.dir_inherited {
            return Ok(true);
        }
        let Some(dir) = self.in_parent(change.dir) else {
            let lower = self.who_unlinked(change.dir);
            let kind =
                if change.after.is_some() { ConflictKind::Entry } else { ConflictKind::Name };
            self.conflict(kind, self.path_of(change), lower);
            return Ok(false);
        };
        let now = self.parent.volume.find_name(&dir, &change.name)?.map(|f| f.ino);
        let as_before = now == change.before && now.is_none_or(|ino| self.in_parent(ino).is_some());
        if as_before {
            return Ok(true);
        }
        let theirs = now.map(|ino| self.parent.volume.inode(ino)).transpose()?;
        let file = |kind| kind == Some(Kind::File);
        match dir.policy {
            Policy::Last if theirs.as_ref().is_none_or(|n| n.entries == 0) => return Ok(true),
            Policy::Append => {
                if let (None, Some(now), Some(after)) = (change.before, now, change.after)
                    && file(theirs.and_then(|n| n.kind()))
                    && file(self.child.inode(after)?.kind())
                    && !self.inherited(after)
                    && !self.made.contains_key(&after)
                {
                    self.made.insert(after, now);
                    self.joined.insert(now);
                    return Ok(false);
                }
            }
            _ => {}
        }
        let both_made = change.before.is_none();
        let kind = if both_made { ConflictKind::Created } else { ConflictKind::Name };
        let lower = self.blame.names.get(&(change.dir, change.name.clone())).copied();
        self.conflict(kind, self.path_of(change), lower);
        Ok(false)
    }

    /// Makes what the child made, still without a name.
    fn make_inode(&mut self, change: &Change) -> Result<()> {
        let Some(after) = change.after else { return Ok(()) };
        if self.inherited(after) || self.made.contains_key(&after) {
            return Ok(());
        }
        let theirs = self.child.inode(after)?;
        let kind = theirs.kind().ok_or(Errno::EIO)?;
        let near = if change.dir_inherited { change.dir } else { ROOT };
        let (ino, mut node) =
            self.parent.volume.new_inode(near, kind, theirs.mode, theirs.policy)?;
        node.btime = theirs.btime;
        if kind == Kind::Dir {
            node.nlink = 2;
        }
        self.parent.volume.set_inode(ino, &node);
        if kind == Kind::Symlink {
            self.parent.set_target(ino, &self.child.read_all(&theirs))?;
        }
        self.made.insert(after, ino);
        Ok(())
    }

    /// Counts links, frees what has no name any more, and looks for directories that have two or
    /// lie in themselves.
    fn settle_links(&mut self, gained: &BTreeMap<u32, i64>) -> Result<()> {
        let fresh: Vec<u32> = self.made.values().copied().collect();
        for (&ino, &more) in gained {
            let mut node = self.parent.volume.inode(ino)?;
            self.blame.links.entry(ino).or_insert(self.index);
            let was_made = fresh.contains(&ino);
            if node.is_dir() {
                match more + i64::from(!was_made) {
                    0 if node.entries != 0 => {
                        let lower = self.blame_entries(ino);
                        let path = paths::of_inode(&self.reference, ino);
                        self.conflict(ConflictKind::Entry, path, lower);
                        continue;
                    }
                    0 => node.nlink = 0,
                    1 => {
                        if !self.parent.is_above(ROOT, node.parent).unwrap_or(false) {
                            self.moved(ino);
                        }
                        continue;
                    }
                    _ => {
                        self.moved(ino);
                        continue;
                    }
                }
            } else {
                let links = i64::from(node.nlink) + more;
                if links > i64::from(LINKS) {
                    return Err(Errno::EMLINK);
                }
                node.nlink = u32::try_from(links).map_err(|_| Errno::EIO)?;
            }
            self.parent.volume.set_inode(ino, &node);
            if node.nlink == 0 {
                let was = self.in_reference(ino).filter(|r| r.generation == node.generation);
                if was.is_some_and(|r| !node.is_dir() && r.data_version != node.data_version) {
                    let path = paths::of_inode(&self.reference, ino);
                    let lower = self.blame.contents.get(&ino).copied();
                    self.conflict(ConflictKind::Removed, path, lower);
                }
                self.parent.free_unused(ino, &node)?;
            }
        }
        Ok(())
    }

    fn moved(&mut self, dir: u32) {
        let path = paths::of_inode(&self.reference, dir);
        self.conflict(ConflictKind::Moved, path, None);
    }

    /// Who made something in a directory of the parent.
    fn blame_entries(&self, dir: u32) -> Option<usize> {
        let in_dir = self.blame.names.range((dir, Vec::new())..(dir + 1, Vec::new()));
        in_dir.map(|(_, who)| *who).find(|who| *who != self.index)
    }
}
