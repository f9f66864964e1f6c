//! Memory that the program has mapped itself. It is no part of what merges: a child that changed it
//! would change its own copy, and nobody would hear of it. So no child may touch it where it can be
//! written, as under `spaces`.
//!
//! Sanitizers map memory as well, by calls of their own or by libc's, and need it in a child.

use super::tree::is_tool;
use crate::image::foreign;
use crate::image::layout::page_ceil;
use crate::sys;
use core::ffi::CStr;
use core::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where it lies, in no order. Data of the library: each process has its own.
static MAPPED: Mutex<Vec<Range<usize>>> = Mutex::new(Vec::new());

fn mapped() -> MutexGuard<'static, Vec<Range<usize>>> {
    MAPPED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes note of what code at `caller` has mapped.
pub(crate) fn note(start: usize, len: usize, caller: usize) {
    if is_of_a_tool(caller) {
        forget(start, len);
    } else {
        note_program(start, len);
    }
}

/// Takes note of what the program has mapped.
pub(crate) fn note_program(start: usize, len: usize) {
    forget(start, len);
    let end = page_ceil(start.saturating_add(len));
    super::library(|| mapped().push(start..end));
}

/// Takes note of what is mapped no longer.
pub(crate) fn forget(start: usize, len: usize) {
    let gone = start..page_ceil(start.saturating_add(len));
    super::library(|| {
        let mut all = mapped();
        *all = all.iter().flat_map(|r| without(r, &gone)).collect();
    });
}

/// Whether code at an address belongs to a tool, which needs its memory in a child.
fn is_of_a_tool(code: usize) -> bool {
    // SAFETY: zero is a valid value of every field, and the loader fills them for an address that it
    // knows; the name lives as long as the object.
    unsafe {
        let mut object: libc::Dl_info = core::mem::zeroed();
        libc::dladdr(core::ptr::with_exposed_provenance(code), &mut object) != 0
            && !object.dli_fname.is_null()
            && CStr::from_ptr(object.dli_fname).to_str().is_ok_and(is_tool)
    }
}

/// What is left of a range.
fn without(r: &Range<usize>, gone: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
    let (before, after) = (r.start..r.end.min(gone.start), r.start.max(gone.end)..r.end);
    [before, after].into_iter().filter(|part| !part.is_empty())
}

/// In a new child: takes away what it must not touch. Without that it does not begin.
pub(super) fn take_away() {
    let all = mapped();
    if all.is_empty() {
        return;
    }
    let done = foreign::each_mapping(|m| {
        for r in all.iter().filter(|_| m.writable) {
            let (start, end) = (r.start.max(m.range.start), r.end.min(m.range.end));
            if start < end {
                // SAFETY: memory of the program alone, in a process that is to fault there.
                unsafe { sys::protect(start, end - start, libc::PROT_NONE) }?;
            }
        }
        Ok(())
    });
    if done.is_err() {
        let what = "detpar: memory that the program mapped cannot be taken away from a child\n";
        let _ = sys::write_all(2, what.as_bytes());
        std::process::abort()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_range() {
        let left = |gone| without(&(4..8), &gone).map(|r| (r.start, r.end)).collect::<Vec<_>>();
        assert_eq!(left(0..4), [(4, 8)]);
        assert_eq!(left(5..6), [(4, 5), (6, 8)]);
        assert_eq!(left(0..6), [(6, 8)]);
        assert_eq!(left(6..9), [(4, 6)]);
        assert_eq!(left(4..8), []);
        assert_eq!(left(9..12), [(4, 8)]);
    }
}
