//! The start of a program whose children are spaces: restart without address randomisation,
//! configuration, panic hook, then the master space.

use crate::hidden;
use crate::hook;
use crate::inputs;
use crate::report::{self, Format};
use crate::start::{number, stop, workers};
use crate::streams::{self, Streams};
use kernel::confine::Handler;
use kernel::error::Error;
use kernel::master::{self, Config, Scan};
use kernel::replay::Inputs;
use std::ffi::CString;
use std::fs::OpenOptions;
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{self, AssertUnwindSafe};

static HANDLER: &dyn Handler = &Streams;

/// Runs `user` as the master space of a process that has restarted itself as it likes.
pub(crate) fn run<R>(user: impl FnOnce() -> R) -> R {
    std::hint::black_box(master::anchor());
    // SAFETY: the contract below: the only thread.
    let inputs = unsafe { inputs::open() }.unwrap_or_else(|e| stop(&e));
    let config = match config() {
        Ok(c) => c,
        Err(e) => stop(&e),
    };
    if inputs.is_some() {
        // SAFETY: as above.
        unsafe { inputs::hide_own() };
    }
    let (mut user, mut result) = (Some(user), None);
    // SAFETY: called by the expansion of `#[detpar::main]`, or by the main of a test's process,
    // as the first thing on the main thread, with nothing printed and no thread made.
    let run = unsafe {
        streams::prepare().and_then(|()| {
            hook::install();
            let mut body = || {
                hidden::prepare();
                if let Some(Err(e)) = inputs.map(Inputs::begin) {
                    stop(&explain(e));
                }
                let user = AssertUnwindSafe(user.take().expect("the master runs its main once"));
                result = Some(panic::catch_unwind(user));
            };
            master::run(config, &HANDLER, &mut body)
        })
    };
    match (run, result) {
        (Ok(()), Some(Ok(r))) => r,
        (Ok(()), Some(Err(payload))) => panic::resume_unwind(payload),
        (Err(e), _) => stop(&explain(e)),
        (Ok(()), None) => stop("main did not run"),
    }
}

fn explain(e: Error) -> String {
    match e {
        Error::Exists => "#[detpar::main] was called inside of itself".into(),
        e => e.to_string(),
    }
}

/// How many writes of each of two children that conflict are watched: a tenth of a
/// second or two.
const WATCHED: u64 = 1 << 12;

/// How many accesses of each child are watched for what it reads that siblings wrote: half a
/// second or so.
const WATCHED_READS: u64 = 1 << 15;

fn config() -> Result<Config, String> {
    let scan = match std::env::var("DETPAR_SCAN").as_deref() {
        Ok("ioctl") => Scan::Ioctl,
        Ok("pagemap") => Scan::Pagemap,
        Ok("auto") | Err(_) => Scan::Auto,
        Ok(v) => return Err(format!("DETPAR_SCAN={v}: give auto, ioctl or pagemap")),
    };
    let huge = match std::env::var("DETPAR_HUGE").as_deref() {
        Ok("off") => false,
        Ok("auto") | Err(_) => true,
        Ok(v) => return Err(format!("DETPAR_HUGE={v}: give auto or off")),
    };
    let tsc_traps = match std::env::var("DETPAR_TSC").as_deref() {
        Ok("trap") => true,
        Ok("free") | Err(_) => false,
        Ok(v) => return Err(format!("DETPAR_TSC={v}: give free or trap")),
    };
    let check = match std::env::var("DETPAR_CHECK").as_deref() {
        Ok("1") => true,
        Ok("0" | "") | Err(_) => false,
        Ok(v) => return Err(format!("DETPAR_CHECK={v}: give 1 or 0")),
    };
    let origins = match std::env::var("DETPAR_ORIGINS").as_deref() {
        Ok("on") => true,
        Ok("off") | Err(_) => false,
        Ok(v) => return Err(format!("DETPAR_ORIGINS={v}: give on or off")),
    };
    let workers = workers()?;
    let patience = match std::env::var("DETPAR_LINES").as_deref() {
        Ok("off") => 0,
        // Exact write sets take longer than this.
        Ok("on") | Err(_) => {
            if check {
                u64::MAX
            } else {
                WATCHED
            }
        }
        Ok(v) => return Err(format!("DETPAR_LINES={v}: give on or off")),
    };
    let reads = match std::env::var("DETPAR_WARN").as_deref() {
        Ok("reads") => WATCHED_READS,
        Ok("off") | Err(_) => 0,
        Ok(v) => return Err(format!("DETPAR_WARN={v}: give reads or off")),
    };
    report::choose(match std::env::var("DETPAR_REPORT").as_deref() {
        Ok("json") => Format::Json,
        Ok("off") => Format::Off,
        Ok("text") | Err(_) => Format::Text,
        Ok(v) => return Err(format!("DETPAR_REPORT={v}: give text, json or off")),
    });
    let trace = trace(tsc_traps)?;
    let (seed, chaos) = (number("DETPAR_SEED")?, number("DETPAR_CHAOS")?);
    Ok(Config {
        workers,
        seed,
        chaos,
        check,
        origins,
        patience,
        reads,
        scan,
        huge,
        tsc_traps,
        trace,
    })
}

