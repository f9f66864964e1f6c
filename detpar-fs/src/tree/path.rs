//! Finding what a path names, in the order of steps and errors that Linux has.

use super::Tree;
use crate::errno::{Errno, Result};
use crate::layout::dirblock::NAME;
use crate::layout::inode::{Kind, ROOT};

/// The longest path.
pub(crate) const PATH: usize = 4095;
/// Symbolic links followed on one way.
const LINKS: u32 = 40;

/// The last component of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last<'p> {
    /// A name.
    Name(&'p [u8]),
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// There is none: the path is `/`.
    Root,
}

/// A path up to its last component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent<'p> {
    /// The directory.
    pub dir: u32,
    pub last: Last<'p>,
    /// Whether slashes follow.
    pub slash: bool,
}

impl Tree {
    /// Finds the directory in which a path ends.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ENAMETOOLONG`, `ELOOP`; `EINVAL`: the path has a zero byte.
    pub fn parent<'p>(&self, path: &'p [u8]) -> Result<Parent<'p>> {
        check(path)?;
        self.parent_from(ROOT, path, &mut 0)
    }

    /// Finds what a path names; the last component is followed if it is a link and `follow` says
    /// so, or a slash after it.
    ///
    /// # Errors
    /// As [`Tree::parent`].
    pub fn lookup(&self, path: &[u8], follow: bool) -> Result<u32> {
        check(path)?;
        self.lookup_from(ROOT, path, follow, &mut 0)
    }

    fn lookup_from(&self, start: u32, path: &[u8], follow: bool, links: &mut u32) -> Result<u32> {
        let parent = self.parent_from(start, path, links)?;
        let Some(ino) = self.last(&parent)? else { return Err(Errno::ENOENT) };
        self.arrive(&parent, ino, follow, links)
    }

    /// Goes on from the last component where it is a link to be followed.
    fn arrive(&self, at: &Parent<'_>, ino: u32, follow: bool, links: &mut u32) -> Result<u32> {
        let node = self.volume.inode(ino)?;
        let ino = if node.kind() == Some(Kind::Symlink) && (follow || at.slash) {
            self.follow(at.dir, ino, links)?
        } else {
            ino
        };
        if at.slash && !self.volume.inode(ino)?.is_dir() {
            return Err(Errno::ENOTDIR);
        }
        Ok(ino)
    }

    /// What a link leads to.
    fn follow(&self, dir: u32, link: u32, links: &mut u32) -> Result<u32> {
        *links += 1;
        if *links > LINKS {
            return Err(Errno::ELOOP);
        }
        let target = self.volume.read_all(&self.volume.inode(link)?);
        self.lookup_from(dir, &target, true, links)
    }

    /// The inode of a path's last component, not followed.
    ///
    /// # Errors
    /// `ENAMETOOLONG`
    pub fn last(&self, parent: &Parent<'_>) -> Result<Option<u32>> {
        let dir = self.volume.inode(parent.dir)?;
        match parent.last {
            Last::Dot | Last::Root => Ok(Some(parent.dir)),
            Last::DotDot => Ok(Some(dir.parent)),
            Last::Name(name) if name.len() > NAME => Err(Errno::ENAMETOOLONG),
            Last::Name(name) => Ok(self.volume.find_name(&dir, name)?.map(|f| f.ino)),
        }
    }

    fn parent_from<'p>(&self, start: u32, path: &'p [u8], links: &mut u32) -> Result<Parent<'p>> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let mut dir = if path[0] == b'/' { ROOT } else { start };
        let mut names = path.split(|b| *b == b'/').filter(|n| !n.is_empty()).peekable();
        let slash = path.ends_with(b"/");
        while let Some(name) = names.next() {
            let last = match name {
                b"." => Last::Dot,
                b".." => Last::DotDot,
                name => Last::Name(name),
            };
            let here = Parent { dir, last, slash: names.peek().is_some() || slash };
            if names.peek().is_none() {
                return Ok(here);
            }
            let ino = self.last(&here)?.ok_or(Errno::ENOENT)?;
            dir = self.arrive(&here, ino, true, links)?;
        }
        Ok(Parent { dir, last: Last::Root, slash })
    }

    /// Finds where a file is to be opened or made: follows links at the end of the path, whatever
    /// they lead to. The name is that of the last step.
    ///
    /// # Errors
    /// As [`Tree::parent`]; `EISDIR`: the path ends in a slash, `.` or `..`.
    pub fn place(&self, path: &[u8]) -> Result<(u32, Vec<u8>, Option<u32>)> {
        check(path)?;
        let (mut path, mut start, mut links) = (path.to_vec(), ROOT, 0);
        loop {
            let parent = self.parent_from(start, &path, &mut links)?;
            let (Last::Name(name), false) = (parent.last, parent.slash) else {
                return Err(Errno::EISDIR);
            };
            let found = self.last(&parent)?;
            let link = match found {
                Some(ino) => self.volume.inode(ino)?,
                None => return Ok((parent.dir, name.to_vec(), None)),
            };
            if link.kind() != Some(Kind::Symlink) {
                return Ok((parent.dir, name.to_vec(), found));
            }
            links += 1;
            if links > LINKS {
                return Err(Errno::ELOOP);
            }
            (start, path) = (parent.dir, self.volume.read_all(&link));
        }
    }
}

fn check(path: &[u8]) -> Result<()> {
    if path.contains(&0) {
        return Err(Errno::EINVAL);
    }
    if path.len() > PATH { Err(Errno::ENAMETOOLONG) } else { Ok(()) }
}
