//! Open files, in the manner of [`std::fs::File`].

use crate::Errno;
use crate::fs::{Fs, bytes};
use crate::meta::Metadata;
use crate::tree::{Access, FileId};
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// An open file.
pub struct File {
    fs: Fs,
    id: FileId,
}

/// How to open a file.
///
/// # Examples
/// ```
/// use detpar_fs::{Mkfs, OpenOptions};
/// use std::io::Write;
///
/// let fs = Mkfs::new().mkfs()?;
/// for line in ["a\n", "b\n"] {
///     OpenOptions::new().append(true).create(true).open(&fs, "log")?.write_all(line.as_bytes())?;
/// }
/// assert_eq!(fs.read("log")?, b"a\nb\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions(Access);

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions::new()
    }
}

macro_rules! options {
    ($($name:ident: $type:ty, $field:ident, $text:literal;)*) => {
        $(#[doc = $text]
        pub fn $name(&mut self, $name: $type) -> &mut OpenOptions {
            self.0.$field = $name;
            self
        })*
    };
}

impl OpenOptions {
    /// Opens for nothing; say what for.
    pub fn new() -> OpenOptions {
        OpenOptions(Access { permissions: 0o644, ..Access::default() })
    }

    options! {
        read: bool, read, "For reading.";
        write: bool, write, "For writing.";
        append: bool, append, "For writing at the end, wherever that is at each write.";
        create: bool, create, "Makes the file if it is not there.";
        create_new: bool, create_new, "Makes the file; it must not be there, not even as a link.";
        truncate: bool, truncate, "Empties the file.";
        mode: u32, permissions, "Permission bits of a file that is made.";
    }

    /// Opens a file.
    ///
    /// # Errors
    /// `EINVAL` for options that make no sense together, as in `std`; `ENOENT`, `EEXIST`,
    /// `EISDIR`, `ENOTDIR`, `ENOSPC`, `ENAMETOOLONG`, `ELOOP`.
    pub fn open(&self, fs: &Fs, path: impl AsRef<Path>) -> io::Result<File> {
        let id = fs.tree().open(bytes(&path), self.0)?;
        Ok(File { fs: fs.clone(), id })
    }
}

/// A place in a file, unless a signed number cannot say it.
fn offset(at: u64) -> Result<u64, Errno> {
    if at > i64::MAX as u64 { Err(Errno::EINVAL) } else { Ok(at) }
}

impl File {
    /// What there is to know of the file.
    ///
    /// # Errors
    /// `EIO`: the volume is damaged.
    pub fn metadata(&self) -> io::Result<Metadata> {
        let tree = self.fs.tree();
        let ino = tree.file_inode(self.id)?;
        Ok(Metadata::new(ino, tree.volume.inode(ino)?))
    }

