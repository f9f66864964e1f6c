//! `fork` and what libc builds on it: the heap, the stack and the statics of this process are
//! shared mappings of the image, so that a plain fork would leave two processes on one memory.
//! Each gets a view of its own before they part. (`vfork` and `posix_spawn` share memory with
//! a suspended parent and need nothing.)

use crate::apart;
use crate::exec::control::Role;
use crate::space::fork::{self, eagerly, on_demand};
use crate::sys;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

type Fork = unsafe extern "C" fn() -> libc::pid_t;

/// libc's own; 0 before it was looked up. Zeros at first, they lie beside what a fork reads
/// anyway: a page fault less.
static FORK: AtomicUsize = AtomicUsize::new(0);
static BARE_FORK: AtomicUsize = AtomicUsize::new(0);

fn failed(e: i32) -> c_int {
    // SAFETY: libc's thread-local error number.
    unsafe { *libc::__errno_location() = e };
    -1
}

/// In a child, and in a program whose inputs are recorded: leaves from outside the gate, so that
/// it is refused.
fn refused() -> Option<libc::pid_t> {
    let refuses = super::role() == Role::Child || !apart::is_on() && crate::replay::is_on();
    // SAFETY: the call has no operands.
    refuses.then(|| unsafe { sys::as_program(libc::SYS_fork, [0; 6]) as i32 })
}

/// # Safety
/// As for `fork`; `name` must be a function of libc of this type.
unsafe fn plain(name: &CStr, at: &AtomicUsize, odf: bool) -> libc::pid_t {
    if let Some(r) = refused() {
        return r;
    }
    if at.load(Relaxed) == 0 {
        super::before_fork();
        // SAFETY: any function pointer has the size of an address.
        at.store(unsafe { super::next::<usize>(name) }.unwrap_or(0), Relaxed);
    }
    // SAFETY: 0, or libc's function of this name; the caller's contract.
    let own = unsafe { core::mem::transmute::<usize, Option<Fork>>(at.load(Relaxed)) };
    if let Some(own) = own
        && apart::is_on()
    {
        // SAFETY: the caller's contract.
        return unsafe { own() };
    }
    if let Some(own) = own
        && odf
        // SAFETY: the caller's contract.
        && let Some(pid) = unsafe { on_demand(|| own()) }
    {
        return pid;
    }
    // SAFETY: in the master or a plain process; the caller's contract.
    unsafe { eagerly() }.unwrap_or_else(failed)
}

/// See `fork(2)`. Handlers registered with `pthread_atfork` are called where it forks on
/// demand.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fork() -> libc::pid_t {
    // SAFETY: the caller's contract.
    unsafe { plain(c"fork", &FORK, fork::is_on_demand()) }
}

/// See `_Fork(3)`; unlike there, not for signal handlers.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Fork() -> libc::pid_t {
    // SAFETY: the caller's contract.
    unsafe { plain(c"_Fork", &BARE_FORK, fork::is_on_demand()) }
}

/// Forks on demand, however plain forks are done.
///
/// # Safety
/// As for `fork`.
pub(crate) unsafe fn fork_on_demand() -> libc::pid_t {
    // SAFETY: the caller's contract.
    unsafe { plain(c"fork", &FORK, true) }
}

/// See `daemon(3)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daemon(keep_dir: c_int, keep_streams: c_int) -> c_int {
    type Daemon = unsafe extern "C" fn(c_int, c_int) -> c_int;
    if let Some(r) = refused() {
        return r;
    }
    // SAFETY: libc's own function of this name has this type; the caller's contract.
    unsafe {
        super::next::<Daemon>(c"daemon")
            .and_then(|own| on_demand(|| own(keep_dir, keep_streams)))
            .unwrap_or_else(|| failed(libc::ENOMEM))
    }
}

/// See `forkpty(3)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn forkpty(
    master: *mut c_int,
    name: *mut c_char,
    terminal: *const c_void,
    size: *const c_void,
) -> libc::pid_t {
    type Forkpty =
        unsafe extern "C" fn(*mut c_int, *mut c_char, *const c_void, *const c_void) -> libc::pid_t;
    if let Some(r) = refused() {
        return r;
    }
    // SAFETY: libc's own function of this name has this type; the caller's contract.
    unsafe {
        super::next::<Forkpty>(c"forkpty")
            .and_then(|own| on_demand(|| own(master, name, terminal, size)))
            .unwrap_or_else(|| failed(libc::ENOMEM))
    }
}

pub(super) fn anchor() -> usize {
    fork as *const () as usize
        + _Fork as *const () as usize
        + daemon as *const () as usize
        + forkpty as *const () as usize
}
