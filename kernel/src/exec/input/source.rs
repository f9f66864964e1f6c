//! Where standard input comes from: what the master has read ahead and not used, then descriptor
//! 0. Never more than a line is taken from that.

use super::LINE;
use crate::exec::control::{private, private_item};
use crate::replay;
use crate::sys;

/// What is known of the input.
#[repr(C)]
struct Source {
    /// What the master's own streams have read ahead: addresses and lengths.
    ahead: [(usize, usize); 2],
    /// How much of that children got.
    taken: usize,
    /// The beginning of a line whose rest has not come yet.
    line: [u8; LINE],
    len: usize,
}

fn source() -> &'static mut Source {
    // SAFETY: fits before the next part of private memory; zero is one that has nothing; the
    // master's one thread.
    unsafe { private_item::<Source>(private::INPUT, 0) }
}

const _: () = assert!(private::INPUT + size_of::<Source>() <= private::GIVEN_TABLE);

/// In the master, before its children start or are waited for: what its streams have read ahead
/// and not used comes before what descriptor 0 has.
pub(crate) fn lay_ahead(parts: [&'static [u8]; 2]) {
    let s = source();
    (s.ahead, s.taken) = (parts.map(|p| (p.as_ptr() as usize, p.len())), 0);
}

/// Takes that back; returns how much of it children got.
pub(crate) fn take_ahead() -> usize {
    let s = source();
    s.ahead = Default::default();
    core::mem::take(&mut s.taken)
}

impl Source {
    /// The next byte of what was read ahead.
    fn next_ahead(&mut self) -> Option<u8> {
        let mut skip = self.taken;
        for (at, len) in self.ahead {
            if skip < len {
                self.taken += 1;
                // SAFETY: `lay_ahead` was given a slice that lives until `take_ahead`.
                return Some(unsafe { *((at + skip) as *const u8) });
            }
            skip -= len;
        }
        None
    }

    /// Bytes up to the end of the line, if that is there.
    fn whole(&self, want: usize) -> Option<usize> {
        let n = self.len.min(want);
        let end = self.line[..n].iter().position(|b| *b == b'\n').map(|at| at + 1);
        end.or((n == want).then_some(n))
    }

    /// Hands out the first bytes.
    fn take(&mut self, n: usize, to: &mut [u8]) -> i64 {
        to[..n].copy_from_slice(&self.line[..n]);
        self.line.copy_within(n..self.len, 0);
        self.len -= n;
        n as i64
    }
}

/// What is left of the next line, at most as much as fits, at least a byte unless the input has
/// ended: how many bytes, or a negative error number. None where that has not come yet.
pub(in crate::exec) fn line(to: &mut [u8]) -> Option<i64> {
    let want = to.len().min(LINE);
    let s = source();
    loop {
        if let Some(n) = s.whole(want) {
            return Some(s.take(n, to));
        }
        if let Some(byte) = s.next_ahead() {
            s.line[s.len] = byte;
            s.len += 1;
            continue;
        }
        match replay::input(&mut s.line[s.len..want], fetch)? {
            n if n > 0 => s.len += n as usize,
            // The end, or an error, after the beginning of a line: that comes first.
            _ if s.len > 0 => return Some(s.take(s.len, to)),
            other => return Some(other),
        }
    }
}

const STDIN: i32 = 0;

/// Reads descriptor 0 up to the end of a line, as far as it has come: how many bytes, 0 at its
/// end, or a negative error number.
fn fetch(to: &mut [u8]) -> Option<i64> {
    let Ok(from) = sys::seek(STDIN, 0, libc::SEEK_CUR) else { return fetch_bytes(to) };
    // What is too much is still there.
    let read = loop {
        match sys::read(STDIN, to) {
            Err(libc::EINTR) => {}
            Err(e) => return Some(-i64::from(e)),
            Ok(n) => break n,
        }
    };
    let n = to[..read].iter().position(|b| *b == b'\n').map_or(read, |at| at + 1);
    if n < read {
        let _ = sys::seek(STDIN, from as i64 + n as i64, libc::SEEK_SET);
    }
    Some(n as i64)
}

/// The same of what gives its bytes only once.
fn fetch_bytes(to: &mut [u8]) -> Option<i64> {
    let mut n = 0;
    while n < to.len() && (n == 0 || to[n - 1] != b'\n') {
        if !sys::is_readable(STDIN, 0) {
            break;
        }
        match sys::read(STDIN, &mut to[n..=n]) {
            Err(libc::EINTR) => {}
            Err(libc::EAGAIN) => break,
            Err(e) if n == 0 => return Some(-i64::from(e)),
            Ok(0) if n == 0 => return Some(0),
            // Once more by whoever reads next.
            Ok(0) | Err(_) => break,
            Ok(_) => n += 1,
        }
    }
    (n > 0).then_some(n as i64)
}

/// Waits until descriptor 0 has more, so many nanoseconds at most.
pub(in crate::exec) fn wait_for_more(nanos: u64) {
    sys::is_readable(STDIN, nanos);
}
