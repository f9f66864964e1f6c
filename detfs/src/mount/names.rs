//! Under which paths the inodes are that the kernel knows by number.

use fuser::INodeNo;
use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A directory's number and a name in it.
type Slot = (u64, OsString);

/// The names that the kernel has asked for, by inode number. There are never more than names in
/// the image.
pub(super) struct Names {
    /// The root directory's number in the image; the kernel's is 1, which no image uses.
    root: u64,
    slots: HashMap<u64, BTreeSet<Slot>>,
}

impl Names {
    pub fn new(root: u64) -> Names {
        Names { root, slots: HashMap::new() }
    }

    /// An inode's number as the kernel knows it.
    pub fn outside(&self, ino: u64) -> INodeNo {
        if ino == self.root { INodeNo::ROOT } else { INodeNo(ino) }
    }

    /// An inode's number in the image.
    pub fn inside(&self, ino: INodeNo) -> u64 {
        if ino == INodeNo::ROOT { self.root } else { ino.0 }
    }

    /// A path of an inode; `None`: it has none any more.
    pub fn path(&self, ino: INodeNo) -> Option<PathBuf> {
        let (mut at, mut parts) = (self.inside(ino), Vec::new());
        while at != self.root {
            let (dir, name) = self.slots.get(&at)?.first()?;
            parts.push(name);
            at = *dir;
        }
        Some(
            std::iter::once(OsStr::new("/")).chain(parts.into_iter().rev().map(|n| &**n)).collect(),
        )
    }

    /// An inode has a name.
    pub fn add(&mut self, dir: INodeNo, name: &OsStr, ino: u64) {
        let slot = (self.inside(dir), name.to_os_string());
        self.slots.entry(ino).or_default().insert(slot);
    }

    /// An inode has lost a name.
    pub fn remove(&mut self, dir: INodeNo, name: &OsStr, ino: u64) {
        let slot = (self.inside(dir), name.to_os_string());
        if let Some(slots) = self.slots.get_mut(&ino) {
            slots.remove(&slot);
            if slots.is_empty() {
                self.slots.remove(&ino);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_renames() {
        let mut names = Names::new(2);
        let path = |names: &Names, ino| names.path(INodeNo(ino)).map(|p| p.display().to_string());
        names.add(INodeNo::ROOT, OsStr::new("d"), 5);
        names.add(INodeNo(5), OsStr::new("f"), 6);
        names.add(INodeNo::ROOT, OsStr::new("link"), 6);
        assert_eq!(path(&names, 1), Some("/".into()));
        assert_eq!(path(&names, 6), Some("/link".into()));
        names.remove(INodeNo::ROOT, OsStr::new("link"), 6);
        names.remove(INodeNo::ROOT, OsStr::new("d"), 5);
        names.add(INodeNo::ROOT, OsStr::new("e"), 5);
        assert_eq!(path(&names, 6), Some("/e/f".into()));
        names.remove(INodeNo(5), OsStr::new("f"), 6);
        assert_eq!(path(&names, 6), None);
        assert_eq!((names.outside(2), names.inside(INodeNo(1))), (INodeNo(1), 2));
    }
}
