//! The host's tmpfs, under the same stream of operations.

use crate::ops::{Answer, BASE, Op, SLOTS, Stat, Subject};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};

pub struct Host {
    /// The end of its path is a slash.
    root: String,
    files: [Option<File>; SLOTS],
}

fn stat(m: &fs::Metadata) -> Answer {
    let len = if m.is_dir() { 0 } else { m.len() };
    Answer::Stat(Stat { mode: m.mode(), len, nlink: m.nlink() })
}

impl Host {
    pub fn new(root: &std::path::Path) -> Host {
        let root = root.join(BASE);
        fs::create_dir_all(&root).unwrap();
        Host { root: format!("{}/", root.display()), files: [const { None }; SLOTS] }
    }

    /// An absolute path is one below the root; an empty one stays empty.
    fn at(&self, path: &str) -> String {
        if path.is_empty() { String::new() } else { format!("{}{path}", self.root) }
    }

    fn file(&mut self, slot: usize) -> io::Result<&mut File> {
        self.files[slot].as_mut().ok_or(io::Error::other("not open"))
    }

    fn try_apply(&mut self, op: &Op) -> io::Result<Answer> {
        let done = |()| Answer::Done;
        match op {
            Op::Open { slot, path, flags } => {
                let path = self.at(path);
                let file = OpenOptions::new()
                    .read(flags.read)
                    .write(flags.write)
                    .append(flags.append)
                    .create(flags.create)
                    .create_new(flags.create_new)
                    .truncate(flags.truncate)
                    .open(path)?;
                self.files[*slot] = Some(file);
                Ok(Answer::Done)
            }
            Op::Close { slot } => {
                self.files[*slot] = None;
                Ok(Answer::Done)
            }
            Op::Read { slot, len } => {
                let mut bytes = vec![0; *len];
                let n = self.file(*slot)?.read(&mut bytes)?;
                bytes.truncate(n);
                Ok(Answer::Bytes(bytes))
            }
            Op::ReadAt { slot, len, at } => {
                let mut bytes = vec![0; *len];
                let n = self.file(*slot)?.read_at(&mut bytes, *at)?;
                bytes.truncate(n);
                Ok(Answer::Bytes(bytes))
            }
            Op::Write { slot, len, byte } => {
                Ok(Answer::Number(self.file(*slot)?.write(&vec![*byte; *len])? as u64))
            }
            Op::WriteAt { slot, len, at, byte } => {
                Ok(Answer::Number(self.file(*slot)?.write_at(&vec![*byte; *len], *at)? as u64))
            }
            Op::Seek { slot, to } => self.file(*slot)?.seek(*to).map(Answer::Number),
            Op::SeekData { slot, from, data } => {
                let whence = if *data { libc::SEEK_DATA } else { libc::SEEK_HOLE };
                let fd = self.file(*slot)?.as_raw_fd();
                // SAFETY: lseek takes numbers only.
                match unsafe { libc::lseek(fd, *from as i64, whence) } {
                    -1 => Err(io::Error::last_os_error()),
                    at => Ok(Answer::Number(at as u64)),
                }
            }
            Op::SetLen { slot, len } => self.file(*slot)?.set_len(*len).map(done),
            Op::StatFile { slot } => self.file(*slot)?.metadata().map(|m| stat(&m)),
            Op::Stat { path, follow: true } => fs::metadata(self.at(path)).map(|m| stat(&m)),
            Op::Stat { path, .. } => fs::symlink_metadata(self.at(path)).map(|m| stat(&m)),
            Op::Mkdir { path } => fs::create_dir(self.at(path)).map(done),
            Op::Rmdir { path } => fs::remove_dir(self.at(path)).map(done),
            Op::Unlink { path } => fs::remove_file(self.at(path)).map(done),
            Op::Rename { from, to } => fs::rename(self.at(from), self.at(to)).map(done),
            Op::Link { old, new } => fs::hard_link(self.at(old), self.at(new)).map(done),
            Op::Symlink { target, path } => symlink(target, self.at(path)).map(done),
            Op::Readlink { path } => fs::read_link(self.at(path))
                .map(|t| Answer::Bytes(t.as_os_str().as_encoded_bytes().to_vec())),
            Op::List { path } => {
                let mut names = Vec::new();
                for e in fs::read_dir(self.at(path))? {
                    let e = e?;
                    let kind = e.file_type()?;
                    let letter = if kind.is_dir() {
                        'd'
                    } else if kind.is_file() {
                        'f'
                    } else {
                        'l'
                    };
                    names.push(format!("{letter} {}", e.file_name().to_string_lossy()));
                }
                names.sort();
                Ok(Answer::Names(names))
            }
            Op::Chmod { path, mode } => {
                fs::set_permissions(self.at(path), fs::Permissions::from_mode(*mode)).map(done)
            }
        }
    }
}

impl Subject for Host {
    fn apply(&mut self, op: &Op) -> Answer {
        self.try_apply(op).unwrap_or_else(|e| match (e.raw_os_error(), e.kind()) {
            (Some(number), _) => Answer::Error(number),
            // std itself finds these.
            (None, io::ErrorKind::InvalidInput) => Answer::Error(libc::EINVAL),
            (None, _) => Answer::NotOpen,
        })
    }
}
