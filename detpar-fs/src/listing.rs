//! Listing directories, in the manner of [`std::fs::ReadDir`].

use crate::fs::{Fs, os_string};
use crate::layout::inode::Kind;
use crate::meta::Metadata;
use crate::tree::Listed;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The entries of a directory, one after another. An entry that stays all the while is listed
/// once, whatever else comes and goes.
pub struct ReadDir {
    fs: Fs,
    path: PathBuf,
    ino: u32,
    generation: u32,
    /// Read, but not listed yet, the next one last.
    ahead: Vec<Listed>,
    /// Where the entries after those begin; `None`: nowhere.
    next: Option<u64>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    path: PathBuf,
    name: OsString,
    ino: u32,
    kind: Kind,
}

impl DirEntry {
    /// The name.
    pub fn file_name(&self) -> OsString {
        self.name.clone()
    }

    /// The directory's path, as it was given, and the name.
    pub fn path(&self) -> PathBuf {
        self.path.join(&self.name)
    }

    /// A regular file, a directory or a symbolic link.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The inode's number.
    pub fn ino(&self) -> u64 {
        u64::from(self.ino)
    }
}

impl ReadDir {
    pub(crate) fn new(fs: Fs, path: PathBuf, dir: &Metadata) -> ReadDir {
        let (ino, generation) = (dir.ino() as u32, dir.generation());
        ReadDir { fs, path, ino, generation, ahead: Vec::new(), next: Some(0) }
    }

    /// The directory's path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the listing is, for [`ReadDir::seek`].
    pub fn tell(&self) -> u64 {
        self.ahead.last().map_or(self.next.unwrap_or(u64::MAX), |e| e.hash)
    }

    /// Goes on from where [`ReadDir::tell`] was; 0 is the start. What came since is listed, what
    /// went is not.
    pub fn seek(&mut self, to: u64) {
        self.ahead.clear();
        self.next = (to != u64::MAX).then_some(to);
    }

    fn more(&mut self) -> io::Result<()> {
        let Some(next) = self.next else { return Ok(()) };
        let tree = self.fs.tree();
        let dir = tree.same_inode(self.ino, self.generation).filter(|d| d.is_dir());
        // A directory that was removed has no entries.
        let listed = dir.map_or(Ok(Vec::new()), |d| tree.volume.list(&d, next))?;
        self.next = listed.last().and_then(|e| e.hash.checked_add(512));
        self.ahead = listed;
        self.ahead.reverse();
        Ok(())
    }
}

impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    fn next(&mut self) -> Option<io::Result<DirEntry>> {
        if self.ahead.is_empty()
            && let Err(e) = self.more()
        {
            self.next = None;
            return Some(Err(e));
        }
        let e = self.ahead.pop()?;
        let kind = Kind::of(u32::from(e.kind) << 12).unwrap_or(Kind::File);
        let name = os_string(e.name);
        Some(Ok(DirEntry { path: self.path.clone(), name, ino: e.ino, kind }))
    }
}
