//! Bringing children's file systems back to their parent: by version, not by bytes.
//!
//! Each child is compared with the snapshot it started from, where its log says that something
//! changed, and what it changed is done again in the parent. So the cost is that of the changes.
//! It happens in a file system on top of the parent's, which becomes the parent's if there was no
//! conflict, and is dropped otherwise.

mod contents;
mod names;
mod paths;

use crate::errno::{Errno, Result};
use crate::fs::Fs;
use crate::layout::inode::Inode;
use crate::tree::Tree;
use crate::volume::log::Log;
use crate::volume::{Frozen, Volume};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};

/// A file, or a name, that two sides changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConflict {
    /// Where it is in the child, or was when the child started.
    pub path: PathBuf,
    /// The child of lower index; `None`: the parent, or a child that was reconciled before.
    pub lower: Option<usize>,
    /// The child that the conflict belongs to.
    pub higher: usize,
    /// What the two did.
    pub kind: ConflictKind,
}

/// What two sides did that does not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConflictKind {
    /// Both made the same name.
    Created,
    /// Both removed, renamed or replaced what the name stood for.
    Name,
    /// Both wrote the file, and not both at its end only.
    Written,
    /// One removed the file, the other changed it or gave it a name.
    Removed,
    /// One removed the directory, the other made something in it.
    Entry,
    /// Both moved the directory, or each moved one into the other's.
    Moved,
    /// Both set permissions, times or policy.
    Attributes,
}

impl fmt::Display for ConflictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConflictKind::Created => "created on both sides",
            ConflictKind::Name => "removed, renamed or replaced on both sides",
            ConflictKind::Written => "written on both sides",
            ConflictKind::Removed => "removed on one side and changed on the other",
            ConflictKind::Entry => "a directory removed on one side that got an entry on the other",
            ConflictKind::Moved => "a directory moved on both sides",
            ConflictKind::Attributes => "permissions, times or policy set on both sides",
        })
    }
}

impl fmt::Display for FileConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, by child {} and ", self.path.display(), self.kind, self.higher)?;
        match self.lower {
            Some(lower) => write!(f, "child {lower}"),
            None => write!(f, "its parent or a child joined before"),
        }
    }
}

/// Why nothing was reconciled. The parent is as it was, and the children can be looked at.
#[derive(Debug)]
pub enum ReconcileError {
    /// All conflicts of the first child that has any.
    Conflicts(Vec<FileConflict>),
    /// This child was not forked from here.
    Stranger(usize),
    /// There is no room for what the children made, or a volume is damaged.
    Io(io::Error),
}

impl fmt::Display for ReconcileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReconcileError::Conflicts(all) => {
                write!(f, "{} file conflict(s)", all.len())?;
                all.iter().try_for_each(|c| write!(f, "; {c}"))
            }
            ReconcileError::Stranger(n) => {
                write!(f, "child {n} was not forked from this file system; fork it from here")
            }
            ReconcileError::Io(e) => write!(f, "files cannot be reconciled: {e}"),
        }
    }
}

impl std::error::Error for ReconcileError {}

impl From<Errno> for ReconcileError {
    fn from(e: Errno) -> ReconcileError {
        ReconcileError::Io(e.into())
    }
}

impl Fs {
    /// Takes over what children changed since they were forked from here, in their order.
    ///
    /// What one side changed is taken; what both only appended to has both ends, in order; names
    /// made, removed or renamed are kept where they differ. Anything else that both changed is a
    /// conflict, unless its [`crate::Policy`] says otherwise.
    ///
    /// # Errors
    /// [`ReconcileError`]; nothing has changed then.
    ///
    /// # Examples
    /// ```
    /// use detpar_fs::{ConflictKind, Mkfs, ReconcileError};
    ///
    /// let fs = Mkfs::new().mkfs()?;
    /// let (a, b) = (fs.fork(), fs.fork());
    /// a.write("left", "1")?;
    /// b.write("right", "2")?;
    /// fs.reconcile(&[&a, &b]).unwrap();
    /// assert_eq!(fs.read_dir("/")?.count(), 2);
    ///
    /// let (a, b) = (fs.fork(), fs.fork());
    /// a.write("left", "3")?;
    /// b.write("left", "4")?;
    /// let Err(ReconcileError::Conflicts(all)) = fs.reconcile(&[&a, &b]) else { panic!() };
    /// assert_eq!((all[0].lower, all[0].higher, all[0].kind), (Some(0), 1, ConflictKind::Written));
    /// assert_eq!((fs.read("left")?, b.read("left")?), (b"1".to_vec(), b"4".to_vec()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reconcile(&self, children: &[&Fs]) -> std::result::Result<(), ReconcileError> {
        if let Some(n) = children.iter().position(|c| c.is(self)) {
            return Err(ReconcileError::Stranger(n));
        }
        let mut trees = Locked::all(self, children);
        let mut trial = trees.of(self).fork_with_open();
        let mut blame = Blame::default();
        for (n, child) in children.iter().enumerate() {
            let child = trees.of(child);
            child.volume.settle();
            let origin = child.volume.origin.clone().ok_or(ReconcileError::Stranger(n))?;
            if !trial.volume.layers.chain().any(|f| Arc::ptr_eq(f, &origin)) {
                return Err(ReconcileError::Stranger(n));
            }
            if child.volume.geometry.blocks > trial.volume.geometry.blocks {
                trial.volume.grow(child.volume.geometry.blocks)?;
            }
            let conflicts = Side::new(&mut trial, &child.volume, &origin, n, &mut blame).take()?;
            if !conflicts.is_empty() {
                return Err(ReconcileError::Conflicts(conflicts));
            }
        }
        trees.of(self).adopt(trial);
        Ok(())
    }
}

