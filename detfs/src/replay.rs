//! Makes of a changed copy of an image a fork of the image itself, so that the two can be
//! reconciled: what was changed in the copy is done again in the fork.
//!
//! What lies at the same place in both and is of the same kind is the same file; else what has
//! the same inode is, and was renamed. Whatever is taken for the same, the fork ends up as the
//! copy is; it is only a matter of what a reconcile sees as one change.

use detpar_fs::{File, Fs, Kind, Metadata, OpenOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

/// Bytes that are compared at once.
const CHUNK: usize = 1 << 20;
/// Bytes that are written where one of them differs.
const BLOCK: usize = detpar_fs::BLOCK;

/// A clock that can be set, so that what is done again has the time at which it was done.
#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicI64>);

/// What a clock that was not set is at.
const UNSET: i64 = i64::MIN;

impl Clock {
    pub fn new() -> Clock {
        Clock(Arc::new(AtomicI64::new(UNSET)))
    }

    /// What it shows.
    pub fn now(&self) -> i64 {
        match self.0.load(Ordering::Relaxed) {
            UNSET => crate::image::now(),
            set => set,
        }
    }

    fn set(&self, time: SystemTime) {
        let (seconds, nanoseconds) = crate::show::since_1970(time);
        let time = seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanoseconds));
        self.0.store(time, Ordering::Relaxed);
    }

    fn unset(&self) {
        self.0.store(UNSET, Ordering::Relaxed);
    }
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Slot<D> {
    dir: D,
    name: OsString,
}

struct Node {
    meta: Metadata,
    /// Of a link.
    target: Option<PathBuf>,
}

impl Node {
    /// Whether one can become the other by changes of contents and attributes.
    fn is_like(&self, other: &Node) -> bool {
        self.meta.kind() == other.meta.kind() && self.target == other.target
    }

    fn has_inode_of(&self, other: &Node) -> bool {
        let id = |n: &Node| (n.meta.ino(), n.meta.generation(), n.meta.created());
        id(self) == id(other)
    }
}

/// All that is in a file system, by inode number.
struct Scan {
    root: u64,
    nodes: BTreeMap<u64, Node>,
    slots: BTreeMap<Slot<u64>, u64>,
    /// Directories before what is in them, with the path.
    order: Vec<(Slot<u64>, PathBuf)>,
    paths: BTreeMap<PathBuf, u64>,
}

impl Scan {
    fn new(fs: &Fs) -> io::Result<Scan> {
        let meta = fs.metadata("/")?;
        let root = meta.ino();
        let mut scan = Scan {
            root,
            nodes: BTreeMap::from([(root, Node { meta, target: None })]),
            slots: BTreeMap::new(),
            order: Vec::new(),
            paths: BTreeMap::new(),
        };
        let mut dirs = vec![(root, PathBuf::from("/"))];
        while let Some((dir, path)) = dirs.pop() {
            for entry in fs.read_dir(&path)? {
                let (entry, dir) = (entry?, dir);
                let (ino, path) = (entry.ino(), entry.path());
                if let std::collections::btree_map::Entry::Vacant(room) = scan.nodes.entry(ino) {
                    let meta = fs.symlink_metadata(&path)?;
                    let link = meta.is_symlink().then(|| fs.read_link(&path));
                    room.insert(Node { meta, target: link.transpose()? });
                }
                let slot = Slot { dir, name: entry.file_name() };
                scan.slots.insert(slot.clone(), ino);
                scan.order.push((slot, path.clone()));
                scan.paths.insert(path.clone(), ino);
                if entry.kind() == Kind::Dir {
                    dirs.push((ino, path));
                }
            }
        }
        Ok(scan)
    }
}

/// A node of the fork to be: one of the reference, or a new one of the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Id {
    Same(u64),
    New(u64),
}

