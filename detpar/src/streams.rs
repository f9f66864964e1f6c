//! Standard streams of children: detpar-fs plugged into the kernel, and the part of std's
//! own stream state that is private to each process; C's is in `c_streams`.

#[path = "c_streams.rs"]
mod c_streams;
#[path = "stdin.rs"]
mod stdin;

use detpar_fs::console::{self, Stream};
use kernel::confine::{Handler, Part, read_input};
use kernel::error::Error;
use std::cell::RefCell;
use std::io::{self, LineWriter, Stdout, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Handler of calls on the standard streams.
pub(crate) struct Streams;

/// Address of the length of std's stdout buffer; 0 before [`prepare`].
static BUFFERED: AtomicUsize = AtomicUsize::new(0);

/// Bytes of output in one record.
const PIECE: usize = 4096;

impl Streams {
    fn write(log: &mut dyn FnMut(&[u8]) -> bool, stream: Stream, bytes: &[u8]) -> bool {
        // In pieces with their heads in one buffer: a full log must not end in half a record.
        bytes.chunks(PIECE).all(|piece| {
            let head = console::head(stream, piece.len());
            let mut record = [0; PIECE + console::HEAD];
            let len = head.len() + piece.len();
            record[..head.len()].copy_from_slice(&head);
            record[head.len()..len].copy_from_slice(piece);
            log(&record[..len])
        })
    }
}

impl Streams {
    /// Answers calls on the standard streams, and on names that exist in no tree.
    fn call_on_stream(
        &self,
        log: &mut dyn FnMut(&[u8]) -> bool,
        nr: i64,
        a: &[u64; 6],
    ) -> Option<i64> {
        let full = -i64::from(libc::ENOSPC);
        match nr {
            libc::SYS_read if a[0] == 0 => {
                // SAFETY: the program passed the buffer to read; a bad one faults here as the
                // program's own fault.
                Some(unsafe { read_input(a[1] as *mut u8, a[2] as usize) })
            }
            libc::SYS_readv if a[0] == 0 => {
                // SAFETY: as for read.
                let parts = unsafe {
                    std::slice::from_raw_parts(a[1] as *const libc::iovec, a[2] as usize)
                };
                // A line at most, and what fits into the first part of it: as much is allowed.
                let first = parts.iter().find(|p| p.iov_len > 0);
                // SAFETY: as for read.
                Some(first.map_or(0, |p| unsafe { read_input(p.iov_base.cast(), p.iov_len) }))
            }
            libc::SYS_write => {
                let stream = Stream::of_fd(a[0])?;
                // SAFETY: the program passed the buffer to write; a bad one faults here as
                // the program's own fault.
                let bytes = unsafe { std::slice::from_raw_parts(a[1] as *const u8, a[2] as usize) };
                Some(if Self::write(log, stream, bytes) { a[2] as i64 } else { full })
            }
            libc::SYS_writev => {
                let stream = Stream::of_fd(a[0])?;
                // SAFETY: as for write.
                let parts = unsafe {
                    std::slice::from_raw_parts(a[1] as *const libc::iovec, a[2] as usize)
                };
                let mut n = 0;
                for p in parts.iter().filter(|p| p.iov_len > 0) {
                    // SAFETY: as for write.
                    let bytes =
                        unsafe { std::slice::from_raw_parts(p.iov_base.cast::<u8>(), p.iov_len) };
                    if !Self::write(log, stream, bytes) {
                        return Some(full);
                    }
                    n += p.iov_len as i64;
                }
                Some(n)
            }
            libc::SYS_dup if a[0] <= 2 => Some(-i64::from(libc::EMFILE)),
            libc::SYS_ioctl if a[0] <= 2 => Some(-i64::from(libc::ENOTTY)),
            libc::SYS_lseek if a[0] <= 2 => Some(-i64::from(libc::ESPIPE)),
            libc::SYS_fstat if a[0] <= 2 => Some(status(nr, a)),
            libc::SYS_newfstatat if a[0] <= 2 && is_empty_path(a[1], a[3]) => Some(status(nr, a)),
            libc::SYS_statx if a[0] <= 2 && is_empty_path(a[1], a[2]) => Some(status(nr, a)),
            libc::SYS_open => is_of_machine(a[0]).then_some(-i64::from(libc::ENOENT)),
            libc::SYS_openat => is_of_machine(a[1]).then_some(-i64::from(libc::ENOENT)),
            _ => None,
        }
    }
}

impl Handler for Streams {
    fn call(&self, log: &mut dyn FnMut(&[u8]) -> bool, nr: i64, a: &[u64; 6]) -> Option<i64> {
        if let Some(stream) = crate::fs::stream(nr, a[0]) {
            return self.call_on_stream(log, nr, &[stream, a[1], a[2], a[3], a[4], a[5]]);
        }
        if crate::fs::is_redirected(a[0]) {
            return crate::fs::call(nr, a);
        }
        self.call_on_stream(log, nr, a).or_else(|| crate::fs::call(nr, a)).or_else(|| absent(nr, a))
    }

    fn deliver(&self, log: &[u8]) {
        let mut r = console::deliver(log, &mut io::stdout(), &mut io::stderr());
        if c_streams::is_used() {
            // What C prints next must not go before a line that is still open in std's buffer.
            r = r.and(io::stdout().flush());
        }
        if let Err(e) = r
            && e.kind() != io::ErrorKind::BrokenPipe
        {
            panic!("failed printing a child's output: {e}");
        }
    }

    fn part(&self, log: &[u8], part: Part, keep: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        crate::fs::part(log, part, keep)
    }

    fn claims(&self, log: &[u8]) -> usize {
        crate::fs::claims(log)
    }

    fn meet<'a>(&self, who: u32, log: &'a [u8], table: &mut [u64]) -> Option<(u32, &'a [u8])> {
        crate::fs::meet(who, log, table)
    }

    fn merged(&self, log: &[u8]) {
        crate::fs::merged(log);
    }

    fn before_fork(&self) {
        // First: what is flushed may go to the tree that children start from.
        flush();
        c_streams::keep_buffer();
        crate::fs::before_fork();
        if !kernel::master::in_child() {
            crate::hook::keep();
        }
    }

    fn put_aside(&self) -> [&'static [u8]; 2] {
        stdin::put_aside()
    }

    fn take_back(&self, read: usize) {
        stdin::take_back(read);
    }

    fn child_ends(&self) {
        flush();
        crate::fs::child_ends();
    }

    fn child_faulted(&self, log: &mut dyn FnMut(&[u8]) -> bool) {
        // What was meant for a file goes with the child's other changes.
        if let Some(bytes) = c_streams::held().filter(|_| !crate::fs::is_redirected(1)) {
            Self::write(log, Stream::Out, bytes);
        }
    }
}

