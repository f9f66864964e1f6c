//! Open files.

use super::Tree;
use crate::errno::{Errno, Result};
use crate::layout::inode::Kind;

/// A number for an open file.
pub(crate) type FileId = usize;

/// What a file was opened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    pub read: bool,
    pub write: bool,
    /// Every write goes to the end.
    pub append: bool,
    pub create: bool,
    pub create_new: bool,
    pub truncate: bool,
    /// Of a file that is made.
    pub permissions: u32,
}

/// An open file.
#[derive(Clone, Copy)]
struct Open {
    ino: u32,
    access: Access,
    at: u64,
    /// Handles that share it.
    users: u32,
}

/// All open files.
#[derive(Default)]
pub(super) struct Files {
    all: Vec<Option<Open>>,
    free: Vec<FileId>,
}

impl Tree {
    /// Opens a file, and makes it if that is asked for.
    ///
    /// # Errors
    /// `ENOENT`, `EEXIST`, `EISDIR`, `ENOTDIR`, `ENOSPC`, and those of the way.
    pub fn open(&mut self, path: &[u8], access: Access) -> Result<FileId> {
        let writes = access.write || access.append;
        if !access.read && !writes || access.truncate && access.append && !access.create_new {
            return Err(Errno::EINVAL);
        }
        if !writes && (access.create || access.create_new || access.truncate) {
            return Err(Errno::EINVAL);
        }
        let mut made = false;
        let ino = if access.create_new {
            let parent = self.parent(path)?;
            let super::path::Last::Name(name) = parent.last else { return Err(Errno::EEXIST) };
            if parent.slash {
                return Err(Errno::EISDIR);
            }
            if self.last(&parent)?.is_some() {
                return Err(Errno::EEXIST);
            }
            made = true;
            self.make(parent.dir, name, Kind::File, access.permissions)?
        } else if access.create {
            match self.place(path)? {
                (_, _, Some(ino)) => ino,
                (dir, name, None) => {
                    made = true;
                    self.make(dir, &name, Kind::File, access.permissions)?
                }
            }
        } else {
            self.lookup(path, true)?
        };
        let node = self.volume.inode(ino)?;
        if node.is_dir() && (writes || access.create) {
            return Err(Errno::EISDIR);
        }
        if access.truncate && !made {
            self.set_len(ino, 0)?;
        }
        *self.open.entry(ino).or_insert(0) += 1;
        let open = Some(Open { ino, access, at: 0, users: 1 });
        Ok(match self.files.free.pop() {
            Some(id) => {
                self.files.all[id] = open;
                id
            }
            None => {
                self.files.all.push(open);
                self.files.all.len() - 1
            }
        })
    }

    fn file(&self, id: FileId) -> Result<Open> {
        self.files.all.get(id).copied().flatten().ok_or(Errno::EBADF)
    }

    /// Adds a handle to an open file.
    pub fn share(&mut self, id: FileId) {
        if let Some(Some(open)) = self.files.all.get_mut(id) {
            open.users += 1;
        }
    }

    /// Gives up a handle.
    pub fn close(&mut self, id: FileId) {
        let Some(place) = self.files.all.get_mut(id) else { return };
        let Some(open) = place else { return };
        open.users -= 1;
        if open.users > 0 {
            return;
        }
        let ino = open.ino;
        *place = None;
        self.files.free.push(id);
        if let Some(count) = self.open.get_mut(&ino) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&ino);
                // A damaged volume has nobody to tell it here; the next operation finds it.
                let _ = self.volume.inode(ino).and_then(|node| self.free_unused(ino, &node));
            }
        }
    }

    /// The inode of an open file.
    pub fn file_inode(&self, id: FileId) -> Result<u32> {
        Ok(self.file(id)?.ino)
    }

    /// Where an open file is.
    pub fn position(&self, id: FileId) -> Result<u64> {
        Ok(self.file(id)?.at)
    }

    /// Goes to a place in an open file.
    pub fn set_position(&mut self, id: FileId, at: u64) -> Result<()> {
        match self.files.all.get_mut(id) {
            Some(Some(open)) => open.at = at,
            _ => return Err(Errno::EBADF),
        }
        Ok(())
    }

    /// Reads at a place, or where the file is, which then moves.
    ///
    /// # Errors
    /// `EBADF`: not open for it; `EISDIR`.
    pub fn read_file(&mut self, id: FileId, to: &mut [u8], at: Option<u64>) -> Result<usize> {
        let open = self.file(id)?;
        if !open.access.read {
            return Err(Errno::EBADF);
        }
        let node = self.volume.inode(open.ino)?;
        if node.is_dir() {
            return Err(Errno::EISDIR);
        }
        let n = self.volume.read(&node, to, at.unwrap_or(open.at));
        if at.is_none() {
            self.set_position(id, open.at + n as u64)?;
        }
        Ok(n)
    }

    /// Writes at a place, or where the file is, which then moves.
    ///
    /// # Errors
    /// `EBADF`: not open for it; `ENOSPC`, `EFBIG`.
    pub fn write_file(&mut self, id: FileId, from: &[u8], at: Option<u64>) -> Result<usize> {
        let open = self.file(id)?;
        if !open.access.write && !open.access.append {
            return Err(Errno::EBADF);
        }
        if from.is_empty() {
            return Ok(0);
        }
        let mut node = self.volume.inode(open.ino)?;
        let to = if open.access.append { node.len } else { at.unwrap_or(open.at) };
        let before = node.len;
        let written = self.volume.write(open.ino, &mut node, from, to);
        match written {
            Ok(n) => {
                self.changed(open.ino, &mut node);
                if at.is_none() {
                    self.set_position(id, to + n as u64)?;
                }
            }
            Err(_) => {
                // Indirect blocks may have been added before there was no more room.
                node.len = before;
                self.volume.set_inode(open.ino, &node);
            }
        }
        written
    }

    /// Makes an open file as long as that.
    ///
    /// # Errors
    /// `EINVAL`: not open for writing; `EFBIG`.
    pub fn cut_file(&mut self, id: FileId, len: u64) -> Result<()> {
        let open = self.file(id)?;
        if !open.access.write && !open.access.append {
            return Err(Errno::EINVAL);
        }
        self.set_len(open.ino, len)
    }
}
