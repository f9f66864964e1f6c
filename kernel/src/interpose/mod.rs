//! The symbols of libc that this library takes over, each with its reason.

mod descriptors;
mod environment;
mod exec;
mod exit;
mod fork;
mod malloc;
mod mapping;
mod random;
mod signals;
mod start;
mod streams;
mod thread;

use crate::apart;
use crate::exec::control::{Role, me};
use crate::image::early;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
pub(crate) use exit::ends_children;
pub(crate) use fork::fork_on_demand;
pub(crate) use start::{own_main, replace_main};

/// Keeps the linker from leaving these symbols out: an archive member is linked only where
/// something refers to it.
pub(crate) fn anchor() -> usize {
    malloc::anchor()
        + random::anchor()
        + exit::anchor()
        + thread::anchor()
        + mapping::anchor()
        + fork::anchor()
        + environment::anchor()
        + exec::anchor()
        + signals::anchor()
        + start::anchor()
        + streams::anchor()
        + descriptors::anchor()
}

/// What this process is; a plain one where spaces are plain processes.
fn role() -> Role {
    if apart::is_on() {
        return Role::Plain;
    }
    early::ensure();
    me().role
}

/// See [`crate::master::without_spaces`].
pub(crate) fn without_spaces(seed: u64) {
    malloc::pass_on();
    random::seed_keys(seed);
}

/// The next definition of a symbol that we take over, for functions that are called where
/// the loader must not be: in signal handlers and between `fork` and `exec`.
struct Next {
    name: &'static core::ffi::CStr,
    /// Its address; 0 before it was looked up.
    at: AtomicUsize,
}

impl Next {
    const fn new(name: &'static core::ffi::CStr) -> Next {
        Next { name, at: AtomicUsize::new(0) }
    }

    fn look_up(&self) -> usize {
        let mut at = self.at.load(Relaxed);
        if at == 0 {
            // SAFETY: any function pointer has the size of an address.
            at = unsafe { next::<usize>(self.name) }.unwrap_or(0);
            // Two children that remembered it would conflict.
            if role() != Role::Child {
                self.at.store(at, Relaxed);
            }
        }
        at
    }

    /// # Safety
    /// `T` must be the symbol's function pointer type.
    unsafe fn get<T: Copy>(&self) -> Option<T> {
        const { assert!(size_of::<T>() == size_of::<usize>()) };
        let at = self.look_up();
        // SAFETY: the caller vouches for the type.
        (at != 0).then(|| unsafe { core::mem::transmute_copy(&at) })
    }
}

/// Looks up what a new process may need before it becomes another program.
fn before_fork() {
    exec::look_up();
    signals::look_up();
}

/// The next definition of a symbol that we take over.
///
/// # Safety
/// `T` must be the symbol's function pointer type.
unsafe fn next<T: Copy>(name: &core::ffi::CStr) -> Option<T> {
    const { assert!(size_of::<T>() == size_of::<usize>()) };
    // SAFETY: the name is a C string; the caller vouches for the type.
    unsafe {
        let p = libc::dlsym(libc::RTLD_NEXT, name.as_ptr());
        if p.is_null() { None } else { Some(core::mem::transmute_copy(&p)) }
    }
}
