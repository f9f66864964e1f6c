//! One process of the tree: how a child starts, what it says to its parent, how it ends.

use super::tree::{Changed, Child, Tree};
use super::{heap, input, mapped};
use crate::abi::{Cause, Fault, Forbidden, Site};
use crate::error::Error;
use crate::exec::control::Job;
use crate::space::signals::Deferred;
use crate::sys::{self, Action};
use core::ffi::c_int;
use core::sync::atomic::Ordering::Relaxed;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

/// What a child says.
const ENDED: u8 = b'e';
const WAITS: u8 = b'w';

/// A child's process, from its parent's side.
pub(super) struct Process {
    pid: i32,
    /// Where it is heard and told; while it lives.
    lines: Option<(OwnedFd, OwnedFd)>,
    /// What it printed; nothing where that is known to be nothing.
    log: Option<OwnedFd>,
    frames: Option<usize>,
}

/// While it lives children may run: a handler of the program would write beside their snapshots, and
/// how a child ended is kept for its parent to ask.
pub(super) struct Quiet {
    /// What the program had set for ends of its children, where nobody could have asked.
    ends: Option<Action>,
    _deferred: Deferred,
}

impl Quiet {
    pub fn new() -> Quiet {
        const UNASKED: u64 = libc::SA_NOCLDWAIT as u64;
        let deferred = Deferred::apart();
        let asked = |now: &Action| Action {
            handler: if now.handler == libc::SIG_IGN { libc::SIG_DFL } else { now.handler },
            flags: now.flags & !UNASKED,
            ..*now
        };
        // SAFETY: no handler is set but that of the program.
        let ends = unsafe { sys::action(libc::SIGCHLD, None) }
            .ok()
            .filter(|now| now.handler == libc::SIG_IGN || now.flags & UNASKED != 0)
            // SAFETY: as above.
            .filter(|now| unsafe { sys::action(libc::SIGCHLD, Some(&asked(now))) }.is_ok());
        Quiet { ends, _deferred: deferred }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // SAFETY: the program's own, from before.
        let _ = self.ends.map(|ends| unsafe { sys::action(libc::SIGCHLD, Some(&ends)) });
    }
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

unsafe extern "C" {
    static stdout: *mut libc::FILE;
}

/// Has this child's standard output in its log as it prints it, whatever ends it; and never in the
/// stream's buffer, which is memory that merges.
fn print_at_once() {
    /// A flag of glibc's, in the first word: whoever replaces the buffer is not to free it.
    const NOT_ITS_OWN: c_int = 1;
    // SAFETY: libc's own stream, flushed, in a process of one thread.
    unsafe {
        *stdout.cast::<c_int>() |= NOT_ITS_OWN;
        libc::setvbuf(stdout, core::ptr::null_mut(), libc::_IONBF, 0);
    }
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
        input::give_back();
        // SAFETY: made by the call, for this process alone.
        let own = |fd| unsafe { OwnedFd::from_raw_fd(fd) };
        let pipe =
            || sys::life_line().map(|ends| ends.map(own)).map_err(unsupported("making a pipe"));
        let log = sys::memory_file(c"detpar output", 0).map_err(unsupported("making a file"))?;
        let log = own(log);
        let ([hears, says], [child_hears, tells]) = (pipe()?, pipe()?);
        let pid = match sys::fork_here() {
            Ok(0) => {
                sys::tools::die_with_parent();
                drop((hears, tells));
                let _ = sys::tools::duplicate(log.as_raw_fd(), 1);
                drop(log);
                let (says, hears) = (says.into_raw_fd(), child_hears.into_raw_fd());
                // SAFETY: the caller's contract.
                unsafe { live(t, job, number, Child { says, hears, frames }, out) }
            }
            Ok(pid) => pid,
            Err(e) => return Err(unsupported("making a process")(e)),
        };
        Ok(Process { pid, lines: Some((hears, tells)), log: Some(log), frames })
    }

    /// Lets the child go on from a barrier, with this process's memory.
    pub fn go_on(&self, t: &Tree) {
        t.publish(self.frames);
        if let Some((_, tells)) = &self.lines {
            let _ = sys::write_all(tells.as_raw_fd(), &[WAITS]);
        }
    }

    /// Waits until the child has stopped.
    pub fn wait(&mut self, t: &Tree) -> Come {
        let hears = self.lines.as_ref().map(|(hears, _)| hears.as_raw_fd());
        let said = hears.and_then(sys::tools::take_byte);
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
        let status = sys::tools::reap(self.pid);
        // Ended children may be many, until they are joined: they keep no more than they need.
        self.lines = None;
        let mut byte = 0u8;
        let to = (&raw mut byte).expose_provenance();
        self.log = self.log.take().filter(|l| sys::tools::read_some(l.as_raw_fd(), to, 1, 0) > 0);
        status
    }

    /// Forgets a child of another process.
    pub fn disown(mut self) {
        self.lines = None;
    }

    /// Prints what the child has printed.
    pub fn deliver(&self) {
        flush();
        let Some(log) = &self.log else { return };
        let mut at = 0;
        let mut buffer = [0u8; 4096];
        loop {
            let to = buffer.as_mut_ptr().expose_provenance();
            let n = sys::tools::read_some(log.as_raw_fd(), to, buffer.len(), at);
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
        if self.lines.is_some() {
            sys::tools::kill(self.pid);
            self.reap();
        }
    }
}

/// A child's life.
///
/// # Safety
/// As for [`Process::start`].
unsafe fn live(t: &'static Tree, job: Job, number: u32, me: Child, out: *mut u8) -> ! {
    let here = t.here();
    super::forget_children();
    mapped::take_away();
    t.reset_locals();
    print_at_once();
    input::one_at_a_time();
    here.child.set(Some(me));
    here.inherited.set(t.count());
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
    input::end_line();
    t.publish(me.frames);
    t.shared().code.store(i64::from(code), Relaxed);
    let _ = sys::write_all(me.says, &[ENDED]);
    sys::exit(0)
}

/// Waits at a barrier until the siblings are there, and takes over what all have changed.
pub(super) fn wait_for_siblings(t: &Tree, me: Child) {
    flush();
    input::end_line();
    t.publish(me.frames);
    let _ = sys::write_all(me.says, &[WAITS]);
    if sys::tools::take_byte(me.hears).is_none() {
        sys::exit(1);
    }
    t.adopt(me.frames);
    heap::settle();
}
