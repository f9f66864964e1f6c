//! What the kernel asks, and the answers.

use super::acts::{Result, Served};
use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};
use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long the kernel may believe what it was told. Nobody else changes the image.
const LASTS: Duration = Duration::from_secs(1);

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
