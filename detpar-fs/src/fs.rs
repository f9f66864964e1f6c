//! The file system as its users see it, in the manner of [`std::fs`].

use crate::file::{File, OpenOptions};
use crate::fsck::{self, Problem};
use crate::layout::BLOCK;
use crate::layout::inode::{Kind, Policy};
use crate::listing::ReadDir;
use crate::meta::{Metadata, Usage};
use crate::tree::Tree;
use crate::{Errno, errno};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// A file system in memory. Clones are the same file system; [`Fs::fork`] makes another.
///
/// Paths are absolute, or relative to the root: there is no current directory.
///
/// # Examples
/// ```
/// use detpar_fs::{Fs, Mkfs};
/// use std::io::{Read, Write};
///
/// let fs: Fs = Mkfs::new().mkfs()?;
/// fs.create_dir_all("/a/b")?;
/// write!(fs.create("/a/b/greeting")?, "hello")?;
/// let child = fs.fork();
/// child.rename("/a/b/greeting", "/a/greeting")?;
/// assert_eq!(child.read_to_string("a/greeting")?, "hello");
/// assert_eq!(fs.read("/a/b/greeting")?, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Fs {
    pub(crate) tree: Arc<Mutex<Tree>>,
}

/// A path's bytes.
pub(crate) fn bytes(path: &impl AsRef<Path>) -> &[u8] {
    path.as_ref().as_os_str().as_encoded_bytes()
}

/// What bytes of a name are outside.
pub(crate) fn os_string(name: Vec<u8>) -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(name);
    #[cfg(not(unix))]
    return String::from_utf8_lossy(&name).into_owned().into();
}

/// Nanoseconds since 1970.
fn nanoseconds(time: SystemTime) -> i64 {
    let clip = |n: u128| i64::try_from(n).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => clip(after.as_nanos()),
        Err(before) => -clip(before.duration().as_nanos()),
    }
}

impl Fs {
    pub(crate) fn of(tree: Tree) -> Fs {
        Fs { tree: Arc::new(Mutex::new(tree)) }
    }

    /// Whether both are the same file system.
    pub(crate) fn is(&self, other: &Fs) -> bool {
        Arc::ptr_eq(&self.tree, &other.tree)
    }