/// Files that tell of a machine's processors and their quota. Libraries look there before they
/// ask the system: in a child they do not exist, and what the system says is virtual.
const OF_MACHINE: [&[u8]; 5] = [
    b"/proc/self/cgroup",
    b"/proc/cpuinfo",
    b"/proc/stat",
    b"/sys/devices/system/cpu/",
    b"/sys/fs/cgroup/",
];

/// Files in which libc looks for what a machine's administrator has chosen. Where there is no tree
/// that has them they do not exist: times are UTC, and the locale is C.
const OF_PLACE: [&[u8]; 4] =
    [b"/etc/localtime", b"/usr/share/zoneinfo/", b"/usr/lib/locale/", b"/usr/share/locale/"];

/// Answers a call where there is no tree.
fn absent(nr: i64, a: &[u64; 6]) -> Option<i64> {
    let at = match nr {
        libc::SYS_open => a[0],
        libc::SYS_openat => a[1],
        _ => return None,
    };
    is_one_of(&OF_PLACE, at).then_some(-i64::from(libc::ENOENT))
}

/// Whether the name at an address is that of the machine's kind.
fn is_of_machine(at: u64) -> bool {
    is_one_of(&OF_MACHINE, at)
}

/// Whether the name at an address is one of these, or lies below.
fn is_one_of(names: &[&[u8]], at: u64) -> bool {
    names.iter().any(|name| {
        let below = name.ends_with(b"/");
        let whole = name.iter().chain(if below { &[][..] } else { b"\0" });
        // SAFETY: the program passed the name to open; a bad one faults here as the program's
        // own fault. Nothing is read past the end of the name: a zero differs from all above.
        whole.enumerate().all(|(i, b)| unsafe { (at as *const u8).add(i).read() } == *b)
            && !(below && has_dots(at))
    })
}

