//! The engine `serial` of programs in C: each child is a process of its own, made by a plain fork,
//! and runs at once, to its end, before its parent goes on. Nothing is confined, no address is
//! fixed and nobody is traced, so that sanitizers, Valgrind and debuggers see an ordinary program.
//!
//! A child that has ended copies its memory to where its parent compares it with its own, which
//! then still is what the child started from. A join merges what differs by [`crate::merge`].
//!
//! | module | job |
//! |---|---|
//! | `tree` | the memory of all processes: where it is, what of it merges |
//! | `heap` | blocks that no two spaces have at one address |
//! | `tools` | what sanitizers and Valgrind are told |
//! | `process` | a child's life |
//! | `joined` | merging what children changed |
//! | `input` | standard input, of which nobody has read ahead |
//! | `mapped` | memory that the program maps itself |

pub(crate) mod heap;
mod input;
mod joined;
pub(crate) mod mapped;
mod process;
mod tools;
mod tree;

use crate::abi::{Cause, Failure, MAX_CHILDREN};
use crate::call::{ChildFailure, GetError};
use crate::error::Error;
use crate::exec::control::Job;
use crate::sys;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};
use joined::{Changes, Undo};
use process::{Come, Process, Quiet};
use std::cell::{Cell, RefCell};
use tree::{Tree, tree};

/// Deepest nesting of children.
const DEPTH: usize = 200;

/// Whether the environment asks for this engine: 0 while nobody has looked.
static ASKED: AtomicU8 = AtomicU8::new(0);

/// Whether this program's spaces are plain processes: it has the library for C and was started
/// with `DETPAR_ENGINE=serial`.
pub fn is_on() -> bool {
    match ASKED.load(Relaxed) {
        0 => {
            let on =
                sys::tools::has_c_library() && sys::tools::started_with(b"DETPAR_ENGINE=serial");
            ASKED.store(1 + u8::from(on), Relaxed);
            on
        }
        asked => asked == 2,
    }
}

/// Makes this process the master, on the main thread.
///
/// # Errors
/// [`Error::Unsupported`] where memory is short, where the library is part of the program's own
/// file, and where another malloc stands before the library's.
pub fn start() -> Result<(), Error> {
    Tree::start()?;
    input::begin();
    if heap::is_used() {
        return Ok(());
    }
    Err(Error::Unsupported {
        what: "taking over malloc",
        remedy: "with AddressSanitizer put the library first (LD_PRELOAD=libdetpar.so and \
                 ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0:\
                 detect_stack_use_after_return=0), with Valgrind give it \
                 --soname-synonyms=somalloc=nouserintercepts",
        errno: 0,
    })
}

/// Runs code of the library: what it allocates is not the program's.
pub fn library<R>(body: impl FnOnce() -> R) -> R {
    at_depth(|depth| depth + 1, body)
}

/// Runs code of the program, called by the library.
pub fn program<R>(body: impl FnOnce() -> R) -> R {
    at_depth(|_| 0, body)
}

fn at_depth<R>(depth: impl FnOnce(u32) -> u32, body: impl FnOnce() -> R) -> R {
    struct Back(&'static Tree, u32);
    impl Drop for Back {
        fn drop(&mut self) {
            self.0.here().set_inside(self.1);
        }
    }
    let Some(t) = tree() else { return body() };
    let before = t.here().set_inside(0);
    t.here().set_inside(depth(before));
    let _back = Back(t, before);
    body()
}

/// An open child that has ended.
struct Open {
    id: u32,
    end: Result<(u32, Changes), Cause>,
    process: Process,
    /// Whether its parent has asked how it ended.
    known: Cell<bool>,
}

impl Open {
    fn end(&self) -> Result<u32, Cause> {
        self.end.as_ref().map(|(code, _)| *code).map_err(|cause| *cause)
    }
}

thread_local! {
    /// Open children of this process.
    static OPEN: RefCell<Vec<Open>> = const { RefCell::new(Vec::new()) };
}

/// In a new child, whose parent has them; and in one that ends.
fn forget_children() {
    // They are no children of this process: it may neither wait for them nor end them.
    OPEN.with(|o| o.take().into_iter().for_each(|c| c.process.disown()));
}

/// The numbers that lead from the master to this process.
pub fn path() -> Vec<u32> {
    tree().map(|t| t.here().path.borrow().clone()).unwrap_or_default()
}

/// Whether this process is a child.
pub fn in_child() -> bool {
    tree().is_some_and(|t| t.here().child.get().is_some())
}

fn master() -> Result<&'static Tree, GetError> {
    let t = tree().ok_or(Error::NoMaster)?;
    if t.here().path.borrow().len() >= DEPTH {
        let cause = Cause::Limit(crate::abi::Limit::Depth);
        return Err(failed(Failure { child: 0, cause }));
    }
    match crate::space::threads::ever() && sys::thread_count() != Some(1) {
        true => Err(Error::Busy.into()),
        false => {
            t.follow_loads();
            Ok(t)
        }
    }
}

