//! Forks of the program itself, on demand: `docs/fork.md`.

use crate::error::{Failed, guard};
use crate::raw;
use core::ffi::c_int;
use libc::pid_t;

/// What a child may not do here: fork the program, or say how that is done.
fn in_master(what: &str) -> Result<(), Failed> {
    raw::supported(what)?;
    if !raw::in_child() {
        return Ok(());
    }
    Err(Failed::new(libc::EPERM, format!("{what}: a child has children by det_fork alone")))
}

/// Forks this process on demand, as `fork` does with its result, whatever the switch says: -1 with
/// `errno` where it cannot. See `det_odf_fork(3)`.
///
/// # Safety
/// As for `fork`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_odf_fork() -> pid_t {
    guard(-1, || {
        in_master("det_odf_fork")?;
        if !kernel::odf::is_alone() {
            let why =
                "det_odf_fork: other threads of this program are alive: end them before the fork";
            return Err(Failed::new(libc::EBUSY, why));
        }
        // SAFETY: the only thread, as was just found; the caller's contract.
        let pid = unsafe { kernel::odf::fork() };
        if pid >= 0 {
            return Ok(pid);
        }
        let e = std::io::Error::last_os_error();
        let errno = e.raw_os_error().unwrap_or(libc::ENOMEM);
        Err(Failed::new(errno, format!("det_odf_fork: {e}")))
    })
}

/// Switches on-demand forks by a plain `fork` on or off, or with another number does not; whether they
/// were on. -1 with `errno` where there are none.
#[unsafe(no_mangle)]
pub extern "C" fn det_odf_switch(on: c_int) -> c_int {
    guard(-1, || {
        in_master("det_odf_switch")?;
        let before = kernel::odf::is_on_demand();
        if let 0 | 1 = on {
            kernel::odf::set_on_demand(on == 1);
        }
        Ok(before.into())
    })
}
