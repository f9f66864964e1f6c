//! The host's files.

use crate::files::{Files, Meta, Sink, Source, data_or_none};
use crate::show;
use detpar_fs::Kind;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The host's files.
pub(crate) struct Host;

impl Files for Host {
    fn name(&self, path: &Path) -> String {
        show::path(path)
    }

    fn meta(&self, path: &Path, follow: bool) -> io::Result<Meta> {
        let found = if follow { fs::metadata(path)? } else { fs::symlink_metadata(path)? };
        let kind = found.file_type();
        let kinds = [
            (kind.is_file(), Kind::File),
            (kind.is_dir(), Kind::Dir),
            (kind.is_symlink(), Kind::Symlink),
        ];
        Ok(Meta {
            kind: kinds.into_iter().find_map(|(is, kind)| is.then_some(kind)),
            len: found.len(),
            mode: found.mode() & 0o7777,
            accessed: found.accessed()?,
            modified: found.modified()?,
            id: (found.dev(), found.ino()),
            links: found.nlink(),
        })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let names = fs::read_dir(path)?.map(|e| e.map(|e| e.file_name()));
        let mut names = names.collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        fs::read_link(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(File::open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink>> {
        let directory = path.parent().filter(|p| !p.as_os_str().is_empty());
        let new = tempfile::Builder::new()
            .prefix(".detfs-")
            .tempfile_in(directory.unwrap_or(Path::new(".")))?;
        Ok(Box::new(New { new, path: path.into() }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, path)
    }

    fn hard_link(&self, original: &Path, path: &Path) -> io::Result<()> {
        fs::hard_link(original, path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn set(&self, path: &Path, meta: &Meta) -> io::Result<()> {
        if !meta.is(Kind::Symlink) {
            fs::set_permissions(path, fs::Permissions::from_mode(meta.mode))?;
        }
        let time = |time: SystemTime| {
            let (tv_sec, nanoseconds) = show::since_1970(time);
            Timespec { tv_sec, tv_nsec: nanoseconds.into() }
        };
        let times =
            Timestamps { last_access: time(meta.accessed), last_modification: time(meta.modified) };
        Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

impl Source for File {
    fn read_at(&mut self, to: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, to, at)
    }

    fn data(&mut self, from: u64) -> io::Result<Option<u64>> {
        let found = rustix::fs::seek(&*self, rustix::fs::SeekFrom::Data(from));
        data_or_none(found.map_err(io::Error::from))
    }

    fn hole(&mut self, from: u64) -> io::Result<u64> {
        Ok(rustix::fs::seek(&*self, rustix::fs::SeekFrom::Hole(from))?)
    }
}

/// A file that gets its name when it is whole: what has the name now stays until then.
struct New {
    new: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Sink for New {
    fn write_at(&mut self, from: &[u8], at: u64) -> io::Result<()> {
        self.new.as_file().write_all_at(from, at)
    }

    fn finish(self: Box<Self>, len: u64) -> io::Result<()> {
        self.new.as_file().set_len(len)?;
        self.new.persist(&self.path).map_err(|e| e.error)?;
        Ok(())
    }
}
