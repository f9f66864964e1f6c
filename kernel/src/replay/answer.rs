//! One call: done and written down, or answered from the record. Runs in a signal handler of
//! the master, on the program's stack: no allocation, no unwinding.

use super::file::{self, Chunk, END, Hash};
use super::record::{self, BROKEN, DIFFERS, Mode, Name, REFUSED, state, stop};
use super::table::{Kind, Way, is_output, way};
use super::{peek, signals};
use crate::sys;

/// Ranges of memory that a call fills.
const RANGES: usize = 6;

const INVALID: i64 = -(libc::EINVAL as i64);
const FAULT: i64 = -(libc::EFAULT as i64);

/// Answers call `nr`; `mask` is the interrupted code's set of blocked signals.
///
/// # Safety
/// The call's own contract: its pointers are the program's.
pub(super) unsafe fn answer(nr: i64, a: &[u64; 6], mask: &mut u64) -> i64 {
    // SAFETY: the caller's contract.
    unsafe {
        match way(nr, a) {
            Way::Constant(value) => value,
            Way::Mask => signals::blocked(a, mask),
            Way::Disposition => signals::disposition(nr, a),
            Way::Memory if a[3] as i32 & libc::MAP_ANONYMOUS != 0 => done(nr, a),
            Way::Signal => signals::signal(state(), nr, a),
            Way::End => {
                let code = a[0] as i32;
                end(code.into());
                sys::exit(code)
            }
            Way::Output if is_output(a) => output(nr, a),
            Way::Output if nr == libc::SYS_write => input(nr, a, &[Kind::Value, Kind::In(2)]),
            Way::Input(kinds) => input(nr, a, kinds),
            Way::Output | Way::Memory | Way::Refuse => refuse(nr, a),
        }
    }
}

/// Does a call.
///
/// # Safety
/// The call's own contract.
pub(super) unsafe fn done(nr: i64, a: &[u64; 6]) -> i64 {
    // SAFETY: the caller's contract.
    match unsafe { sys::call(nr, a.map(|v| v as usize)) } {
        Ok(value) => value as i64,
        Err(errno) => -i64::from(errno),
    }
}

/// An input of the program.
///
/// # Safety
/// The call's own contract.
unsafe fn input(nr: i64, a: &[u64; 6], kinds: &[Kind]) -> i64 {
    let s = state();
    let key = key(a, kinds);
    if s.mode == Mode::Replay {
        let chunk = record::expect(s, nr, key);
        let mut to = [(0, 0); RANGES];
        let Some(total) = filled(a, kinds, chunk.result, &mut to) else { record::damaged(s) };
        if total != chunk.len as usize {
            record::damaged(s);
        }
        let (mut sum, mut from) = (chunk.head(s.calls), s.at + size_of::<Chunk>());
        for (start, len) in to {
            match sys::read_at(s.fd, start, len, from) {
                Ok(()) => {}
                Err(libc::EFAULT) => return FAULT,
                Err(_) => record::damaged(s),
            }
            // SAFETY: just written.
            sum.bytes(unsafe { slice(start as u64, len) });
            from += len;
        }
        if sum.0 != chunk.sum {
            record::damaged(s);
        }
        (s.at, s.calls) = (from, s.calls + 1);
        return chunk.result;
    }
    // SAFETY: the caller's contract.
    let result = unsafe { done(nr, a) };
    let mut from = [(0, 0); RANGES];
    let total = filled(a, kinds, result, &mut from).unwrap_or(0);
    // SAFETY: the call has filled them.
    let parts = from.map(|(start, len)| unsafe { slice(start as u64, len) });
    record::append(s, Chunk { nr: nr as u32, len: total as u32, result, key, sum: 0 }, &parts);
    result
}

/// Hash of the arguments that must be the same. Memory that cannot be read is an argument as well:
/// the call answers EFAULT.
fn key(a: &[u64; 6], kinds: &[Kind]) -> u64 {
    let mut hash = Hash::NEW;
    for (i, kind) in kinds.iter().enumerate() {
        match *kind {
            Kind::Value => hash.number(a[i]),
            // Null or not.
            Kind::Out(_) | Kind::OutUpTo(_) | Kind::OutTimes(..) => hash.number((a[i] != 0).into()),
            _ if a[i] == 0 => hash.number(0),
            Kind::Path => {
                let mut name = |bytes: &[u8]| {
                    let end = bytes.iter().position(|b| *b == 0);
                    hash.bytes(&bytes[..end.unwrap_or(bytes.len())]);
                    end.is_none()
                };
                peek::pieces(a[i], libc::PATH_MAX as usize, &mut name);
                hash.number(1);
            }
            Kind::In(len) => bytes(&mut hash, a[i], a[len] as usize),
            Kind::InFixed(len) => bytes(&mut hash, a[i], len),
        }
    }
    hash.0
}

/// Adds a range of memory, as far as it can be read.
fn bytes(hash: &mut Hash, from: u64, len: usize) {
    peek::pieces(from, len, |bytes| {
        hash.bytes(bytes);
        true
    });
}

/// Ranges that a call with this result has filled, and their length together; `None` where it
/// cannot have had this result.
fn filled(
    a: &[u64; 6],
    kinds: &[Kind],
    result: i64,
    to: &mut [(usize, usize); RANGES],
) -> Option<usize> {
    if result < 0 {
        return Some(0);
    }
    let mut total = 0usize;
    for (i, kind) in kinds.iter().enumerate() {
        let len = match *kind {
            Kind::Out(len) => len,
            Kind::OutUpTo(limit) if result as u64 <= a[limit] => result as usize,
            Kind::OutUpTo(_) => return None,
            Kind::OutTimes(len, times) => len.checked_mul(a[times] as usize)?,
            _ => 0,
        };
        // What sleeps are left of is told with an error alone.
        if len > 0 && a[i] != 0 {
            to[i] = (a[i] as usize, len);
            total = total.checked_add(len)?;
        }
    }
    u32::try_from(total).is_ok().then_some(total)
}

