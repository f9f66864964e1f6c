//! A file system as plain maps, under the same stream of operations: what Linux answers, in the
//! simplest words.

use crate::ops::{Answer, BASE, Op, SLOTS, Stat, Subject};
use libc::{
    EBADF, EBUSY, EEXIST, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY, ENXIO,
    EPERM,
};
use std::collections::BTreeMap;
use std::io::SeekFrom;

type Id = u64;
type Result<T> = std::result::Result<T, Answer>;

const ROOT: Id = 0;
const PAGE: u64 = 4096;

#[derive(Clone, Debug)]
enum Kind {
    /// Its length, and the pages that were written.
    File(u64, BTreeMap<u64, Vec<u8>>),
    /// The directory above, and the entries.
    Dir(Id, BTreeMap<String, Id>),
    Link(String),
}

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    permissions: u32,
}

#[derive(Clone, Copy)]
struct Handle {
    id: Id,
    at: u64,
    read: bool,
    write: bool,
    append: bool,
}

pub struct Naive {
    nodes: BTreeMap<Id, Node>,
    /// How many names each has.
    names: BTreeMap<Id, u64>,
    files: [Option<Handle>; SLOTS],
    next: Id,
}

/// Where a path ends.
struct Place<'p> {
    dir: Id,
    name: &'p str,
    slash: bool,
}

impl Place<'_> {
    fn is_dots(&self) -> bool {
        matches!(self.name, "." | "..")
    }
}

fn fail<T>(number: i32) -> Result<T> {
    Err(Answer::Error(number))
}

impl Naive {
    pub fn new() -> Naive {
        let root = Node { kind: Kind::Dir(ROOT, BTreeMap::new()), permissions: 0o755 };
        let mut naive = Naive {
            nodes: BTreeMap::from([(ROOT, root)]),
            names: BTreeMap::from([(ROOT, 1)]),
            files: [None; SLOTS],
            next: 1,
        };
        let mut dir = ROOT;
        for name in BASE.split('/') {
            dir = naive.make(dir, name, Kind::Dir(dir, BTreeMap::new()), 0o755);
        }
        naive
    }

    fn is_dir(&self, id: Id) -> bool {
        matches!(self.nodes[&id].kind, Kind::Dir(..))
    }

    fn entries(&self, dir: Id) -> Result<&BTreeMap<String, Id>> {
        match &self.nodes[&dir].kind {
            Kind::Dir(_, entries) => Ok(entries),
            _ => fail(ENOTDIR),
        }
    }

    fn entries_mut(&mut self, dir: Id) -> &mut BTreeMap<String, Id> {
        match &mut self.nodes.get_mut(&dir).unwrap().kind {
            Kind::Dir(_, entries) => entries,
            other => panic!("{other:?}"),
        }
    }

    fn above(&self, dir: Id) -> Id {
        match self.nodes[&dir].kind {
            Kind::Dir(above, _) => above,
            _ => panic!("no directory"),
        }
    }

