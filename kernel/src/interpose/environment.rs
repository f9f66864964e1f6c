//! `setenv` and its kin: libc's environment is reset in every child, so a change there would
//! be lost without a word. In a child they fail with EPERM instead (std's `set_var` panics).

use crate::exec::control::Role;
use core::ffi::{c_char, c_int};

/// Fails in a child, else calls libc's own function.
macro_rules! refused_in_children {
    ($($name:ident($($arg:ident: $ty:ty),*), $symbol:literal;)*) => {$(
        /// See the function of this name in libc.
        ///
        /// # Safety
        /// As in C.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) -> c_int {
            // SAFETY: libc's own function of this name has this type.
            let own = unsafe { super::next::<unsafe extern "C" fn($($ty),*) -> c_int>($symbol) };
            match own {
                // SAFETY: the caller's contract.
                Some(f) if super::role() != Role::Child => unsafe { f($($arg),*) },
                _ => {
                    // SAFETY: libc's thread-local error number.
                    unsafe { *libc::__errno_location() = libc::EPERM };
                    -1
                }
            }
        }
    )*};
}

refused_in_children! {
    setenv(name: *const c_char, value: *const c_char, overwrite: c_int), c"setenv";
    unsetenv(name: *const c_char), c"unsetenv";
    putenv(text: *mut c_char), c"putenv";
    clearenv(), c"clearenv";
}

pub(super) fn anchor() -> usize {
    setenv as *const () as usize
}
