//! What this system offers: tries the calls that the engine makes, by the engine's own code.
//!
//! Each check runs in a process of its own, as a worker would run it, so that neither what it
//! changes nor a system that kills for it reaches the caller. Needs no master space and must
//! not run in one.

use crate::abi::PAGE;
use crate::confine::{self, vdso};
use crate::exec::control::{me, private, step};
use crate::image::early;
use crate::image::huge::UNIT;
use crate::image::layout::{EXCHANGE_ALL, FILE_SIZE, MAX_DEPTH, PRIVATE, TLS_SLOT};
use crate::replay;
use crate::sys::scan::{self, Method};
use crate::sys::{self, Sys};
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// One call, or a few that belong together.
#[derive(Debug)]
pub struct Check {
    /// A short name.
    pub name: &'static str,
    /// What the engine needs it for.
    pub purpose: &'static str,
    /// What happens where it fails; `None`: the engine cannot run.
    pub without: Option<&'static str>,
    /// What to do about it.
    pub remedy: &'static str,
    run: fn() -> Sys<()>,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Works,
    /// The system refuses, with this error number.
    Refused(i32),
    /// The system kills for it, by this signal.
    Killed(i32),
    /// It never came to an end.
    Hung,
    /// Not tried: something it stands on failed.
    NotTried,
}

const ALLOW: &str = "allow this call to unprivileged processes (a container's seccomp profile or \
                     a sandbox denies it; Docker's default profile permits it)";
const PROC: &str = "mount /proc, with the files below /proc/self readable";
const ADDRESSES: &str = "raise the limit on address space (ulimit -v unlimited) and allow \
                         overcommit (vm.overcommit_memory 0 or 1)";

const fn needed(
    name: &'static str,
    purpose: &'static str,
    remedy: &'static str,
    run: fn() -> Sys<()>,
) -> Check {
    Check { name, purpose, without: None, remedy, run }
}

const fn useful(
    name: &'static str,
    purpose: &'static str,
    without: &'static str,
    remedy: &'static str,
    run: fn() -> Sys<()>,
) -> Check {
    Check { name, purpose, without: Some(without), remedy, run }
}

/// Name of the check that tells whether changed pages can be listed by PAGEMAP_SCAN.
pub const SCAN: &str = "PAGEMAP_SCAN";
/// Name of the one for the other way, of which one is enough.
pub const READ: &str = "pagemap";

/// All checks, in an order in which a cause comes before what it makes fail.
pub const CHECKS: &[Check] = &[
    needed("clone", "a process for each worker", ALLOW, || Ok(())),
    needed("pidfd", "ending and reaping workers (pidfd_send_signal, waitid)", ALLOW, pidfd),
    needed("memfd_create", "the image, a memory file", ALLOW, memory_file),
    needed("address space", "mapping image and exchange areas", ADDRESSES, address_space),
    needed("pipe2", "workers that end with their master", ALLOW, pipe),
    needed("ties", "workers that end with their master (setpgid, prctl, fcntl)", ALLOW, ties),
    needed("close_range", "workers without the program's descriptors", ALLOW, close_range),
    needed("page map", "finding changed pages (/proc/self/pagemap)", PROC, page_map),
    useful(
        SCAN,
        "finding changed pages, fast",
        "changed pages are found by reading /proc/self/pagemap, which costs more where much \
         memory was touched",
        "use Linux 6.7 or later, and allow ioctl on /proc/self/pagemap",
        || scan_by(Method::Ioctl),
    ),
    useful(READ, "finding changed pages, on every kernel", "PAGEMAP_SCAN is used", PROC, || {
        scan_by(Method::Read)
    }),
    needed("signal handlers", "faults of children (sigaltstack, rt_sigaction)", ALLOW, || {
        confined(step::HANDLERS)
    }),
    needed(
        "vDSO",
        "clock calls that confinement sees (mprotect)",
        "boot Linux with vdso=0, or allow memory that is writable and executable",
        || confined(step::VDSO),
    ),
    needed("seccomp filter", "confinement of children", ALLOW, || confined(step::FILTER)),
    useful(
        "personality",
        "the same addresses of code and statics in every run",
        "address-space randomisation stays on: programs must not print or hash addresses of \
         functions and statics",
        ALLOW,
        no_randomisation,
    ),
    useful(
        "own calls",
        "recording and replaying inputs (seccomp on the program itself)",
        "DETPAR_RECORD and DETPAR_REPLAY end the program at its start",
        ALLOW,
        own_calls,
    ),
    useful(
        "MADV_COLLAPSE",
        "huge pages behind large blocks",
        "large blocks stay in pages of 4 KiB: their first reads in a child cost more",
        "use Linux 6.1 or later with transparent huge pages compiled in",
        huge_pages,
    ),
];

