//! On-demand fork: a second process for the price of a few mappings, whatever the memory.
//!
//! Parent and new process go on with the same memory, see nothing of what the other writes,
//! and copy a page only when one of them writes to it (On-demand-fork, Zhao et al., EuroSys
//! 2021). It is open to every program that links this crate, with or without
//! [`detpar::main`](crate::main). The new process is an ordinary one: no master space, no
//! deterministic children.
use std::io;

/// Which of the two processes this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// The one that called.
    Parent {
        /// Process id of the new one; the caller waits for it in time.
        child: i32,
    },
    /// The new one.
    Child,
}

/// Forks on demand, whatever [`is_enabled`] says.
///
/// ```
/// use detpar::odf::{self, Fork};
///
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     let mut values = vec![1u8; 1 << 20];
///     match odf::fork()? {
///         Fork::Child => {
///             values.fill(2);
///             std::process::exit(0);
///         }
///         Fork::Parent { child } => {
///             // SAFETY: waits for the process just made.
///             unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
///             assert!(values.iter().all(|&v| v == 1));
///         }
///     }
///     Ok(())
/// }
/// ```
///
/// # Errors
/// As `fork(2)`; `WouldBlock` where the system has no more processes. `Unsupported` while other
/// threads of the program are alive: what they hold would be held for ever in the new process.
pub fn fork() -> io::Result<Fork> {
    if !kernel::odf::is_alone() {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "other threads of this program are alive: end them before the fork",
        ));
    }
    // SAFETY: the only thread, as was just found.
    match unsafe { kernel::odf::fork() } {
        0 => Ok(Fork::Child),
        child if child > 0 => Ok(Fork::Parent { child }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether a plain `fork()` of this process, also the one inside of [`std::process::Command`],
/// forks on demand. It does unless it was switched off here or by `DETPAR_ODF=0`.
///
/// Forked processes inherit the switch, as they inherit `/proc/<pid>/use_odf` of the patched
/// kernel.
pub fn is_enabled() -> bool {
    kernel::odf::is_on_demand()
}

/// Switches on-demand forks by a plain `fork()` on or off, for this process and those that it
/// forks from now on. Switched off, a fork copies all memory before it returns, which costs a
/// third of a second a gigabyte, and none of it later.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     detpar::odf::set_enabled(false);
///     assert!(!detpar::odf::is_enabled());
/// }
/// ```
pub fn set_enabled(yes: bool) {
    kernel::odf::set_on_demand(yes);
}
