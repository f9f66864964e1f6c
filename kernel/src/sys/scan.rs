//! Which pages of a private mapping are no longer those of its file.
//!
//! A page that a child wrote is anonymous, hence "not file". The kernel says so to everyone in
//! two ways: PAGEMAP_SCAN lists such pages (Linux 6.7,
//! `Documentation/admin-guide/mm/pagemap.rst`), and an entry of `/proc/self/pagemap` has a bit
//! for it (61, Linux 3.5). The second way reads eight bytes a page, touched or not; where the file
//! has holes there is nothing to read, since a page is in the file before it is copied on write.

use super::{Sys, call};
use core::mem::MaybeUninit;
use libc::c_int;

const PAGEMAP_SCAN: usize = 0xc060_6610;
const IS_FILE: u64 = 1 << 2;
const IS_PRESENT: u64 = 1 << 3;
const IS_SWAPPED: u64 = 1 << 4;

const PAGE: usize = crate::abi::PAGE;

/// How changed pages are found.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Method {
    /// PAGEMAP_SCAN.
    #[default]
    Ioctl = 0,
    /// Reading the page map.
    Read = 1,
}

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

/// What a scan needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// Page map of this process.
    pub pagemap: c_int,
    pub method: Method,
    /// The file that the range maps and the address of its offset 0, where that is known.
    pub file: Option<(c_int, usize)>,
}

/// Calls `each` with every run of changed pages in `[start, end)`, ascending; a run may be
/// told in pieces.
pub(crate) fn changed(
    source: Source,
    start: usize,
    end: usize,
    each: impl FnMut(usize, usize),
) -> Sys<()> {
    match source.method {
        Method::Ioctl => by_ioctl(source.pagemap, start, end, each),
        Method::Read => by_reading(source, start, end, each),
    }
}

fn by_ioctl(
    pagemap: c_int,
    start: usize,
    end: usize,
    mut each: impl FnMut(usize, usize),
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
            each(r.start as usize, r.end as usize);
        }
        if walked <= at {
            break;
        }
        at = walked;
    }
    Ok(())
}

/// Entries of the page map that are read at a time: those of 4 MiB.
const ENTRIES: usize = 1024;

/// Whether an entry of the page map is of a page that is no longer the file's: present (63) or
/// swapped out (62), and not "page of a file or shared" (61).
const fn is_changed(entry: u64) -> bool {
    entry >> 62 != 0 && entry & (1 << 61) == 0
}

fn by_reading(
    source: Source,
    start: usize,
    end: usize,
    mut each: impl FnMut(usize, usize),
) -> Sys<()> {
    let mut entries = MaybeUninit::<[u64; ENTRIES]>::uninit();
    let mut at = start;
    while at < end {
        if let Some((file, base)) = source.file {
            match super::seek_data(file, at - base) {
                Ok(data) => at = at.max(base + (data & !(PAGE - 1))),
                Err(libc::ENXIO) => break,
                Err(e) => return Err(e),
            }
            if at >= end {
                break;
            }
        }
        let most = ENTRIES.min((end - at).div_ceil(PAGE));
        let fd = source.pagemap as usize;
        let a = [fd, entries.as_mut_ptr() as usize, most * 8, at / PAGE * 8, 0, 0];
        // SAFETY: the buffer has room for as many entries; those that were read are used.
        let got = unsafe {
            let n = match call(libc::SYS_pread64, a) {
                Err(libc::EINTR) => continue,
                r => r? / 8,
            };
            core::slice::from_raw_parts(entries.as_ptr().cast::<u64>(), n)
        };
        if got.is_empty() {
            // The page map ends where addresses do, which is behind every range asked for.
            return Err(libc::EIO);
        }
        let mut rest = got;
        while let Some(skip) = rest.iter().position(|&e| is_changed(e)) {
            let run = &rest[skip..];
            let len = run.iter().position(|&e| !is_changed(e)).unwrap_or(run.len());
            let from = at + (got.len() - run.len()) * PAGE;
            each(from, from + len * PAGE);
            rest = &run[len..];
        }
        at += got.len() * PAGE;
    }
    Ok(())
}

