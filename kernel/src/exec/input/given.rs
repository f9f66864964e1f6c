//! What the children of the master's constructs have read: who runs once more reads it again.

use super::LINE;
use crate::exec::control::{private, private_item};
use crate::image::layout::PRIVATE;
use crate::sys;

/// What one read got: its bytes follow.
#[repr(C)]
#[derive(Clone, Copy)]
struct Given {
    /// Path of the space that read, and how much it had read before.
    reader: [u64; 2],
    len: usize,
}

/// How far the table reaches.
#[repr(C)]
struct Table {
    end: usize,
    /// Where the last search ended: the next one most often goes on there.
    last: usize,
}

const HEAD: usize = size_of::<Given>();
const ROOM: usize = private::INPUT_END - private::GIVEN;
/// Bytes from which on pages are given back.
const LARGE: usize = 1 << 20;

fn table() -> &'static mut Table {
    // SAFETY: fits before the next part of private memory; zero is an empty table; the master's
    // one thread.
    unsafe { private_item::<Table>(private::GIVEN_TABLE, 0) }
}

fn entry(at: usize) -> *mut Given {
    (PRIVATE + private::GIVEN + at) as *mut Given
}

const fn size(len: usize) -> usize {
    (HEAD + len).next_multiple_of(8)
}

/// Whether one more read finds room.
pub(in crate::exec) fn has_room() -> bool {
    size(LINE) <= ROOM - table().end
}

/// Takes note of what a space got that had read so much, where there is room.
pub(in crate::exec) fn remember(reader: [u64; 2], bytes: &[u8]) {
    let t = table();
    if size(bytes.len()) > ROOM - t.end {
        return;
    }
    let at = entry(t.end);
    // SAFETY: `own`: room in private memory, as just checked, aligned to 8.
    unsafe {
        at.write(Given { reader, len: bytes.len() });
        core::ptr::copy_nonoverlapping(bytes.as_ptr(), at.add(1).cast(), bytes.len());
    }
    t.end += size(bytes.len());
}

/// What a space got when it had read so much.
pub(in crate::exec) fn find(reader: [u64; 2]) -> Option<&'static [u8]> {
    let t = table();
    let from = if t.last < t.end { t.last } else { 0 };
    let mut at = from;
    while t.end > 0 {
        // SAFETY: `own`: `remember` wrote an entry here, and bytes behind it, which stay until
        // `forget`; nobody keeps what this returns for so long.
        let (found, bytes) = unsafe {
            let e = entry(at);
            ((*e).reader, core::slice::from_raw_parts(e.add(1).cast::<u8>(), (*e).len))
        };
        at += size(bytes.len());
        if found == reader {
            t.last = at;
            return Some(bytes);
        }
        if at >= t.end {
            at = 0;
        }
        if at == from {
            break;
        }
    }
    None
}

/// No child is left that could run once more.
pub(in crate::exec) fn forget() {
    let t = table();
    if t.end == 0 {
        return;
    }
    if t.end > LARGE {
        // SAFETY: `own`: private memory that holds the table alone.
        let _ = unsafe { sys::drop_pages(PRIVATE + private::GIVEN, ROOM) };
    }
    (t.end, t.last) = (0, 0);
}

const _: () = assert!(private::GIVEN_TABLE + size_of::<Table>() <= private::GIVEN);
