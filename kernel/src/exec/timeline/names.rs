//! Names of spaces: `main`, and `main/2.0/1.3` for child 3 of the first construct of child 0 of
//! the second construct of the master. Records name paths by their hashes; this table knows what
//! each was made of, as far as it has room.

use crate::exec::worker::child_path;
use crate::image::layout::MAX_DEPTH;
use core::fmt::{self, Write};

/// Entries; what meets in one place is forgotten, and its name is the hash.
const ENTRIES: usize = 1 << 16;

/// A path: a number below another path. Any bytes are valid.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    path: u64,
    above: u64,
    number: u64,
}

/// The table. All zeros is an empty one.
#[repr(C)]
pub(super) struct Names([Entry; ENTRIES]);

impl Names {
    fn add(&mut self, path: u64, above: u64, number: u64) {
        self.0[path as usize % ENTRIES] = Entry { path, above, number };
    }

    fn find(&self, path: u64) -> Option<&Entry> {
        Some(&self.0[path as usize % ENTRIES]).filter(|e| e.path == path && path != 0)
    }

    /// A construct is the `number`-th of a space.
    pub fn construct(&mut self, path: u64, space: u64, number: u64) {
        self.add(path, space, number);
    }

    /// A space is a child of a construct, unless it went on with another request since.
    pub fn space(&mut self, path: u64, construct: u64, index: u32) {
        if child_path(construct, index) == path {
            self.add(path, construct, index.into());
        }
    }

    /// Writes the name of a space; `root` is the master's path.
    pub fn write(&self, path: u64, root: u64, out: &mut dyn Write) -> fmt::Result {
        let mut parts = [(0u64, 0u64); MAX_DEPTH];
        let (mut n, mut at) = (0, path);
        while at != root && n < MAX_DEPTH {
            let Some((child, construct)) = self
                .find(at)
                .and_then(|child| self.find(child.above).map(|construct| (child, construct)))
            else {
                break;
            };
            parts[n] = (construct.number, child.number);
            (n, at) = (n + 1, construct.above);
        }
        if at == root {
            out.write_str("main")?;
        } else {
            write!(out, "{at:016x}")?;
        }
        parts[..n].iter().rev().try_for_each(|(c, i)| write!(out, "/{c}.{i}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Box<Names> {
        // SAFETY: all zeros is a table.
        unsafe { Box::new_zeroed().assume_init() }
    }

    fn name(names: &Names, path: u64) -> String {
        let mut text = String::new();
        names.write(path, 7, &mut text).expect("a string");
        text
    }

    #[test]
    fn paths_are_followed_up_to_the_master() {
        let mut names = empty();
        let (outer, inner) = (0x1234_5678_9abc, 0xfedc_ba98_7654);
        let child = child_path(outer, 3);
        let grandchild = child_path(inner, 0);
        names.construct(outer, 7, 2);
        names.space(child, outer, 3);
        names.construct(inner, child, 1);
        names.space(grandchild, inner, 0);
        assert_eq!(name(&names, 7), "main");
        assert_eq!(name(&names, child), "main/2.3");
        assert_eq!(name(&names, grandchild), "main/2.3/1.0");
    }

    #[test]
    fn a_space_that_goes_on_keeps_its_name() {
        let mut names = empty();
        let child = child_path(100, 0);
        names.construct(100, 7, 1);
        names.space(child, 100, 0);
        names.construct(200, 7, 2);
        names.space(child, 200, 0);
        assert_eq!(name(&names, child), "main/1.0");
    }

    #[test]
    fn what_is_unknown_or_a_circle_ends() {
        let mut names = empty();
        assert_eq!(name(&names, 0xab), "00000000000000ab");
        names.add(1, 2, 0);
        names.add(2, 1, 0);
        assert!(name(&names, 1).len() < 2000);
    }
}
