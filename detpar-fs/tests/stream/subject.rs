//! The file system itself, under the stream of operations.

use crate::ops::{Answer, BASE, Op, SLOTS, Stat, Subject};
use detpar_fs::{File, Fs, Kind, Metadata, OpenOptions};
use std::io::{self, Read, Seek, Write};

pub struct Ours {
    pub fs: Fs,
    files: [Option<File>; SLOTS],
}

impl Ours {
    pub fn new(fs: Fs) -> Ours {
        fs.create_dir_all(BASE).unwrap();
        Ours { fs, files: [const { None }; SLOTS] }
    }
}

fn stat(m: &Metadata) -> Answer {
    let len = if m.is_dir() { 0 } else { m.len() };
    Answer::Stat(Stat { mode: m.mode(), len, nlink: m.nlink() })
}

impl Subject for Ours {
    fn apply(&mut self, op: &Op) -> Answer {
        self.try_apply(op).unwrap_or_else(|e| match e.raw_os_error() {
            Some(number) => Answer::Error(number),
            None => Answer::NotOpen,
        })
    }
}

impl Ours {
    fn at(&self, path: &str) -> String {
        if path.is_empty() { String::new() } else { format!("{BASE}/{path}") }
    }

    fn file(&mut self, slot: usize) -> io::Result<&mut File> {
        self.files[slot].as_mut().ok_or(io::Error::other("not open"))
    }

    fn try_apply(&mut self, op: &Op) -> io::Result<Answer> {
        let fs = self.fs.clone();
        let done = |()| Answer::Done;
        match op {
            Op::Open { slot, path, flags } => {
                let file = OpenOptions::new()
                    .read(flags.read)
                    .write(flags.write)
                    .append(flags.append)
                    .create(flags.create)
                    .create_new(flags.create_new)
                    .truncate(flags.truncate)
                    .open(&fs, self.at(path))?;
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
            Op::SeekData { slot, from, data: true } => {
                self.file(*slot)?.seek_data(*from).map(Answer::Number)
            }
            Op::SeekData { slot, from, data: false } => {
                self.file(*slot)?.seek_hole(*from).map(Answer::Number)
            }
            Op::SetLen { slot, len } => self.file(*slot)?.set_len(*len).map(done),
            Op::StatFile { slot } => self.file(*slot)?.metadata().map(|m| stat(&m)),
            Op::Stat { path, follow: true } => fs.metadata(self.at(path)).map(|m| stat(&m)),
            Op::Stat { path, follow: false } => {
                fs.symlink_metadata(self.at(path)).map(|m| stat(&m))
            }
            Op::Mkdir { path } => fs.create_dir(self.at(path)).map(done),
            Op::Rmdir { path } => fs.remove_dir(self.at(path)).map(done),
            Op::Unlink { path } => fs.remove_file(self.at(path)).map(done),
            Op::Rename { from, to } => fs.rename(self.at(from), self.at(to)).map(done),
            Op::Link { old, new } => fs.hard_link(self.at(old), self.at(new)).map(done),
            Op::Symlink { target, path } => fs.symlink(target, self.at(path)).map(done),
            Op::Readlink { path } => fs
                .read_link(self.at(path))
                .map(|t| Answer::Bytes(t.as_os_str().as_encoded_bytes().to_vec())),
            Op::List { path } => {
                let mut names = Vec::new();
                for e in fs.read_dir(self.at(path))? {
                    let e = e?;
                    let letter = match e.kind() {
                        Kind::Dir => 'd',
                        Kind::File => 'f',
                        Kind::Symlink => 'l',
                    };
                    names.push(format!("{letter} {}", e.file_name().to_string_lossy()));
                }
                names.sort();
                Ok(Answer::Names(names))
            }
            Op::Chmod { path, mode } => fs.set_permissions(self.at(path), *mode).map(done),
        }
    }
}
