//! The tree of files of the running space.
//!
//! A child starts from what its parent's tree holds, without a copy and without a write to memory
//! that it inherited: the parent leaves a seed, and the child's own tree grows from that when it
//! first uses a file. The child's tree ends with it; what it changed is in its log (`journal`).

use super::journal::{self, Act};
use super::open::{Open, What};
use crate::engine::{Engine, engine};
use detpar_fs::{Fs, Kind, Metadata, Mkfs, OpenOptions, Seed};
use kernel::confine::FIRST_FILE;
use kernel::master;
use std::cell::{Cell, UnsafeCell};
use std::ffi::OsStr;
use std::io::{self, Error};
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

/// The tree of a space.
pub(super) struct Tree {
    pub fs: Fs,
    /// What children grow theirs from: what this space wrote is in it.
    seed: Option<Seed>,
    /// What it grew from itself, in inherited memory: its children grow from that until it has
    /// written something. Null in the master.
    from: *const Seed,
    /// Number of the first file that this space opened.
    first: u64,
    /// What is open. A place is empty when its last number is closed.
    open: Vec<Option<Open>>,
    /// The places that numbers from `first` on stand for.
    numbers: Vec<Option<usize>>,
    /// The places that standard streams stand for, where the space has put files there.
    streams: [Option<usize>; 3],
}

/// The tree that children of the running space start from: in the master its own.
struct Root(UnsafeCell<*mut Tree>);

// SAFETY: a space has one thread.
unsafe impl Sync for Root {}

/// Not merged: in a child it is set before its own children start.
static ROOT: Root = Root(UnsafeCell::new(std::ptr::null_mut()));

thread_local! {
    /// The running child's own tree, and which child that is.
    static MINE: Cell<(u64, *mut Tree)> = const { Cell::new((0, std::ptr::null_mut())) };
}

fn root() -> *mut Tree {
    // SAFETY: one thread; a plain word.
    unsafe { *ROOT.0.get() }
}

fn set_root(tree: *mut Tree) {
    // SAFETY: as above.
    unsafe { *ROOT.0.get() = tree };
}

/// The running space's own tree, where it has one.
fn own() -> *mut Tree {
    if !master::in_child() {
        return root();
    }
    match MINE.get() {
        (space, tree) if space == crate::fork::space() => tree,
        _ => std::ptr::null_mut(),
    }
}

/// What the clock of a tree shows: the virtual time, which reading does not move.
pub(super) fn clock() -> i64 {
    kernel::confine::time()
}

/// The running space's tree; nothing where the master has made none.
pub(super) fn tree() -> Option<&'static mut Tree> {
    let mut at = own();
    if at.is_null() && master::in_child() {
        at = grow()?;
    }
    // SAFETY: made by `install` or `grow`, and not dropped before the space ends; whoever calls
    // this ends its use before the next call, in one thread.
    unsafe { at.as_mut() }
}

/// A tree of this child's own, from its parent's seed.
fn grow() -> Option<*mut Tree> {
    // SAFETY: the word is null, or was set by a parent to its tree, which this child inherited as
    // it was then.
    let inherited = unsafe { root().as_ref() }?;
    // SAFETY: null, or inherited from further above in the same way.
    let from = inherited.seed.as_ref().or(unsafe { inherited.from.as_ref() })?;
    // SAFETY: the copy is never dropped: `end` takes it back from the tree and forgets it. So no
    // count of what it refers to is ever written, and that memory does not change in a child.
    let seed = unsafe { std::ptr::read(from) };
    let first = inherited.first + inherited.numbers.len() as u64;
    let tree = Tree::new(seed.grow(clock), from, first);
    let at = Box::into_raw(Box::new(tree));
    MINE.set((crate::fork::space(), at));
    kernel::confine::uses_files();
    Some(at)
}

/// Makes a tree the master's.
///
/// # Errors
/// `Unsupported`: children of the engine that runs would have the host's files instead.
pub(super) fn install(fs: Fs) -> io::Result<()> {
    let engine = crate::engine();
    if engine != crate::Engine::Spaces {
        let why = format!("the engine `{engine}` has no tree of files; use `spaces`");
        return Err(Error::new(io::ErrorKind::Unsupported, why));
    }
    match own() {
        at if at.is_null() => {
            let tree = Tree::new(fs, std::ptr::null(), FIRST_FILE);
            set_root(Box::into_raw(Box::new(tree)));
            // SAFETY: in the master, which calls this between its children; the word holds nothing
            // of the program's.
            unsafe { master::no_merge(ROOT.0.get() as usize, size_of::<usize>()) };
        }
        // SAFETY: as for `tree`.
        at => unsafe { ((*at).fs, (*at).seed) = (fs, None) },
    }
    Ok(())
}

