//! The tree of files of the running space.
//!
//! A child starts from what its parent's tree holds, without a copy and without a write to memory
//! that it inherited: the parent leaves a seed, and the child's own tree grows from that when it
//! first uses a file. The child's tree ends with it; what it changed is in its log (`journal`).

use super::journal::{self, Act, FileKey};
use super::open::{Open, What};
use crate::engine::{Engine, engine};
use detpar_fs::{File, Fs, Kind, Metadata, Mkfs, OpenOptions, Policy, Seed};
use kernel::confine::FIRST_FILE;
use kernel::master;
use std::cell::{Cell, UnsafeCell};
use std::ffi::OsStr;
use std::io::{self, Error};
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

/// The tree of a space, and what is open there.
pub(super) struct Tree {
    pub fs: Fs,
    /// Whether it holds devices alone: the master has made no tree.
    is_bare: bool,
    /// What children grow theirs from: what this space wrote is in it.
    seed: Option<Seed>,
    /// What it grew from itself, in inherited memory: its children grow from that until it has
    /// written something. Null in the master.
    from: *const Seed,
    /// The tree of the space above, as it was when this one grew. Null in the master.
    above: *const Tree,
    /// The space whose tree it is.
    space: u64,
    /// Number of the first file that this space opened.
    pub(super) first: u64,
    /// What is open. A place is empty when its last number is closed.
    pub(super) open: Vec<Option<Open>>,
    /// The places that numbers from `first` on stand for.
    pub(super) numbers: Vec<Option<usize>>,
    /// The places that standard streams stand for, where the space has put files there.
    pub(super) streams: [Option<usize>; 3],
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
    // SAFETY: made by `install`, `grow` or `bare`, and not dropped before the space ends; whoever
    // calls this ends its use before the next call, in one thread.
    unsafe { at.as_mut() }.filter(|tree| !tree.is_bare)
}

/// The same where what is open counts, or was in a space above: devices need no tree.
pub(super) fn numbers() -> Option<&'static mut Tree> {
    let mut at = own();
    if at.is_null() && inherited().is_some() {
        at = grow().unwrap_or_else(bare);
    }
    // SAFETY: as for `tree`.
    unsafe { at.as_mut() }
}

/// Does something where files get numbers.
pub(super) fn with_numbers<R>(f: impl FnOnce(&mut Tree) -> R) -> R {
    match numbers() {
        Some(tree) => f(tree),
        // SAFETY: as for `tree`.
        None => f(unsafe { &mut *bare() }),
    }
}

/// What this space has open by a number.
pub(super) fn opened(number: u64) -> Option<&'static Open> {
    // SAFETY: as for `tree`.
    unsafe { own().as_mut() }?.opened(number)?.as_ref()
}

/// In a child the tree of its parent, or of a space above that.
fn inherited() -> Option<&'static Tree> {
    // SAFETY: the word is null, or was set by a parent to its tree, which this child inherited as
    // it was then.
    master::in_child().then(|| unsafe { root().as_ref() })?
}

/// Room for the numbers of devices, in a child of a program without a tree.
fn bare() -> *mut Tree {
    let fs = Mkfs::new().blocks(BARE).inodes(BARE).clock(clock).mkfs().expect("a fixed size");
    let first = inherited().map_or(FIRST_FILE, Tree::next);
    own_now(Tree { is_bare: true, first, ..Tree::new(fs) })
}

/// Blocks and inodes of a file system that nothing is written to.
const BARE: u32 = 64;

/// Makes a tree that of the running child.
fn own_now(tree: Tree) -> *mut Tree {
    let at = Box::into_raw(Box::new(tree));
    MINE.set((crate::fork::space(), at));
    kernel::confine::uses_files();
    at
}

/// A tree of this child's own, from its parent's seed.
fn grow() -> Option<*mut Tree> {
    let inherited = inherited().filter(|tree| !tree.is_bare)?;
    // SAFETY: null, or inherited from further above in the same way.
    let from = inherited.seed.as_ref().or(unsafe { inherited.from.as_ref() })?;
    // SAFETY: the copy is never dropped: `end` takes it back from the tree and forgets it. So no
    // count of what it refers to is ever written, and that memory does not change in a child.
    let seed = unsafe { std::ptr::read(from) };
    let first = inherited.next();
    Some(own_now(Tree { from, above: inherited, first, ..Tree::new(seed.grow(clock)) }))
}

