//! Put: describes children to be started from a snapshot of their parent.

use super::Job;
use crate::abi::{ChildId, PutFlags};
use crate::error::Error;
use crate::exec::inplace::Part;

/// A closed construct under assembly.
#[derive(Debug, Default)]
pub struct Closed {
    pub(super) jobs: Vec<Job>,
    /// What each of them is granted in place; empty, or one for each.
    pub(super) parts: Vec<Part>,
}

impl Closed {
    /// A construct with room for `k` children.
    pub fn with_capacity(k: usize) -> Closed {
        Closed { jobs: Vec::with_capacity(k), parts: Vec::new() }
    }

    /// Adds child `id`, to be started from a snapshot. Ids are the indices 0, 1, 2... of the
    /// construct, in order.
    ///
    /// # Errors
    /// [`Error::Flags`] for options other than `REGS | SNAP | START`; [`Error::Exists`] for an
    /// id that is not the next index.
    #[inline]
    pub fn put(&mut self, id: ChildId, flags: PutFlags, job: Job) -> Result<(), Error> {
        if flags != PutFlags::REGS.union(PutFlags::SNAP).union(PutFlags::START) {
            return Err(Error::Flags);
        }
        if id.0 as usize != self.jobs.len() {
            return Err(Error::Exists);
        }
        self.jobs.push(job);
        Ok(())
    }

    /// Grants each child a part of its parent's memory, `parts[i]` to child `i`, as address and
    /// length in bytes: what a child writes there may be in its parent's memory at once, without
    /// a merge. If the construct fails it is what it was before, as all memory. Once all children
    /// were added.
    ///
    /// # Errors
    /// [`Error::NoChild`] where there is not one part for each child.
    ///
    /// # Safety
    /// Until the construct has ended, nobody reads or writes the bytes of a part but the child
    /// and its own children.
    pub unsafe fn grant(&mut self, parts: Vec<(usize, usize)>) -> Result<(), Error> {
        if parts.len() != self.jobs.len() {
            return Err(Error::NoChild);
        }
        self.parts = parts;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::End;

    extern "C" fn nothing(_: *mut (), _: usize, _: *mut u8) -> End {
        End::Returned
    }

    #[test]
    fn ids_and_flags_are_checked() {
        let job = Job { entry: nothing, data: core::ptr::null_mut(), arg: 0, out_size: 0 };
        let flags = PutFlags::REGS | PutFlags::SNAP | PutFlags::START;
        let mut c = Closed::with_capacity(2);
        assert_eq!(c.put(ChildId(1), flags, job), Err(Error::Exists));
        assert_eq!(c.put(ChildId(0), PutFlags::START, job), Err(Error::Flags));
        assert_eq!(c.put(ChildId(0), flags | PutFlags::TREE, job), Err(Error::Flags));
        assert_eq!(c.put(ChildId(0), flags, job), Ok(()));
        assert_eq!(c.put(ChildId(0), flags, job), Err(Error::Exists));
        assert_eq!(c.put(ChildId(1), flags, job), Ok(()));
    }
}