/// A parent and its children, locked in the order of their addresses: two threads that reconcile
/// the same ones do not wait for each other in a circle.
struct Locked<'a>(BTreeMap<usize, MutexGuard<'a, Tree>>);

impl<'a> Locked<'a> {
    fn all(parent: &'a Fs, children: &[&'a Fs]) -> Locked<'a> {
        let by_address: BTreeMap<usize, &Fs> =
            children.iter().copied().chain([parent]).map(|fs| (fs.address(), fs)).collect();
        Locked(by_address.into_iter().map(|(at, fs)| (at, fs.tree())).collect())
    }

    /// The tree of one of them.
    fn of(&mut self, fs: &Fs) -> &mut Tree {
        self.0.get_mut(&fs.address()).expect("locked with the others")
    }
}

/// Which child changed what, of those that are reconciled together.
#[derive(Default)]
struct Blame {
    contents: BTreeMap<u32, usize>,
    attributes: BTreeMap<u32, usize>,
    /// Names that an inode gained or lost: who was the first.
    links: BTreeMap<u32, usize>,
    names: BTreeMap<(u32, Vec<u8>), usize>,
}

/// One child, while it is taken over.
struct Side<'a> {
    /// The parent to be.
    parent: &'a mut Tree,
    /// The snapshot that the child started from.
    reference: Volume,
    origin: &'a Arc<Frozen>,
    child: &'a Volume,
    index: usize,
    log: Log,
    /// Numbers in the parent of inodes that the child made.
    made: BTreeMap<u32, u32>,
    /// Files of the parent to which the child's file of the same name is appended.
    joined: BTreeSet<u32>,
    conflicts: Vec<FileConflict>,
    blame: &'a mut Blame,
}

impl<'a> Side<'a> {
    fn new(
        parent: &'a mut Tree,
        child: &'a Volume,
        origin: &'a Arc<Frozen>,
        index: usize,
        blame: &'a mut Blame,
    ) -> Side<'a> {
        Side {
            reference: Volume::over(origin, child.clock.clone()),
            log: child.changed_since(origin).unwrap_or_default(),
            parent,
            origin,
            child,
            index,
            made: BTreeMap::new(),
            joined: BTreeSet::new(),
            conflicts: Vec::new(),
            blame,
        }
    }

    /// Does again in the parent what the child did. Returns what does not go together; the parent
    /// to be is of no use then.
    fn take(mut self) -> Result<Vec<FileConflict>> {
        self.take_names()?;
        if self.conflicts.is_empty() {
            self.take_contents()?;
            self.take_attributes()?;
        }
        Ok(self.conflicts)
    }

    /// An inode of the child, if it is in use there and has a name.
    fn in_child(&self, ino: u32) -> Option<Inode> {
        self.child.inode(ino).ok().filter(|n| n.nlink > 0)
    }

    /// An inode of the snapshot.
    fn in_reference(&self, ino: u32) -> Option<Inode> {
        self.reference.inode(ino).ok()
    }

    /// Whether the child's inode is one that it started with.
    fn inherited(&self, ino: u32) -> bool {
        match (self.child.inode(ino), self.in_reference(ino)) {
            (Ok(c), Some(r)) => c.generation == r.generation,
            _ => false,
        }
    }

    /// An inode of the snapshot in the parent, if it is still there.
    fn in_parent(&self, ino: u32) -> Option<Inode> {
        let generation = self.in_reference(ino)?.generation;
        self.parent.same_inode(ino, generation).filter(|n| n.nlink > 0)
    }

    /// Who took names from an inode that is gone.
    fn who_unlinked(&self, ino: u32) -> Option<usize> {
        self.blame.links.get(&ino).copied().filter(|who| *who != self.index)
    }

    fn conflict(&mut self, kind: ConflictKind, path: PathBuf, lower: Option<usize>) {
        let conflict = FileConflict { path, lower, higher: self.index, kind };
        if !self.conflicts.contains(&conflict) {
            self.conflicts.push(conflict);
        }
    }
}
