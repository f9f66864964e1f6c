//! Standard output and error as a log of records: stream, length, bytes.

use std::io::{self, Write};

/// Which stream a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, descriptor 1.
    Out,
    /// Standard error, descriptor 2.
    Err,
    /// No stream: changes to files, as whoever notes them writes them down.
    Files,
}

impl Stream {
    /// The stream of a descriptor.
    pub fn of_fd(fd: u64) -> Option<Stream> {
        match fd {
            1 => Some(Stream::Out),
            2 => Some(Stream::Err),
            _ => None,
        }
    }
}

/// What stands for [`Stream::Files`] in a head.
const FILES: u8 = 3;

/// Bytes of a record's head.
pub const HEAD: usize = 9;

/// The head of a record of `len` bytes; the bytes follow it.
///
/// # Examples
/// ```
/// use detpar_fs::console::{Stream, head, records};
/// let mut log = head(Stream::Out, 2).to_vec();
/// log.extend(b"hi");
/// assert_eq!(records(&log).collect::<Vec<_>>(), [(Stream::Out, &b"hi"[..])]);
/// ```
pub fn head(stream: Stream, len: usize) -> [u8; HEAD] {
    let mut h = [0; HEAD];
    h[0] = match stream {
        Stream::Out => 1,
        Stream::Err => 2,
        Stream::Files => FILES,
    };
    h[1..].copy_from_slice(&(len as u64).to_le_bytes());
    h
}

/// The records of a log, in order; a broken tail ends it.
pub fn records(mut log: &[u8]) -> impl Iterator<Item = (Stream, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = log.split_first_chunk::<HEAD>()?;
        let stream = match head[0] {
            FILES => Stream::Files,
            fd => Stream::of_fd(u64::from(fd))?,
        };
        let mut len = [0; 8];
        len.copy_from_slice(&head[1..]);
        let (bytes, rest) =
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(len)).ok()?)?;
        log = rest;
        Some((stream, bytes))
    })
}

/// Writes a log to the real streams.
///
/// # Errors
/// The first error of either stream; the rest of the log is then not written.
pub fn deliver(log: &[u8], out: &mut impl Write, err: &mut impl Write) -> io::Result<()> {
    for (stream, bytes) in records(log) {
        match stream {
            Stream::Out => out.write_all(bytes)?,
            Stream::Err => {
                // What was printed before an error message appears before it.
                out.flush()?;
                err.write_all(bytes)?;
            }
            Stream::Files => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_order_and_a_broken_tail_is_ignored() {
        let mut log = Vec::new();
        for (s, b) in [(Stream::Out, "a"), (Stream::Err, ""), (Stream::Out, "bc")] {
            log.extend(head(s, b.len()));
            log.extend(b.as_bytes());
        }
        let whole: Vec<_> = records(&log).collect();
        assert_eq!(whole, [(Stream::Out, &b"a"[..]), (Stream::Err, b""), (Stream::Out, b"bc")]);
        for cut in 0..log.len() {
            assert!(records(&log[..cut]).count() < 3);
        }
        log.extend([7; 20]);
        assert_eq!(records(&log).count(), 3);
    }

    #[test]
    fn streams_are_kept_apart() {
        let mut log = head(Stream::Out, 1).to_vec();
        log.push(b'o');
        log.extend(head(Stream::Err, 1));
        log.push(b'e');
        let (mut out, mut err) = (Vec::new(), Vec::new());
        deliver(&log, &mut out, &mut err).unwrap();
        assert_eq!((out, err), (b"o".to_vec(), b"e".to_vec()));
    }
}
