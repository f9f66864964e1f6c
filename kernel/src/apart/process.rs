//! One process of the tree: how a child starts, what it says to its parent, how it ends.

use super::heap;
use super::tree::{Changed, Child, Tree};
use crate::abi::{Cause, Fault, Forbidden, Site};
use crate::error::Error;
use crate::exec::control::Job;
use crate::sys;
use core::ffi::c_int;
use core::sync::atomic::Ordering::Relaxed;

/// What a child says.
const ENDED: u8 = b'e';
const WAITS: u8 = b'w';

/// A child's process, from its parent's side.
pub(super) struct Process {
    pid: i32,
    hears: c_int,
    tells: c_int,
    log: c_int,
    frames: Option<usize>,
    reaped: bool,
}

/// How far a child has come.
pub(super) enum Come {
    /// To its end, with a code; what it changed since it last stood.
    Ended(u32, Vec<Changed>),
    /// To a barrier.
    Waits(Vec<Changed>),
    /// It failed.
    Failed(Cause),
}

fn unsupported(what: &'static str) -> impl Fn(i32) -> Error {
    let remedy = "raise the limits on processes and open files (ulimit -u, ulimit -n)";
    move |errno| Error::Unsupported { what, remedy, errno }
}

/// Hands over what libc's streams hold.
fn flush() {
    // SAFETY: null stands for all streams.
    unsafe { libc::fflush(core::ptr::null_mut()) };
}

impl Process {
    /// Starts a child of this number; its memory is that of this process as of now.
    ///
    /// # Safety
    /// The job's entry accepts its data, its argument and a result at `out`, and does not unwind.
    pub unsafe fn start(
        t: &'static Tree,
        job: Job,
        number: u32,
        frames: Option<usize>,
        out: *mut u8,
    ) -> Result<Process, Error> {
        flush();
        let pipe = || sys::life_line().map_err(unsupported("making a pipe"));
        let log = sys::memory_file(c"detpar output", 0).map_err(unsupported("making a file"))?;
        let ([hears, says], [child_hears, tells]) = (pipe()?, pipe()?);
        let pid = match sys::fork_here() {
            Ok(0) => {
                sys::tools::die_with_parent();
                sys::close(hears);
                sys::close(tells);
                let _ = sys::tools::duplicate(log, 1);
                let me = Child { says, hears: child_hears, frames };
                // SAFETY: the caller's contract.
                unsafe { live(t, job, number, me, out) }
            }
            Ok(pid) => pid,
            Err(e) => return Err(unsupported("making a process")(e)),
        };
        sys::close(says);
        sys::close(child_hears);
        Ok(Process { pid, hears, tells, log, frames, reaped: false })
    }

    /// Lets the child go on from a barrier, with this process's memory.
    pub fn go_on(&self, t: &Tree) {
        t.publish(self.frames);
        let _ = sys::write_all(self.tells, &[WAITS]);
    }

    /// Waits until the child has stopped.
    pub fn wait(&mut self, t: &Tree) -> Come {
        let said = sys::tools::take_byte(self.hears);
        let changes = || t.changes(self.frames);
        match said {
            Some(WAITS) => return Come::Waits(changes()),
            Some(_) => {
                let come = Come::Ended(t.shared().code.load(Relaxed) as u32, changes());
                self.reap();
                return come;
            }
            None => {}
        }
        let status = self.reap();
        Come::Failed(if libc::WIFSIGNALED(status) {
            match libc::WTERMSIG(status) {
                signal @ (libc::SIGKILL | libc::SIGTERM | libc::SIGINT) => Cause::Killed { signal },
                signal => {
                    Cause::Fault(Fault { signal, code: 0, address: 0, ip: 0, site: Site::Unknown })
                }
            }
        } else {
            let args = [libc::WEXITSTATUS(status) as u64, 0, 0, 0, 0, 0];
            Cause::Forbidden(Forbidden { nr: libc::SYS_exit_group, args, ip: 0 })
        })
    }

    fn reap(&mut self) -> c_int {
        self.reaped = true;
        sys::tools::reap(self.pid)
    }

    /// Prints what the child has printed.
    pub fn deliver(&self) {
        flush();
        let mut at = 0;
        let mut buffer = [0u8; 4096];
        loop {
            let to = buffer.as_mut_ptr().expose_provenance();
            let n = sys::tools::read_some(self.log, to, buffer.len(), at);
            if n == 0 {
                return;
            }
            let _ = sys::write_all(1, &buffer[..n]);
            at += n;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.reaped {
            sys::tools::kill(self.pid);
            self.reap();
        }
        [self.hears, self.tells, self.log].into_iter().for_each(sys::close);
    }
}

/// A child's life.
///
/// # Safety
/// As for [`Process::start`].
unsafe fn live(t: &'static Tree, job: Job, number: u32, me: Child, out: *mut u8) -> ! {
    let here = t.here();
    super::forget_children();
    t.reset_locals();
    here.child.set(Some(me));
    here.path.borrow_mut().push(number);
    here.set_inside(0);
    // SAFETY: the caller's contract.
    unsafe { (job.entry)(job.data, job.arg, out) };
    here.set_inside(1);
    // A child of this one that returns from where it was forked comes by here as well.
    end(t, here.child.get().unwrap_or(me), 0)
}

/// Ends this child: it hands over its memory.
pub(super) fn end(t: &Tree, me: Child, code: u32) -> ! {
    super::forget_children();
    flush();
    t.publish(me.frames);
    t.shared().code.store(i64::from(code), Relaxed);
    let _ = sys::write_all(me.says, &[ENDED]);
    sys::exit(0)
}

/// Waits at a barrier until the siblings are there, and takes over what all have changed.
pub(super) fn wait_for_siblings(t: &Tree, me: Child) {
    flush();
    t.publish(me.frames);
    let _ = sys::write_all(me.says, &[WAITS]);
    if sys::tools::take_byte(me.hears).is_none() {
        sys::exit(1);
    }
    t.adopt(me.frames);
    heap::settle();
}
