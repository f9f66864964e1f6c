//! Which pages of a private mapping are no longer those of its file: PAGEMAP_SCAN.
//!
//! A page that a child wrote is anonymous, hence "not file"; the kernel lists such pages
//! without privileges (Linux 6.7, `Documentation/admin-guide/mm/pagemap.rst`).

use super::{Sys, call};
use libc::c_int;

const PAGEMAP_SCAN: usize = 0xc060_6610;
const IS_FILE: u64 = 1 << 2;
const IS_PRESENT: u64 = 1 << 3;
const IS_SWAPPED: u64 = 1 << 4;

/// A run of pages: `[start, end)`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    pub start: u64,
    pub end: u64,
    categories: u64,
}

#[repr(C)]
#[derive(Default)]
struct Arg {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    inverted: u64,
    mask: u64,
    any_of: u64,
    returned: u64,
}

/// Opens the page map of this process.
pub(crate) fn open() -> Sys<c_int> {
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
    let path = c"/proc/self/pagemap".as_ptr() as usize;
    // SAFETY: the path is a C string.
    let fd = unsafe { call(libc::SYS_openat, [libc::AT_FDCWD as usize, path, flags, 0, 0, 0]) }?;
    Ok(super::raise_fd(fd as c_int))
}

/// Calls `each` with every run of changed pages in `[start, end)`, ascending.
pub(crate) fn changed(
    pagemap: c_int,
    start: usize,
    end: usize,
    mut each: impl FnMut(Run),
) -> Sys<()> {
    let mut runs = [Run::default(); 64];
    let mut at = start as u64;
    while at < end as u64 {
        let mut arg = Arg {
            size: size_of::<Arg>() as u64,
            start: at,
            end: end as u64,
            vec: runs.as_mut_ptr() as u64,
            vec_len: runs.len() as u64,
            inverted: IS_FILE,
            mask: IS_FILE,
            any_of: IS_PRESENT | IS_SWAPPED,
            returned: IS_FILE,
            ..Arg::default()
        };
        let a = [pagemap as usize, PAGEMAP_SCAN, &raw mut arg as usize, 0, 0, 0];
        // SAFETY: the kernel writes `walk_end` and at most `vec_len` runs.
        let (n, walked) = unsafe {
            let n = call(libc::SYS_ioctl, a)?;
            (n, (&raw const arg.walk_end).read_volatile())
        };
        for r in runs.iter().take(n) {
            each(*r);
        }
        if walked <= at {
            break;
        }
        at = walked;
    }
    Ok(())
}