/// Which node of the reference a node of the copy is.
fn matched(reference: &Scan, copy: &Scan) -> BTreeMap<u64, u64> {
    let mut same = BTreeMap::from([(copy.root, reference.root)]);
    let mut taken = BTreeSet::from([reference.root]);
    for (slot, _) in &copy.order {
        let ino = copy.slots[slot];
        if same.contains_key(&ino) {
            continue;
        }
        let node = &copy.nodes[&ino];
        let here = same.get(&slot.dir).and_then(|dir| {
            reference.slots.get(&Slot { dir: *dir, name: slot.name.clone() }).copied()
        });
        let here = here.filter(|r| reference.nodes[r].is_like(node) && !taken.contains(r));
        let moved = || {
            let there = reference.nodes.get(&ino)?;
            // What still has something like it at its place did not move.
            let stays = |(path, r): (&PathBuf, &u64)| {
                *r == ino && copy.paths.get(path).is_some_and(|c| copy.nodes[c].is_like(there))
            };
            let moved = there.is_like(node) && there.has_inode_of(node) && !taken.contains(&ino);
            (moved && !reference.paths.iter().any(stays)).then_some(ino)
        };
        if let Some(r) = here.or_else(moved) {
            same.insert(ino, r);
            taken.insert(r);
        }
    }
    same
}

struct Replay<'a> {
    fork: Fs,
    copy: &'a Fs,
    clock: &'a Clock,
    /// Where nodes are in the fork by now.
    at: BTreeMap<Id, PathBuf>,
}

/// A fork of `reference` in which everything is as in `copy`. The reference's clock must be
/// `clock`.
///
/// # Errors
/// There is no room, or an image is damaged.
pub(crate) fn replay(reference: &Fs, copy: &Fs, clock: &Clock) -> io::Result<Fs> {
    let (before, after) = (Scan::new(reference)?, Scan::new(copy)?);
    let same = matched(&before, &after);
    let id = |ino: u64| same.get(&ino).map_or(Id::New(ino), |r| Id::Same(*r));
    let mut wanted = BTreeMap::new();
    for (slot, ino) in &after.slots {
        wanted.insert(Slot { dir: id(slot.dir), name: slot.name.clone() }, id(*ino));
    }
    let root = (Id::Same(before.root), PathBuf::from("/"));
    let mut replay = Replay { fork: reference.fork(), copy, clock, at: BTreeMap::from([root]) };

    // What is not where it was goes aside, with the deepest first: their paths are still good.
    let aside = free_name(&before, &after);
    replay.fork.create_dir(&aside)?;
    let (mut set_aside, mut count) = (BTreeMap::<u64, Vec<PathBuf>>::new(), 0);
    for (slot, path) in before.order.iter().rev() {
        let ino = before.slots[slot];
        let here = Slot { dir: Id::Same(slot.dir), name: slot.name.clone() };
        if wanted.get(&here) != Some(&Id::Same(ino)) {
            let to = aside.join(count.to_string());
            replay.fork.rename(path, &to)?;
            set_aside.entry(ino).or_default().push(to);
            count += 1;
        }
    }
    // Then everything that should be there comes, directories before what is in them.
    let mut more_links = Vec::new();
    for (slot, source) in &after.order {
        let (dir, ino) = (id(slot.dir), after.slots[slot]);
        let path = replay.at[&dir].join(&slot.name);
        let node = id(ino);
        let stayed = match (dir, node) {
            (Id::Same(dir), Id::Same(r)) => {
                before.slots.get(&Slot { dir, name: slot.name.clone() }) == Some(&r)
            }
            _ => false,
        };
        if !stayed {
            let from = match node {
                Id::Same(r) => set_aside.get_mut(&r).and_then(Vec::pop),
                Id::New(_) => None,
            };
            if let Some(from) = from {
                replay.fork.rename(&from, &path)?;
            } else if matches!(node, Id::Same(_)) || replay.at.contains_key(&node) {
                more_links.push((node, path));
                continue;
            } else {
                replay.make(&after.nodes[&ino], source, &path)?;
            }
        }
        replay.at.entry(node).or_insert(path);
    }
    for (node, path) in more_links {
        replay.fork.hard_link(&replay.at[&node], path)?;
    }
    replay.fork.remove_dir_all(&aside)?;

    let mut done = BTreeSet::new();
    for (slot, source) in after.order.iter().rev() {
        let ino = after.slots[slot];
        if done.insert(ino) {
            let old = same.get(&ino).map(|r| &before.nodes[r]);
            replay.attributes(id(ino), &after.nodes[&ino], old, source)?;
        }
    }
    let root = (&after.nodes[&after.root], &before.nodes[&before.root]);
    replay.attributes(Id::Same(before.root), root.0, Some(root.1), Path::new("/"))?;
    clock.unset();
    Ok(replay.fork)
}

