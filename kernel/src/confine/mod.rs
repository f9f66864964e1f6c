//! Shutting a child off from every outside input (rule R6).
//!
//! A worker installs a seccomp filter before its first child: every system call that does
//! not come from the gate traps. The trap is answered by [`emulate`] from the one table in
//! [`policy`], by the [`Handler`] (files and streams), or refused as a fault. Entries of the
//! vDSO, which never enter the kernel, are patched to plain system calls.

pub mod clock;
#[cfg(test)]
mod docs;
mod emulate;
mod filter;
mod install;
mod machine;
mod memory;
pub mod policy;
mod signals;
mod table;
pub(crate) mod vdso;

#[cfg(feature = "interpose")]
pub(crate) use emulate::fill_seeded;
pub(crate) use emulate::{Log, mix, registers};
pub(crate) use install::install;

use core::sync::atomic::{AtomicUsize, Ordering::*};

/// Process and thread id that every child sees as its own.
pub const VIRTUAL_ID: i64 = 2;
/// Parent process id that every child sees.
pub const VIRTUAL_PARENT_ID: i64 = 1;
/// User and group id that every child sees.
pub const VIRTUAL_USER: i64 = 1000;
/// Processors that every child sees, at any number of workers: as many as the pieces that work
/// is usually cut into.
pub const VIRTUAL_PROCESSORS: u32 = 64;

/// Emulation of system calls on files and streams. The kernel knows no files.
///
/// Implementations run inside a signal handler of a child: they must not allocate, lock or
/// use thread-local storage in [`Handler::call`].
pub trait Handler: Sync {
    /// Answers call `nr` with its result or negative error number; `None` refuses it.
    fn call(&self, log: &mut dyn FnMut(&[u8]) -> bool, nr: i64, args: &[u64; 6]) -> Option<i64>;

    /// Delivers in the master what children logged, in program order.
    fn deliver(&self, log: &[u8]);

    /// Called in the parent just before its children start: its own output comes first.
    fn before_fork(&self);

    /// Called in a child after its body, on its own stack.
    fn child_ends(&self);
}

/// What a futex call does, without the flags that are known; unknown ones stay in it.
const fn futex_command(op: i32) -> i32 {
    op & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME)
}

static HANDLER: AtomicUsize = AtomicUsize::new(0);

/// Sets the handler of this process. It lives for ever.
pub(crate) fn set_handler(h: &'static &'static dyn Handler) {
    HANDLER.store(core::ptr::from_ref(h) as usize, Release);
}

/// The handler, once set.
pub(crate) fn handler() -> Option<&'static dyn Handler> {
    let p = HANDLER.load(Acquire) as *const &'static dyn Handler;
    // SAFETY: only `set_handler` writes the word: a reference that lives for ever.
    unsafe { p.as_ref() }.copied()
}
