//! Forks of the program itself: `fork` of a process whose memory is the image.
//!
//! On demand: the process moves to a private view of the image and forks as any process does,
//! which gives the new one the same view. Neither sees what the other writes from then on, no
//! memory is copied before it is written, and libc's own `fork` can do its part: handlers of
//! `pthread_atfork`, locks of streams, thread ids.
//!
//! Eagerly: the new process copies the image to a file of its own while its parent waits. The
//! cost grows with the memory in use.

use super::private::{self as private_view, Noted};
use super::{children, memory, threads};
use crate::exec::control::{Control, Role, me, private};
use crate::exec::master::master;
use crate::heap::Heap;
use crate::image::layout::{
    CONTROL, EXCHANGE, EXCHANGE_SIZE, MAX_DEPTH, MAX_WORKERS, PRIVATE, TLS, TLS_SLOT,
};
use crate::image::tls;
use crate::sys::{self, Sys};
use core::sync::atomic::{AtomicU32, Ordering::*};

/// How forks of this process are done, inherited by those it forks: 0 undecided.
static HOW: AtomicU32 = AtomicU32::new(0);
const ON_DEMAND: u32 = 1;
const EAGER: u32 = 2;

/// Whether a plain `fork` is done on demand: as was set last, else unless the environment says
/// `DETPAR_ODF=0`.
pub fn is_on_demand() -> bool {
    if HOW.load(Relaxed) == 0 {
        // SAFETY: the name is a C string; the value is compared at once.
        let off = unsafe {
            let value = libc::getenv(c"DETPAR_ODF".as_ptr());
            !value.is_null() && core::ffi::CStr::from_ptr(value) == c"0"
        };
        set_on_demand(!off);
    }
    HOW.load(Relaxed) == ON_DEMAND
}

/// Sets whether a plain `fork` of this process, and of those it forks, is done on demand.
pub fn set_on_demand(yes: bool) {
    HOW.store(if yes { ON_DEMAND } else { EAGER }, Relaxed);
}

/// Forks on demand, by a function that calls libc's `fork` and returns what it did: 0 in the
/// new process. `None` where the private view cannot be had.
///
/// # Safety
/// In the master or a plain process, on the user's stack; `libc_fork` as in C.
pub(crate) unsafe fn on_demand(libc_fork: impl FnOnce() -> libc::pid_t) -> Option<libc::pid_t> {
    let _lock = memory::lock_for_fork();
    let was = private_view::is_private();
    let mut entry: Sys<Option<Noted>> = Ok(None);
    // SAFETY: the lock: no other thread forks; user code never runs on the control stack.
    unsafe { sys::on_stack(PRIVATE + private::CONTROL_STACK, enter, &raw mut entry as usize) };
    let noted = entry.ok()?;
    let pid = libc_fork();
    if pid == 0 {
        become_plain();
        return Some(0);
    }
    if pid < 0 {
        noted.into_iter().for_each(private_view::take_back);
        if !was && threads::alone() {
            // SAFETY: as above. Where it fails the view stays private, which is no error.
            unsafe { sys::on_stack(PRIVATE + private::CONTROL_STACK, leave, 0) };
        }
    }
    Some(pid)
}

/// The first steps of a fork.
extern "C" fn enter(entry: usize, _stack: usize) {
    let entered = private_view::enter().map(|()| Some(private_view::begin_fork()));
    // SAFETY: `on_demand` keeps the record alive and unused while it waits. It lies on the
    // user's stack, which is mapped before and after.
    unsafe { *(entry as *mut Sys<Option<Noted>>) = entered };
}

extern "C" fn leave(_: usize, _stack: usize) {
    let _ = private_view::leave();
}

/// Makes the image file this process's alone again. By the only thread, on the user's stack.
pub(crate) fn settle() -> Sys<()> {
    let mut settled: Sys<()> = Ok(());
    if private_view::is_private() {
        let arg = &raw mut settled as usize;
        // SAFETY: the control stack is free: user code runs.
        unsafe { sys::on_stack(PRIVATE + private::CONTROL_STACK, settle_here, arg) };
    }
    settled
}

