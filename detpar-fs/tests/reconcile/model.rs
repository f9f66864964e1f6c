//! A file system as plain maps, and the naive reconcile: it looks at everything, keeps whole
//! histories and knows no numbers that are used twice.

use detpar_fs::{ConflictKind, Kind, Policy};
use std::collections::{BTreeMap, BTreeSet};

pub type Id = u64;

#[derive(Clone, Debug)]
pub struct Node {
    pub kind: Kind,
    pub entries: BTreeMap<String, Id>,
    pub data: Vec<u8>,
    /// The lowest byte of each write, from the first on.
    pub writes: Vec<u64>,
    /// Each time that attributes were set.
    pub sets: u64,
    pub mode: u32,
    pub policy: Policy,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub nodes: BTreeMap<Id, Node>,
}

pub const ROOT: Id = 0;

pub type Conflicts = BTreeSet<ConflictKind>;

impl Model {
    pub fn new() -> Model {
        let mut model = Model { nodes: BTreeMap::new() };
        model.add(ROOT, Kind::Dir, Policy::Conflict);
        model
    }

    pub fn add(&mut self, id: Id, kind: Kind, policy: Policy) {
        let mode = match kind {
            Kind::Dir => 0o755,
            Kind::File => 0o644,
            Kind::Symlink => 0o777,
        };
        let (entries, data, writes) = (BTreeMap::new(), Vec::new(), Vec::new());
        self.nodes.insert(id, Node { kind, entries, data, writes, sets: 0, mode, policy });
    }

    /// The directory and the name that a path of plain names ends in.
    pub fn split<'p>(&self, path: &'p str) -> (Id, &'p str) {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let step = |dir, name: &str| self.nodes[&dir].entries[name];
        let names = above.split('/').filter(|n| !n.is_empty());
        (names.fold(ROOT, step), name)
    }

    pub fn find(&self, path: &str) -> Option<Id> {
        let (dir, name) = self.split(path);
        self.nodes[&dir].entries.get(name).copied()
    }

    pub fn at(&mut self, path: &str) -> &mut Node {
        let id = self.find(path).unwrap();
        self.nodes.get_mut(&id).unwrap()
    }

    pub fn put(&mut self, path: &str, id: Option<Id>) {
        let (dir, name) = self.split(path);
        let entries = &mut self.nodes.get_mut(&dir).unwrap().entries;
        match id {
            Some(id) => entries.insert(name.to_string(), id),
            None => entries.remove(name),
        };
        self.sweep();
    }

    fn names(&self) -> BTreeMap<Id, usize> {
        let mut names = BTreeMap::from([(ROOT, 1)]);
        for id in self.nodes.values().flat_map(|n| n.entries.values()) {
            *names.entry(*id).or_insert(0) += 1;
        }
        names
    }

    /// Forgets what has no name.
    fn sweep(&mut self) {
        let names = self.names();
        self.nodes.retain(|id, _| names.contains_key(id));
    }

    pub fn write(&mut self, path: &str, at: usize, bytes: &[u8]) {
        let node = self.at(path);
        if bytes.is_empty() {
            return;
        }
        node.data.resize(node.data.len().max(at + bytes.len()), 0);
        node.data[at..at + bytes.len()].copy_from_slice(bytes);
        node.writes.push(at as u64);
    }

    pub fn cut(&mut self, path: &str, len: usize) {
        let node = self.at(path);
        let old = node.data.len();
        node.writes.push(if len == old { u64::MAX } else { len.min(old) as u64 });
        node.data.resize(len, 0);
    }
}

/// Names that differ: directory, name, what it was, what it is.
type Change = (Id, String, Option<Id>, Option<Id>);

fn changes(was: &Model, is: &Model) -> Vec<Change> {
    let dirs: BTreeSet<Id> = was.nodes.keys().chain(is.nodes.keys()).copied().collect();
    let mut all = Vec::new();
    for dir in dirs {
        let entries = |m: &Model| m.nodes.get(&dir).map(|n| n.entries.clone()).unwrap_or_default();
        let (before, after) = (entries(was), entries(is));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            if before.get(name) != after.get(name) {
                let (b, a) = (before.get(name).copied(), after.get(name).copied());
                all.push((dir, name.clone(), b, a));
            }
        }
    }
    all
}

fn appended(now: &Node, was: &Node) -> bool {
    now.writes[was.writes.len()..].iter().all(|low| *low >= was.data.len() as u64)
}