fn failed(failure: Failure) -> GetError {
    GetError::Child(Box::new(ChildFailure {
        failure,
        message: None,
        location: None,
        trace: None,
        writers: [None, None],
    }))
}

/// Whether this process has an open child of this name.
pub fn is_alive(id: u32) -> bool {
    OPEN.with(|o| o.borrow().iter().any(|c| c.id == id))
}

/// Runs an open child, to its end.
///
/// # Errors
/// [`Error::Exists`]; [`Error::Unsupported`] where there is no process to be had.
///
/// # Safety
/// The job's entry must accept its data and argument, write no result, and not unwind.
pub unsafe fn fork(id: u32, job: Job) -> Result<(), GetError> {
    let t = master()?;
    if is_alive(id) {
        return Err(Error::Exists.into());
    }
    let _quiet = Quiet::new();
    // SAFETY: the caller's contract; there is no result.
    let mut process = unsafe { Process::start(t, job, id, None, core::ptr::null_mut()) }?;
    let end = match process.wait(t) {
        Come::Ended(code, changes) => Ok((code, Changes::new(changes))),
        Come::Failed(cause) => Err(cause),
        // Only a part of a closed construct waits.
        Come::Waits(_) => Err(Cause::Killed { signal: libc::SIGKILL }),
    };
    OPEN.with(|o| o.borrow_mut().push(Open { id, end, process, known: Cell::new(false) }));
    Ok(())
}

fn take(id: u32) -> Result<Open, GetError> {
    OPEN.with(|o| {
        let mut open = o.borrow_mut();
        let at = open.iter().position(|c| c.id == id).ok_or(Error::NoChild)?;
        Ok(open.remove(at))
    })
}

/// Merges what an open child changed, and frees its name; the code that it ended with.
///
/// # Errors
/// [`Error::NoChild`]; [`GetError::Child`] where it failed or conflicts, with nothing merged.
pub fn join(id: u32) -> Result<u32, GetError> {
    let t = master()?;
    let child = take(id)?;
    child.process.deliver();
    let fail = |cause| failed(Failure { child: id, cause });
    let (code, changes) = child.end.map_err(fail)?;
    joined::open(t, id, &changes).map_err(|c| fail(Cause::Conflict(c)))?;
    heap::settle();
    Ok(code)
}

/// How an open child ended.
///
/// # Errors
/// [`Error::NoChild`].
pub fn state(id: u32) -> Result<Result<u32, Cause>, GetError> {
    OPEN.with(|o| {
        let open = o.borrow();
        let child = open.iter().find(|c| c.id == id).ok_or(Error::NoChild)?;
        child.known.set(true);
        Ok(child.end())
    })
}

/// Forgets an open child: how it ended, where its parent has asked for that before. Under `spaces` it
/// might run still.
///
/// # Errors
/// [`Error::NoChild`].
pub fn kill(id: u32) -> Result<Option<Result<u32, Cause>>, GetError> {
    take(id).map(|child| child.known.get().then(|| child.end()))
}

