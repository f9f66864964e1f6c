//! A C program's main becomes the master: no call is needed.

use crate::error::{Failed, guard};
use crate::fork::det_exit;
use crate::{raw, registers};
use core::ffi::{c_char, c_int};
use kernel::{apart, master};

/// Runs before main, with the constructors.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = take_over;

extern "C" fn take_over() {
    master::replace_main(main);
    // SAFETY: frames of C have no destructors.
    unsafe { master::exit_ends_children() };
}

unsafe extern "C" {
    /// The environment as `getenv` sees it.
    static environ: *mut *mut c_char;
}

extern "C" fn main(argc: c_int, argv: *mut *mut c_char, envp: *mut *mut c_char) -> c_int {
    // Only libc calls this, in place of a main that it knows.
    let Some(own) = master::own_main() else { return 78 };
    detpar::__private::main_of(|| {
        if !apart::is_on() {
            registers::keep_apart();
        } else if let Err(e) = apart::start() {
            eprintln!("detpar: {e}");
            return 78;
        }
        // Recording and replay give the program another environment than it was started with.
        // SAFETY: libc's own pointer; only this thread runs.
        let now = unsafe { (&raw const environ).read() };
        let code = own(argc, argv, if now.is_null() { envp } else { now });
        // A child that returns from main ends there: what follows is the master's.
        if raw::in_child() { det_exit(code) } else { code }
    })
}

/// Makes the linker keep [`START`]: an archive member is linked only where something refers to it.
pub(crate) fn anchor() {
    core::hint::black_box(&raw const START);
}

/// Makes sure that the program can have children: 0, or -1 with `EPERM` where it cannot.
///
/// Nothing is left to do where the library is linked as usual: main runs as the master.
#[unsafe(no_mangle)]
pub extern "C" fn det_init() -> c_int {
    guard(-1, || {
        anchor();
        if raw::has_spaces() {
            return Ok(0);
        }
        Err(Failed::new(
            libc::EPERM,
            "main does not run as the master: link the program with -ldetpar before other \
             libraries that define __libc_start_main, and run it with DETPAR_ENGINE=spaces, \
             with serial or without that variable",
        ))
    })
}
