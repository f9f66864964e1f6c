//! Trees of files, be they in an image or on the host: what copying and comparing need of them.

use detpar_fs::{File, Fs, Kind, Metadata, OpenOptions};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What there is to know of a file.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    /// `None`: none of those that an image can hold.
    pub kind: Option<Kind>,
    pub len: u64,
    /// Permission bits.
    pub mode: u32,
    pub accessed: SystemTime,
    pub modified: SystemTime,
    /// Which file it is, whatever its name.
    pub id: (u64, u64),
    pub links: u64,
}

impl Meta {
    pub fn is(&self, kind: Kind) -> bool {
        self.kind == Some(kind)
    }
}

impl From<&Metadata> for Meta {
    fn from(found: &Metadata) -> Meta {
        Meta {
            kind: Some(found.kind()),
            len: found.len(),
            mode: found.mode() & 0o7777,
            accessed: found.accessed(),
            modified: found.modified(),
            id: (0, found.ino()),
            links: found.nlink(),
        }
    }
}

/// A tree of files.
pub(crate) trait Files {
    /// A path as users write it.
    fn name(&self, path: &Path) -> String;
    /// What there is to know; of a link itself if it is not followed.
    fn meta(&self, path: &Path, follow: bool) -> io::Result<Meta>;
    /// The names in a directory, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;
    /// The target of a link.
    fn read_link(&self, path: &Path) -> io::Result<PathBuf>;
    /// Opens a file to read it.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Source>>;
    /// Makes a file, or empties it, to write it.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink>>;
    /// Makes a directory.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes a symbolic link.
    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()>;
    /// Gives a file another name.
    fn hard_link(&self, original: &Path, path: &Path) -> io::Result<()>;
    /// Removes a name of what is no directory, if it is there.
    fn remove_if_there(&self, path: &Path) -> io::Result<()> {
        match self.remove(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
    /// Removes a name of what is no directory.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Sets permissions (not of links) and times.
    fn set(&self, path: &Path, meta: &Meta) -> io::Result<()>;
}

/// A file that is read.
pub(crate) trait Source {
    /// Reads at a place.
    fn read_at(&mut self, to: &mut [u8], at: u64) -> io::Result<usize>;
    /// The first byte of data from a place on; `None`: there is none.
    fn data(&mut self, from: u64) -> io::Result<Option<u64>>;
    /// The first byte of a hole from a place in data on.
    fn hole(&mut self, from: u64) -> io::Result<u64>;
}

/// A file that is written.
pub(crate) trait Sink {
    /// Writes all at a place.
    fn write_at(&mut self, from: &[u8], at: u64) -> io::Result<()>;
    /// Gives it its length, and its name if it had none.
    fn finish(self: Box<Self>, len: u64) -> io::Result<()>;
}

/// What a search for data returns at the end of a file.
const NO_DATA: i32 = detpar_fs::Errno::ENXIO.0;

/// The first byte of data, as a seek tells it.
pub(crate) fn data_or_none(found: io::Result<u64>) -> io::Result<Option<u64>> {
    match found {
        Ok(at) => Ok(Some(at)),
        Err(e) if e.raw_os_error() == Some(NO_DATA) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The files of an image.
pub(crate) struct InFs {
    pub fs: Fs,
    pub image: PathBuf,
}

impl Files for InFs {
    fn name(&self, path: &Path) -> String {
        crate::place::InImage { image: self.image.clone(), path: path.into() }.to_string()
    }

    fn meta(&self, path: &Path, follow: bool) -> io::Result<Meta> {
        let found = if follow { self.fs.metadata(path) } else { self.fs.symlink_metadata(path) };
        found.map(|found| Meta::from(&found))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let names = self.fs.read_dir(path)?.map(|e| e.map(|e| e.file_name()));
        let mut names = names.collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.fs.read_link(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(self.fs.open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        Ok(Box::new(options.open(&self.fs, path)?))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.fs.create_dir(path)
    }

    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.fs.symlink(target, path)
    }

    fn hard_link(&self, original: &Path, path: &Path) -> io::Result<()> {
        self.fs.hard_link(original, path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.fs.remove_file(path)
    }

    fn set(&self, path: &Path, meta: &Meta) -> io::Result<()> {
        if !meta.is(Kind::Symlink) {
            self.fs.set_permissions(path, meta.mode)?;
        }
        // Copying reads, and changes when a file was last read: a tree makes the same image twice.
        self.fs.set_times_nofollow(path, meta.modified, meta.modified)
    }
}

impl Source for File {
    fn read_at(&mut self, to: &mut [u8], at: u64) -> io::Result<usize> {
        File::read_at(self, to, at)
    }

    fn data(&mut self, from: u64) -> io::Result<Option<u64>> {
        data_or_none(self.seek_data(from))
    }

    fn hole(&mut self, from: u64) -> io::Result<u64> {
        self.seek_hole(from)
    }
}

impl Sink for File {
    fn write_at(&mut self, mut from: &[u8], mut at: u64) -> io::Result<()> {
        while !from.is_empty() {
            let written = File::write_at(self, from, at)?;
            from = &from[written..];
            at += written as u64;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}
