//! Operations on names: make, link, remove, rename.

use super::Tree;
use super::dir::Found;
use super::path::{Last, PATH, Parent};
use crate::errno::{Errno, Result};
use crate::layout::dirblock::NAME;
use crate::layout::inode::{INLINE, Inode, Kind, LINKS, ROOT};

impl Tree {
    /// Makes a directory.
    ///
    /// # Errors
    /// `EEXIST`, `ENOSPC`, and those of the way.
    pub fn mkdir(&mut self, path: &[u8], permissions: u32) -> Result<u32> {
        let parent = self.parent(path)?;
        let name = self.vacant(&parent)?;
        self.make(parent.dir, name, Kind::Dir, permissions)
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// As [`Tree::mkdir`]; `ENOENT` for an empty target, `ENAMETOOLONG` for one that no path can
    /// be; `EINVAL`: the target has a zero byte.
    pub fn symlink(&mut self, target: &[u8], path: &[u8]) -> Result<u32> {
        if target.contains(&0) {
            return Err(Errno::EINVAL);
        }
        if target.is_empty() {
            return Err(Errno::ENOENT);
        }
        if target.len() > PATH {
            return Err(Errno::ENAMETOOLONG);
        }
        let parent = self.parent(path)?;
        let name = self.vacant(&parent)?;
        if parent.slash {
            return Err(Errno::ENOENT);
        }
        let ino = self.make(parent.dir, name, Kind::Symlink, 0o777)?;
        let written = self.set_target(ino, target);
        if written.is_err() {
            self.remove(parent.dir, name)?;
        }
        written.map(|()| ino)
    }

    /// Writes the target of a new link.
    ///
    /// # Errors
    /// `ENOSPC`
    pub fn set_target(&mut self, ino: u32, target: &[u8]) -> Result<()> {
        let mut node = self.volume.inode(ino)?;
        if target.len() <= INLINE {
            node.inline[..target.len()].copy_from_slice(target);
            node.len = target.len() as u64;
        } else {
            self.volume.write(ino, &mut node, target, 0)?;
        }
        self.volume.set_inode(ino, &node);
        Ok(())
    }

    /// Gives a file another name.
    ///
    /// # Errors
    /// `EPERM` for a directory, `EMLINK`, `EEXIST`, `ENOSPC`, and those of the ways.
    pub fn link(&mut self, old: &[u8], new: &[u8]) -> Result<()> {
        let ino = self.lookup(old, false)?;
        let parent = self.parent(new)?;
        let name = self.vacant(&parent)?;
        if parent.slash {
            return Err(Errno::ENOENT);
        }
        let mut node = self.volume.inode(ino)?;
        if node.is_dir() {
            return Err(Errno::EPERM);
        }
        if node.nlink >= LINKS {
            return Err(Errno::EMLINK);
        }
        self.enter(parent.dir, name, ino, &node)?;
        node.nlink += 1;
        node.ctime = self.volume.now();
        self.volume.set_inode(ino, &node);
        Ok(())
    }

    /// Removes a name of a file; the file with it, if it was the last and nobody has it open.
    ///
    /// # Errors
    /// `EISDIR`, `ENOENT`, and those of the way.
    pub fn unlink(&mut self, path: &[u8]) -> Result<()> {
        let parent = self.parent(path)?;
        let Last::Name(name) = parent.last else { return Err(Errno::EISDIR) };
        let ino = self.last(&parent)?.ok_or(Errno::ENOENT)?;
        if self.volume.inode(ino)?.is_dir() {
            return Err(Errno::EISDIR);
        }
        if parent.slash {
            return Err(Errno::ENOTDIR);
        }
        self.remove(parent.dir, name)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `ENOTEMPTY`, `ENOTDIR`, `ENOENT`, `EINVAL` for `.`, `EBUSY` for the root, and those of the
    /// way.
    pub fn rmdir(&mut self, path: &[u8]) -> Result<()> {
        let parent = self.parent(path)?;
        let name = match parent.last {
            Last::Name(name) => name,
            Last::Dot => return Err(Errno::EINVAL),
            Last::DotDot => return Err(Errno::ENOTEMPTY),
            Last::Root => return Err(Errno::EBUSY),
        };
        let ino = self.last(&parent)?.ok_or(Errno::ENOENT)?;
        let node = self.volume.inode(ino)?;
        if !node.is_dir() {
            return Err(Errno::ENOTDIR);
        }
        if node.entries != 0 {
            return Err(Errno::ENOTEMPTY);
        }
        self.remove(parent.dir, name)
    }

    /// Renames, over what has the new name if that is of the same kind (and empty).
    ///
    /// # Errors
    /// `EBUSY`, `ENOENT`, `EINVAL` (into itself), `ENOTEMPTY`, `ENOTDIR`, `EISDIR`, `ENOSPC`, and
    /// those of the ways.
    pub fn rename(&mut self, old: &[u8], new: &[u8]) -> Result<()> {
        let (from, to) = (self.parent(old)?, self.parent(new)?);
        let (Last::Name(old), Last::Name(new)) = (from.last, to.last) else {
            return Err(Errno::EBUSY);
        };
        let ino = self.last(&from)?.ok_or(Errno::ENOENT)?;
        let target = self.last(&to)?;
        let node = self.volume.inode(ino)?;
        if !node.is_dir() && (from.slash || to.slash) {
            return Err(Errno::ENOTDIR);
        }
        if node.is_dir() && self.is_above(ino, to.dir)? {
            return Err(Errno::EINVAL);
        }
        if target == Some(ino) {
            return Ok(());
        }
        if let Some(target) = target {
            let over = self.volume.inode(target)?;
            if over.is_dir() && self.is_above(target, from.dir)? {
                return Err(Errno::ENOTEMPTY);
            }
            match (node.is_dir(), over.is_dir()) {
                (true, false) => return Err(Errno::ENOTDIR),
                (false, true) => return Err(Errno::EISDIR),
                _ if over.is_dir() && over.entries != 0 => return Err(Errno::ENOTEMPTY),
                _ => {}
            }
        }
        self.do_rename((from.dir, old), (to.dir, new), ino, target)
    }

    fn do_rename(
        &mut self,
        from: (u32, &[u8]),
        to: (u32, &[u8]),
        ino: u32,
        target: Option<u32>,
    ) -> Result<()> {
        let node = self.volume.inode(ino)?;
        match target {
            None => self.enter(to.0, to.1, ino, &node)?,
            Some(_) => self.turn(to.0, to.1, ino, &node)?,
        }
        self.leave(from.0, from.1)?;
        if node.is_dir() && from.0 != to.0 {
            self.count_subdir(from.0, false)?;
            self.count_subdir(to.0, true)?;
        }
        let mut node = self.volume.inode(ino)?;
        if node.is_dir() {
            node.parent = to.0;
        }
        node.ctime = self.volume.now();
        self.volume.set_inode(ino, &node);
        if let Some(target) = target {
            if node.is_dir() {
                self.count_subdir(to.0, false)?;
            }
            self.lose_link(target)?;
        }
        Ok(())
    }

    /// Whether `dir` is `ino` or lies below it.
    pub fn is_above(&self, ino: u32, mut dir: u32) -> Result<bool> {
        for _ in 0..=self.volume.geometry.inodes() {
            if dir == ino {
                return Ok(true);
            }
            if dir == ROOT {
                return Ok(false);
            }
            dir = self.volume.inode(dir)?.parent;
        }
        Err(Errno::EIO)
    }

    /// The last component of a path where something is to be made.
    fn vacant<'p>(&self, parent: &Parent<'p>) -> Result<&'p [u8]> {
        let Last::Name(name) = parent.last else { return Err(Errno::EEXIST) };
        if self.last(parent)?.is_some() { Err(Errno::EEXIST) } else { Ok(name) }
    }