/// How many files a tree has room for that was not loaded: it costs nothing before they are there.
const INODES: u32 = 1 << 18;

/// Why there is none under other engines: all of their children would use one tree at a time.
pub(super) const NEEDS_SPACES: &str = "the files of detpar::fs need children with memory of their \
                                       own: run the program with DETPAR_ENGINE=spaces";

/// The tree of the running space; the master's is made by the first use.
pub(super) fn made() -> io::Result<&'static mut Tree> {
    if engine() != Engine::Spaces {
        return Err(Error::new(io::ErrorKind::Unsupported, NEEDS_SPACES));
    }
    if let Some(tree) = tree() {
        return Ok(tree);
    }
    if master::in_child() {
        let why = "the master has made no tree of files before this child started";
        return Err(Error::new(io::ErrorKind::NotFound, why));
    }
    install(Mkfs::new().inodes(INODES).clock(clock).mkfs()?)?;
    Ok(tree().expect("it was just made"))
}

/// Whether a standard stream of the running space is a file of its tree.
pub(crate) fn is_redirected(number: u64) -> bool {
    // SAFETY: as for `tree`.
    number <= 2 && unsafe { own().as_mut() }.is_some_and(|tree| tree.is_redirected(number))
}

/// Leaves a seed for children that are about to start.
pub(crate) fn before_fork() {
    let at = own();
    // SAFETY: as for `tree`.
    let Some(tree) = (unsafe { at.as_mut() }) else { return };
    let child = master::in_child();
    if tree.fs.is_touched() || !child && tree.seed.is_none() {
        // The old one first: layers that only it looked at come together.
        tree.seed = None;
        tree.seed = Some(tree.fs.seed());
    }
    if child {
        set_root(at);
    }
}

/// The child ends, and its tree with it.
pub(crate) fn child_ends() {
    let at = own();
    if at.is_null() {
        return;
    }
    MINE.set((0, std::ptr::null_mut()));
    // SAFETY: `grow` made the box; nothing refers to it any more.
    let Tree { fs, seed, open, .. } = *unsafe { Box::from_raw(at) };
    drop(open);
    drop(seed);
    let _not_ours = ManuallyDrop::new(fs.into_seed());
}

/// A child was merged: does what it did in this space's tree.
///
/// # Panics
/// The child did what no tree allows: it wrote to its worker's memory.
pub(crate) fn merged(log: &[u8]) {
    if journal::claims(log) == 0 {
        return;
    }
    let Some(tree) = tree() else { return };
    if let Err(e) = journal::replay(&tree.fs, log) {
        panic!("the tree of files cannot take what a child changed in it: {e}");
    }
    tree.follow(log);
}

pub(super) fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The path of what [`canonical`] names: the root by nothing.
pub(super) fn named(name: &[u8]) -> &Path {
    path_of(if name.is_empty() { b"/" } else { name })
}

fn error(number: i32) -> Error {
    Error::from_raw_os_error(number)
}

/// Most symbolic links on a way.
const LINKS: u32 = 40;

/// A path without links, `.` and `..`; the last name is followed on demand.
fn canonical(fs: &Fs, path: &[u8], follow: bool) -> io::Result<Vec<u8>> {
    let mut left: Vec<Vec<u8>> = path.rsplit(|b| *b == b'/').map(<[u8]>::to_vec).collect();
    let mut out = Vec::new();
    let mut links = 0;
    while let Some(name) = left.pop() {
        match &name[..] {
            b"" | b"." => continue,
            b".." => {
                let parent = out.iter().rposition(|b| *b == b'/').unwrap_or(0);
                out.truncate(parent);
                continue;
            }
            _ => {}
        }
        let parent = out.len();
        out.push(b'/');
        out.extend(&name);
        let last = left.iter().all(|n| n.is_empty());
        if last && !follow {
            continue;
        }
        if let Ok(target) = fs.read_link(path_of(&out)) {
            links += 1;
            if links > LINKS {
                return Err(error(libc::ELOOP));
            }
            let target = target.as_os_str().as_bytes();
            out.truncate(if target.first() == Some(&b'/') { 0 } else { parent });
            left.extend(target.rsplit(|b| *b == b'/').map(<[u8]>::to_vec));
        }
    }
    Ok(out)
}