/// Names the file that gets a timeline.
const TRACE: &str = "DETPAR_TRACE";

/// Opens the file that gets a timeline, and hides the variable from the program: its environment
/// is the same with and without, and programs that it starts do not write to the same file.
fn trace(tsc_traps: bool) -> Result<Option<i32>, String> {
    let Some(path) = std::env::var_os(TRACE).filter(|v| !v.is_empty()) else { return Ok(None) };
    let wrong = |why: &str| format!("{TRACE}={}: {why}", path.display());
    if tsc_traps {
        return Err(wrong("a timeline needs the time stamp counter, so not with DETPAR_TSC=trap"));
    }
    // A pipe that nobody reads is an error, not a wait.
    let mut how = OpenOptions::new();
    how.write(true).create(true).truncate(true).custom_flags(libc::O_NONBLOCK);
    let file = how.open(&path).map_err(|e| wrong(&e.to_string()))?;
    if !file.metadata().is_ok_and(|m| m.is_file()) {
        return Err(wrong("give the name of a file; this is none"));
    }
    // SAFETY: invariant `one-thread`: at the start of main.
    unsafe { std::env::remove_var(TRACE) };
    Ok(Some(file.into_raw_fd()))
}

/// Holds the process id over a restart.
const RESTARTED: &str = "DETPAR_RESTARTED";

/// Restarts the program once without address-space randomisation, so that addresses of code
/// and statics are the same in every run (rule R1). Where the system refuses, or with
/// `DETPAR_ASLR=keep`, the program goes on as it is.
pub(crate) fn restart_without_randomisation() {
    const QUERY: libc::c_ulong = 0xffff_ffff;
    // SAFETY: the query changes nothing.
    let now = unsafe { libc::personality(QUERY) };
    if now < 0 {
        return;
    }
    let off = libc::ADDR_NO_RANDOMIZE;
    if now & off != 0 {
        // Restarted: programs that this one starts get randomisation again.
        // SAFETY: concerns this process and its children only.
        unsafe { libc::personality((now & !off) as libc::c_ulong) };
        // SAFETY: the only thread.
        unsafe { std::env::remove_var(RESTARTED) };
        return;
    }
    let me = std::process::id().to_string();
    if std::env::var_os(RESTARTED).is_some_and(|v| *v == *me) {
        // The restart did not help (a set-uid program, say): go on.
        // SAFETY: the only thread.
        unsafe { std::env::remove_var(RESTARTED) };
        return;
    }
    if std::env::var_os("DETPAR_ASLR").is_some_and(|v| v == "keep") {
        return;
    }
    // First of all, as it may be denied: whoever goes on has allocated nothing that others did not.
    // SAFETY: concerns this process and what it becomes only.
    if unsafe { libc::personality((now | off) as libc::c_ulong) } < 0 {
        return;
    }
    restart(&me);
    // SAFETY: as above.
    unsafe { libc::personality(now as libc::c_ulong) };
}

/// Starts this program again in its own place; returns where that fails.
fn restart(me: &str) {
    let Ok(exe) = std::fs::read_link("/proc/self/exe") else { return };
    let Ok(exe) = CString::new(exe.as_os_str().as_bytes()) else { return };
    let args: Vec<CString> =
        std::env::args_os().filter_map(|a| CString::new(a.into_vec()).ok()).collect();
    let mut argv: Vec<_> = args.iter().map(|a| a.as_ptr()).collect();
    argv.push(std::ptr::null());
    unsafe extern "C" {
        static environ: *const *const libc::c_char;
    }
    // SAFETY: the only thread; the strings live until execve replaces the program.
    unsafe {
        std::env::set_var(RESTARTED, me);
        libc::execve(exe.as_ptr(), argv.as_ptr(), environ);
        std::env::remove_var(RESTARTED);
    }
}