/// Keeps the word that tells a space's children of its tree out of the merge.
///
/// # Safety
/// In the master before its first child.
pub(crate) unsafe fn prepare() {
    // SAFETY: the caller's contract; the word holds nothing of the program's.
    unsafe { master::no_merge(ROOT.0.get() as usize, size_of::<usize>()) };
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
        at if at.is_null() => set_root(Box::into_raw(Box::new(Tree::new(fs)))),
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
    if !tree.is_bare && (tree.fs.is_touched() || !child && tree.seed.is_none()) {
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

pub(super) fn error(number: i32) -> Error {
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

/// What `F_GETFL` tells of the flags that a file was opened with.
const KEPT: i32 = libc::O_ACCMODE | libc::O_APPEND | libc::O_NONBLOCK;

/// Permission bits that new files do not get: the virtual umask.
const MASK: u32 = 0o022;

/// Where files without a name are made, whether or not the tree has such a directory.
const UNNAMED: &[u8] = b"/tmp";

impl Tree {
    /// The master's.
    fn new(fs: Fs) -> Tree {
        Tree {
            fs,
            is_bare: false,
            seed: None,
            from: std::ptr::null(),
            above: std::ptr::null(),
            space: crate::fork::space(),
            first: FIRST_FILE,
            open: Vec::new(),
            numbers: Vec::new(),
            streams: [None; 3],
        }
    }

    /// The first number that is not one of its files'.
    fn next(&self) -> u64 {
        self.first + self.numbers.len() as u64
    }

    /// Which file this is, for all spaces that have it: the number that its inode has where it was
    /// made, and in every tree that grew from there. Directories have none: they have one name.
    fn key(&self, meta: &Metadata) -> Option<FileKey> {
        let (ino, generation) = (meta.ino(), meta.generation());
        let mut tree = self;
        // SAFETY: `grow` set both, to what its space had inherited: trees that do not change while
        // it runs.
        while let Some((from, above)) = unsafe { tree.from.as_ref().zip(tree.above.as_ref()) } {
            if !from.holds(ino, generation) {
                break;
            }
            tree = above;
        }
        (!meta.is_dir()).then(|| FileKey::new(tree.space, ino, generation))
    }

    /// A file that was just opened.
    fn opened_file(&self, file: File, path: Option<Vec<u8>>, flags: i32) -> io::Result<Open> {
        // What can be opened so is no directory.
        let there = file.metadata()?;
        let key = self.key(&there).ok_or_else(|| error(libc::EISDIR))?;
        let what = What::File { file, key, policy: there.policy(), before: None };
        Ok(Open { what, path, flags: flags & KEPT })
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
        self.find_names();
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
        let ino = |name: &[u8]| self.fs.symlink_metadata(named(name)).map(|m| m.ino());
        // Two names of one file both stay.
        let other = !matches!((ino(&names.0), ino(&names.1)), (Ok(a), Ok(b)) if a == b);
        self.fs.rename(path_of(from), path_of(to))?;
        if other {
            self.moved(&names.0, &names.1);
            self.find_names();
            journal::note(Act::Rename, 0, &names.0, &names.1);
        }
        Ok(())
    }

    /// Gives a file another name.
    pub fn hard_link(&mut self, from: &[u8], to: &[u8], follow: bool) -> io::Result<()> {
        let there = canonical(&self.fs, from, follow)?;
        let name = canonical(&self.fs, to, false)?;
        let from = if follow { &there } else { from };
        self.fs.hard_link(path_of(from), path_of(to))?;
        journal::note(Act::HardLink, 0, &name, &there);
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
        let there = self.fs.metadata(named(&name))?;
        let of = (self.key(&there), there.policy());
        journal::note_of(of, Act::Permit, u64::from(mode & 0o7777), &name, &[]);
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
        let both = journal::encode_times([accessed, modified]);
        journal::note_of((self.key(&there), there.policy()), Act::Times, 0, &name, &both);
        Ok(())
    }

    /// Cuts a file off, or makes it longer.
    pub fn set_len(&mut self, path: &[u8], len: u64) -> io::Result<()> {
        self.open_file(path, libc::O_WRONLY, 0)?.cut(len)
    }

    /// Sets what is done with what two changed.
    pub fn set_policy(&mut self, path: &[u8], policy: Policy) -> io::Result<()> {
        let name = canonical(&self.fs, path, true)?;
        self.fs.set_policy(path_of(path), policy)?;
        let there = self.fs.metadata(named(&name))?;
        // What two agree on they must have agreed on before.
        let of = (self.key(&there), Policy::Conflict);
        journal::note_of(of, Act::Policy, policy as u64, &name, &[]);
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
        let cut = write && has(libc::O_TRUNC);
        let is_last = |m: &Metadata| m.policy() == Policy::Last;
        let mut before = None;
        match there {
            Err(_) => {
                let of = (None, file.metadata()?.policy());
                journal::note_of(of, Act::Make, permissions.into(), &name, &[]);
            }
            Ok(m) if cut && (m.len() > 0 || is_last(&m)) => {
                journal::note_of((self.key(&m), m.policy()), Act::SetLen, 0, &name, &[]);
            }
            Ok(m) if write && !cut && is_last(&m) => {
                before = Some(OpenOptions::new().read(true).open(&self.fs, path_of(&name))?);
            }
            Ok(_) => {}
        }
        let mut open = self.opened_file(file, Some(name), flags)?;
        if let What::File { before: noted, .. } = &mut open.what {
            *noted = before;
        }
        Ok(open)
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
        self.opened_file(file, None, flags)
    }

    fn open_dir(&self, path: &[u8], there: &Metadata) -> io::Result<Open> {
        let name = canonical(&self.fs, path, true)?;
        let list = self.fs.read_dir(path_of(path))?;
        let what = What::Dir { list, ahead: None, dots: 0, own: there.ino() };
        Ok(Open { what, path: Some(name), flags: libc::O_DIRECTORY })
    }
}