/// Most numbers of open files of a space that `F_DUPFD` may leave out.
const MOST_NUMBERS: u64 = 1024;

/// What `F_GETFL` tells of the flags that a file was opened with.
const KEPT: i32 = libc::O_ACCMODE | libc::O_APPEND | libc::O_NONBLOCK;

/// Permission bits that new files do not get: the virtual umask.
const MASK: u32 = 0o022;

/// Where files without a name are made, whether or not the tree has such a directory.
const UNNAMED: &[u8] = b"/tmp";

impl Tree {
    fn new(fs: Fs, from: *const Seed, first: u64) -> Tree {
        let (open, numbers) = (Vec::new(), Vec::new());
        Tree { fs, seed: None, from, first, open, numbers, streams: [None; 3] }
    }

    /// Makes a directory.
    pub fn make_dir(&mut self, path: &[u8], mode: u32) -> io::Result<()> {
        let name = canonical(&self.fs, path, false)?;
        self.fs.create_dir(path_of(path))?;
        let mode = mode & 0o7777 & !MASK;
        self.fs.set_permissions(path_of(path), mode)?;
        journal::note(Act::MakeDir, mode.into(), &name, &[]);
        Ok(())
    }

    /// Makes a directory and those on the way to it.
    pub fn make_dirs(&mut self, path: &[u8]) -> io::Result<()> {
        let mut ends: Vec<usize> = (1..path.len()).filter(|i| path[*i] == b'/').collect();
        ends.push(path.len());
        for end in ends {
            let part = &path[..end];
            match self.make_dir(part, 0o777) {
                Err(e) if !self.fs.metadata(path_of(part)).is_ok_and(|m| m.is_dir()) => {
                    return Err(e);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes a file's name.
    pub fn remove(&mut self, path: &[u8]) -> io::Result<()> {
        let name = canonical(&self.fs, path, false)?;
        self.fs.remove_file(path_of(path))?;
        self.gone(&name);
        journal::note(Act::Remove, 0, &name, &[]);
        Ok(())
    }

    /// Removes an empty directory.
    pub fn remove_dir(&mut self, path: &[u8]) -> io::Result<()> {
        let name = canonical(&self.fs, path, false)?;
        self.fs.remove_dir(path_of(path))?;
        self.gone(&name);
        journal::note(Act::RemoveDir, 0, &name, &[]);
        Ok(())
    }

    /// Removes whatever is there, with all below.
    pub fn remove_all(&mut self, path: &[u8]) -> io::Result<()> {
        if !self.fs.symlink_metadata(path_of(path))?.is_dir() {
            return self.remove(path);
        }
        let entries: Vec<_> = self.fs.read_dir(path_of(path))?.collect::<io::Result<_>>()?;
        for entry in entries {
            self.remove_all(entry.path().as_os_str().as_bytes())?;
        }
        self.remove_dir(path)
    }

    /// Renames.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> io::Result<()> {
        let names = (canonical(&self.fs, from, false)?, canonical(&self.fs, to, false)?);
        self.fs.rename(path_of(from), path_of(to))?;
        if names.0 != names.1 {
            self.moved(&names.0, &names.1);
            journal::note(Act::Rename, 0, &names.0, &names.1);
        }
        Ok(())
    }

    /// Makes a symbolic link.
    pub fn link(&mut self, target: &[u8], path: &[u8]) -> io::Result<()> {
        let name = canonical(&self.fs, path, false)?;
        self.fs.symlink(path_of(target), path_of(path))?;
        journal::note(Act::Link, 0, &name, target);
        Ok(())
    }

    /// Sets permission bits.
    pub fn permit(&mut self, path: &[u8], mode: u32) -> io::Result<()> {
        let name = canonical(&self.fs, path, true)?;
        self.fs.set_permissions(path_of(path), mode & 0o7777)?;
        journal::note(Act::Permit, u64::from(mode & 0o7777), &name, &[]);
        Ok(())
    }

    /// Sets when a file was last read and last changed; nothing leaves a time as it is.
    pub fn set_times(
        &mut self,
        path: &[u8],
        times: [Option<SystemTime>; 2],
        follow: bool,
    ) -> io::Result<()> {
        let name = canonical(&self.fs, path, follow)?;
        let there = self.fs.symlink_metadata(named(&name))?;
        let accessed = times[0].unwrap_or(there.accessed());
        let modified = times[1].unwrap_or(there.modified());
        self.fs.set_times_nofollow(named(&name), accessed, modified)?;
        journal::note(Act::Times, 0, &name, &journal::encode_times([accessed, modified]));
        Ok(())
    }

    /// Cuts a file off, or makes it longer.
    pub fn set_len(&mut self, path: &[u8], len: u64) -> io::Result<()> {
        let file = self.open_file(path, libc::O_WRONLY, 0)?;
        self.cut(&file, len)
    }

    /// The same with an open one.
    pub fn cut(&self, open: &Open, len: u64) -> io::Result<()> {
        let What::File(file) = &open.what else { return Err(error(libc::EINVAL)) };
        file.set_len(len)?;
        open.note(|path| journal::note(Act::SetLen, len, path, &[]));
        Ok(())
    }

    /// Opens, with the flags of `open`.
    pub fn open_file(&mut self, path: &[u8], flags: i32, mode: u32) -> io::Result<Open> {
        if flags & libc::O_TMPFILE == libc::O_TMPFILE {
            return self.open_unnamed(path, flags, mode);
        }
        let has = |bit: i32| flags & bit == bit;
        let exclusive = has(libc::O_CREAT | libc::O_EXCL);
        let follow = !has(libc::O_NOFOLLOW) && !exclusive;
        let there = match follow {
            true => self.fs.metadata(path_of(path)),
            false => self.fs.symlink_metadata(path_of(path)),
        };
        let write = flags & libc::O_ACCMODE != libc::O_RDONLY;
        if let Ok(there) = &there {
            match there.kind() {
                Kind::Symlink if !exclusive => return Err(error(libc::ELOOP)),
                Kind::Dir if !write && !has(libc::O_CREAT) => return self.open_dir(path, there),
                Kind::File if has(libc::O_DIRECTORY) => return Err(error(libc::ENOTDIR)),
                // What is written by one name is compared with what others wrote by that name.
                Kind::File if write && there.nlink() > 1 => return Err(error(libc::EPERM)),
                _ => {}
            }
        } else if has(libc::O_DIRECTORY) && !has(libc::O_CREAT) {
            there.as_ref().map_err(|e| error(e.raw_os_error().unwrap_or(libc::EIO)))?;
        }
        // To make a file takes the right to write, which the open file is not to have.
        if !write && has(libc::O_CREAT) {
            match there {
                Ok(_) if exclusive => return Err(error(libc::EEXIST)),
                Ok(_) => {}
                Err(_) => drop(self.open_file(path, flags | libc::O_WRONLY, mode)?),
            }
            return self.open_file(path, flags & !(libc::O_CREAT | libc::O_EXCL), mode);
        }
        let name = canonical(&self.fs, path, follow)?;
        let permissions = mode & 0o7777 & !MASK;
        let file = OpenOptions::new()
            .read(flags & libc::O_ACCMODE != libc::O_WRONLY)
            .write(write)
            .append(write && has(libc::O_APPEND))
            .create(has(libc::O_CREAT))
            .create_new(exclusive)
            .truncate(write && has(libc::O_TRUNC))
            .mode(permissions)
            .open(&self.fs, path_of(path))?;
        match there {
            Err(_) => journal::note(Act::Make, permissions.into(), &name, &[]),
            Ok(m) if write && has(libc::O_TRUNC) && m.len() > 0 => {
                journal::note(Act::SetLen, 0, &name, &[]);
            }
            Ok(_) => {}
        }
        Ok(Open { what: What::File(file), path: Some(name), flags: flags & KEPT })
    }

    /// A file that never has a name: nobody else sees it, so it is no claim.
    fn open_unnamed(&mut self, dir: &[u8], flags: i32, mode: u32) -> io::Result<Open> {
        if flags & libc::O_ACCMODE == libc::O_RDONLY {
            return Err(error(libc::EINVAL));
        }
        let dir = match self.fs.metadata(path_of(dir)) {
            Ok(there) if there.is_dir() => dir,
            Ok(_) => return Err(error(libc::ENOTDIR)),
            Err(_) if dir == UNNAMED => b"/",
            Err(e) => return Err(e),
        };
        let mut name = [dir, b"/unnamed"].concat();
        while self.fs.symlink_metadata(path_of(&name)).is_ok() {
            name.push(b'-');
        }
        let file = OpenOptions::new()
            .read(flags & libc::O_ACCMODE == libc::O_RDWR)
            .write(true)
            .append(flags & libc::O_APPEND != 0)
            .create_new(true)
            .mode(mode & 0o7777 & !MASK)
            .open(&self.fs, path_of(&name))?;
        self.fs.remove_file(path_of(&name))?;
        Ok(Open { what: What::File(file), path: None, flags: flags & KEPT })
    }

    fn open_dir(&self, path: &[u8], there: &Metadata) -> io::Result<Open> {
        let name = canonical(&self.fs, path, true)?;
        let list = self.fs.read_dir(path_of(path))?;
        let what = What::Dir { list, ahead: None, dots: 0, own: there.ino() };
        Ok(Open { what, path: Some(name), flags: libc::O_DIRECTORY })
    }

    /// Gives an open file a number.
    pub fn number(&mut self, open: Open) -> u64 {
        let free = self.open.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            self.open.push(None);
            self.open.len() - 1
        });
        self.open[at] = Some(open);
        self.name(at, 0)
    }

    /// Gives a place one more number, the lowest free one from `least` on.
    fn name(&mut self, place: usize, least: u64) -> u64 {
        let least = least.saturating_sub(self.first) as usize;
        let free = self.numbers.iter().skip(least).position(Option::is_none);
        let at = free.map_or(self.numbers.len().max(least), |i| i + least);
        self.numbers.resize(self.numbers.len().max(at + 1), None);
        self.numbers[at] = Some(place);
        self.first + at as u64
    }

    /// Makes another number, at least `least`, for what is open.
    pub fn duplicate(&mut self, number: u64, least: u64) -> io::Result<u64> {
        let place = self.place(number).ok_or_else(|| error(libc::EBADF))?;
        if least > self.first + MOST_NUMBERS {
            return Err(error(libc::EINVAL));
        }
        Ok(self.name(place, least))
    }

    /// Makes `number` stand for what `from` does, and closes what it stood for. Nothing where it is
    /// not a number that this space has used, or a standard stream's.
    pub fn replace(&mut self, from: u64, number: u64) -> Option<io::Result<u64>> {
        let Some(place) = self.place(from) else { return Some(Err(error(libc::EBADF))) };
        if number >= self.first + self.numbers.len() as u64 {
            return None;
        }
        let old = self.entry(number)?.replace(place);
        self.settle(old);
        Some(Ok(number))
    }

    /// Closes a number.
    pub fn close(&mut self, number: u64) {
        let old = self.entry(number).and_then(Option::take);
        self.settle(old);
    }

    /// Closes what is at a place that has no number any more.
    fn settle(&mut self, place: Option<usize>) {
        if let Some(at) = place
            && !self.numbers.iter().chain(&self.streams).any(|n| *n == Some(at))
        {
            self.open[at] = None;
        }
    }

    fn entry(&mut self, number: u64) -> Option<&mut Option<usize>> {
        match number {
            0..=2 => self.streams.get_mut(number as usize),
            _ => self.numbers.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?),
        }
    }

