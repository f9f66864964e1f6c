//! What the kernel asks, answered by a file system in memory.

use super::names::Names;
use super::{Shared, save};
use detpar_fs::{File, Fs, Kind, Metadata, OpenOptions};
use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long the kernel may believe what it was told. Nobody else changes the image.
const LASTS: Duration = Duration::from_secs(1);

type Result<T> = std::result::Result<T, Errno>;

/// An entry of a directory that was opened.
struct Entry {
    ino: INodeNo,
    kind: FileType,
    name: OsString,
}

/// What the kernel has in its hands.
struct State {
    names: Names,
    /// Handles are given out in order, and never again.
    next: u64,
    /// Open files, and the inodes they are of.
    files: HashMap<u64, (u64, File)>,
    /// Open directories, as they were when they were opened.
    dirs: HashMap<u64, Vec<Entry>>,
}

/// An image that is mounted.
pub(super) struct Served {
    fs: Fs,
    /// `None`: it is mounted read-only.
    image: Option<Shared>,
    state: Mutex<State>,
    owner: (u32, u32),
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
    fn path(&self, ino: INodeNo) -> Result<PathBuf> {
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attributes(&self, state: &State, meta: &Metadata) -> FileAttr {
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
    fn meta(&self, state: &State, ino: INodeNo, handle: Option<FileHandle>) -> Result<Metadata> {
        match (state.names.path(ino), state.open(ino, handle)) {
            (Some(path), _) => Ok(self.fs.symlink_metadata(path)?),
            (None, Some(file)) => Ok(file.metadata()?),
            (None, None) => Err(Errno::ENOENT),
        }
    }

    /// What is under a name, which the kernel knows from now on.
    fn entry(
        &self,
        state: &mut State,
        dir: INodeNo,
        name: &OsStr,
    ) -> Result<(FileAttr, Generation)> {
        let meta = self.fs.symlink_metadata(state.below(dir, name)?)?;
        state.names.add(dir, name, meta.ino());
        Ok((self.attributes(state, &meta), Generation(meta.generation().into())))
    }

    fn mkdir(&self, dir: INodeNo, name: &OsStr, mode: u32) -> Result<(FileAttr, Generation)> {
        let mut state = self.state();
        let path = state.below(dir, name)?;
        self.fs.create_dir(&path)?;
        self.fs.set_permissions(&path, mode)?;
        self.entry(&mut state, dir, name)
    }

    fn symlink(&self, dir: INodeNo, name: &OsStr, to: &Path) -> Result<(FileAttr, Generation)> {
        let mut state = self.state();
        self.fs.symlink(to, state.below(dir, name)?)?;
        self.entry(&mut state, dir, name)
    }

    fn link(&self, ino: INodeNo, dir: INodeNo, name: &OsStr) -> Result<(FileAttr, Generation)> {
        let mut state = self.state();
        self.fs.hard_link(state.path(ino)?, state.below(dir, name)?)?;
        self.entry(&mut state, dir, name)
    }

    fn remove(&self, dir: INodeNo, name: &OsStr, is_dir: bool) -> Result<()> {
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

    fn rename(
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
        self.fs.rename(old, new)?;
        if replaced.as_ref().is_some_and(|r| r.ino() == moved.ino()) {
            return Ok(());
        }
        if let Some(replaced) = replaced {
            state.names.remove(to.0, to.1, replaced.ino());
        }
        state.names.remove(from.0, from.1, moved.ino());
        state.names.add(to.0, to.1, moved.ino());
        Ok(())
    }

    fn create(
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

    fn open_file(&self, ino: INodeNo) -> Result<FileHandle> {
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

    fn open_dir(&self, ino: INodeNo) -> Result<FileHandle> {
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

    fn set(
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

    fn with_file<T>(
        &self,
        handle: FileHandle,
        act: impl FnOnce(&File) -> std::io::Result<T>,
    ) -> Result<T> {
        let state = self.state();
        let (_, file) = state.files.get(&handle.0).ok_or(Errno::EBADF)?;
        Ok(act(file)?)
    }

    fn save(&self) -> Result<()> {
        let Some(image) = &self.image else { return Ok(()) };
        save(image).map_err(|failure| {
            eprintln!("detfs: {}", failure.text);
            Errno::EIO
        })
    }
}

fn empty(result: Result<()>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(e) => reply.error(e),
    }
}

fn entry(result: Result<(FileAttr, Generation)>, reply: ReplyEntry) {
    match result {
        Ok((attributes, generation)) => reply.entry(&LASTS, &attributes, generation),
        Err(e) => reply.error(e),
    }
}

fn opened(result: Result<FileHandle>, reply: ReplyOpen) {
    match result {
        Ok(handle) => reply.opened(handle, FopenFlags::empty()),
        Err(e) => reply.error(e),
    }
}

/// Kind bits of a mode, and a regular file's.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

impl Filesystem for Served {
    fn lookup(&self, _: &Request, dir: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut state = self.state();
        entry(self.entry(&mut state, dir, name), reply);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, handle: Option<FileHandle>, reply: ReplyAttr) {
        let state = self.state();
        match self.meta(&state, ino, handle) {
            Ok(meta) => reply.attr(&LASTS, &self.attributes(&state, &meta)),
            Err(e) => reply.error(e),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        accessed: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _changed: Option<SystemTime>,
        handle: Option<FileHandle>,
        _created: Option<SystemTime>,
        _changed_mac: Option<SystemTime>,
        _backup: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        // There are no owners to be kept.
        let stranger =
            uid.is_some_and(|u| u != self.owner.0) || gid.is_some_and(|g| g != self.owner.1);
        let result = match stranger {
            true => Err(Errno::EPERM),
            false => self.set(ino, handle, mode, size, [accessed, modified]),
        };
        match result {
            Ok(attributes) => reply.attr(&LASTS, &attributes),
            Err(e) => reply.error(e),
        }
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        let target = self.state().path(ino).and_then(|path| Ok(self.fs.read_link(path)?));
        match target {
            Ok(target) => reply.data(target.as_os_str().as_encoded_bytes()),
            Err(e) => reply.error(e),
        }
    }

    fn mknod(
        &self,
        _: &Request,
        dir: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _device: u32,
        reply: ReplyEntry,
    ) {
        if mode & KIND != REGULAR {
            return reply.error(Errno::EPERM);
        }
        let made = self.create(dir, name, mode & !umask, true);
        let made = made.map(|(attributes, generation, handle)| {
            self.state().files.remove(&handle.0);
            (attributes, generation)
        });
        entry(made, reply);
    }

    fn mkdir(
        &self,
        _: &Request,
        dir: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        entry(Served::mkdir(self, dir, name, mode & !umask), reply);
    }

    fn unlink(&self, _: &Request, dir: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(self.remove(dir, name, false), reply);
    }

    fn rmdir(&self, _: &Request, dir: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(self.remove(dir, name, true), reply);
    }

    fn symlink(&self, _: &Request, dir: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry) {
        entry(Served::symlink(self, dir, name, target), reply);
    }

    fn rename(
        &self,
        _: &Request,
        dir: INodeNo,
        name: &OsStr,
        new_dir: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        empty(Served::rename(self, (dir, name), (new_dir, new_name), flags), reply);
    }

    fn link(&self, _: &Request, ino: INodeNo, dir: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(Served::link(self, ino, dir, name), reply);
    }

    fn open(&self, _: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        opened(self.open_file(ino), reply);
    }

    fn read(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        at: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut bytes = vec![0; size as usize];
        let read = self.with_file(handle, |file| {
            let mut all = 0;
            while all < bytes.len() {
                match file.read_at(&mut bytes[all..], at + all as u64)? {
                    0 => break,
                    n => all += n,
                }
            }
            Ok(all)
        });
        match read {
            Ok(read) => reply.data(&bytes[..read]),
            Err(e) => reply.error(e),
        }
    }

    fn write(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        at: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.with_file(handle, |file| file.write_at(data, at)) {
            Ok(written) => reply.written(written as u32),
            Err(e) => reply.error(e),
        }
    }

    fn release(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.state().files.remove(&handle.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _only_data: bool, reply: ReplyEmpty) {
        empty(self.save(), reply);
    }

    fn fsyncdir(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _only_data: bool,
        reply: ReplyEmpty,
    ) {
        empty(self.save(), reply);
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        opened(self.open_dir(ino), reply);
    }

    fn readdir(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        from: u64,
        mut reply: ReplyDirectory,
    ) {
        let state = self.state();
        let Some(all) = state.dirs.get(&handle.0) else { return reply.error(Errno::EBADF) };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        for (n, entry) in all.iter().enumerate().skip(from) {
            // The number is that of the next one.
            if reply.add(entry.ino, n as u64 + 1, entry.kind, &entry.name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.state().dirs.remove(&handle.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        let u = self.fs.usage();
        let (free, size) = (u.free_blocks, u.block_size);
        reply.statfs(u.blocks, free, free, u.inodes, u.free_inodes, size, 255, size);
    }

    fn create(
        &self,
        _: &Request,
        dir: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let exclusive = flags & rustix::fs::OFlags::EXCL.bits() as i32 != 0;
        match Served::create(self, dir, name, mode & !umask, exclusive) {
            Ok((attributes, generation, handle)) => {
                reply.created(&LASTS, &attributes, generation, handle, FopenFlags::empty());
            }
            Err(e) => reply.error(e),
        }
    }

    fn lseek(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        from: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        // The kernel asks for data (3) and holes (4) only.
        let found = u64::try_from(from).map_err(|_| Errno::EINVAL).and_then(|from| {
            self.with_file(handle, |file| match whence {
                3 => file.seek_data(from),
                _ => file.seek_hole(from),
            })
        });
        match found {
            Ok(at) => reply.offset(at as i64),
            Err(e) => reply.error(e),
        }
    }
}
