//! What failed calls leave: `errno`, a message, the conflict. And the guard that keeps panics in.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::offset_of;
use detpar::{JoinError, MergeConflict};
use std::cell::RefCell;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A call that failed.
#[derive(Debug)]
pub(crate) struct Failed {
    errno: c_int,
    text: String,
    conflict: Option<MergeConflict>,
}

impl Failed {
    pub fn new(errno: c_int, text: impl Into<String>) -> Failed {
        Failed { errno, text: text.into(), conflict: None }
    }

    /// What a join, or the call itself, failed with.
    pub fn of(errno: c_int, e: JoinError) -> Failed {
        let text = e.to_string();
        let conflict = if let JoinError::Conflict(c) = e { Some(c) } else { None };
        Failed { errno, text, conflict }
    }

    pub fn no_child() -> Failed {
        Failed::new(
            libc::ECHILD,
            "no child of this number is alive: it was never started, or it \
             was joined or killed already",
        )
    }
}

/// What the last call of this space that failed has left.
struct Last {
    errno: c_int,
    text: CString,
    conflict: Option<Conflict>,
}

/// Strings of a conflict, for as long as it is the last.
struct Conflict {
    record: det_conflict,
    _strings: [Option<CString>; 3],
}

thread_local! {
    /// Each space has its own, which no merge touches.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

fn c_string(text: String) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

fn set_errno(e: c_int) {
    // SAFETY: libc's thread-local error number.
    unsafe { *libc::__errno_location() = e };
}

/// Runs a function of the library: what fails sets `errno` and answers with `failed`, and so does a
/// panic.
pub(crate) fn guard<R>(failed: R, body: impl FnOnce() -> Result<R, Failed>) -> R {
    kernel::apart::library(|| guarded(failed, body))
}

fn guarded<R>(failed: R, body: impl FnOnce() -> Result<R, Failed>) -> R {
    let e = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(r)) => return r,
        Ok(Err(e)) => e,
        Err(_) => Failed::new(libc::ENOTRECOVERABLE, "an error in the library itself: report it"),
    };
    let errno = e.errno;
    // No destructor of a message or conflict panics; where one did there is nobody left to tell.
    let _ = catch_unwind(AssertUnwindSafe(|| keep(e)));
    set_errno(errno);
    failed
}

/// The same for the raw calls, which answer with the negative error number.
pub(crate) fn guard_raw(body: impl FnOnce() -> i64) -> i64 {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(-i64::from(libc::ENOTRECOVERABLE))
}

fn keep(e: Failed) {
    let conflict = e.conflict.as_ref().map(Conflict::new);
    let last = Last { errno: e.errno, text: c_string(e.text), conflict };
    LAST.with(|l| *l.borrow_mut() = Some(last));
}

/// A conflict, as `det.h` has it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types, reason = "C's name")]
pub struct det_conflict {
    /// The lowest byte that two changed.
    pub address: *const c_void,
    /// Number of the lower child; -1: the parent itself, or what it had merged before.
    pub lower: c_int,
    /// Number of the higher one, whose join failed.
    pub higher: c_int,
    /// The byte as of the snapshot, as the lower and as the higher one left it.
    pub values: [u8; 3],
    /// The eight aligned bytes around it, likewise.
    pub words: [u64; 3],
    /// The variable; null where it is not known.
    pub symbol: *const c_char,
    /// Where the lower and the higher one wrote it; null where it is not known.
    pub lines: [*const c_char; 2],
}

// As `det.h` has it: tests/header.rs.
const _: () = {
    assert!(size_of::<det_conflict>() == 72);
    assert!(offset_of!(det_conflict, values) == 16 && offset_of!(det_conflict, words) == 24);
    assert!(offset_of!(det_conflict, symbol) == 48 && offset_of!(det_conflict, lines) == 56);
};

impl Conflict {
    fn new(c: &MergeConflict) -> Conflict {
        let [lower, higher] = c.lines();
        let strings = [c.variable(), lower, higher].map(|s| s.map(c_string));
        let at = |i: usize| strings[i].as_ref().map_or(core::ptr::null(), |s: &CString| s.as_ptr());
        let (a, b) = c.children();
        let (values, words) = (c.values(), c.words());
        let record = det_conflict {
            address: core::ptr::without_provenance(c.address()),
            lower: if a == MergeConflict::PARENT { -1 } else { a as c_int },
            higher: b as c_int,
            values: [values.0, values.1, values.2],
            words: [words.0, words.1, words.2],
            symbol: at(0),
            lines: [at(1), at(2)],
        };
        Conflict { record, _strings: strings }
    }
}

/// How many conflicts the last failed call of this space met: one, or none.
#[unsafe(no_mangle)]
pub extern "C" fn det_conflict_count() -> c_int {
    guard(0, || {
        Ok(LAST.with(|l| c_int::from(l.borrow().as_ref().is_some_and(|l| l.conflict.is_some()))))
    })
}

/// The `i`-th conflict that the last failed call of this space met: 0, or -1 with `EINVAL`. Its
/// strings live until the next call that fails.
///
/// # Safety
/// `out` is null or points to a `det_conflict`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_conflict_get(i: c_int, out: *mut det_conflict) -> c_int {
    // Without the guard's note: it would take the place of the conflict.
    let record = catch_unwind(|| {
        LAST.with(|l| l.borrow().as_ref().and_then(|l| Some(l.conflict.as_ref()?.record)))
    });
    match record {
        Ok(Some(record)) if i == 0 && !out.is_null() => {
            // SAFETY: the caller's contract.
            unsafe { out.write(record) };
            0
        }
        _ => {
            set_errno(libc::EINVAL);
            -1
        }
    }
}

/// Where this space's `errno` is. The header takes it for `errno`: libc's own function is declared
/// as one that always answers the same, which a call that returns twice does not keep.
#[unsafe(no_mangle)]
pub extern "C" fn det_errno() -> *mut c_int {
    // SAFETY: has no memory operands.
    unsafe { libc::__errno_location() }
}

/// What an error number means: where the last call of this space that failed had it, what that
/// call had to say. The string lives until the next call that fails.
#[unsafe(no_mangle)]
pub extern "C" fn det_strerror(errno: c_int) -> *const c_char {
    let last = catch_unwind(|| {
        LAST.with(|l| {
            let last = l.borrow();
            last.as_ref().filter(|l| l.errno == errno).map(|l| l.text.as_ptr())
        })
    });
    if let Ok(Some(text)) = last {
        return text;
    }
    usual(errno).as_ptr()
}

/// What the calls mean by an error number.
pub(crate) fn usual(errno: c_int) -> &'static CStr {
    match errno {
        0 => c"no error",
        libc::EPERM => c"not allowed to this space, or the program has no master space",
        libc::EBUSY => c"the program has other threads: end them before",
        libc::EEXIST => c"a child of this number is alive",
        libc::EOPNOTSUPP => c"not supported: a reserved flag, or a system that lacks something",
        libc::EINVAL => c"an argument that cannot be, or that contradicts the child's state",
        libc::EFAULT => c"a null pointer, or a range outside of the image or against permissions",
        libc::ECHILD => c"no child of this number is alive",
        libc::EDEADLK => c"a handler of a signal may not fork",
        libc::EAGAIN => c"the child still runs",
        libc::EINTR => c"a signal interrupted the wait",
        libc::ECANCELED => c"two changed the same byte or file since the snapshot",
        libc::EIO => c"the child failed",
        libc::ENOMEM => c"a limit is reached: memory, workers, heap or depth",
        libc::ENOTRECOVERABLE => c"an error in the library itself",
        _ => c"no error of these calls",
    }
}
