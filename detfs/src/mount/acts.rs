//! What is done to the image when the kernel asks.

use super::names::Names;
use super::{Shared, save};
use detpar_fs::{File, Fs, Kind, Metadata, OpenOptions};
use fuser::{Errno, FileAttr, FileHandle, FileType, Generation, INodeNo, RenameFlags, TimeOrNow};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

pub(super) type Result<T> = std::result::Result<T, Errno>;

/// An entry of a directory that was opened.
pub(super) struct Entry {
    pub ino: INodeNo,
    pub kind: FileType,
    pub name: OsString,
}

/// What the kernel has in its hands.
pub(super) struct State {
    names: Names,
    /// Handles are given out in order, and never again.
    next: u64,
    /// Open files, and the inodes they are of.
    pub files: HashMap<u64, (u64, File)>,
    /// Open directories, as they were when they were opened.
    pub dirs: HashMap<u64, Vec<Entry>>,
}

/// An image that is mounted.
pub(super) struct Served {
    pub fs: Fs,
    /// `None`: it is mounted read-only.
    image: Option<Shared>,
    state: Mutex<State>,
    pub owner: (u32, u32),
}

fn kind(kind: Kind) -> FileType {
    match kind {
        Kind::File => FileType::RegularFile,
        Kind::Dir => FileType::Directory,
        Kind::Symlink => FileType::Symlink,
    }
}

impl State {
    fn handle(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A path of an inode.
    pub fn path(&self, ino: INodeNo) -> Result<PathBuf> {
        self.names.path(ino).ok_or(Errno::ENOENT)
    }

    fn below(&self, dir: INodeNo, name: &OsStr) -> Result<PathBuf> {
        Ok(self.path(dir)?.join(name))
    }

    /// A handle to an inode: that one, or any.
    fn open(&self, ino: INodeNo, handle: Option<FileHandle>) -> Option<&File> {
        let ino = self.names.inside(ino);
        let that = handle.and_then(|h| self.files.get(&h.0)).filter(|f| f.0 == ino);
        that.or_else(|| self.files.values().find(|f| f.0 == ino)).map(|f| &f.1)
    }
}

impl Served {
    pub fn new(fs: Fs, image: Option<Shared>) -> Served {
        // A root that cannot be read is for the first request to say.
        let root = fs.metadata("/").map_or(0, |m| m.ino());
        let state =
            State { names: Names::new(root), next: 0, files: HashMap::new(), dirs: HashMap::new() };
        let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
        let owner = (user.as_raw(), group.as_raw());
        Served { fs, image, state: Mutex::new(state), owner }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn attributes(&self, state: &State, meta: &Metadata) -> FileAttr {
        FileAttr {
            ino: state.names.outside(meta.ino()),
            size: meta.len(),
            blocks: meta.allocated() / 512,
            atime: meta.accessed(),
            mtime: meta.modified(),
            ctime: meta.changed(),
            crtime: meta.created(),
            kind: kind(meta.kind()),
            perm: (meta.mode() & 0o7777) as u16,
            nlink: u32::try_from(meta.nlink()).unwrap_or(u32::MAX),
            uid: self.owner.0,
            gid: self.owner.1,
            rdev: 0,
            blksize: detpar_fs::BLOCK as u32,
            flags: 0,
        }
    }

    /// What there is to know of an inode, be it that it has no name any more but is open.
    pub fn meta(
        &self,
        state: &State,
        ino: INodeNo,
        handle: Option<FileHandle>,
    ) -> Result<Metadata> {
        match (state.names.path(ino), state.open(ino, handle)) {
            (Some(path), _) => Ok(self.fs.symlink_metadata(path)?),
            (None, Some(file)) => Ok(file.metadata()?),
            (None, None) => Err(Errno::ENOENT),
        }
    }

    /// What is under a name, which the kernel knows from now on.
    pub fn entry(
        &self,
        state: &mut State,
        dir: INodeNo,
        name: &OsStr,
    ) -> Result<(FileAttr, Generation)> {
        let meta = self.fs.symlink_metadata(state.below(dir, name)?)?;
        state.names.add(dir, name, meta.ino());
        Ok((self.attributes(state, &meta), Generation(meta.generation().into())))
    }

    pub fn mkdir(&self, dir: INodeNo, name: &OsStr, mode: u32) -> Result<(FileAttr, Generation)> {
        let mut state = self.state();
        let path = state.below(dir, name)?;
        self.fs.create_dir(&path)?;
        self.fs.set_permissions(&path, mode)?;
        self.entry(&mut state, dir, name)
    }

    pub fn symlink(&self, dir: INodeNo, name: &OsStr, to: &Path) -> Result<(FileAttr, Generation)> {
        let mut state = self.state();
        self.fs.symlink(to, state.below(dir, name)?)?;
        self.entry(&mut state, dir, name)
    }

    pub fn link(&self, ino: INodeNo, dir: INodeNo, name: &OsStr) -> Result<(FileAttr, Generation)> {
        let mut state = self.state();
        self.fs.hard_link(state.path(ino)?, state.below(dir, name)?)?;
        self.entry(&mut state, dir, name)
    }

    pub fn remove(&self, dir: INodeNo, name: &OsStr, is_dir: bool) -> Result<()> {
        let mut state = self.state();
        let path = state.below(dir, name)?;
        let ino = self.fs.symlink_metadata(&path)?.ino();
        if is_dir {
            self.fs.remove_dir(&path)?;
        } else {
            self.fs.remove_file(&path)?;
        }
        state.names.remove(dir, name, ino);
        Ok(())
    }

    pub fn rename(
        &self,
        from: (INodeNo, &OsStr),
        to: (INodeNo, &OsStr),
        flags: RenameFlags,
    ) -> Result<()> {
        let mut state = self.state();
        let (old, new) = (state.below(from.0, from.1)?, state.below(to.0, to.1)?);
        if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
            return Err(Errno::EINVAL);
        }
        let (moved, replaced) =
            (self.fs.symlink_metadata(&old)?, self.fs.symlink_metadata(&new).ok());
        if replaced.is_some() && !flags.is_empty() {
            return Err(Errno::EEXIST);
        }
        // That one is not another name of the other the kernel has made sure of.
        self.fs.rename(old, new)?;
        if let Some(replaced) = replaced {
            state.names.remove(to.0, to.1, replaced.ino());
        }
        state.names.remove(from.0, from.1, moved.ino());
        state.names.add(to.0, to.1, moved.ino());
        Ok(())
    }