/// Whether a method works here: of a private mapping of `file` of which one page was read and
/// the one after it written, it must find exactly the second.
pub(crate) fn probe(method: Method, file: c_int) -> Sys<()> {
    let (rw, private) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE);
    let pagemap = open()?;
    // SAFETY: the mapping is fresh, of this function alone, and gone when it returns.
    let found = unsafe {
        super::map(0, 3 * PAGE, rw, private, file, 0).and_then(|at| {
            (at as *const u8).read_volatile();
            ((at + PAGE) as *mut u8).write_volatile(1);
            let mut wrong = 0;
            let mut right = 0;
            let source = Source { pagemap, method, file: Some((file, at)) };
            let r = changed(source, at, at + 3 * PAGE, |from, to| {
                if (from, to) == (at + PAGE, at + 2 * PAGE) { right += 1 } else { wrong += 1 }
            });
            let _ = call(libc::SYS_munmap, [at, 3 * PAGE, 0, 0, 0, 0]);
            r.and(if (right, wrong) == (1, 0) { Ok(()) } else { Err(libc::ENOSYS) })
        })
    };
    super::close(pagemap);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        let (present, swapped, file) = (1 << 63, 1 << 62, 1 << 61);
        assert!(is_changed(present) && is_changed(swapped) && is_changed(present | 1 << 55));
        assert!(!is_changed(0) && !is_changed(file) && !is_changed(1 << 55));
        assert!(!is_changed(present | file) && !is_changed(swapped | file));
    }

    /// Pages read, written, dropped and never touched, at random: both ways find those that
    /// were written.
    #[test]
    fn both_methods_find_what_was_written() {
        const PAGES: usize = 12 * ENTRIES + 77;
        let file = super::super::memory_file(c"scan test", PAGES * PAGE).unwrap();
        let (rw, private) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE);
        // SAFETY: a fresh mapping, used below only.
        let base = unsafe { super::super::map(0, PAGES * PAGE, rw, private, file, 0) }.unwrap();
        let mut expected = vec![false; PAGES];
        let mut x = 1u64;
        for round in 0..6 {
            for (i, changed) in expected.iter_mut().enumerate() {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = base + i * PAGE;
                // SAFETY: inside of the mapping; dropping loses what nobody needs.
                unsafe {
                    match x >> 60 {
                        0 | 1 => drop((at as *const u8).read_volatile()),
                        2 => (*changed, ()) = (true, (at as *mut u8).write_volatile(1)),
                        3 => (*changed, ()) = (false, super::super::drop_pages(at, PAGE).unwrap()),
                        // Long runs, over the end of what is read at a time.
                        4 if round == 5 => {
                            (*changed, ()) = (true, (at as *mut u8).write_volatile(1))
                        }
                        _ if round == 5 && (ENTRIES - 9..ENTRIES + 9).contains(&i) => {
                            (*changed, ()) = (true, (at as *mut u8).write_volatile(1))
                        }
                        _ => {}
                    }
                }
            }
            for (from, to) in [(0, PAGES), (1, PAGES - 1), (ENTRIES - 3, ENTRIES + 3), (5, 5)] {
                let ways = [(Method::Ioctl, None), (Method::Read, None)];
                for (method, file) in ways.into_iter().chain([(Method::Read, Some((file, base)))]) {
                    let pagemap = open().unwrap();
                    let mut found = vec![false; PAGES];
                    let (start, end) = (base + from * PAGE, base + to * PAGE);
                    changed(Source { pagemap, method, file }, start, end, |a, b| {
                        (a..b).step_by(PAGE).for_each(|p| found[(p - base) / PAGE] = true);
                    })
                    .unwrap();
                    super::super::close(pagemap);
                    let (found, expected) = (&found[from..to], &expected[from..to]);
                    assert!(found == expected, "{method:?}, {file:?}, round {round}");
                }
            }
        }
        for method in [Method::Ioctl, Method::Read] {
            probe(method, file).unwrap();
        }
        super::super::close(file);
    }
}
