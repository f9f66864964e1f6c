//! `execve` and its kin: a master that becomes another program must not leave its workers
//! behind as that program's children. They end before the call; where it fails, the next
//! construct makes new ones. (Forms that cannot be taken over, such as `execl`, leave it to
//! the workers' life line to end them.)

use super::Next;
use crate::exec::control::{Role, me};
use crate::exec::master::master;
use crate::exec::timeline;
use crate::sys;
use core::ffi::{c_char, c_int};

type Strings = *const *const c_char;

/// Ends the workers, unless this process only shares the master's memory until it is replaced
/// (`vfork`).
fn leave_no_workers() {
    if super::role() == Role::Master && sys::ids().0 == me().master_pid {
        master().shut_down();
        timeline::finish();
    }
}

macro_rules! without_workers {
    ($($name:ident($($arg:ident: $ty:ty),*), $symbol:literal in $next:ident;)*) => {
        $(
            static $next: Next = Next::new($symbol);

            /// See the function of this name in libc.
            ///
            /// # Safety
            /// As in C.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $ty),*) -> c_int {
                leave_no_workers();
                // SAFETY: libc's own function of this name has this type.
                match unsafe { $next.get::<unsafe extern "C" fn($($ty),*) -> c_int>() } {
                    // SAFETY: the caller's contract.
                    Some(f) => unsafe { f($($arg),*) },
                    None => {
                        // SAFETY: libc's thread-local error number.
                        unsafe { *libc::__errno_location() = libc::ENOSYS };
                        -1
                    }
                }
            }
        )*

        /// Looks all of them up.
        pub(super) fn look_up() {
            $($next.look_up();)*
        }
    };
}

without_workers! {
    execve(path: *const c_char, argv: Strings, env: Strings), c"execve" in EXECVE;
    execv(path: *const c_char, argv: Strings), c"execv" in EXECV;
    execvp(file: *const c_char, argv: Strings), c"execvp" in EXECVP;
    execvpe(file: *const c_char, argv: Strings, env: Strings), c"execvpe" in EXECVPE;
    fexecve(fd: c_int, argv: Strings, env: Strings), c"fexecve" in FEXECVE;
    execveat(
        dir: c_int, path: *const c_char, argv: Strings, env: Strings, flags: c_int
    ), c"execveat" in EXECVEAT;
}

pub(super) fn anchor() -> usize {
    execve as *const () as usize
}