    pub fn create(
        &self,
        dir: INodeNo,
        name: &OsStr,
        mode: u32,
        exclusive: bool,
    ) -> Result<(FileAttr, Generation, FileHandle)> {
        let mut state = self.state();
        let mut options = self.options();
        options.create(true).create_new(exclusive).mode(mode & 0o7777);
        let file = options.open(&self.fs, state.below(dir, name)?)?;
        let (attributes, generation) = self.entry(&mut state, dir, name)?;
        let handle = state.handle();
        let ino = state.names.inside(attributes.ino);
        state.files.insert(handle, (ino, file));
        Ok((attributes, generation, FileHandle(handle)))
    }

    /// The kernel sees to it that files are used for what they were opened for.
    fn options(&self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(self.image.is_some());
        options
    }

    pub fn open_file(&self, ino: INodeNo) -> Result<FileHandle> {
        let mut state = self.state();
        let file = match (state.names.path(ino), state.open(ino, None)) {
            (Some(path), _) => self.options().open(&self.fs, path)?,
            // By way of /proc/self/fd.
            (None, Some(file)) => file.duplicate(),
            (None, None) => return Err(Errno::ENOENT),
        };
        let (handle, ino) = (state.handle(), state.names.inside(ino));
        state.files.insert(handle, (ino, file));
        Ok(FileHandle(handle))
    }

    pub fn open_dir(&self, ino: INodeNo) -> Result<FileHandle> {
        let mut state = self.state();
        let path = state.path(ino)?;
        let above = path
            .parent()
            .map_or(Ok(ino), |p| self.fs.metadata(p).map(|m| state.names.outside(m.ino())))?;
        let mut all = Vec::new();
        for (ino, name) in [(ino, "."), (above, "..")] {
            all.push(Entry { ino, kind: FileType::Directory, name: name.into() });
        }
        for entry in self.fs.read_dir(path)? {
            let entry = entry?;
            let ino = state.names.outside(entry.ino());
            all.push(Entry { ino, kind: kind(entry.kind()), name: entry.file_name() });
        }
        let handle = state.handle();
        state.dirs.insert(handle, all);
        Ok(FileHandle(handle))
    }

    pub fn set(
        &self,
        ino: INodeNo,
        handle: Option<FileHandle>,
        mode: Option<u32>,
        size: Option<u64>,
        times: [Option<TimeOrNow>; 2],
    ) -> Result<FileAttr> {
        let state = self.state();
        if let Some(size) = size {
            match state.open(ino, handle) {
                Some(file) => file.set_len(size)?,
                None => self.options().open(&self.fs, state.path(ino)?)?.set_len(size)?,
            }
        }
        if let Some(mode) = mode {
            self.fs.set_permissions(state.path(ino)?, mode)?;
        }
        let meta = self.meta(&state, ino, handle)?;
        if times.iter().any(Option::is_some) {
            let now = UNIX_EPOCH + Duration::from_nanos(crate::image::now().max(0) as u64);
            let [accessed, modified] =
                [(0, meta.accessed()), (1, meta.modified())].map(|(which, old)| {
                    match times[which] {
                        Some(TimeOrNow::SpecificTime(time)) => time,
                        Some(TimeOrNow::Now) => now,
                        None => old,
                    }
                });
            self.fs.set_times_nofollow(state.path(ino)?, accessed, modified)?;
        }
        let meta = self.meta(&state, ino, handle)?;
        Ok(self.attributes(&state, &meta))
    }

    pub fn with_file<T>(
        &self,
        handle: FileHandle,
        act: impl FnOnce(&File) -> std::io::Result<T>,
    ) -> Result<T> {
        let state = self.state();
        let (_, file) = state.files.get(&handle.0).ok_or(Errno::EBADF)?;
        Ok(act(file)?)
    }

    pub fn save(&self) -> Result<()> {
        let Some(image) = &self.image else { return Ok(()) };
        save(image).map_err(|failure| {
            eprintln!("detfs: {}", failure.text);
            Errno::EIO
        })
    }
}
