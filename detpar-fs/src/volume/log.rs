//! What a file system changed since its snapshot: where a reconcile has to look. What it finds
//! there it compares, so the log may name more than changed, never less.

use std::collections::{BTreeMap, BTreeSet};

/// Ranges of bytes, from start to end, none of which touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds the bytes from `start` up to `end`.
    pub fn add(&mut self, mut start: u64, mut end: u64) {
        if start >= end {
            return;
        }
        while let Some((&s, &e)) = self.0.range(..=end).next_back() {
            if e < start {
                break;
            }
            if s <= start && e >= end {
                return;
            }
            (start, end) = (start.min(s), end.max(e));
            self.0.remove(&s);
        }
        self.0.insert(start, end);
    }

    /// The ranges, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(s, e)| (*s, *e))
    }

    /// The first byte.
    pub fn lowest(&self) -> Option<u64> {
        self.0.keys().next().copied()
    }
}

/// The changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// Bytes written in files, by inode. Cutting a file off is a write from there to its end.
    pub files: BTreeMap<u32, Ranges>,
    /// Inodes whose attributes were set.
    pub attributes: BTreeSet<u32>,
    /// Names that were added, removed or pointed elsewhere, by directory.
    pub names: BTreeMap<u32, BTreeSet<Vec<u8>>>,
}

impl Log {
    /// Notes that bytes of a file were written.
    pub fn wrote(&mut self, ino: u32, start: u64, end: u64) {
        self.files.entry(ino).or_default().add(start, end);
    }

    /// Notes that a name changed.
    pub fn named(&mut self, dir: u32, name: &[u8]) {
        let names = self.names.entry(dir).or_default();
        if !names.contains(name) {
            names.insert(name.to_vec());
        }
    }

    /// Adds what happened before.
    pub fn prepend(&mut self, mut earlier: Log) {
        if self.names.len() > earlier.names.len() {
            std::mem::swap(self, &mut earlier);
        }
        for (ino, ranges) in earlier.files {
            let to = self.files.entry(ino).or_default();
            ranges.iter().for_each(|(s, e)| to.add(s, e));
        }
        self.attributes.append(&mut earlier.attributes);
        for (dir, mut names) in earlier.names {
            self.names.entry(dir).or_default().append(&mut names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_what_a_set_of_bytes_is() {
        let mut seed = 1u64;
        let mut next = |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % n
        };
        for _ in 0..300 {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for _ in 0..next(12) {
                let start = next(40);
                let end = start + next(9);
                ranges.add(start, end);
                set.extend(start..end);
            }
            let bytes: Vec<u64> = ranges.iter().flat_map(|(s, e)| s..e).collect();
            assert_eq!(bytes, set.into_iter().collect::<Vec<_>>());
            let all: Vec<_> = ranges.iter().collect();
            assert!(all.windows(2).all(|w| w[0].1 < w[1].0), "{all:?}");
        }
    }
}
