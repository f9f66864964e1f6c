//! A tree of files in memory, for children.
//!
//! Children cannot reach the real file system. A program that wants files in them makes a tree in
//! memory, by putting something in it: from then on `std::fs` in children works on that tree,
//! with absolute paths or such relative to its root, while in the master `std::fs` is the real
//! one and the functions here are the tree.
//!
//! Every child starts with what its parent's tree holds, at no cost, and sees its own changes
//! only. At the join the changes of all children come into the parent's tree, in program order,
//! all or none. Two that changed the same file, or the same name, are a conflict:
//! [`JoinError::File`](crate::JoinError::File). Two that only appended to a file are none: both
//! appends are kept. docs/files.md says exactly what goes together.
//!
//! ```
//! use detpar::fs;
//!
//! #[detpar::main]
//! fn main() -> std::io::Result<()> {
//!     fs::write("/in/words", "one two three")?;
//!     let count = || {
//!         let text = std::fs::read_to_string("/in/words").unwrap();
//!         std::fs::write("/count", text.split(' ').count().to_string()).unwrap();
//!     };
//!     let shout = || {
//!         let text = std::fs::read_to_string("/in/words").unwrap();
//!         std::fs::write("/loud", text.to_uppercase()).unwrap();
//!     };
//!     detpar::join(count, shout);
//!     assert_eq!(fs::read_to_string("/count")?, "3");
//!     assert_eq!(fs::read_to_string("/loud")?, "ONE TWO THREE");
//!     Ok(())
//! }
//! ```

mod calls;
mod devices;
mod host;
mod journal;
mod numbers;
mod open;
mod space;
mod status;

pub(crate) use calls::{call, stream};
pub use host::{export, import};
pub(crate) use journal::{claims, meet, part};
pub(crate) use space::{before_fork, child_ends, is_redirected, merged, prepare};
pub(crate) use status::{special, special_extended};

use crate::engine::{Engine, engine};
use open::Open;
use space::{Tree, made};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

pub use detpar_fs::{LoadError, Metadata, Policy, Store};

fn bytes<P: AsRef<Path> + ?Sized>(path: &P) -> &[u8] {
    path.as_ref().as_os_str().as_encoded_bytes()
}

/// The contents of a file.
///
/// # Errors
/// As [`std::fs::read`].
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::write("/a", [1, 2])?;
///     assert_eq!(detpar::fs::read("/a")?, [1, 2]);
///     Ok(())
/// }
/// ```
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    made()?.fs.read(path)
}

/// The contents of a file as text.
///
/// # Errors
/// As [`std::fs::read_to_string`].
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::write("/a", "text")?;
///     assert_eq!(detpar::fs::read_to_string("/a")?, "text");
///     Ok(())
/// }
/// ```
pub fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    made()?.fs.read_to_string(path)
}

/// Makes a file with this as its contents, or replaces them. Directories on the way to it are made.
///
/// # Errors
/// As [`std::fs::write`].
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::write("/a/b/c", "text")?;
///     let len = detpar::try_join(|| std::fs::read("/a/b/c").unwrap().len(), || ()).unwrap().0;
///     assert_eq!(len, 4);
///     Ok(())
/// }
/// ```
pub fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    fn write(tree: &mut Tree, path: &Path, contents: &[u8]) -> io::Result<()> {
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            tree.make_dirs(bytes(parent))?;
        }
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC;
        let open = tree.open_file(bytes(path), flags, 0o666)?;
        Writer(open).write_all(contents)
    }
    write(made()?, path.as_ref(), contents.as_ref())
}

/// An open file as a writer.
struct Writer(Open);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes, None)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes a directory, and those on the way to it.
///
/// # Errors
/// As [`std::fs::create_dir_all`].
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::create_dir_all("/out/of/children")?;
///     let is_there = || std::path::Path::new("/out/of/children").is_dir();
///     assert_eq!(detpar::join(is_there, is_there), (true, true));
///     Ok(())
/// }
/// ```
pub fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    made()?.make_dirs(bytes(&path))
}

/// Removes a file, a symbolic link, or a directory with all that is in it.
///
/// # Errors
/// As [`std::fs::remove_dir_all`].
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::write("/a/b", "text")?;
///     detpar::fs::remove("/a")?;
///     assert!(detpar::fs::metadata("/a").is_err());
///     Ok(())
/// }
/// ```
pub fn remove(path: impl AsRef<Path>) -> io::Result<()> {
    made()?.remove_all(bytes(&path))
}

/// Renames a file or directory; a file that is there is replaced.
///
/// # Errors
/// As [`std::fs::rename`].
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::write("/a", "text")?;
///     detpar::fs::rename("/a", "/b")?;
///     assert_eq!(detpar::fs::read_to_string("/b")?, "text");
///     Ok(())
/// }
/// ```
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    made()?.rename(bytes(&from), bytes(&to))
}