/// Whether a name leads up again from where it began.
fn has_dots(at: u64) -> bool {
    // SAFETY: as above: a C string.
    unsafe { std::ffi::CStr::from_ptr(at as *const libc::c_char) }
        .to_bytes()
        .windows(2)
        .any(|w| w == b"..")
}

/// Whether a call with a descriptor and a name is about the descriptor itself.
fn is_empty_path(at: u64, flags: u64) -> bool {
    // SAFETY: the program passed the name; a bad one faults here as the program's own fault.
    flags & libc::AT_EMPTY_PATH as u64 != 0 && unsafe { *(at as *const u8) } == 0
}

/// What is said of a standard stream of a child, by one of the calls that ask.
fn status(nr: i64, a: &[u64; 6]) -> i64 {
    // SAFETY: the program passed the record to the call; a bad one faults here as its own fault.
    unsafe {
        match nr {
            libc::SYS_fstat => crate::fs::special(None, a[1]),
            libc::SYS_newfstatat => crate::fs::special(None, a[2]),
            _ => crate::fs::special_extended(None, a[4]),
        }
    }
    0
}

/// Flushes std's and C's standard output, without touching either where nothing is buffered.
fn flush() {
    let at = BUFFERED.load(Relaxed) as *const usize;
    // SAFETY: `prepare` found the word inside std's own static, which lives for ever.
    if !at.is_null() && unsafe { at.read_volatile() } != 0 {
        let _ = io::stdout().flush();
    }
    c_streams::flush();
}

/// A writer without state, so that a `LineWriter` of it has the size of std's own.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, b: &[u8]) -> io::Result<usize> {
        Ok(b.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps std's stdout object and its buffer out of the merge: every child flushes its own
/// copy before it ends, so what is left in it is of no one else's concern.
///
/// # Errors
/// Where std's object does not look as expected: printing in two children would conflict.
///
/// # Safety
/// In the master before its first child, with nothing printed yet.
pub(crate) unsafe fn prepare() -> Result<(), Error> {
    let layout = Error::Unsupported {
        what: "recognising the layout of std's standard output",
        remedy: "build with the Rust toolchain that this version of detpar was tested with",
        errno: 0,
    };
    // SAFETY: the caller's contract: nothing was printed or read yet, and no child started.
    unsafe {
        c_streams::prepare();
        crate::fs::prepare();
        stdin::prepare()?;
    }
    let out = io::stdout();
    let _ = out.lock().flush();
    const { assert!(size_of::<Stdout>() == size_of::<usize>()) };
    // SAFETY: a `Stdout` is one reference to a static lock around the buffered writer.
    let at = unsafe { std::mem::transmute_copy::<Stdout, usize>(&out) };
    // The lock in front of the writer: futex, owner, count.
    let words = 2 + size_of::<RefCell<LineWriter<Nowhere>>>() / 8;
    let read = || -> Vec<usize> {
        // SAFETY: the words of a static that no one else uses now.
        (0..words).map(|i| unsafe { (at as *const usize).add(i).read_volatile() }).collect()
    };
    let before = read();
    let _ = out.lock().write(b"x");
    let after = read();
    let changed: Vec<usize> = (0..words).filter(|&i| before[i] != after[i]).collect();
    let [len] = changed[..] else { return Err(layout) };
    // SAFETY: takes the probe's byte back: the length word of a Vec<u8>, by the check below.
    unsafe { (at as *mut usize).add(len).write_volatile(0) };
    let block = before.iter().find_map(|&w| kernel::master::heap_block(w));
    let (true, Some((start, size))) = (before[len] == 0 && after[len] == 1, block) else {
        return Err(layout);
    };
    BUFFERED.store(at + len * 8, Relaxed);
    // SAFETY: both ranges hold std's stream state alone.
    unsafe {
        kernel::master::no_merge(at, words * 8);
        kernel::master::no_merge(start, size);
    }
    Ok(())
}