extern "C" fn settle_here(settled: usize, _stack: usize) {
    let r = private_view::settle();
    // SAFETY: `settle` keeps the result's place alive.
    unsafe { *(settled as *mut Sys<()>) = r };
}

/// A new process has no part in its parent's spaces: it is an ordinary one.
fn become_plain() {
    let me = me();
    let mut dirty_below = private_view::dirty_below();
    if me.role == Role::Master {
        dirty_below = memory::dirty_below();
        me.role = Role::Plain;
        children::leave_all();
        master().forget_all();
        sys::close(me.exchange_fd);
        me.life_line.into_iter().for_each(sys::close);
        // The parent's page map.
        sys::close(me.pagemap_fd);
        // SAFETY: used by the master, its workers and children alone.
        unsafe {
            let _ = sys::unmap(CONTROL, size_of::<Control>());
            let _ = sys::unmap(EXCHANGE, MAX_WORKERS * EXCHANGE_SIZE);
            let _ = sys::unmap(TLS, MAX_DEPTH * TLS_SLOT);
        }
    }
    private_view::begin_forked(dirty_below);
    // Where there are open children, this process has a view of its own already.
    Heap(me.heap).drop_all_open();
    memory::settle();
    children::forget_all();
    threads::forget_others();
}

/// A fork as it travels to the control stack and back.
struct Fork {
    /// Word that the new process shares with its parent: [`WAIT`], [`GO`] or an error.
    word: &'static AtomicU32,
    result: Sys<libc::pid_t>,
}

const WAIT: u32 = 0;
const GO: u32 = u32::MAX;

/// Forks eagerly; 0 in the new process.
///
/// # Safety
/// In the master or a plain process.
pub(crate) unsafe fn eagerly() -> Sys<libc::pid_t> {
    let _lock = memory::lock_for_fork();
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a fresh page anywhere; unmapped below. The control stack is free: user code
    // runs, and no other thread forks.
    unsafe {
        let page = sys::map(0, 4096, rw, kind, -1, 0)?;
        let mut f = Fork { word: &*(page as *const AtomicU32), result: Err(libc::ENOSYS) };
        sys::on_stack(PRIVATE + private::CONTROL_STACK, on_control_stack, &raw mut f as usize);
        let _ = sys::unmap(page, 4096);
        f.result
    }
}

extern "C" fn on_control_stack(f: usize, _stack: usize) {
    // SAFETY: `eagerly` keeps the record alive. It lies on the user's stack, which both
    // processes may share until the new one has its own image: only then does it write there.
    let f = unsafe { &mut *(f as *mut Fork) };
    // The word's address lies on that stack as well; keep a copy in a register or frame here.
    let (word, (_, tid)) = (f.word, sys::ids());
    match sys::fork_here() {
        Ok(0) => {
            if let Err(e) = private_view::own_file() {
                word.store(e as u32, SeqCst);
                sys::futex_wake(word);
                sys::exit(127);
            }
            become_plain();
            tls::refresh_thread_id(tid as u32);
            f.result = Ok(0);
            word.store(GO, SeqCst);
            sys::futex_wake(word);
        }
        Ok(pid) => f.result = wait_for(word, pid),
        Err(e) => f.result = Err(e),
    }
}

fn wait_for(word: &AtomicU32, pid: i32) -> Sys<libc::pid_t> {
    loop {
        match word.load(SeqCst) {
            WAIT => sys::futex_wait(word, WAIT, 10_000_000),
            GO => return Ok(pid),
            e => {
                sys::reap_pid(pid, true);
                return Err(e as i32);
            }
        }
        // Killed before it was ready: its end is for the program to wait for.
        if word.load(SeqCst) == WAIT && sys::reap_pid(pid, false) {
            return Ok(pid);
        }
    }
}