    fn place(&mut self, number: u64) -> Option<usize> {
        *self.entry(number)?
    }

    /// Whether a number is that of a file which a space above this one opened.
    pub fn is_inherited(&self, number: u64) -> bool {
        number < self.first && number >= FIRST_FILE
    }

    /// Whether a number is that of a standard stream where this space has put a file.
    pub fn is_redirected(&mut self, number: u64) -> bool {
        number <= 2 && self.place(number).is_some()
    }

    /// The place of a number among this space's open files.
    pub fn opened(&mut self, number: u64) -> Option<&mut Option<Open>> {
        let place = self.place(number)?;
        self.open.get_mut(place)
    }

    /// A name is gone: what is open there has none any more.
    fn gone(&mut self, name: &[u8]) {
        for open in self.open.iter_mut().flatten().filter(|o| o.path.as_deref() == Some(name)) {
            open.path = None;
        }
    }

    /// What was at a name, and below it, is elsewhere.
    fn moved(&mut self, from: &[u8], to: &[u8]) {
        self.gone(to);
        for path in self.open.iter_mut().flatten().filter_map(|o| o.path.as_mut()) {
            let rest = path.strip_prefix(from).filter(|r| r.first().is_none_or(|b| *b == b'/'));
            if let Some(rest) = rest {
                *path = [to, rest].concat();
            }
        }
    }

    /// Lets open files go with their names that a child changed.
    fn follow(&mut self, log: &[u8]) {
        journal::names(log, |from, to| match to {
            Some(to) => self.moved(from, to),
            None => self.gone(from),
        });
    }
}