/// Ends this process, an open child, with a code; comes back in any other.
pub fn exit(code: u32) {
    if let Some(t) = tree()
        && let Some(me) = t.here().child.get().filter(|c| c.frames.is_none())
    {
        process::end(t, me, code);
    }
}

/// Results of a closed construct.
#[derive(Debug)]
pub struct Results {
    at: usize,
    size: usize,
    len: usize,
}

impl Results {
    /// Where child `i`'s result lies until this value is dropped.
    pub fn of(&self, i: usize) -> *const u8 {
        core::ptr::with_exposed_provenance(self.at + i * self.size)
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        // SAFETY: mapped by `run`; borrowers are gone.
        let _ = unsafe { sys::unmap(self.at, self.len) };
    }
}

/// Runs the children of a closed construct one after another, and merges all or none. `frames` is
/// the lowest address of the caller's live frames.
///
/// # Errors
/// [`GetError::Child`] with the failure of the lowest index; [`GetError::Kernel`].
///
/// # Safety
/// As for [`fork`]; results have their size.
pub unsafe fn run(jobs: &[Job], frames: usize) -> Result<Results, GetError> {
    let t = master()?;
    if jobs.len() > MAX_CHILDREN {
        let cause = Cause::Limit(crate::abi::Limit::Children);
        return Err(failed(Failure { child: 0, cause }));
    }
    let size = jobs.iter().map(|j| j.out_size).max().unwrap_or(0).next_multiple_of(16);
    let len = (size * jobs.len()).max(1);
    let results = Results { at: tree::reserve(0, len, true)?, size, len };
    let (mut undo, _quiet) = (Undo::default(), Quiet::new());
    // SAFETY: the caller's contract.
    let run = unsafe { in_phases(t, jobs, frames, &results, &mut undo) };
    if run.is_err() {
        undo.carry_out(t);
    }
    heap::settle();
    run.map(|()| results)
}

/// # Safety
/// As for [`run`].
unsafe fn in_phases(
    t: &'static Tree,
    jobs: &[Job],
    frames: usize,
    results: &Results,
    undo: &mut Undo,
) -> Result<(), GetError> {
    let mut running: Vec<(Process, bool)> = Vec::with_capacity(jobs.len());
    let deliver = |running: &[(Process, bool)], count| {
        running.iter().take(count).for_each(|(p, _)| p.deliver());
    };
    let mut first = true;
    while first || running.iter().any(|(_, waits)| *waits) {
        let mut changes = Vec::new();
        for (i, job) in jobs.iter().enumerate() {
            if first {
                let out = results.of(i).cast_mut();
                // SAFETY: the caller's contract.
                running
                    .push((unsafe { Process::start(t, *job, i as u32, Some(frames), out) }?, true));
            } else if running[i].1 {
                running[i].0.go_on(t);
            } else {
                continue;
            }
            let (process, waits) = &mut running[i];
            let changed = match process.wait(t) {
                Come::Waits(changed) => changed,
                Come::Ended(_, changed) => {
                    *waits = false;
                    changed
                }
                Come::Failed(cause) => {
                    deliver(&running, i + 1);
                    return Err(failed(Failure { child: i as u32, cause }));
                }
            };
            changes.push((i as u32, Changes::new(changed)));
        }
        first = false;
        if let Err(c) = joined::closed(t, &changes, undo) {
            deliver(&running, c.higher as usize + 1);
            return Err(failed(Failure { child: c.higher, cause: Cause::Conflict(c) }));
        }
    }
    deliver(&running, jobs.len());
    Ok(())
}

/// Waits for the siblings of a closed construct, and goes on with what all have changed.
///
/// # Errors
/// [`Error::Permission`] in any other space.
pub fn barrier() -> Result<(), Error> {
    let t = tree().ok_or(Error::NoMaster)?;
    let me = t.here().child.get().filter(|c| c.frames.is_some()).ok_or(Error::Permission)?;
    process::wait_for_siblings(t, me);
    Ok(())
}
