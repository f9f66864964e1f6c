//! C's streams (`FILE`), whose state is libc's: reset in every child, never merged.

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of stdout's buffer.
const SIZE: usize = 4096;

/// Address of that buffer; 0 before [`prepare`].
static BUFFER: AtomicUsize = AtomicUsize::new(0);

/// Address of stdin's, of the same size.
static INPUT: AtomicUsize = AtomicUsize::new(0);

/// The first fields of glibc's `FILE`, part of its ABI.
#[repr(C)]
struct File {
    flags: i32,
    /// What is read next, the end of what was read, and its beginning.
    read: [usize; 3],
    write_base: usize,
    write_ptr: usize,
    write_end: usize,
    buffer: [usize; 2],
    saved: [usize; 3],
    markers: usize,
    /// The next stream of the process.
    chain: *const File,
    /// Its descriptor, and flags.
    number: [i32; 2],
    old_offset: i64,
    column: i64,
    lock: usize,
    offset: i64,
    codecvt: usize,
    wide_data: usize,
    freeres: [usize; 2],
    pad: usize,
    /// Above 0 for a stream of wide characters.
    mode: i32,
}

unsafe extern "C" {
    static mut stdout: *mut File;
    /// What that is unless the program changes it.
    static mut _IO_2_1_stdout_: File;
    static mut stdin: *mut File;
    static mut _IO_2_1_stdin_: File;
    /// All streams of the process.
    static mut _IO_list_all: *const File;
}

/// Writes out what streams hold, without touching any where nothing is held. In a parent before
/// its children start, so that none has bytes of its parent's to write; at the end of a child for
/// the streams that it did not close.
pub(super) fn flush() {
    // SAFETY: libc's own list, of this process; only this thread runs.
    let pending = unsafe {
        let first = (&raw const _IO_list_all).read();
        std::iter::successors(first.as_ref(), |f| f.chain.as_ref())
            .any(|f| f.write_ptr > f.write_base || f.mode > 0)
    };
    if pending {
        // SAFETY: null flushes all of C's streams.
        unsafe { libc::fflush(ptr::null_mut()) };
    }
}

/// Whether this space has printed by C's stdout.
pub(super) fn is_used() -> bool {
    const PUTTING: i32 = 0x800;
    // SAFETY: libc's own stream, of this thread; a plain word.
    unsafe { _IO_2_1_stdout_.flags & PUTTING != 0 }
}

/// Of the flags: it reads what was put back by `ungetc`.
const PUT_BACK: i32 = 0x100;

/// What stdin has read ahead and the program has not used.
pub(super) fn unused() -> &'static [u8] {
    // SAFETY: libc's own stream, of this thread; plain words. What lies between the two was read
    // into the stream's buffer.
    unsafe {
        let f = &raw const _IO_2_1_stdin_;
        let [next, end, _] = (*f).read;
        let bytes = (*f).number[0] == 0 && (*f).mode <= 0 && (*f).flags & PUT_BACK == 0;
        if !bytes || next >= end {
            return &[];
        }
        std::slice::from_raw_parts(next as *const u8, end - next)
    }
}

/// Empties that buffer; returns where it was.
pub(super) fn skip() -> usize {
    // SAFETY: as in `unused`.
    unsafe {
        let f = &raw mut _IO_2_1_stdin_;
        let before = (*f).read[0];
        (*f).read[0] = (*f).read[1];
        before
    }
}

/// Lets it go on at a place in its buffer, which nobody has read into since [`skip`].
pub(super) fn go_back(to: usize) {
    // SAFETY: as in `unused`.
    unsafe {
        let f = &raw mut _IO_2_1_stdin_;
        if ((*f).read[2]..(*f).read[1]).contains(&to) {
            (*f).read[0] = to;
        }
    }
}

/// Where stdin reads: the words `read` and `buffer` of [`File`].
pub(super) type Place = ([usize; 3], [usize; 2]);

/// Lets stdin read into its own buffer, empty, where the program has given it one: that is memory
/// of the program, in which children that read would meet. Returns what [`own_place`] restores.
pub(super) fn common_place() -> Option<Place> {
    let ours = INPUT.load(Relaxed);
    // SAFETY: as in `unused`; the buffer is of that size.
    unsafe {
        let f = &raw mut _IO_2_1_stdin_;
        let (from, to) = ((*f).buffer[0], (*f).buffer[1]);
        // One byte: it has no buffer, by choice.
        if ours == 0 || from == ours || to <= from + 1 || (*f).flags & PUT_BACK != 0 {
            return None;
        }
        let place = ((*f).read, (*f).buffer);
        (*f).read = [ours; 3];
        (*f).buffer = [ours, ours + SIZE];
        Some(place)
    }
}

/// Gives the program's buffer back to stdin, which has not read since [`common_place`].
pub(super) fn own_place(place: Place) {
    // SAFETY: as in `unused`; words that the stream had before.
    unsafe {
        let f = &raw mut _IO_2_1_stdin_;
        ((*f).read, (*f).buffer) = place;
    }
}

/// Takes a buffer back that the program has given to stdout, with the mode it asked for: it is
/// memory of the program, in which children that print would meet.
pub(super) fn keep_buffer() {
    const LINES: i32 = 0x200;
    let buffer = BUFFER.load(Relaxed);
    // SAFETY: libc's own stream, flushed, of this thread; the buffer is of that size.
    unsafe {
        let out = &raw mut _IO_2_1_stdout_;
        let (from, to) = ((*out).buffer[0], (*out).buffer[1]);
        // One byte: it has no buffer, by choice.
        if buffer != 0 && from != buffer && to > from + 1 {
            let mode = if (*out).flags & LINES != 0 { libc::_IOLBF } else { libc::_IOFBF };
            libc::setvbuf(out.cast(), buffer as *mut libc::c_char, mode, SIZE);
        }
    }
}

/// What C's stdout holds, in the buffer that it was given here; of a wild child, perhaps nonsense.
pub(super) fn held() -> Option<&'static [u8]> {
    let buffer = BUFFER.load(Relaxed);
    // SAFETY: libc's own stream, in its own data; plain words.
    let (from, to) = unsafe { (_IO_2_1_stdout_.write_base, _IO_2_1_stdout_.write_ptr) };
    (buffer != 0 && buffer <= from && from < to && to <= buffer + SIZE).then(|| {
        // SAFETY: within the buffer, which lives for ever, and which nobody writes to any more.
        unsafe { std::slice::from_raw_parts(from as *const u8, to - from) }
    })
}

/// Gives C's stdout and stdin buffers of the modes they would choose themselves, kept out of the
/// merge: a stream's state is reset in every child, so its buffer must not be made there.
///
/// # Safety
/// In the master before its first child, with nothing printed and nothing read yet.
pub(super) unsafe fn prepare() {
    // SAFETY: libc's own words.
    let [input, output] = unsafe { [(&raw const stdin).read(), (&raw const stdout).read()] };
    for (number, stream) in [(0, input), (1, output)] {
        let buffer = Box::leak(Box::new([0u8; SIZE])).as_mut_ptr();
        let kept = if number == 1 { &BUFFER } else { &INPUT };
        kept.store(buffer as usize, Relaxed);
        // SAFETY: the buffer lives for ever; libc allows a change before the stream is used.
        unsafe {
            let mode = if libc::isatty(number) == 1 { libc::_IOLBF } else { libc::_IOFBF };
            libc::setvbuf(stream.cast(), buffer.cast(), mode, SIZE);
            kernel::master::no_merge(buffer as usize, SIZE);
        }
    }
}