/// Runs all checks, one after another.
///
/// # Panics
/// In a master space.
pub fn run(mut each: impl FnMut(&'static Check, Outcome)) {
    early::ensure();
    assert!(me().master_pid == 0, "the checks run outside of a master space");
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let shared = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a fresh mapping.
    let Ok(page) = (unsafe { sys::map(0, PAGE, rw, shared, -1, 0) }) else {
        CHECKS.iter().for_each(|check| each(check, Outcome::NotTried));
        return;
    };
    // SAFETY: `raw`: the page is alive until the end of this function; atomics allow others.
    let word = unsafe { &*(page as *const AtomicU32) };
    let mut cloned = true;
    for (index, check) in CHECKS.iter().enumerate() {
        let outcome = if cloned { apart(index, word) } else { Outcome::NotTried };
        // The first check tells whether there are processes at all.
        cloned &= index > 0 || outcome == Outcome::Works;
        each(check, outcome);
    }
    // SAFETY: nobody uses the page any more.
    let _ = unsafe { sys::unmap(page, PAGE) };
}

/// The version of the C library.
pub fn c_library() -> &'static str {
    // SAFETY: returns a C string that lives for ever.
    let version = unsafe { core::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    version.to_str().unwrap_or("unknown")
}

/// Values of the word by which a check reports: below them, an error number plus one.
const NOTHING_YET: u32 = 0;
const NOT_TRIED: u32 = u32::MAX;

/// Result of a check that something else prevents.
const PREVENTED: i32 = -1;

/// Looks for a result so often, for so long each time, before it counts as hung.
const LOOKS: u32 = 1000;
const LOOK: u64 = 10_000_000;

/// Runs a check in a process of its own.
fn apart(index: usize, word: &AtomicU32) -> Outcome {
    word.store(NOTHING_YET, SeqCst);
    let argument = (&raw const *word as usize) | index;
    // SAFETY: the stack is used for new processes only, which have their own copy of it.
    let made = unsafe { sys::clone_process(PRIVATE + private::WORKER_STACK, start, argument) };
    let (pid, pidfd) = match made {
        Ok(made) => made,
        Err(e) => return Outcome::Refused(e),
    };
    let controlled = sys::probe_pidfd(pidfd);
    let mut ended = None;
    for _ in 0..LOOKS {
        if word.load(SeqCst) != NOTHING_YET || ended.is_some() {
            break;
        }
        sys::futex_wait(word, NOTHING_YET, LOOK);
        if controlled.is_ok() {
            ended = sys::reap(pidfd, false);
        }
    }
    match controlled {
        Ok(()) if ended.is_none() => drop(sys::kill_and_reap(pidfd)),
        Ok(()) => {}
        Err(_) => sys::kill_without_pidfd(pid),
    }
    sys::close(pidfd);
    if let (Err(e), "pidfd") = (controlled, CHECKS[index].name) {
        return Outcome::Refused(e);
    }
    match (word.load(SeqCst), ended) {
        (NOTHING_YET, Some(signal)) => Outcome::Killed(signal),
        (NOTHING_YET, None) => Outcome::Hung,
        (1, _) => Outcome::Works,
        (NOT_TRIED, _) => Outcome::NotTried,
        (error, _) => Outcome::Refused(error as i32 - 1),
    }
}

/// First code of such a process: the argument is a page's address plus the check's number.
extern "C" fn start(argument: usize) -> ! {
    // SAFETY: `apart` keeps the page mapped until this process has ended.
    let word = unsafe { &*((argument & !(PAGE - 1)) as *const AtomicU32) };
    let result = CHECKS.get(argument % PAGE).map_or(Err(PREVENTED), |check| (check.run)());
    let value = match result {
        Ok(()) => 1,
        Err(PREVENTED) => NOT_TRIED,
        Err(e) => e as u32 + 1,
    };
    word.store(value, SeqCst);
    sys::futex_wake(word);
    sys::exit(0)
}

/// What the other end of [`apart`] tries with every process.
fn pidfd() -> Sys<()> {
    Ok(())
}

fn memory_file() -> Sys<()> {
    sys::memory_file(c"detpar doctor", FILE_SIZE).map(drop)
}

/// A memory file for a check of something else.
fn some_file(size: usize) -> Sys<i32> {
    sys::memory_file(c"detpar doctor", size).map_err(|_| PREVENTED)
}

fn address_space() -> Sys<()> {
    let file = some_file(EXCHANGE_ALL)?;
    let (rw, lazy) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_NORESERVE);
    let anonymous = lazy | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: fresh mappings of this process, which ends with them.
    unsafe {
        sys::map(0, EXCHANGE_ALL, rw, lazy | libc::MAP_SHARED, file, 0)?;
        sys::map(0, MAX_DEPTH * TLS_SLOT, rw, anonymous, -1, 0)?;
        // A private view of the image, as a worker has it.
        sys::map(0, FILE_SIZE, rw, lazy | libc::MAP_PRIVATE, me().image_fd, 0).map(drop)
    }
}

