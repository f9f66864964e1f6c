//! Stub of the calls: children run in place, one after another.
use crate::abi::*;
use crate::error::Error;
use std::cell::RefCell;

/// One child of a closed construct.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// What it runs.
    pub entry: Entry,
    /// First argument of the entry.
    pub data: *mut (),
    /// Second argument of the entry.
    pub arg: usize,
    /// Size in bytes of the result it writes.
    pub out_size: usize,
}

/// Why a get failed.
#[derive(Debug)]
pub enum GetError {
    /// The kernel could not run the construct.
    Kernel(Error),
    /// A child failed; nothing was merged.
    Child {
        /// Who and why.
        failure: Failure,
        /// The panic's message, if it was a string.
        message: Option<String>,
        /// The panic's `file:line:column`.
        location: Option<String>,
    },
}

/// A closed construct: the parent is suspended from its get until all children are merged.
#[derive(Debug, Default)]
pub struct Closed {
    jobs: Vec<Job>,
}

/// The results of a construct that succeeded.
#[derive(Debug)]
pub struct Done {
    outs: Vec<Vec<u128>>,
}

thread_local!(static PANIC: RefCell<(Option<String>, String)> = const { RefCell::new((None, String::new())) });
pub(crate) fn stub_record_panic(m: Option<&str>, l: &str) {
    PANIC.with(|p| *p.borrow_mut() = (m.map(String::from), l.into()));
}

impl Closed {
    /// An empty construct.
    pub fn with_capacity(k: usize) -> Closed {
        Closed { jobs: Vec::with_capacity(k) }
    }
    /// Adds child `id`; ids must be 0, 1, 2... in order.
    pub fn put(&mut self, id: ChildId, flags: PutFlags, job: Job) -> Result<(), Error> {
        if flags != PutFlags::REGS | PutFlags::SNAP | PutFlags::START {
            return Err(Error::Flags);
        }
        if id.0 as usize != self.jobs.len() {
            return Err(Error::Exists);
        }
        self.jobs.push(job);
        Ok(())
    }
    /// Runs all children and merges them, all or nothing.
    ///
    /// # Safety
    /// Every job's entry must accept its data, argument and a result buffer of its size.
    pub unsafe fn get(self, flags: GetFlags) -> Result<Done, GetError> {
        if flags != GetFlags::MERGE {
            return Err(GetError::Kernel(Error::Flags));
        }
        let mut outs = Vec::new();
        for (i, j) in self.jobs.iter().enumerate() {
            let mut o = vec![0u128; j.out_size.div_ceil(16).max(1)];
            // SAFETY: the caller's contract.
            let end = unsafe { (j.entry)(j.data, j.arg, o.as_mut_ptr().cast()) };
            if end == End::Panicked {
                let (message, location) = PANIC.with(|p| p.borrow().clone());
                return Err(GetError::Child {
                    failure: Failure { child: i as u32, cause: Cause::Panic },
                    message,
                    location: Some(location),
                });
            }
            outs.push(o);
        }
        Ok(Done { outs })
    }
}

impl Done {
    /// Where child `i`'s result lies until this value is dropped.
    pub fn result(&self, i: usize) -> *const u8 {
        self.outs[i].as_ptr().cast()
    }
}