/// A name in the root directory that neither side has.
fn free_name(before: &Scan, after: &Scan) -> PathBuf {
    let mut name = PathBuf::from("/.detfs");
    while before.paths.contains_key(&name) || after.paths.contains_key(&name) {
        name.as_mut_os_string().push("~");
    }
    name
}

impl Replay<'_> {
    /// Makes what is new, as yet without contents.
    fn make(&self, node: &Node, source: &Path, path: &Path) -> io::Result<()> {
        self.clock.set(node.meta.created());
        match &node.target {
            Some(target) => self.fork.symlink(target, path),
            None if node.meta.is_dir() => self.fork.create_dir(path),
            None => {
                self.fork.create(path)?;
                self.contents(source, path).map(|_| ())
            }
        }
    }

    /// Sets contents and attributes that differ.
    fn attributes(&self, id: Id, new: &Node, old: Option<&Node>, source: &Path) -> io::Result<()> {
        let (path, meta) = (&self.at[&id], &new.meta);
        self.clock.set(meta.modified());
        let wrote = old.is_some() && meta.is_file() && self.contents(source, path)?;
        self.clock.set(meta.changed());
        if !meta.is_symlink() && old.is_none_or(|o| o.meta.mode() != meta.mode()) {
            self.fork.set_permissions(path, meta.mode())?;
        }
        if !meta.is_symlink() && old.is_none_or(|o| o.meta.policy() != meta.policy()) {
            self.fork.set_policy(path, meta.policy())?;
        }
        // Contents that changed bring their time with them, and entries of directories do.
        let touched =
            old.is_none_or(|o| !wrote && !meta.is_dir() && o.meta.modified() != meta.modified());
        if touched {
            self.fork.set_times_nofollow(path, meta.accessed(), meta.modified())?;
        }
        Ok(())
    }

    /// Writes what differs; where all there is to do is to append, appends. Returns whether
    /// anything differed.
    fn contents(&self, source: &Path, path: &Path) -> io::Result<bool> {
        let new = self.copy.open(source)?;
        let old = OpenOptions::new().read(true).write(true).open(&self.fork, path)?;
        let (new_len, old_len) = (new.metadata()?.len(), old.metadata()?.len());
        let (mut from, mut had) = (vec![0; CHUNK], vec![0; CHUNK]);
        let (mut at, mut wrote) = (0, new_len < old_len);
        if wrote {
            old.set_len(new_len)?;
        }
        let common = new_len.min(old_len);
        while let Some(data) = next_data(&new, &old, at)?.filter(|data| *data < new_len) {
            at = data;
            let end = if at < common { common } else { new_len };
            let most = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            read(&new, &mut from[..most], at)?;
            if at < common {
                read(&old, &mut had[..most], at)?;
                let blocks = from[..most].chunks(BLOCK).zip(had[..most].chunks(BLOCK));
                for (place, (from, had)) in (at..).step_by(BLOCK).zip(blocks) {
                    if from != had {
                        write(&old, from, place)?;
                        wrote = true;
                    }
                }
            } else {
                write(&old, &from[..most], at)?;
                wrote = true;
            }
            at += most as u64;
        }
        if old.metadata()?.len() < new_len {
            old.set_len(new_len)?;
            wrote = true;
        }
        Ok(wrote)
    }
}

/// The first byte of data in either from a place on.
fn next_data(new: &File, old: &File, at: u64) -> io::Result<Option<u64>> {
    let new = crate::files::data_or_none(new.seek_data(at))?;
    let old = crate::files::data_or_none(old.seek_data(at))?;
    Ok(new.into_iter().chain(old).min())
}

/// Reads all of a range that is there.
fn read(file: &File, mut to: &mut [u8], mut at: u64) -> io::Result<()> {
    while !to.is_empty() {
        let read = file.read_at(to, at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to = &mut to[read..];
        at += read as u64;
    }
    Ok(())
}

fn write(file: &File, mut from: &[u8], mut at: u64) -> io::Result<()> {
    while !from.is_empty() {
        let written = file.write_at(from, at)?;
        from = &from[written..];
        at += written as u64;
    }
    Ok(())
}