    fn make(&mut self, dir: Id, name: &str, kind: Kind, permissions: u32) -> Id {
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, Node { kind, permissions });
        self.enter(dir, name, id);
        id
    }

    fn names(&self, id: Id) -> u64 {
        self.names.get(&id).copied().unwrap_or(0)
    }

    fn enter(&mut self, dir: Id, name: &str, id: Id) {
        *self.names.entry(id).or_insert(0) += 1;
        if let Some(over) = self.entries_mut(dir).insert(name.to_string(), id) {
            *self.names.get_mut(&over).unwrap() -= 1;
        }
    }

    fn leave(&mut self, dir: Id, name: &str) {
        let id = self.entries_mut(dir).remove(name).unwrap();
        *self.names.get_mut(&id).unwrap() -= 1;
    }

    /// Forgets what has no name, unless it is open.
    fn sweep(&mut self, id: Id) {
        let open = self.files.iter().flatten().any(|f| f.id == id);
        if !open && self.names(id) == 0 {
            self.nodes.remove(&id);
        }
    }

    fn stat(&self, id: Id) -> Answer {
        let node = &self.nodes[&id];
        let names = self.names(id);
        let (bits, len, nlink) = match &node.kind {
            Kind::File(len, _) => (libc::S_IFREG, *len, names),
            Kind::Link(target) => (libc::S_IFLNK, target.len() as u64, names),
            Kind::Dir(_, entries) if names > 0 => {
                let below = entries.values().filter(|i| self.is_dir(**i)).count() as u64;
                (libc::S_IFDIR, 0, 2 + below)
            }
            Kind::Dir(..) => (libc::S_IFDIR, 0, 0),
        };
        Answer::Stat(Stat { mode: bits | node.permissions, len, nlink })
    }

    /// What a name in a directory stands for.
    fn step(&self, dir: Id, name: &str) -> Result<Option<Id>> {
        match name {
            "." => Ok(Some(dir)),
            ".." => Ok(Some(self.above(dir))),
            name if name.len() > 255 => fail(ENAMETOOLONG),
            name => Ok(self.entries(dir)?.get(name).copied()),
        }
    }

    /// Goes to the directory in which a path ends.
    fn walk<'p>(&self, start: Id, path: &'p str, links: &mut u32) -> Result<Place<'p>> {
        let mut names = path.split('/').filter(|n| !n.is_empty()).collect::<Vec<_>>();
        let Some(name) = names.pop() else { return fail(ENOENT) };
        let mut dir = start;
        for name in names {
            let Some(id) = self.step(dir, name)? else { return fail(ENOENT) };
            dir = self.follow(dir, id, links)?;
            if !self.is_dir(dir) {
                return fail(ENOTDIR);
            }
        }
        Ok(Place { dir, name, slash: path.ends_with('/') })
    }

    /// Goes where a link leads; what is none stays.
    fn follow(&self, dir: Id, id: Id, links: &mut u32) -> Result<Id> {
        let Kind::Link(target) = &self.nodes[&id].kind else { return Ok(id) };
        *links += 1;
        if *links > 40 {
            return fail(ELOOP);
        }
        let place = self.walk(dir, target, links)?;
        let Some(found) = self.step(place.dir, place.name)? else { return fail(ENOENT) };
        let found = self.follow(place.dir, found, links)?;
        if place.slash && !self.is_dir(found) { fail(ENOTDIR) } else { Ok(found) }
    }

    fn place<'p>(&self, path: &'p str) -> Result<Place<'p>> {
        self.place_after(path, &mut 0)
    }

    /// The same; counts the links on the way.
    fn place_after<'p>(&self, path: &'p str, links: &mut u32) -> Result<Place<'p>> {
        if path.len() > 4000 {
            return fail(ENAMETOOLONG);
        }
        // The base is not a link.
        let base = BASE.split('/').fold(ROOT, |dir, name| self.step(dir, name).unwrap().unwrap());
        self.walk(base, path, links)
    }

    fn found(&self, path: &str, follow: bool) -> Result<Id> {
        let mut links = 0;
        let place = self.place_after(path, &mut links)?;
        let Some(mut id) = self.step(place.dir, place.name)? else { return fail(ENOENT) };
        if follow || place.slash {
            id = self.follow(place.dir, id, &mut links)?;
        }
        if place.slash && !self.is_dir(id) { fail(ENOTDIR) } else { Ok(id) }
    }

    /// A place where something is to be made.
    fn vacant<'p>(&self, path: &'p str) -> Result<Place<'p>> {
        let place = self.place(path)?;
        if place.is_dots() || self.step(place.dir, place.name)?.is_some() {
            return fail(EEXIST);
        }
        Ok(place)
    }

    fn open(&mut self, slot: usize, path: &str, flags: crate::ops::Flags) -> Result<Answer> {
        let writes = flags.write || flags.append;
        let makes = flags.create || flags.create_new;
        let no_write = !writes && (!flags.read || makes || flags.truncate);
        if no_write || flags.append && flags.truncate && !flags.create_new {
            return fail(EINVAL);
        }
        let file = || Kind::File(0, BTreeMap::new());
        let id = if flags.create_new {
            let place = self.place(path)?;
            if place.is_dots() {
                return fail(EEXIST);
            }
            if place.slash {
                return fail(EISDIR);
            }
            if self.step(place.dir, place.name)?.is_some() {
                return fail(EEXIST);
            }
            self.make(place.dir, place.name, file(), 0o644)
        } else if flags.create {
            let mut links = 0;
            let place = self.place_after(path, &mut links)?;
            let (mut dir, mut name, mut slash) = (place.dir, place.name.to_string(), place.slash);
            loop {
                if slash || name == "." || name == ".." {
                    return fail(EISDIR);
                }
                let Some(id) = self.step(dir, &name)? else {
                    break self.make(dir, &name, file(), 0o644);
                };
                let Kind::Link(target) = &self.nodes[&id].kind else { break id };
                links += 1;
                if links > 40 {
                    return fail(ELOOP);
                }
                let place = self.walk(dir, target, &mut links)?;
                (dir, slash, name) = (place.dir, place.slash, place.name.to_string());
            }
        } else {
            self.found(path, true)?
        };
        if self.is_dir(id) && (writes || flags.create) {
            return fail(EISDIR);
        }
        if flags.truncate {
            self.cut(id, 0);
        }
        self.close(slot);
        let (read, append) = (flags.read, flags.append);
        self.files[slot] = Some(Handle { id, at: 0, read, write: writes, append });
        Ok(Answer::Done)
    }

    fn close(&mut self, slot: usize) {
        if let Some(file) = self.files[slot].take() {
            self.sweep(file.id);
        }
    }

    fn file(&self, slot: usize) -> Result<Handle> {
        self.files[slot].ok_or(Answer::NotOpen)
    }

    fn go(&mut self, slot: usize, to: u64) {
        self.files[slot].as_mut().unwrap().at = to;
    }

    fn len(&self, id: Id) -> u64 {
        match self.nodes[&id].kind {
            Kind::File(len, _) => len,
            _ => 0,
        }
    }

    fn cut(&mut self, id: Id, to: u64) {
        if let Kind::File(len, pages) = &mut self.nodes.get_mut(&id).unwrap().kind {
            pages.retain(|page, _| page * PAGE < to);
            if let Some(page) = pages.get_mut(&(to / PAGE)) {
                page[(to % PAGE) as usize..].fill(0);
            }
            *len = to;
        }
    }

    fn read(&self, file: Handle, len: usize, at: u64) -> Result<Vec<u8>> {
        if !file.read {
            return fail(EBADF);
        }
        let Kind::File(end, pages) = &self.nodes[&file.id].kind else { return fail(EISDIR) };
        let zeros = vec![0; PAGE as usize];
        let byte = |at: u64| pages.get(&(at / PAGE)).unwrap_or(&zeros)[(at % PAGE) as usize];
        Ok((at..(*end).min(at + len as u64)).map(byte).collect())
    }

    /// Returns where it was written.
    fn write(&mut self, file: Handle, len: usize, at: u64, byte: u8) -> Result<u64> {
        if !file.write {
            return fail(EBADF);
        }
        let Kind::File(end, pages) = &mut self.nodes.get_mut(&file.id).unwrap().kind else {
            panic!("a directory open for writing");
        };
        let at = if file.append { *end } else { at };
        for at in at..at + len as u64 {
            let page = pages.entry(at / PAGE).or_insert_with(|| vec![0; PAGE as usize]);
            page[(at % PAGE) as usize] = byte;
            *end = (*end).max(at + 1);
        }
        Ok(at)
    }

    fn seek(&mut self, slot: usize, to: SeekFrom) -> Result<Answer> {
        let file = self.file(slot)?;
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => file.at.checked_add_signed(by),
            SeekFrom::End(_) if self.is_dir(file.id) => None,
            SeekFrom::End(by) => self.len(file.id).checked_add_signed(by),
        };
        let Some(at) = at else { return fail(EINVAL) };
        self.go(slot, at);
        Ok(Answer::Number(at))
    }

    fn seek_data(&mut self, slot: usize, from: u64, data: bool) -> Result<Answer> {
        let file = self.file(slot)?;
        let Kind::File(end, pages) = &self.nodes[&file.id].kind else { return fail(EINVAL) };
        if from >= *end {
            return fail(ENXIO);
        }
        let at = if data {
            let Some((page, _)) = pages.range(from / PAGE..).next() else { return fail(ENXIO) };
            from.max(page * PAGE)
        } else {
            let mut page = from / PAGE;
            while pages.contains_key(&page) {
                page += 1;
            }
            from.max(page * PAGE).min(*end)
        };
        self.go(slot, at);
        Ok(Answer::Number(at))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<Answer> {
        let (from, to) = (self.place(from)?, self.place(to)?);
        if from.is_dots() || to.is_dots() {
            return fail(EBUSY);
        }
        let Some(id) = self.step(from.dir, from.name)? else { return fail(ENOENT) };
        let over = self.step(to.dir, to.name)?;
        let is_dir = self.is_dir(id);
        if !is_dir && (from.slash || to.slash) {
            return fail(ENOTDIR);
        }
        // Whether a directory is another or lies below it.
        let below = |mut dir: Id, top: Id| loop {
            if dir == top {
                return true;
            }
            if dir == ROOT {
                return false;
            }
            dir = self.above(dir);
        };
        if is_dir && below(to.dir, id) {
            return fail(EINVAL);
        }
        if over == Some(id) {
            return Ok(Answer::Done);
        }
        if let Some(over) = over {
            match (is_dir, self.is_dir(over)) {
                (_, true) if below(from.dir, over) => return fail(ENOTEMPTY),
                (true, false) => return fail(ENOTDIR),
                (false, true) => return fail(EISDIR),
                (true, true) if !self.entries(over)?.is_empty() => return fail(ENOTEMPTY),
                _ => {}
            }
        }
        self.leave(from.dir, from.name);
        self.enter(to.dir, to.name, id);
        if let Kind::Dir(above, _) = &mut self.nodes.get_mut(&id).unwrap().kind {
            *above = to.dir;
        }
        over.into_iter().for_each(|over| self.sweep(over));
        Ok(Answer::Done)
    }

    fn remove(&mut self, place: &Place<'_>, id: Id) -> Answer {
        self.leave(place.dir, place.name);
        self.sweep(id);
        Answer::Done
    }

    fn unlink(&mut self, path: &str) -> Result<Answer> {
        let place = self.place(path)?;
        if place.is_dots() {
            return fail(EISDIR);
        }
        match self.step(place.dir, place.name)? {
            None => fail(ENOENT),
            Some(id) if self.is_dir(id) => fail(EISDIR),
            Some(_) if place.slash => fail(ENOTDIR),
            Some(id) => Ok(self.remove(&place, id)),
        }
    }

    fn rmdir(&mut self, path: &str) -> Result<Answer> {
        let place = self.place(path)?;
        match place.name {
            "." => return fail(EINVAL),
            ".." => return fail(ENOTEMPTY),
            _ => {}
        }
        let Some(id) = self.step(place.dir, place.name)? else { return fail(ENOENT) };
        if !self.entries(id)?.is_empty() {
            return fail(ENOTEMPTY);
        }
        Ok(self.remove(&place, id))
    }

    fn try_apply(&mut self, op: &Op) -> Result<Answer> {
        match op {
            Op::Open { slot, path, flags } => return self.open(*slot, path, *flags),
            Op::Close { slot } => self.close(*slot),
            Op::Read { slot, len } => {
                let file = self.file(*slot)?;
                let bytes = self.read(file, *len, file.at)?;
                self.go(*slot, file.at + bytes.len() as u64);
                return Ok(Answer::Bytes(bytes));
            }
            Op::ReadAt { slot, len, at } => {
                return self.read(self.file(*slot)?, *len, *at).map(Answer::Bytes);
            }
            Op::Write { slot, len, byte } => {
                let file = self.file(*slot)?;
                let at = self.write(file, *len, file.at, *byte)?;
                if *len > 0 {
                    self.go(*slot, at + *len as u64);
                }
                return Ok(Answer::Number(*len as u64));
            }
            Op::WriteAt { slot, len, at, byte } => {
                self.write(self.file(*slot)?, *len, *at, *byte)?;
                return Ok(Answer::Number(*len as u64));
            }
            Op::Seek { slot, to } => return self.seek(*slot, *to),
            Op::SeekData { slot, from, data } => return self.seek_data(*slot, *from, *data),
            Op::SetLen { slot, len } => {
                let file = self.file(*slot)?;
                if !file.write {
                    return fail(EINVAL);
                }
                self.cut(file.id, *len);
            }
            Op::StatFile { slot } => return Ok(self.stat(self.file(*slot)?.id)),
            Op::Stat { path, follow } => return Ok(self.stat(self.found(path, *follow)?)),
            Op::Mkdir { path } => {
                let place = self.vacant(path)?;
                // Set-group-id is handed down.
                let permissions = 0o755 | self.nodes[&place.dir].permissions & 0o2000;
                let kind = Kind::Dir(place.dir, BTreeMap::new());
                self.make(place.dir, place.name, kind, permissions);
            }
            Op::Rmdir { path } => return self.rmdir(path),
            Op::Unlink { path } => return self.unlink(path),
            Op::Rename { from, to } => return self.rename(from, to),
            Op::Link { old, new } => {
                let id = self.found(old, false)?;
                let place = self.vacant(new)?;
                if place.slash {
                    return fail(ENOENT);
                }
                if self.is_dir(id) {
                    return fail(EPERM);
                }
                self.enter(place.dir, place.name, id);
            }
            Op::Symlink { target, path } => {
                if target.is_empty() {
                    return fail(ENOENT);
                }
                if target.len() > 4095 {
                    return fail(ENAMETOOLONG);
                }
                let place = self.vacant(path)?;
                if place.slash {
                    return fail(ENOENT);
                }
                self.make(place.dir, place.name, Kind::Link(target.clone()), 0o777);
            }
            Op::Readlink { path } => match &self.nodes[&self.found(path, false)?].kind {
                Kind::Link(target) => return Ok(Answer::Bytes(target.clone().into_bytes())),
                _ => return fail(EINVAL),
            },
            Op::List { path } => {
                let entries = self.entries(self.found(path, true)?)?;
                let mut names: Vec<String> = entries
                    .iter()
                    .map(|(name, id)| match self.nodes[id].kind {
                        Kind::File(..) => format!("f {name}"),
                        Kind::Dir(..) => format!("d {name}"),
                        Kind::Link(_) => format!("l {name}"),
                    })
                    .collect();
                names.sort();
                return Ok(Answer::Names(names));
            }
            Op::Chmod { path, mode } => {
                let id = self.found(path, true)?;
                self.nodes.get_mut(&id).unwrap().permissions = mode & 0o7777;
            }
        }
        Ok(Answer::Done)
    }
}

impl Subject for Naive {
    fn apply(&mut self, op: &Op) -> Answer {
        self.try_apply(op).unwrap_or_else(|answer| answer)
    }
}