    /// What tells it from all others that are alive.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.tree).addr()
    }

    /// The tree itself. An operation that panicked would leave it as far as it came.
    pub(crate) fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file system of its own that starts with what this one holds now. Nothing is copied: the
    /// cost does not depend on how much there is. Files that are open here are not open there.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.write("/a", "before")?;
    /// let child = fs.fork();
    /// child.write("/a", "after")?;
    /// assert_eq!((fs.read("/a")?, child.read("/a")?), (b"before".to_vec(), b"after".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn fork(&self) -> Fs {
        Fs::of(self.tree().fork())
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().read(true).open(self, path)
    }

    /// Opens a file for writing; makes it, or empties it.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    pub fn create(&self, path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).open(self, path)
    }

    /// All contents of a file.
    ///
    /// # Errors
    /// As [`OpenOptions::open`], and `EISDIR`.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// All contents of a file that is text.
    ///
    /// # Errors
    /// As [`Fs::read`], and [`io::ErrorKind::InvalidData`] where it is not UTF-8.
    pub fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<String> {
        let mut text = String::new();
        self.open(path)?.read_to_string(&mut text)?;
        Ok(text)
    }

    /// Makes a file of these contents, or replaces what it had.
    ///
    /// # Errors
    /// As [`OpenOptions::open`], and `ENOSPC`.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.write("/a", "one")?;
    /// fs.write("/a", "two")?;
    /// assert_eq!(fs.read_to_string("/a")?, "two");
    /// # Ok(())
    /// # }
    /// ```
    pub fn write(&self, path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
        self.create(path)?.write_all(contents.as_ref())
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT`, `ENOTDIR`, `ENOSPC`, `ENAMETOOLONG`, `ELOOP`.
    pub fn create_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.tree().mkdir(bytes(&path), 0o755)?;
        Ok(())
    }

    /// Makes a directory and those above it, as far as they are not there.
    ///
    /// # Errors
    /// As [`Fs::create_dir`].
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.create_dir_all("/a/b/c")?;
    /// assert!(fs.metadata("/a/b/c")?.is_dir());
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_dir_all(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        if path.as_os_str().is_empty() {
            return Ok(());
        }
        match self.create_dir(path) {
            Ok(()) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(_) if self.metadata(path).is_ok_and(|m| m.is_dir()) => return Ok(()),
            Err(e) => return Err(e),
        }
        match path.parent() {
            Some(parent) => self.create_dir_all(parent)?,
            None => return Err(Errno::ENOENT.into()),
        }
        match self.create_dir(path) {
            Err(_) if self.metadata(path).is_ok_and(|m| m.is_dir()) => Ok(()),
            result => result,
        }
    }

    /// Removes a name of a file. The file lives until nobody has it open.
    ///
    /// # Errors
    /// `EISDIR`, and those of the way.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        Ok(self.tree().unlink(bytes(&path))?)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `ENOTEMPTY`, `ENOTDIR`, `EBUSY` for the root, and those of the way.
    pub fn remove_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        Ok(self.tree().rmdir(bytes(&path))?)
    }

    /// Removes a directory with all that is in it, or a symbolic link; links are not followed.
    ///
    /// # Errors
    /// As [`Fs::remove_dir`].
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.create_dir_all("/a/b")?;
    /// fs.write("/a/b/c", "")?;
    /// fs.remove_dir_all("/a")?;
    /// assert!(fs.metadata("/a").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_dir_all(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let mut tree = self.tree();
        let top = tree.lookup(bytes(&path), false)?;
        match tree.volume.inode(top)?.kind() {
            Some(Kind::Dir) => {}
            Some(Kind::Symlink) => return Ok(tree.unlink(bytes(&path))?),
            _ => return Err(Errno::ENOTDIR.into()),
        }
        // By inode: what lies deep has no path that is short enough.
        let list = |tree: &Tree, dir| tree.volume.list_all(&tree.volume.inode(dir)?);
        let mut ways = vec![(top, Vec::new(), list(&tree, top)?)];
        while let Some((dir, _, left)) = ways.last_mut() {
            match left.pop() {
                Some(e) if e.kind == Kind::Dir.byte() => {
                    let below = list(&tree, e.ino)?;
                    ways.push((e.ino, e.name, below));
                }
                Some(e) => tree.remove(*dir, &e.name)?,
                None => {
                    let name = ways.pop().map(|w| w.1).unwrap_or_default();
                    if let Some((above, ..)) = ways.last() {
                        tree.remove(*above, &name)?;
                    }
                }
            }
        }
        Ok(tree.rmdir(bytes(&path))?)
    }

    /// Renames, over what has the new name if it is of the same kind, and empty.
    ///
    /// # Errors
    /// `ENOENT`, `EINVAL` (into itself), `ENOTEMPTY`, `EISDIR`, `ENOTDIR`, `EBUSY`, `ENOSPC`, and
    /// those of the ways. Nothing has changed then.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.write("/a", "one")?;
    /// fs.write("/b", "two")?;
    /// fs.rename("/a", "/b")?;
    /// assert_eq!(fs.read_to_string("/b")?, "one");
    /// assert!(fs.rename("/a", "/c").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        Ok(self.tree().rename(bytes(&from), bytes(&to))?)
    }

    /// Copies a file's contents and permissions; returns how many bytes.
    ///
    /// # Errors
    /// `EINVAL`: not a regular file; otherwise as [`Fs::read`] and [`Fs::write`].
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.write("/a", "one")?;
    /// assert_eq!(fs.copy("/a", "/b")?, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
        let source = self.metadata(&from)?;
        if !source.is_file() {
            return Err(Errno::EINVAL.into());
        }
        let permissions = source.mode();
        let copied = io::copy(&mut self.open(from)?, &mut self.create(&to)?)?;
        self.set_permissions(to, permissions)?;
        Ok(copied)
    }

    /// Gives a file another name. A symbolic link gets one itself.
    ///
    /// # Errors
    /// `EPERM` for a directory, `EMLINK`, `EEXIST`, `ENOSPC`, and those of the ways.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.write("/a", "one")?;
    /// fs.hard_link("/a", "/b")?;
    /// fs.write("/b", "two")?;
    /// assert_eq!((fs.read_to_string("/a")?, fs.metadata("/a")?.nlink()), ("two".into(), 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn hard_link(&self, original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
        Ok(self.tree().link(bytes(&original), bytes(&link))?)
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// `EEXIST`, `ENOSPC`, `ENAMETOOLONG`, and those of the way.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.write("/a", "one")?;
    /// fs.symlink("a", "/link")?;
    /// assert_eq!(fs.read_to_string("/link")?, "one");
    /// assert_eq!(fs.read_link("/link")?.to_str(), Some("a"));
    /// assert!(fs.symlink_metadata("/link")?.is_symlink());
    /// # Ok(())
    /// # }
    /// ```
    pub fn symlink(&self, target: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
        self.tree().symlink(bytes(&target), bytes(&link))?;
        Ok(())
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// `EINVAL`: it is none; those of the way.
    pub fn read_link(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let tree = self.tree();
        let node = tree.volume.inode(tree.lookup(bytes(&path), false)?)?;
        if node.kind() != Some(Kind::Symlink) {
            return Err(Errno::EINVAL.into());
        }
        Ok(os_string(tree.volume.read_all(&node)).into())
    }

    fn stat(&self, path: &[u8], follow: bool) -> errno::Result<Metadata> {
        let tree = self.tree();
        let ino = tree.lookup(path, follow)?;
        Ok(Metadata::new(ino, tree.volume.inode(ino)?))
    }

    /// What there is to know of a file; links are followed.
    ///
    /// # Errors
    /// Those of the way: `ENOENT`, `ENOTDIR`, `ENAMETOOLONG`, `ELOOP`.
    pub fn metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        Ok(self.stat(bytes(&path), true)?)
    }

    /// The same; a link at the end is not followed.
    ///
    /// # Errors
    /// As [`Fs::metadata`].
    pub fn symlink_metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        Ok(self.stat(bytes(&path), false)?)
    }

    /// The entries of a directory, in an order that depends on their names alone.
    ///
    /// # Errors
    /// `ENOTDIR`, and those of the way.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.write("/b", "")?;
    /// fs.write("/a", "")?;
    /// let mut names = Vec::new();
    /// for entry in fs.read_dir("/")? {
    ///     names.push(entry?.file_name());
    /// }
    /// names.sort();
    /// assert_eq!(names, ["a", "b"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_dir(&self, path: impl AsRef<Path>) -> io::Result<ReadDir> {
        let found = self.stat(bytes(&path), true)?;
        if !found.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        Ok(ReadDir::new(self.clone(), path.as_ref().to_path_buf(), &found))
    }

    fn set(
        &self,
        path: &impl AsRef<Path>,
        follow: bool,
        change: impl FnOnce(&mut crate::layout::inode::Inode),
    ) -> io::Result<()> {
        let mut tree = self.tree();
        let ino = tree.lookup(bytes(path), follow)?;
        Ok(tree.set_attributes(ino, change)?)
    }

    /// Sets the permission bits, which are kept and not enforced.
    ///
    /// # Errors
    /// As [`Fs::metadata`].
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.write("/a", "")?;
    /// fs.set_permissions("/a", 0o400)?;
    /// assert_eq!(fs.metadata("/a")?.mode() & 0o777, 0o400);
    /// fs.write("/a", "nobody minds")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_permissions(&self, path: impl AsRef<Path>, mode: u32) -> io::Result<()> {
        self.set(&path, true, |node| node.mode = node.mode & !0o7777 | mode & 0o7777)
    }

    /// Sets when a file was last read and last changed.
    ///
    /// # Errors
    /// As [`Fs::metadata`].
    pub fn set_times(
        &self,
        path: impl AsRef<Path>,
        accessed: SystemTime,
        modified: SystemTime,
    ) -> io::Result<()> {
        self.set(&path, true, |node| {
            (node.atime, node.mtime) = (nanoseconds(accessed), nanoseconds(modified));
        })
    }

    /// The same; of a symbolic link its own.
    ///
    /// # Errors
    /// As [`Fs::metadata`].
    pub fn set_times_nofollow(
        &self,
        path: impl AsRef<Path>,
        accessed: SystemTime,
        modified: SystemTime,
    ) -> io::Result<()> {
        self.set(&path, false, |node| {
            (node.atime, node.mtime) = (nanoseconds(accessed), nanoseconds(modified));
        })
    }

    /// Sets what a reconcile does with a file that two sides changed, or with the names in a
    /// directory. What is made in a directory starts with the directory's.
    ///
    /// # Errors
    /// As [`Fs::metadata`].
    ///
    /// ```
    /// use detpar_fs::{Mkfs, Policy};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.create_dir("/logs")?;
    /// fs.set_policy("/logs", Policy::Append)?;
    /// fs.write("/logs/a", "")?;
    /// assert_eq!(fs.metadata("/logs/a")?.policy(), Policy::Append);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_policy(&self, path: impl AsRef<Path>, policy: Policy) -> io::Result<()> {
        self.set(&path, true, |node| node.policy = policy)
    }

    /// How much there is, and how much is free.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// let before = fs.usage();
    /// fs.write("/a", [1; 10 * 4096])?;
    /// assert!(before.free_blocks - fs.usage().free_blocks >= 10);
    /// assert_eq!(before.free_inodes - fs.usage().free_inodes, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn usage(&self) -> Usage {
        let tree = self.tree();
        let geometry = &tree.volume.geometry;
        let data = |g| u64::from(geometry.blocks_in(g) - geometry.data_at());
        let groups = &tree.volume.groups;
        Usage {
            block_size: BLOCK as u32,
            blocks: (0..geometry.groups()).map(data).sum(),
            free_blocks: groups.iter().map(|g| u64::from(g.free_blocks)).sum(),
            inodes: u64::from(geometry.inodes()) - u64::from(crate::layout::inode::ROOT),
            free_inodes: groups.iter().map(|g| u64::from(g.free_inodes)).sum(),
        }
    }

    /// Looks everything over: what is used must be there once, and nothing else. Returns what is
    /// wrong, up to a thousand things.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().mkfs()?;
    /// fs.write("/a", "one")?;
    /// assert!(fs.check().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn check(&self) -> Vec<Problem> {
        fsck::check(&self.tree().volume)
    }

    /// Makes the file system larger; the inodes become more by the same factor, in steps.
    ///
    /// # Errors
    /// `EINVAL`: it has more blocks than that, or would have more than 2^20
    /// groups or 2^32 inodes.
    pub fn grow(&self, blocks: u32) -> io::Result<()> {
        Ok(self.tree().volume.grow(blocks)?)
    }

    /// Makes the file system as large as it takes to have so many free blocks and inodes, by
    /// doublings.
    ///
    /// # Errors
    /// `ENOSPC`: none is so large.
    ///
    /// ```
    /// use detpar_fs::Mkfs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let fs = Mkfs::new().blocks(256).inodes(16).mkfs()?;
    /// fs.make_room(5000, 100)?;
    /// assert!(fs.usage().free_blocks >= 5000 && fs.usage().free_inodes >= 100);
    /// # Ok(())
    /// # }
    /// ```
    pub fn make_room(&self, blocks: u64, inodes: u64) -> io::Result<()> {
        loop {
            let usage = self.usage();
            if usage.free_blocks >= blocks && usage.free_inodes >= inodes {
                return Ok(());
            }
            let mut tree = self.tree();
            let twice = tree.volume.geometry.blocks.checked_mul(2).ok_or(Errno::ENOSPC)?;
            tree.volume.grow(twice).map_err(|_| Errno::ENOSPC)?;
        }
    }
}