    /// Cuts the file off at a length, or adds a hole up to it.
    ///
    /// # Errors
    /// `EINVAL`: not open for writing, or a length beyond `i64::MAX`; `EFBIG`.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// let file = fs.create("/a")?;
    /// file.set_len(10_000)?;
    /// assert_eq!(fs.read("/a")?, [0; 10_000]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        Ok(self.fs.tree().cut_file(self.id, offset(len)?)?)
    }

    /// Reads at a place, without moving.
    ///
    /// # Errors
    /// `EBADF`: not open for reading; `EISDIR`; `EINVAL`: a place beyond `i64::MAX`.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.write("/a", "abcdef")?;
    /// let mut two = [0; 2];
    /// fs.open("/a")?.read_at(&mut two, 3)?;
    /// assert_eq!(&two, b"de");
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_at(&self, to: &mut [u8], at: u64) -> io::Result<usize> {
        Ok(self.fs.tree().read_file(self.id, to, Some(offset(at)?))?)
    }

    /// Writes at a place, without moving. A file opened to append is appended to.
    ///
    /// # Errors
    /// `EBADF`: not open for writing; `ENOSPC`, `EFBIG`; `EINVAL`: a place beyond `i64::MAX`.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// let file = fs.create("/a")?;
    /// file.write_at(b"c", 2)?;
    /// assert_eq!(fs.read("/a")?, [0, 0, b'c']);
    /// # Ok(())
    /// # }
    /// ```
    pub fn write_at(&self, from: &[u8], at: u64) -> io::Result<usize> {
        Ok(self.fs.tree().write_file(self.id, from, Some(offset(at)?))?)
    }

    /// Another handle to the same open file: it moves with this one.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// use std::io::Read;
    ///
    /// fs.write("/a", "abc")?;
    /// let (mut file, mut one) = (fs.open("/a")?, [0]);
    /// file.duplicate().read_exact(&mut one)?;
    /// file.read_exact(&mut one)?;
    /// assert_eq!(&one, b"b");
    /// # Ok(())
    /// # }
    /// ```
    pub fn duplicate(&self) -> File {
        self.fs.tree().share(self.id);
        File { fs: self.fs.clone(), id: self.id }
    }

    /// Goes to the first byte of data from a place on, and says which.
    ///
    /// # Errors
    /// `ENXIO`: there is none; `EINVAL`: a directory.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// let file = fs.create("/a")?;
    /// file.write_at(b"x", 1 << 20)?;
    /// assert_eq!(file.seek_data(0)?, 1 << 20);
    /// assert_eq!(file.seek_hole(0)?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn seek_data(&self, from: u64) -> io::Result<u64> {
        self.seek_kind(from, true)
    }

    /// Goes to the first byte of a hole from a place on, and says which; there is a hole at the
    /// end.
    ///
    /// # Errors
    /// `ENXIO`: the file ends before; `EINVAL`: a directory.
    pub fn seek_hole(&self, from: u64) -> io::Result<u64> {
        self.seek_kind(from, false)
    }

    fn seek_kind(&self, from: u64, data: bool) -> io::Result<u64> {
        let mut tree = self.fs.tree();
        let node = tree.volume.inode(tree.file_inode(self.id)?)?;
        if node.is_dir() {
            return Err(Errno::EINVAL.into());
        }
        let volume = &tree.volume;
        let at = if data { volume.seek_data(&node, from) } else { volume.seek_hole(&node, from) }?;
        tree.set_position(self.id, at)?;
        Ok(at)
    }

    /// Does nothing: all handles see what was written, and what lasts is for a save to say.
    ///
    /// # Errors
    /// `EBADF`, never while the file is open.
    pub fn sync_all(&self) -> io::Result<()> {
        self.fs.tree().file_inode(self.id)?;
        Ok(())
    }
}

impl Read for &File {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        Ok(self.fs.tree().read_file(self.id, to, None)?)
    }

    fn read_vectored(&mut self, to: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut tree = self.fs.tree();
        let mut all = 0;
        for part in to {
            let n = tree.read_file(self.id, part, None)?;
            all += n;
            if n < part.len() {
                break;
            }
        }
        Ok(all)
    }

    fn read_to_end(&mut self, to: &mut Vec<u8>) -> io::Result<usize> {
        let mut tree = self.fs.tree();
        let len = tree.volume.inode(tree.file_inode(self.id)?)?.len;
        let rest = len.saturating_sub(tree.position(self.id)?);
        let rest = usize::try_from(rest).map_err(|_| Errno::EFBIG)?;
        let start = to.len();
        to.try_reserve(rest)?;
        to.resize(start + rest, 0);
        let read = tree.read_file(self.id, &mut to[start..], None);
        to.truncate(start + *read.as_ref().unwrap_or(&0));
        Ok(read?)
    }
}

impl Write for &File {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(self.fs.tree().write_file(self.id, from, None)?)
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut tree = self.fs.tree();
        let mut all = 0;
        for part in from {
            match tree.write_file(self.id, part, None) {
                Ok(n) => all += n,
                Err(e) if all == 0 => return Err(e.into()),
                Err(_) => break,
            }
        }
        Ok(all)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for &File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let mut tree = self.fs.tree();
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => tree.position(self.id)?.checked_add_signed(by),
            SeekFrom::End(by) => {
                let node = tree.volume.inode(tree.file_inode(self.id)?)?;
                node.len.checked_add_signed(by).filter(|_| !node.is_dir())
            }
        };
        let at = offset(at.ok_or(Errno::EINVAL)?)?;
        tree.set_position(self.id, at)?;
        Ok(at)
    }
}

impl Read for File {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        (&*self).read(to)
    }

    fn read_vectored(&mut self, to: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(to)
    }

    fn read_to_end(&mut self, to: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(to)
    }
}

impl Write for File {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        (&*self).write(from)
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&*self).seek(to)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.fs.tree().close(self.id);
    }
}