    /// Makes an inode with a name that is not there.
    ///
    /// # Errors
    /// `ENOSPC`: nothing has changed.
    pub fn make(&mut self, dir: u32, name: &[u8], kind: Kind, permissions: u32) -> Result<u32> {
        let parent = self.volume.inode(dir)?;
        // Set-group-id is handed down, as on Linux.
        let handed = if kind == Kind::Dir { parent.mode & 0o2000 } else { 0 };
        let permissions = permissions | handed;
        let (ino, mut node) = self.volume.new_inode(dir, kind, permissions, parent.policy)?;
        if let Err(e) = self.enter(dir, name, ino, &node) {
            self.volume.free_inode(ino)?;
            return Err(e);
        }
        node.nlink = 1;
        if kind == Kind::Dir {
            (node.parent, node.nlink) = (dir, 2);
            self.count_subdir(dir, true)?;
        }
        self.volume.set_inode(ino, &node);
        Ok(ino)
    }

    /// Removes a name that is there, and what it names if that was its last.
    ///
    /// # Errors
    /// `EIO`: the volume is damaged.
    pub fn remove(&mut self, dir: u32, name: &[u8]) -> Result<()> {
        let ino = self.leave(dir, name)?;
        if self.volume.inode(ino)?.is_dir() {
            self.count_subdir(dir, false)?;
        }
        self.lose_link(ino)
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// `ENOSPC`, `ENAMETOOLONG`
    pub fn enter(&mut self, dir: u32, name: &[u8], ino: u32, node: &Inode) -> Result<()> {
        if name.len() > NAME {
            return Err(Errno::ENAMETOOLONG);
        }
        let kind = node.kind().ok_or(Errno::EIO)?.byte();
        let mut parent = self.volume.inode(dir)?;
        let added = self.volume.add_name(&mut parent, name, ino, kind);
        if added.is_err() {
            // The directory may have got blocks before there were no more.
            self.volume.set_inode(dir, &parent);
        } else {
            self.renamed(dir, &mut parent, name);
        }
        added
    }

    /// Takes out an entry; returns what it named.
    ///
    /// # Errors
    /// `EIO`: there is none.
    pub fn leave(&mut self, dir: u32, name: &[u8]) -> Result<u32> {
        let mut parent = self.volume.inode(dir)?;
        let found = self.entry(&parent, name)?;
        self.volume.drop_name(&mut parent, found)?;
        self.renamed(dir, &mut parent, name);
        Ok(found.ino)
    }

    /// Points an entry elsewhere.
    fn turn(&mut self, dir: u32, name: &[u8], ino: u32, node: &Inode) -> Result<()> {
        let kind = node.kind().ok_or(Errno::EIO)?.byte();
        let mut parent = self.volume.inode(dir)?;
        let found = self.entry(&parent, name)?;
        self.volume.turn_name(&parent, found, ino, kind)?;
        self.renamed(dir, &mut parent, name);
        Ok(())
    }

    fn entry(&self, dir: &Inode, name: &[u8]) -> Result<Found> {
        self.volume.find_name(dir, name)?.ok_or(Errno::EIO)
    }

    fn renamed(&mut self, dir: u32, parent: &mut Inode, name: &[u8]) {
        self.changed(dir, parent);
        if let Some(log) = self.volume.log() {
            log.named(dir, name);
        }
    }

    /// A directory has one more directory in it, or one less.
    pub fn count_subdir(&mut self, dir: u32, more: bool) -> Result<()> {
        let mut node = self.volume.inode(dir)?;
        node.nlink = if more { node.nlink + 1 } else { node.nlink.saturating_sub(1) };
        self.volume.set_inode(dir, &node);
        Ok(())
    }

    /// An inode has one name less.
    fn lose_link(&mut self, ino: u32) -> Result<()> {
        let mut node = self.volume.inode(ino)?;
        node.nlink = if node.is_dir() { 0 } else { node.nlink.saturating_sub(1) };
        node.ctime = self.volume.now();
        self.volume.set_inode(ino, &node);
        self.free_unused(ino, &node)
    }

    /// Frees an inode that has neither names nor is open.
    pub fn free_unused(&mut self, ino: u32, node: &Inode) -> Result<()> {
        if node.nlink == 0 && !self.open.contains_key(&ino) {
            self.volume.free_inode(ino)?;
        }
        Ok(())
    }
}
