//! What std and C have read ahead of standard input. In a child both begin with nothing, and what
//! is left there at its end is dropped: the rest of a line at most. So children that read one
//! after another do not meet in a buffer.

use super::c_streams;
use kernel::error::Error;
use std::cell::Cell;
use std::io::{self, BufReader, Read, Stdin};
use std::slice;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What std's buffer looks like: a lock around a reader without state.
type Buffer = Mutex<BufReader<Probe>>;

/// Gives some bytes, to find out where a reader's words lie.
struct Probe;

impl Probe {
    const GIVEN: usize = 11;
    const USED: usize = 5;
    const ROOM: usize = 8192;
}

impl Read for Probe {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        to[..Probe::GIVEN].fill(b'x');
        Ok(Probe::GIVEN)
    }
}

/// Where the words of std's buffer lie: its bytes' address, how much of them was used, and how much
/// was read; 0 before [`prepare`].
static WORDS: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];

thread_local! {
    /// How much was used of std's and of C's buffer before the rest was put aside; `None` where
    /// there was no rest.
    static ASIDE: Cell<[Option<usize>; 2]> = const { Cell::new([None; 2]) };
    /// Where C's stream reads otherwise, while it reads where children may.
    static PLACE: Cell<Option<c_streams::Place>> = const { Cell::new(None) };
}

fn word(i: usize) -> *mut usize {
    WORDS[i].load(Relaxed) as *mut usize
}

/// Std's bytes that were read and not used.
fn unused() -> &'static [u8] {
    if WORDS[0].load(Relaxed) == 0 {
        return &[];
    }
    // SAFETY: `prepare` found the words in std's own static, which lives for ever; only this thread
    // runs. What lies between the two was read into the buffer.
    unsafe {
        let (bytes, used, read) = (*word(0), *word(1), *word(2));
        slice::from_raw_parts((bytes + used) as *const u8, read - used)
    }
}

/// Empties both buffers; see `kernel::confine::Handler::put_aside`.
pub(super) fn put_aside() -> [&'static [u8]; 2] {
    let parts = [unused(), c_streams::unused()];
    if parts.iter().any(|p| !p.is_empty()) {
        skip(parts);
    }
    PLACE.set(c_streams::common_place());
    parts
}

/// Goes behind what was read, and remembers the places.
fn skip(parts: [&[u8]; 2]) {
    let mut used = [None; 2];
    if !parts[0].is_empty() {
        // SAFETY: as in `unused`.
        unsafe {
            used[0] = Some(*word(1));
            *word(1) = *word(2);
        }
    }
    if !parts[1].is_empty() {
        used[1] = Some(c_streams::skip());
    }
    ASIDE.set(used);
}

/// Gives both back what children have not read; see `kernel::confine::Handler::take_back`.
pub(super) fn take_back(read: usize) {
    if let Some(place) = PLACE.take() {
        c_streams::own_place(place);
    }
    let used = ASIDE.take();
    let mut read = read;
    if let Some(before) = used[0] {
        // SAFETY: as in `unused`; children have read no more than was there.
        unsafe {
            let now = read.min(*word(2) - before);
            *word(1) = before + now;
            read -= now;
        }
    }
    if let Some(before) = used[1] {
        c_streams::go_back(before + read);
    }
}

/// Finds std's buffer and keeps it out of the merge, as C's is.
///
/// # Errors
/// Where std's object does not look as expected.
///
/// # Safety
/// In the master before its first child, with nothing read yet.
pub(super) unsafe fn prepare() -> Result<(), Error> {
    let layout = Error::Unsupported {
        what: "recognising the layout of std's standard input",
        remedy: "build with the Rust toolchain that this version of detpar was tested with",
        errno: 0,
    };
    let input = io::stdin();
    const { assert!(size_of::<Stdin>() == size_of::<usize>()) };
    const { assert!(size_of::<Buffer>().is_multiple_of(size_of::<usize>())) };
    // SAFETY: a `Stdin` is one reference to a static lock around the buffered reader.
    let at = unsafe { std::mem::transmute_copy::<Stdin, usize>(&input) };
    let Some(places) = places() else { return Err(layout) };
    let [bytes, used, read] = places.map(|place| at + place);
    // SAFETY: words of a static that has the size of the probe, and that no one else uses now.
    let now = unsafe { [bytes, used, read].map(|a| (a as *const usize).read()) };
    let (Some((start, size)), 0, 0) = (kernel::master::heap_block(now[0]), now[1], now[2]) else {
        return Err(layout);
    };
    if start != now[0] || size < Probe::ROOM {
        return Err(layout);
    }
    for (word, at) in WORDS.iter().zip([bytes, used, read]) {
        word.store(at, Relaxed);
    }
    // SAFETY: both ranges hold std's stream state alone.
    unsafe {
        kernel::master::no_merge(at, size_of::<Buffer>());
        kernel::master::no_merge(start, size);
    }
    Ok(())
}

/// Where the three words lie in a buffer, found in one of our own.
fn places() -> Option<[usize; 3]> {
    let buffer = Mutex::new(BufReader::with_capacity(Probe::ROOM, Probe));
    let start = {
        let mut reader = buffer.lock().ok()?;
        reader.read_exact(&mut [0; Probe::USED]).ok()?;
        reader.buffer().as_ptr().addr() - Probe::USED
    };
    let place = |wanted: usize| {
        let words = (&raw const buffer).cast::<usize>();
        // SAFETY: the words of a value that lives.
        let at = |i: usize| unsafe { words.add(i).read_volatile() };
        let all = 0..size_of::<Buffer>() / size_of::<usize>();
        let mut found = all.filter(|i| at(*i) == wanted);
        let first = found.next()?;
        found.next().is_none().then_some(first * size_of::<usize>())
    };
    Some([place(start)?, place(Probe::USED)?, place(Probe::GIVEN)?])
}
