//! Memory of the master that is not part of the image: a child must neither read it, since
//! the worker's copy grows stale, nor write it, since nothing would merge the change.

use super::layout::{
    CONTROL, EXCHANGE, EXCHANGE_ALL, FILE_SIZE, FILE_VIEW, IMAGE, IMAGE_END, PRIVATE, TLS,
};
use super::regions;
use crate::exec::control::{Control, private};
use crate::sys::{self, Sys};
use core::ops::Range;

/// Our own ranges, which stay as they are.
fn own() -> [Range<usize>; 6] {
    [
        IMAGE..IMAGE_END,
        FILE_VIEW..FILE_VIEW + FILE_SIZE,
        EXCHANGE..EXCHANGE + EXCHANGE_ALL,
        CONTROL..CONTROL + size_of::<Control>(),
        PRIVATE..PRIVATE + private::SIZE,
        TLS..TLS + super::layout::MAX_DEPTH * super::layout::TLS_SLOT,
    ]
}

/// One line of /proc/self/maps.
pub(crate) struct Mapping<'a> {
    pub range: Range<usize>,
    pub readable: bool,
    pub writable: bool,
    pub shared: bool,
    pub name: &'a [u8],
}

/// Parses a line.
pub(crate) fn parse(line: &[u8]) -> Option<Mapping<'_>> {
    let mut fields = line.split(|&b| b == b' ').filter(|f| !f.is_empty());
    let mut bounds = fields.next()?.split(|&b| b == b'-');
    let hex = |s: &[u8]| usize::from_str_radix(core::str::from_utf8(s).ok()?, 16).ok();
    let range = hex(bounds.next()?)?..hex(bounds.next()?)?;
    let rights = fields.next()?;
    let name = fields.nth(3).unwrap_or(&[]);
    Some(Mapping {
        range,
        readable: rights.first() == Some(&b'r'),
        writable: rights.get(1) == Some(&b'w'),
        shared: rights.get(3) == Some(&b's'),
        name,
    })
}

/// Whether a mapping is one of our own, besides the segments of the image.
pub(crate) fn is_own(m: &Mapping) -> bool {
    own().iter().any(|o| o.start <= m.range.start && m.range.start < o.end)
}

/// Calls `each` with the parts of a range that no segment of the image covers. (Neighbouring
/// segments show as one mapping.)
pub(crate) fn each_uncovered(
    range: &Range<usize>,
    mut each: impl FnMut(usize, usize) -> Sys<()>,
) -> Sys<()> {
    let mut at = range.start;
    while at < range.end {
        let covering = regions::segments().iter().find(|s| s.start <= at && at < s.end);
        if let Some(s) = covering {
            at = s.end;
            continue;
        }
        let next = regions::segments().iter().map(|s| s.start).filter(|&s| s > at).min();
        let end = next.map_or(range.end, |n| n.min(range.end));
        each(at, end)?;
        at = end;
    }
    Ok(())
}

/// Calls `each` with every mapping of this process, without allocation.
pub(crate) fn each_mapping(mut each: impl FnMut(&Mapping) -> Sys<()>) -> Sys<()> {
    let path = c"/proc/self/maps".as_ptr() as usize;
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
    let mut buffer = [0u8; 16 << 10];
    let mut filled = 0;
    // SAFETY: path and buffer are alive during the calls.
    unsafe {
        let a = [libc::AT_FDCWD as usize, path, flags, 0, 0, 0];
        let fd = sys::call(libc::SYS_openat, a)?;
        let r = loop {
            let room = &mut buffer[filled..];
            let a = [fd, room.as_mut_ptr() as usize, room.len(), 0, 0, 0];
            let n = match sys::call(libc::SYS_read, a) {
                Ok(0) => break Ok(()),
                Ok(n) => n,
                Err(e) => break Err(e),
            };
            filled += n;
            let mut start = 0;
            let mut failed = Ok(());
            while let Some(len) = buffer[start..filled].iter().position(|&b| b == b'\n') {
                if let Some(m) = parse(&buffer[start..start + len]) {
                    failed = failed.and_then(|()| each(&m));
                }
                start += len + 1;
            }
            buffer.copy_within(start..filled, 0);
            filled -= start;
            if failed.is_err() || filled == buffer.len() {
                break failed;
            }
        };
        sys::close(fd as i32);
        r
    }
}

/// Takes foreign writable memory away from this worker. The kernel's initial stack holds
/// arguments and environment, which stay readable.
///
/// # Safety
/// In a worker only, whose control plane uses none of it.
pub(crate) unsafe fn hide() -> Sys<()> {
    each_mapping(|m| {
        if !m.writable || is_own(m) {
            return Ok(());
        }
        let initial_stack = m.name == b"[stack]";
        let prot = if initial_stack { libc::PROT_READ } else { libc::PROT_NONE };
        // SAFETY: the caller's contract.
        each_uncovered(&m.range, |from, to| unsafe { sys::protect(from, to - from, prot) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_maps_file_are_parsed() {
        let m = parse(b"7ffd1000-7ffd3000 rw-p 00000000 00:00 0                  [stack]").unwrap();
        assert_eq!(m.range, 0x7ffd1000..0x7ffd3000);
        assert!(m.readable && m.writable && !m.shared);
        assert_eq!(m.name, b"[stack]");
        let m = parse(b"7f00-7f01 r--s 00000000 08:01 42 /a b").unwrap();
        assert!(!m.writable && m.shared);
        assert_eq!(m.name, b"/a");
        assert!(parse(b"nonsense").is_none());
        let mut own = 0;
        each_mapping(|m| {
            own += usize::from(
                m.range.contains(&(lines_of_the_maps_file_are_parsed as fn() as usize)),
            );
            Ok(())
        })
        .unwrap();
        assert_eq!(own, 1);
    }
}
