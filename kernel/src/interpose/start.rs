//! `__libc_start_main`: what calls a program's main. A library that is linked into a program
//! may put a main of its own in place of the program's, after all constructors of all objects
//! have run: a test's process leaves its harness out that way.

use crate::master::Main;
use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

type Hook = Option<unsafe extern "C" fn()>;
type StartMain =
    unsafe extern "C" fn(Main, c_int, *mut *mut c_char, Hook, Hook, Hook, *mut c_void) -> c_int;

/// The program's own main.
static OWN: AtomicUsize = AtomicUsize::new(0);

/// The main to run instead; 0 for none.
static INSTEAD: AtomicUsize = AtomicUsize::new(0);

/// Puts `main` in place of the program's own.
pub(crate) fn replace_main(main: Main) {
    INSTEAD.store(main as usize, Relaxed);
}

/// The program's own main; none before `__libc_start_main` was called.
pub(crate) fn own_main() -> Option<Main> {
    let at = OWN.load(Relaxed);
    // SAFETY: it holds nothing but a `Main`.
    (at != 0).then(|| unsafe { core::mem::transmute::<usize, Main>(at) })
}

extern "C" fn chosen(argc: c_int, argv: *mut *mut c_char, envp: *mut *mut c_char) -> c_int {
    let main = match INSTEAD.load(Relaxed) {
        0 => OWN.load(Relaxed),
        main => main,
    };
    // SAFETY: both hold nothing but a `Main`, and `__libc_start_main` stored its own.
    let main = unsafe { core::mem::transmute::<usize, Main>(main) };
    main(argc, argv, envp)
}

/// See the Linux Standard Base on `__libc_start_main`.
///
/// # Safety
/// As in C: called by the program's entry alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __libc_start_main(
    main: Main,
    argc: c_int,
    argv: *mut *mut c_char,
    init: Hook,
    fini: Hook,
    loader_fini: Hook,
    stack_end: *mut c_void,
) -> c_int {
    OWN.store(main as usize, Relaxed);
    // SAFETY: libc's own function of this name has this type.
    match unsafe { super::next::<StartMain>(c"__libc_start_main") } {
        // SAFETY: the caller's contract; `chosen` is a main.
        Some(own) => unsafe { own(chosen, argc, argv, init, fini, loader_fini, stack_end) },
        None => crate::sys::die(&["detpar: this C library has no __libc_start_main"]),
    }
}

pub(super) fn anchor() -> usize {
    __libc_start_main as *const () as usize
}
