//! Side track A: Snap, Start and Merge with what every Linux has.
use crate::machine::{Body, Change, Conflict, Failed, Machine, PAGE};
use std::collections::BTreeMap;
use std::fs::File;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, FromRawFd};
use std::{io, ptr, slice, thread};

// ANCHOR: mapping
/// A file in this process' memory; unmapped when it is dropped.
struct Mapping {
    /// Of `len` bytes that can be read and written until the drop, reached through here alone.
    at: *mut u8,
    len: usize,
}

impl Mapping {
    /// Maps all of a file, `MAP_SHARED` or `MAP_PRIVATE`.
    fn new(file: &File, len: usize, kind: libc::c_int) -> io::Result<Mapping> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address that the system chooses touches nothing in use.
        let at = unsafe { libc::mmap(ptr::null_mut(), len, access, kind, file.as_raw_fd(), 0) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Mapping { at: at.cast(), len })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: by the invariant of `at`; its writers need `&mut`, and those of the file under a
        // private mapping wait for its end: `Child`.
        unsafe { slice::from_raw_parts(self.at, self.len) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `&mut self` is the only way here.
        unsafe { slice::from_raw_parts_mut(self.at, self.len) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: by the invariant of `at` these bytes are ours, and nobody has them any more.
        unsafe { libc::munmap(self.at.cast(), self.len) };
    }
}

// SAFETY: by the invariant of `at` nothing of it is tied to a thread.
unsafe impl Send for Mapping {}
// ANCHOR_END: mapping

// ANCHOR: memory
/// The parent's memory: a file without a name, mapped shared, so that what is written is in it.
pub struct Memory {
    file: File,
    shared: Mapping,
}

/// A child's memory: the same file, mapped privately. The borrow keeps the parent from writing.
pub struct Child<'m> {
    private: Mapping,
    parent: PhantomData<&'m [u8]>,
}
// ANCHOR_END: memory

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        self.shared.bytes()
    }
}

impl AsMut<[u8]> for Memory {
    fn as_mut(&mut self) -> &mut [u8] {
        self.shared.bytes_mut()
    }
}

impl AsRef<[u8]> for Child<'_> {
    fn as_ref(&self) -> &[u8] {
        self.private.bytes()
    }
}

impl AsMut<[u8]> for Child<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        self.private.bytes_mut()
    }
}

/// Our machine.
pub struct Ours;

impl Machine for Ours {
    type Memory = Memory;
    type Child<'m> = Child<'m>;

    // ANCHOR: create
    fn create(len: usize) -> io::Result<Memory> {
        // SAFETY: the name is a string that ends in a zero byte.
        let fd = unsafe { libc::memfd_create(c"memory".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was opened just now, and nobody else knows of it.
        let file = unsafe { File::from_raw_fd(fd) };
        file.set_len(len as u64)?;
        let shared = Mapping::new(&file, len, libc::MAP_SHARED)?;
        Ok(Memory { file, shared })
    }
    // ANCHOR_END: create

    // ANCHOR: snap
    fn snap(memory: &Memory) -> io::Result<Child<'_>> {
        let private = Mapping::new(&memory.file, memory.shared.len, libc::MAP_PRIVATE)?;
        Ok(Child { private, parent: PhantomData })
    }
    // ANCHOR_END: snap

    // ANCHOR: pages
    fn changed_pages(before: &[u8], after: &[u8]) -> Vec<usize> {
        let pages = before.chunks(PAGE).zip(after.chunks(PAGE)).enumerate();
        pages.filter(|(_, (old, new))| old != new).map(|(number, _)| number).collect()
    }
    // ANCHOR_END: pages

    // ANCHOR: changes
    fn changes(before: &[u8], after: &[u8]) -> Vec<Change> {
        let mut changes = Vec::new();
        for page in Self::changed_pages(before, after) {
            let end = before.len().min((page + 1) * PAGE);
            for at in page * PAGE..end {
                if before[at] != after[at] {
                    changes.push(Change { at, value: after[at] });
                }
            }
        }
        changes
    }
    // ANCHOR_END: changes

    // ANCHOR: merge
    fn merge(children: &[Vec<Change>]) -> Result<Vec<Change>, Conflict> {
        let mut merged: BTreeMap<usize, (usize, u8)> = BTreeMap::new();
        let mut first: Option<Conflict> = None;
        for (higher, changes) in children.iter().enumerate() {
            for &Change { at, value } in changes {
                let (lower, _) = *merged.entry(at).or_insert((higher, value));
                if lower != higher && first.is_none_or(|c| at < c.at) {
                    first = Some(Conflict { at, lower, higher });
                }
            }
        }
        match first {
            Some(conflict) => Err(conflict),
            None => Ok(merged.into_iter().map(|(at, (_, value))| Change { at, value }).collect()),
        }
    }
    // ANCHOR_END: merge

    // ANCHOR: run
    fn run(memory: &mut Memory, bodies: &[Body]) -> Result<(), Failed> {
        let mut children = Vec::new();
        for _ in bodies {
            children.push(Self::snap(memory)?);
        }
        thread::scope(|threads| {
            for (child, body) in children.iter_mut().zip(bodies) {
                threads.spawn(move || body(child.as_mut()));
            }
        });
        // The memory is still as it was at the snapshot: nobody could write it.
        let before = memory.as_ref();
        let changes: Vec<_> = children.iter().map(|c| Self::changes(before, c.as_ref())).collect();
        drop(children);
        for Change { at, value } in Self::merge(&changes)? {
            memory.as_mut()[at] = value;
        }
        Ok(())
    }
    // ANCHOR_END: run
}
