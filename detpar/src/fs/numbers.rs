//! The numbers of a space's open files, and the names that these go by.

use super::journal;
use super::open::{Open, What};
use super::space::{Tree, error};
use detpar_fs::{Fs, Metadata};
use kernel::confine::FIRST_FILE;
use std::io;
use std::os::unix::ffi::OsStrExt;

/// Most numbers of open files of a space that `F_DUPFD` may leave out.
const MOST_NUMBERS: u64 = 1024;

impl Tree {
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
    pub fn gone(&mut self, name: &[u8]) {
        for open in self.open.iter_mut().flatten().filter(|o| o.path.as_deref() == Some(name)) {
            open.path = None;
        }
    }

    /// What was at a name, and below it, is elsewhere.
    pub fn moved(&mut self, from: &[u8], to: &[u8]) {
        self.gone(to);
        for path in self.open.iter_mut().flatten().filter_map(|o| o.path.as_mut()) {
            let rest = path.strip_prefix(from).filter(|r| r.first().is_none_or(|b| *b == b'/'));
            if let Some(rest) = rest {
                *path = [to, rest].concat();
            }
        }
    }

    /// Lets open files go with their names that a child changed.
    pub fn follow(&mut self, log: &[u8]) {
        journal::names(log, |from, to| match to {
            Some(to) => self.moved(from, to),
            None => self.gone(from),
        });
        self.find_names();
    }

    /// Finds another name for each open file that has lost the one by which it was opened. That
    /// goes through the tree, but only where a file with several names is open and loses one.
    pub fn find_names(&mut self) {
        for open in self.open.iter_mut().flatten().filter(|o| o.path.is_none()) {
            if let What::File { file, .. } = &open.what
                && let Ok(meta) = file.metadata()
                && meta.nlink() > 0
            {
                open.path = name_of(&self.fs, &meta);
            }
        }
    }
}

/// A name of a file: the first that there is.
fn name_of(fs: &Fs, file: &Metadata) -> Option<Vec<u8>> {
    let mut dirs = vec![Vec::new()];
    while let Some(dir) = dirs.pop() {
        let list = fs.read_dir(super::space::named(&dir)).ok()?;
        for entry in list.flatten() {
            let name = [&dir, &b"/"[..], entry.file_name().as_bytes()].concat();
            if entry.ino() == file.ino() {
                return Some(name);
            }
            if entry.kind() == detpar_fs::Kind::Dir {
                dirs.push(name);
            }
        }
    }
    None
}
