//! Copies trees: contents with their holes, permissions, times, links of both kinds.

use crate::failure::Failure;
use crate::files::{Files, Meta};
use crate::progress::Progress;
use crate::{Exit, image};
use detpar_fs::Kind;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Bytes that are copied at once.
const CHUNK: usize = 1 << 20;

/// A copy from one tree of files to another.
pub(crate) struct Copy<'a> {
    pub from: &'a dyn Files,
    pub to: &'a dyn Files,
    /// A file that is left out: the image that is written.
    pub except: Option<(u64, u64)>,
    /// The host's files that are images are not replaced.
    pub spare_images: bool,
    /// A directory that keeps its permissions and times if it is there: the destination.
    pub destination: PathBuf,
    progress: Progress,
    buffer: Vec<u8>,
    /// Files with several names that were copied, and the copy's name.
    copied: HashMap<(u64, u64), PathBuf>,
}

/// Bytes of files at a path and below.
pub(crate) fn bytes(files: &dyn Files, path: &Path) -> u64 {
    let Ok(meta) = files.meta(path, false) else { return 0 };
    match meta.kind {
        Some(Kind::File) => meta.len,
        Some(Kind::Dir) => {
            let names = files.list(path).unwrap_or_default();
            names.iter().map(|name| bytes(files, &path.join(name))).sum()
        }
        _ => 0,
    }
}

impl<'a> Copy<'a> {
    pub fn new(from: &'a dyn Files, to: &'a dyn Files, progress: Progress) -> Copy<'a> {
        let buffer = vec![0; CHUNK];
        Copy {
            from,
            to,
            except: None,
            spare_images: false,
            destination: PathBuf::new(),
            progress,
            buffer,
            copied: HashMap::new(),
        }
    }

    fn input(&self, path: &Path, e: &std::io::Error) -> Failure {
        Failure::input(self.from.name(path), e)
    }

    fn output(&self, path: &Path, e: &std::io::Error) -> Failure {
        let mut failure = Failure::output(self.to.name(path), e);
        if e.raw_os_error() == Some(detpar_fs::Errno::ENOSPC.0) {
            failure.text += "; make room, or an image larger with `detfs grow`";
        }
        failure
    }

    /// Copies what is at a path, and below it, to a path.
    pub fn tree(&mut self, from: &Path, to: &Path) -> Result<(), Failure> {
        let meta = self.from.meta(from, false).map_err(|e| self.input(from, &e))?;
        if self.except == Some(meta.id) {
            eprintln!("detfs: {}: left out: it is the image itself", self.from.name(from));
            return Ok(());
        }
        let Some(kind) = meta.kind else {
            let text = format!(
                "{}: neither a file nor a directory nor a link, which is all that an image can \
                 hold; leave it out",
                self.from.name(from)
            );
            return Err(Failure::new(Exit::NoInput, text));
        };
        if kind == Kind::Dir {
            return self.directory(from, to, &meta);
        }
        self.make_room(to, kind)?;
        let again = meta.links > 1;
        if again && let Some(first) = self.copied.get(&meta.id) {
            let result = self.to.remove_if_there(to).and_then(|()| self.to.hard_link(first, to));
            return result.map_err(|e| self.output(to, &e));
        }
        if kind == Kind::File {
            self.file(from, to)?;
        } else {
            let target = self.from.read_link(from).map_err(|e| self.input(from, &e))?;
            self.to.symlink(&target, to).map_err(|e| self.output(to, &e))?;
        }
        self.to.set(to, &meta).map_err(|e| self.output(to, &e))?;
        if again {
            self.copied.insert(meta.id, to.to_path_buf());
        }
        Ok(())
    }

    /// A link is replaced, not followed; a file is replaced by a link, and its contents by a
    /// file's.
    fn make_room(&self, to: &Path, kind: Kind) -> Result<(), Failure> {
        let there = self.to.meta(to, false).ok();
        match there {
            Some(there) if there.is(Kind::Dir) => {
                let text = format!("{}: a directory; remove it first", self.to.name(to));
                Err(Failure::new(Exit::NoOutput, text))
            }
            Some(_) if self.spare_images && image::is_image(to) => {
                let text = format!(
                    "{0}: an image; write {0}:/path to copy into it, or --force to replace it",
                    self.to.name(to)
                );
                Err(Failure::new(Exit::NoOutput, text))
            }
            Some(there) if kind == Kind::Symlink || !there.is(Kind::File) => {
                self.to.remove(to).map_err(|e| self.output(to, &e))
            }
            _ => Ok(()),
        }
    }

    fn directory(&mut self, from: &Path, to: &Path, meta: &Meta) -> Result<(), Failure> {
        let made = match self.to.meta(to, true) {
            Ok(there) if there.is(Kind::Dir) => false,
            Ok(_) => {
                let text =
                    format!("{}: there, and no directory; remove it first", self.to.name(to));
                return Err(Failure::new(Exit::NoOutput, text));
            }
            Err(_) => {
                self.to.create_dir(to).map_err(|e| self.output(to, &e))?;
                true
            }
        };
        for name in self.from.list(from).map_err(|e| self.input(from, &e))? {
            self.tree(&from.join(&name), &to.join(&name))?;
        }
        // Last: making entries changes times, and may not be permitted any more.
        if made || to != self.destination {
            self.to.set(to, meta).map_err(|e| self.output(to, &e))?;
        }
        Ok(())
    }

    fn file(&mut self, from: &Path, to: &Path) -> Result<(), Failure> {
        let mut source = self.from.open(from).map_err(|e| self.input(from, &e))?;
        let mut sink = self.to.create(to).map_err(|e| self.output(to, &e))?;
        let (mut at, mut end) = (0, 0);
        while let Some(data) = source.data(at).map_err(|e| self.input(from, &e))? {
            self.progress.add(data - at);
            at = data;
            let hole = source.hole(at).map_err(|e| self.input(from, &e))?;
            while at < hole {
                let most = usize::try_from(hole - at).unwrap_or(CHUNK).min(CHUNK);
                let read = source.read_at(&mut self.buffer[..most], at);
                let read = read.map_err(|e| self.input(from, &e))?;
                if read == 0 {
                    break;
                }
                let written = sink.write_at(&self.buffer[..read], at);
                written.map_err(|e| self.output(to, &e))?;
                self.progress.add(read as u64);
                at += read as u64;
            }
            end = at;
            if at < hole {
                break;
            }
        }
        // What it has now: it may have changed since it was looked at.
        let len = self.from.meta(from, false).map_err(|e| self.input(from, &e))?.len;
        sink.finish(len.max(end)).map_err(|e| self.output(to, &e))
    }
}
