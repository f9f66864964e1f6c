//! `pthread_create`: counts the program's threads, which must not be alive while children
//! run (counting here costs nothing at a join).

use crate::space::threads;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering::*};

type Start = extern "C" fn(*mut c_void) -> *mut c_void;
type Create = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Start,
    *mut c_void,
) -> c_int;

struct Routine {
    start: Start,
    arg: *mut c_void,
}

/// Key whose destructor runs at the end of each counted thread, plus one; 0: not made.
static KEY: AtomicU32 = AtomicU32::new(0);

extern "C" fn at_end(_: *mut c_void) {
    threads::ends();
}

fn key() -> libc::pthread_key_t {
    let made = KEY.load(Acquire);
    if made != 0 {
        return made - 1;
    }
    let mut key = 0;
    // SAFETY: key and destructor are valid; a lost race only leaves one key unused.
    unsafe { libc::pthread_key_create(&mut key, Some(destructor)) };
    match KEY.compare_exchange(0, key + 1, AcqRel, Acquire) {
        Ok(_) => key,
        Err(other) => other - 1,
    }
}

/// # Safety
/// Called by libc with the key's value, which is not looked at.
unsafe extern "C" fn destructor(p: *mut c_void) {
    at_end(p);
}

extern "C" fn counted(routine: *mut c_void) -> *mut c_void {
    // SAFETY: `pthread_create` below made the box for this one call.
    let Routine { start, arg } = *unsafe { Box::from_raw(routine.cast::<Routine>()) };
    // SAFETY: the key exists; any non-null value makes its destructor run.
    unsafe { libc::pthread_setspecific(key(), core::ptr::dangling::<c_void>()) };
    start(arg)
}

/// See `pthread_create(3)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attr: *const libc::pthread_attr_t,
    start: Start,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: libc's own function of this name has this type.
    let Some(create) = (unsafe { super::next::<Create>(c"pthread_create") }) else {
        return libc::ENOSYS;
    };
    key();
    let routine = Box::into_raw(Box::new(Routine { start, arg })).cast::<c_void>();
    threads::starts();
    // SAFETY: the caller's contract; the routine box passes to the new thread.
    let r = unsafe { create(thread, attr, counted, routine) };
    if r != 0 {
        threads::ends();
        // SAFETY: the thread did not start, so the box is still ours.
        drop(unsafe { Box::from_raw(routine.cast::<Routine>()) });
    }
    r
}

pub(super) fn anchor() -> usize {
    pthread_create as *const () as usize
}