/// What the parent becomes when it takes over a child that started as `was`.
pub fn reconcile(parent: &Model, was: &Model, child: &Model) -> Result<Model, Conflicts> {
    let mut new = parent.clone();
    let mut conflicts = Conflicts::new();
    let mut joined: BTreeMap<Id, Id> = BTreeMap::new();
    let mut agreed = Vec::new();
    for (dir, name, before, after) in changes(was, child) {
        if after.is_some_and(|a| was.nodes.contains_key(&a) && !parent.nodes.contains_key(&a)) {
            conflicts.insert(ConflictKind::Removed);
            continue;
        }
        if was.nodes.contains_key(&dir) {
            let Some(ours) = parent.nodes.get(&dir) else {
                let made = after.is_some();
                conflicts.insert(if made { ConflictKind::Entry } else { ConflictKind::Name });
                continue;
            };
            let now = ours.entries.get(&name).copied();
            if now != before {
                let is_file = |m: &Model, id| m.nodes[&id].kind == Kind::File;
                match (ours.policy, now, after) {
                    (Policy::Last, now, _)
                        if now.is_none_or(|n| parent.nodes[&n].entries.is_empty()) => {}
                    (Policy::Append, Some(now), Some(after))
                        if before.is_none()
                            && is_file(parent, now)
                            && is_file(child, after)
                            && !was.nodes.contains_key(&after)
                            && !joined.contains_key(&after) =>
                    {
                        joined.insert(after, now);
                        continue;
                    }
                    _ => {
                        let made = before.is_none();
                        conflicts.insert(if made {
                            ConflictKind::Created
                        } else {
                            ConflictKind::Name
                        });
                        continue;
                    }
                }
            }
        }
        agreed.push((dir, name, after));
    }
    if !conflicts.is_empty() {
        return Err(conflicts);
    }
    for (dir, name, after) in agreed {
        if let Some(id) = after.filter(|id| !was.nodes.contains_key(id) && !joined.contains_key(id))
        {
            let node = child.nodes[&id].clone();
            new.nodes.entry(id).or_insert(Node { entries: BTreeMap::new(), ..node });
        }
        let made = |dir: Id| Node { entries: BTreeMap::new(), ..child.nodes[&dir].clone() };
        let entries = &mut new.nodes.entry(dir).or_insert_with(|| made(dir)).entries;
        match after {
            Some(id) => entries.insert(name, *joined.get(&id).unwrap_or(&id)),
            None => entries.remove(&name),
        };
    }
    links(&mut new, was, &mut conflicts);
    if !conflicts.is_empty() {
        return Err(conflicts);
    }
    contents(&mut new, was, child, &joined, &mut conflicts);
    if conflicts.is_empty() { Ok(new) } else { Err(conflicts) }
}

/// What has no name any more, too many, or no way to the root.
fn links(new: &mut Model, was: &Model, conflicts: &mut Conflicts) {
    let names = new.names();
    for (id, node) in &new.nodes {
        match names.get(id).copied().unwrap_or(0) {
            0 if !node.entries.is_empty() => {
                conflicts.insert(ConflictKind::Entry);
            }
            0 => {
                let before = was.nodes.get(id);
                if before.is_some_and(|b| b.writes.len() != node.writes.len()) {
                    conflicts.insert(ConflictKind::Removed);
                }
            }
            1 => {}
            _ if node.kind == Kind::Dir => {
                conflicts.insert(ConflictKind::Moved);
            }
            _ => {}
        }
    }
    if !conflicts.is_empty() {
        return;
    }
    new.sweep();
    let (mut reached, mut todo) = (BTreeSet::new(), vec![ROOT]);
    while let Some(id) = todo.pop() {
        reached.insert(id);
        todo.extend(new.nodes[&id].entries.values().filter(|i| !reached.contains(i)));
    }
    if new.nodes.keys().any(|id| !reached.contains(id)) {
        conflicts.insert(ConflictKind::Moved);
    }
}

fn contents(
    new: &mut Model,
    was: &Model,
    child: &Model,
    joined: &BTreeMap<Id, Id>,
    conflicts: &mut Conflicts,
) {
    for (id, theirs) in &child.nodes {
        if let Some(to) = joined.get(id) {
            let ours = new.nodes.get_mut(to).unwrap();
            ours.writes.push(ours.data.len() as u64);
            ours.data.extend(&theirs.data);
            continue;
        }
        let Some(before) = was.nodes.get(id) else { continue };
        let wrote = theirs.writes.len() != before.writes.len();
        let set = theirs.sets != before.sets;
        let Some(ours) = new.nodes.get_mut(id) else {
            if wrote || set {
                conflicts.insert(ConflictKind::Removed);
            }
            continue;
        };
        if wrote && ours.writes.len() == before.writes.len() {
            ours.data = theirs.data.clone();
            ours.writes = theirs.writes.clone();
        } else if wrote {
            let both = appended(ours, before);
            if appended(theirs, before) && (both || ours.policy == Policy::Append) {
                ours.writes.push(ours.data.len() as u64);
                ours.data.extend(&theirs.data[before.data.len()..]);
            } else if ours.policy == Policy::Last {
                ours.data = theirs.data.clone();
                ours.writes.push(0);
            } else {
                conflicts.insert(ConflictKind::Written);
            }
        }
        if set {
            if ours.sets != before.sets && ours.policy != Policy::Last {
                conflicts.insert(ConflictKind::Attributes);
                continue;
            }
            (ours.mode, ours.policy) = (theirs.mode, theirs.policy);
            ours.sets += 1;
        }
    }
}