fn pipe() -> Sys<()> {
    sys::life_line().map(drop)
}

fn ties() -> Sys<()> {
    let line = sys::life_line().map_err(|_| PREVENTED)?;
    sys::tie_to_parent()?;
    sys::die_with(line[0]).map(drop)
}

fn close_range() -> Sys<()> {
    // Numbers that no descriptor has.
    sys::close_between(1 << 30, u32::MAX)
}

fn page_map() -> Sys<()> {
    scan::open().map(drop)
}

fn scan_by(method: Method) -> Sys<()> {
    let file = some_file(3 * PAGE)?;
    sys::close(scan::open().map_err(|_| PREVENTED)?);
    scan::probe(method, file)
}

/// Whether a worker's confinement gets beyond a step.
fn confined(wanted: u32) -> Sys<()> {
    vdso::find().map_err(|_| PREVENTED)?;
    // SAFETY: this process makes no call afterwards but those that report its result.
    match unsafe { confine::install() } {
        Ok(()) => Ok(()),
        Err((failed, e)) if failed == wanted => Err(e),
        // The steps come in this order.
        Err((step::HANDLERS, _)) => Err(PREVENTED),
        Err((step::VDSO, _)) if wanted == step::FILTER => Err(PREVENTED),
        Err(_) => Ok(()),
    }
}

fn own_calls() -> Sys<()> {
    vdso::find().map_err(|_| PREVENTED)?;
    // SAFETY: this process makes no call of its own afterwards.
    unsafe { vdso::patch().and_then(|()| replay::install()) }
}

fn no_randomisation() -> Sys<()> {
    let now = sys::personality(0xffff_ffff)?;
    sys::personality(now | libc::ADDR_NO_RANDOMIZE as usize).map(drop)
}

fn huge_pages() -> Sys<()> {
    let file = some_file(UNIT)?;
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let room = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let fixed = libc::MAP_SHARED | libc::MAP_FIXED;
    // SAFETY: fresh mappings of this process, which ends with them; the second lies in the
    // first, which nothing uses.
    unsafe {
        let at = sys::map(0, 2 * UNIT, rw, room, -1, 0).map_err(|_| PREVENTED)?;
        let unit = at.next_multiple_of(UNIT);
        sys::map(unit, UNIT, rw, fixed, file, 0).map_err(|_| PREVENTED)?;
        (unit as *mut u8).write_volatile(1);
        sys::collapse(unit, UNIT)
    }
}
