//! Put: describes children to be started from a snapshot of their parent.

use super::Job;
use crate::abi::{ChildId, PutFlags};
use crate::error::Error;

/// A closed construct under assembly.
#[derive(Debug, Default)]
pub struct Closed {
    pub(super) jobs: Vec<Job>,
}

impl Closed {
    /// A construct with room for `k` children.
    pub fn with_capacity(k: usize) -> Closed {
        Closed { jobs: Vec::with_capacity(k) }
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
