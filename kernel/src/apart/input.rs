//! Standard input of plain processes, which share its descriptor: nobody has read ahead when another
//! begins, and a child leaves no line in part. So they read what they read as spaces.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

unsafe extern "C" {
    static stdin: *mut libc::FILE;
}

/// Words of glibc's `FILE`, part of its ABI: the end and the beginning of what was read, and where both
/// are kept while it reads what was put back.
const READ: [usize; 2] = [2, 3];
const SAVED: [usize; 2] = [11, 9];
/// Flags in its first word: whoever replaces the buffer is not to free it; it reads what was put back.
const NOT_ITS_OWN: c_int = 1;
const PUT_BACK: c_int = 0x100;

/// In a program that begins: what cannot be given back is not read ahead.
pub(super) fn begin() {
    // SAFETY: has no memory operands.
    let can_go_back = unsafe { libc::lseek(0, 0, libc::SEEK_CUR) } >= 0;
    if !can_go_back {
        one_at_a_time();
    }
}

/// Gives back what was read ahead, for children to read it.
pub(super) fn give_back() {
    // SAFETY: libc's own stream, in a process of one thread.
    unsafe { libc::fflush(stdin) };
}

/// Reads no byte ahead, and into no buffer of the program, which is memory that merges.
pub(super) fn one_at_a_time() {
    // SAFETY: as above; nothing was read ahead.
    unsafe {
        *stdin.cast::<c_int>() |= NOT_ITS_OWN;
        libc::setvbuf(stdin, null_mut(), libc::_IONBF, 0);
    }
}

/// Drops the rest of a line that this child has read in part.
pub(super) fn end_line() {
    // SAFETY: words of libc's own stream; what lies between the two is its last byte.
    let last = unsafe {
        let put_back = *stdin.cast::<c_int>() & PUT_BACK != 0;
        let [end, start] =
            if put_back { SAVED } else { READ }.map(|i| *stdin.cast::<usize>().add(i));
        (start < end).then(|| *core::ptr::with_exposed_provenance::<u8>(end - 1))
    };
    let mut byte = last.unwrap_or(b'\n');
    while byte != b'\n' {
        // SAFETY: one byte of this function's own.
        let n = unsafe { libc::read(0, (&raw mut byte).cast::<c_void>(), 1) };
        if n != 1 {
            break;
        }
    }
}
