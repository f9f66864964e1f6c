//! The record of this run: where it stands, its next chunk, and how a run ends that leaves it. No
//! allocation: it is used from a signal handler and from the control stack.

use super::file::{self, Chunk, END, Hash, INPUT, POLL, SIGNALS};
use crate::confine::policy::row_of;
use crate::exec::control::{private, private_item};
use crate::sys;
use core::fmt::{self, Write};

/// Exit codes: the run and its record differ (EX_DATAERR), a call that cannot be recorded
/// (EX_UNAVAILABLE), an output or the record that cannot be written (EX_IOERR).
pub(super) const DIFFERS: i32 = 65;
pub(super) const REFUSED: i32 = 69;
pub(super) const BROKEN: i32 = 74;

/// What is done with the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are written to the record.
    Record,
    /// They come from the record.
    Replay,
}

/// Where the record stands, in private memory that no worker gets.
#[repr(C)]
pub(super) struct State {
    pub fd: i32,
    pub mode: Mode,
    pub pid: i32,
    /// Place of the next chunk.
    pub at: usize,
    /// Chunks so far.
    pub calls: u64,
    /// Of standard output and of standard error: what was printed, and how much.
    pub printed: [Hash; 2],
    pub bytes: [u64; 2],
}

/// That of this process.
pub(super) fn state() -> &'static mut State {
    // SAFETY: fits before the next part of private memory (asserted below); used by `begin`,
    // which fills it first, and by the handler that it installs, on the one thread.
    unsafe { &mut *core::ptr::from_mut(private_item::<State>(private::INPUTS, 0)) }
}

const _: () = assert!(private::INPUTS + size_of::<State>() <= private::INPUTS_END);

/// Appends a chunk.
pub(super) fn append(s: &mut State, mut chunk: Chunk, parts: &[&[u8]]) {
    let mut sum = chunk.head(s.calls);
    parts.iter().for_each(|part| sum.bytes(part));
    chunk.sum = sum.0;
    let mut at = s.at + size_of::<Chunk>();
    let mut result = file::write(s.fd, &chunk.to_bytes(), s.at);
    for part in parts {
        result = result.and_then(|()| file::write(s.fd, part, at));
        at += part.len();
    }
    if let Err(e) = result {
        stop(BROKEN, format_args!("DETPAR_RECORD: {e}; use a file system with room"));
    }
    (s.at, s.calls) = (at, s.calls + 1);
}

/// The next chunk of the record, which must be that of this call.
pub(super) fn expect(s: &State, nr: i64, key: u64) -> Chunk {
    let chunk = match Chunk::read(s.fd, s.at) {
        Ok(chunk) => chunk,
        Err(e) => stop(DIFFERS, format_args!("DETPAR_REPLAY: {e}")),
    };
    if i64::from(chunk.nr) != nr || chunk.key != key {
        let other = if i64::from(chunk.nr) == nr { " with other arguments" } else { "" };
        let expected = Name(chunk.nr.into());
        let (number, came) = (s.calls, Name(nr));
        stop(
            DIFFERS,
            format_args!(
                "DETPAR_REPLAY: the run differs from its record at call {number} (byte {}): \
                 recorded was {expected}, the program made {came}{other}; replay with the program \
                 that was recorded",
                s.at
            ),
        );
    }
    chunk
}

/// Ends the program for a record whose bytes are not those that were written.
pub(super) fn damaged(s: &State) -> ! {
    stop(DIFFERS, format_args!("DETPAR_REPLAY: {}", file::Failure::Damaged { at: s.at }))
}

/// Takes the next chunk, which must be of this kind, with its bytes.
pub(super) fn next(s: &mut State, nr: i64, key: u64, bytes: &mut [u8]) -> Chunk {
    let chunk = expect(s, nr, key);
    let from = s.at + size_of::<Chunk>();
    let mut sum = chunk.head(s.calls);
    if chunk.len as usize != bytes.len() || file::read(s.fd, bytes, from).is_err() {
        damaged(s);
    }
    sum.bytes(bytes);
    if sum.0 != chunk.sum {
        damaged(s);
    }
    (s.at, s.calls) = (from + bytes.len(), s.calls + 1);
    chunk
}

/// A call by its name.
pub(super) struct Name(pub i64);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match row_of(self.0) {
            Some(row) => f.write_str(row.name),
            None if self.0 == i64::from(END) => f.write_str("the end of the program"),
            None if self.0 == i64::from(POLL) => f.write_str("a look whether a child has ended"),
            None if self.0 == i64::from(INPUT) => f.write_str("a child's read of standard input"),
            None if self.0 == i64::from(SIGNALS) => f.write_str("the start of the program"),
            None => write!(f, "call number {}", self.0),
        }
    }
}

/// A message without the heap.
struct Text {
    bytes: [u8; 1024],
    len: usize,
}

impl Write for Text {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for (to, b) in self.bytes[self.len..].iter_mut().zip(s.bytes()) {
            *to = b;
            self.len += 1;
        }
        Ok(())
    }
}

/// Ends the program with a message.
pub(super) fn stop(code: i32, why: fmt::Arguments<'_>) -> ! {
    let mut text = Text { bytes: [0; 1024], len: 0 };
    let _ = text.write_str("detpar: ");
    let _ = text.write_fmt(why);
    let _ = sys::write_all(2, &text.bytes[..text.len]);
    let _ = sys::write_all(2, b"\n");
    sys::exit(code)
}