/// # Safety
/// `len` bytes at `from` are readable and nobody changes them; or `len` is 0.
unsafe fn slice<'a>(from: u64, len: usize) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: the caller's contract.
    unsafe { core::slice::from_raw_parts(from as *const u8, len) }
}

/// Prints, in both runs.
fn output(nr: i64, a: &[u64; 6]) -> i64 {
    if nr == libc::SYS_write {
        return print(a[0] as usize, a[1], a[2] as usize);
    }
    if a[2] > libc::UIO_MAXIOV as u64 {
        return INVALID;
    }
    // A place and a length each; all of the list is looked at before anything is printed.
    let parts = || (0..a[2]).map(|i| peek::array::<16>(a[1].wrapping_add(i * 16)).map(halves));
    if parts().any(|part| part.is_none()) {
        return FAULT;
    }
    let mut all = 0;
    for [from, len] in parts().flatten() {
        match print(a[0] as usize, from, len as usize) {
            FAULT if all > 0 => break,
            FAULT => return FAULT,
            n => {
                all += n;
                // The rest of this part cannot be read.
                if (n as u64) < len {
                    break;
                }
            }
        }
    }
    all
}

fn halves(bytes: [u8; 16]) -> [u64; 2] {
    let n = u128::from_le_bytes(bytes);
    [n as u64, (n >> 64) as u64]
}

/// Prints a range of the program's memory, up to where it cannot be read; how many bytes.
fn print(fd: usize, from: u64, len: usize) -> i64 {
    let s = state();
    let mut printed = s.printed[fd - 1];
    let there = peek::pieces(from, len, |bytes| {
        printed.bytes(bytes);
        true
    });
    if there == 0 && len > 0 {
        return FAULT;
    }
    // SAFETY: it was just read, on the program's one thread.
    if let Err(errno) = sys::write_all(fd as i32, unsafe { slice(from, there) }) {
        let e = file::Failure::System { errno };
        stop(BROKEN, format_args!("DETPAR_RECORD, DETPAR_REPLAY: the output, or {e}"));
    }
    s.printed[fd - 1] = printed;
    s.bytes[fd - 1] += there as u64;
    there as i64
}

/// The end of the program, by a code or a signal below zero: what it printed is recorded, or
/// compared.
pub(super) fn end(result: i64) {
    let s = state();
    let mut printed = [0; 32];
    let numbers = [s.printed[0].0, s.printed[1].0, s.bytes[0], s.bytes[1]];
    for (to, n) in printed.chunks_exact_mut(8).zip(numbers) {
        to.copy_from_slice(&n.to_le_bytes());
    }
    if s.mode == Mode::Record {
        let chunk = Chunk { nr: END, len: 32, result, key: 0, sum: 0 };
        record::append(s, chunk, &[&printed]);
        return;
    }
    let mut recorded = [0; 32];
    let chunk = record::next(s, END.into(), 0, &mut recorded);
    if recorded != printed || chunk.result != result {
        let what = match (chunk.result != result, recorded[..8] != printed[..8]) {
            (true, _) if chunk.result < 0 || result < 0 => "last signal",
            (true, _) => "exit code",
            (_, true) => "standard output",
            _ => "standard error",
        };
        stop(
            DIFFERS,
            format_args!(
                "DETPAR_REPLAY: the run's {what} differs from the recorded one, after {} calls \
                 that were the same; replay with the program that was recorded",
                s.calls - 1
            ),
        );
    }
}

const USUAL: &str = "use one of the calls that docs/replay.md lists";

/// What to do about a call that cannot be recorded.
fn remedy(nr: i64, a: &[u64; 6]) -> &'static str {
    match nr {
        libc::SYS_fork
        | libc::SYS_vfork
        | libc::SYS_clone
        | libc::SYS_clone3
        | libc::SYS_execve
        | libc::SYS_execveat => {
            "other programs and threads cannot be recorded: use children, or run the other \
             program before and give this one its output as a file"
        }
        libc::SYS_mmap => "files cannot be mapped: read them",
        libc::SYS_rt_sigaction | libc::SYS_tgkill | libc::SYS_kill | libc::SYS_tkill => {
            "when signals come cannot be recorded: do without handlers of them"
        }
        libc::SYS_fcntl if !is_output(a) => USUAL,
        libc::SYS_close | libc::SYS_dup | libc::SYS_dup2 | libc::SYS_dup3 | libc::SYS_fcntl => {
            "standard output and error stay what they are, under their own numbers: redirect them \
             outside of the program"
        }
        libc::SYS_socket | libc::SYS_socketpair => {
            "sockets cannot be recorded: give the program a file or a pipe"
        }
        _ => USUAL,
    }
}

/// Ends the program for a call that cannot be recorded.
pub(super) fn refuse(nr: i64, a: &[u64; 6]) -> ! {
    let mode = if state().mode == Mode::Record { "RECORD" } else { "REPLAY" };
    stop(
        REFUSED,
        format_args!(
            "DETPAR_{mode}: {} cannot be recorded (first arguments {:#x}, {:#x}): {}",
            Name(nr),
            a[0],
            a[1],
            remedy(nr, a)
        ),
    )
}
