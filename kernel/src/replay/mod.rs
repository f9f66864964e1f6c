//! Recording what the master learns from outside, and giving it the same once more
//! (docs/replay.md).
//!
//! In these two modes, and only there, every system call of the program's own code traps: a
//! filter lets calls from the gate pass, which are the control plane's. The handler does the
//! call and writes down what came of it, or answers from the record. The table in `table` says
//! what each call gets; a call without a row ends the run by name.

mod answer;
mod file;
mod peek;
mod record;
mod signals;
mod table;
#[cfg(test)]
mod tests;
mod trap;

pub use file::Failure;
pub use record::Mode;
pub(crate) use trap::install;

use crate::abi::ChildId;
use crate::confine::vdso;
use crate::error::Error;
use crate::exec::control::{Role, me};
use crate::sys;
use file::{Chunk, Hash, INPUT, POLL};
use record::{State, state};

/// An open record.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    fd: i32,
    mode: Mode,
    /// Process id of the recorded run.
    pid: i32,
    /// Bytes that say which run it is.
    about: u32,
}

impl Inputs {
    /// Begins a record in an empty file: `about` says which run it is.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn record(fd: i32, about: &[u8]) -> Result<Inputs, Failure> {
        let (fd, pid) = (sys::raise_fd(fd), sys::ids().0);
        file::begin(fd, pid, about)?;
        Ok(Inputs { fd, mode: Mode::Record, pid, about: about.len() as u32 })
    }

    /// Opens a record, after it was looked over to its end.
    ///
    /// # Errors
    /// It is none, or it is damaged.
    pub fn replay(fd: i32) -> Result<Inputs, Failure> {
        let fd = sys::raise_fd(fd);
        let (pid, about) = file::look_over(fd)?;
        Ok(Inputs { fd, mode: Mode::Replay, pid, about })
    }

    /// What is done with them.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Which run it is: the bytes that the recording began with.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn about(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; self.about as usize];
        file::read(self.fd, &mut bytes, file::FIRST + size_of::<Chunk>())?;
        Ok(bytes)
    }

    /// From here on the program's calls are recorded or answered, until it ends.
    ///
    /// # Errors
    /// [`Error::Permission`] outside of the master, [`Error::Unsupported`] where the system
    /// refuses the filter.
    pub fn begin(self) -> Result<(), Error> {
        if me().role != Role::Master {
            return Err(Error::Permission);
        }
        *state() = State {
            fd: self.fd,
            mode: self.mode,
            pid: self.pid,
            at: file::FIRST + size_of::<Chunk>() + self.about as usize,
            calls: 1,
            printed: [Hash::NEW; 2],
            bytes: [0; 2],
        };
        // SAFETY: in the master, on whose vDSO nothing else works; only this thread runs.
        let done = unsafe { vdso::patch().and_then(|()| signals::begin(state())) };
        // SAFETY: the state is set.
        done.and_then(|()| unsafe { install() }).map_err(|errno| Error::Unsupported {
            what: "trapping the program's own system calls, to record them",
            remedy: "allow seccomp filters and memory that is writable and executable to \
                     unprivileged processes, or run without DETPAR_RECORD and DETPAR_REPLAY",
            errno,
        })?;
        me().inputs = 1;
        Ok(())
    }
}

/// Whether calls of this process are recorded or answered.
#[cfg(feature = "interpose")]
pub(crate) fn is_on() -> bool {
    me().inputs != 0 && me().role == Role::Master
}

/// The record's descriptor.
pub(crate) fn descriptor() -> Option<i32> {
    (me().inputs != 0 && is_master()).then(|| state().fd)
}

fn is_master() -> bool {
    me().role == Role::Master
}

/// Whether a child has stopped, as the master finds it without waiting. When it does depends on
/// the machine, so the answer is an input.
pub(crate) fn poll(id: ChildId, now: impl FnOnce() -> bool) -> bool {
    if me().inputs == 0 {
        return now();
    }
    let s = state();
    if s.mode == Mode::Replay {
        return record::next(s, POLL.into(), id.0.into(), &mut []).result != 0;
    }
    let stopped = now();
    let chunk = Chunk { nr: POLL, len: 0, result: stopped.into(), key: id.0.into(), sum: 0 };
    record::append(s, chunk, &[]);
    stopped
}

/// What the master reads of standard input for its children: how many bytes, or a negative error
/// number; none where nothing has come yet, which a replay does not wait for.
pub(crate) fn input(to: &mut [u8], now: impl FnOnce(&mut [u8]) -> Option<i64>) -> Option<i64> {
    if me().inputs == 0 {
        return now(to);
    }
    let (s, key) = (state(), to.len() as u64);
    if s.mode == Mode::Replay {
        let len = record::expect(s, INPUT.into(), key).len as usize;
        let Some(to) = to.get_mut(..len) else { record::damaged(s) };
        return Some(record::next(s, INPUT.into(), key, to).result);
    }
    let result = now(to)?;
    let len = usize::try_from(result).unwrap_or(0);
    let chunk = Chunk { nr: INPUT, len: len as u32, result, key, sum: 0 };
    record::append(s, chunk, &[&to[..len]]);
    Some(result)
}