/// Gives a file another name, under which it is the same file.
///
/// # Errors
/// As [`std::fs::hard_link`].
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::write("/a", "text")?;
///     detpar::fs::hard_link("/a", "/b")?;
///     detpar::join(|| std::fs::write("/b", "by the other name").unwrap(), || ());
///     assert_eq!(detpar::fs::read_to_string("/a")?, "by the other name");
///     Ok(())
/// }
/// ```
pub fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    made()?.hard_link(bytes(&original), bytes(&link), false)
}

/// Makes a symbolic link to a path.
///
/// # Errors
/// As [`std::os::unix::fs::symlink`].
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::write("/a", "text")?;
///     detpar::fs::symlink("a", "/link")?;
///     assert_eq!(detpar::fs::read_to_string("/link")?, "text");
///     Ok(())
/// }
/// ```
pub fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    made()?.link(bytes(&original), bytes(&link))
}

/// What there is to know of a file or directory; symbolic links are followed. Times are those of
/// the virtual clock.
///
/// # Errors
/// As [`std::fs::metadata`].
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::write("/a", "text")?;
///     assert_eq!(detpar::fs::metadata("/a")?.len(), 4);
///     Ok(())
/// }
/// ```
pub fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    made()?.fs.metadata(path)
}

/// Sets what a join does with a file that two children changed, or with files of one name that two
/// made in a directory. What is made in a directory starts with the directory's policy.
///
/// With [`Policy::Last`] the file is as the later child, in program order, left it, as a whole. With
/// [`Policy::Append`] what the later one appended comes after whatever the earlier one made of the
/// file. docs/files.md says what else agrees; anything else stays a conflict, and so does a change
/// of the policy beside a change of the file.
///
/// # Errors
/// As [`metadata`].
///
/// ```
/// use detpar::fs::{self, Policy};
///
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     fs::write("/status", "none yet")?;
///     fs::set_policy("/status", Policy::Last)?;
///     let report = |text: &'static str| move || std::fs::write("/status", text).unwrap();
///     detpar::join(report("the first is done"), report("the second is done"));
///     assert_eq!(fs::read_to_string("/status")?, "the second is done");
///     Ok(())
/// }
/// ```
pub fn set_policy(path: impl AsRef<Path>, policy: Policy) -> io::Result<()> {
    made()?.set_policy(bytes(&path), policy)
}

/// The names in a directory, sorted.
///
/// # Errors
/// As [`std::fs::read_dir`].
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::write("/d/b", "")?;
///     detpar::fs::write("/d/a", "")?;
///     assert_eq!(detpar::fs::list("/d")?, ["a", "b"]);
///     Ok(())
/// }
/// ```
pub fn list(path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
    let entries = made()?.fs.read_dir(path)?;
    let mut names: Vec<_> = entries.map(|e| e.map(|e| e.file_name())).collect::<Result<_, _>>()?;
    names.sort();
    Ok(names)
}

/// Saves the tree as a disk image, for [`load`] and the command `detfs`. Returns how many blocks
/// were written: only what changed where the store holds what was saved to it or loaded last.
///
/// # Errors
/// Those of the store, whose old image is then still whole.
///
/// # Panics
/// In a child: that has no store.
///
/// ```
/// #[detpar::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     detpar::fs::write("/a", "text")?;
///     let mut image = Vec::new();
///     detpar::fs::save(&mut image)?;
///     detpar::fs::remove("/a")?;
///     detpar::fs::load(&mut image)?;
///     assert_eq!(detpar::fs::read_to_string("/a")?, "text");
///     Ok(())
/// }
/// ```
pub fn save(store: &mut dyn Store) -> io::Result<u64> {
    in_master("save");
    made()?.fs.save(store)
}

/// Loads a disk image; the tree is what it holds from then on. See [`save`]. Nothing of the tree
/// that was there stays, so open children must be joined before.
///
/// # Errors
/// [`LoadError`]: the image is damaged or none, or the store failed, or there are open children
/// (of the kind [`ResourceBusy`](std::io::ErrorKind::ResourceBusy)).
///
/// # Panics
/// In a child: that has no store.
pub fn load(store: &mut dyn Store) -> Result<(), LoadError> {
    in_master("load");
    if kernel::master::has_open_children() {
        let why = "children that have the tree of before are alive: join all of them first";
        return Err(std::io::Error::new(std::io::ErrorKind::ResourceBusy, why).into());
    }
    let fs = detpar_fs::Fs::load(store, space::clock)?;
    space::install(fs)?;
    Ok(())
}

/// Panics in a child, and under an engine whose children have no files.
#[track_caller]
fn in_master(what: &str) {
    assert!(engine() == Engine::Spaces, "{}", space::NEEDS_SPACES);
    assert!(
        !kernel::master::in_child(),
        "detpar::fs::{what} reaches outside: call it in the master"
    );
}
