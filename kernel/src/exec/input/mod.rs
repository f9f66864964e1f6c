//! Standard input of children. A child that reads it waits until everything that comes before it
//! in the program has ended, or stands at a barrier: so it is handed out in program order, however
//! the children run. It gets what is left of the line that comes next, as from a terminal: how
//! much that is depends on the bytes alone, not on how they arrive.
//!
//! What was read stays read, also where the join fails. Who runs once more, to be watched, gets
//! what it got before.

mod given;
mod source;

use super::control::{ask, control, me};
use super::worker;
pub(super) use given::{find, forget, has_room, remember};
pub(crate) use source::{lay_ahead, take_ahead};
pub(super) use source::{line, wait_for_more};

/// Most bytes that a child gets at once.
pub(crate) const LINE: usize = 2048;

/// Reads standard input in the running child, whose calls it answers: how many bytes, or a
/// negative error number.
///
/// # Safety
/// The program passed a buffer of that size to the call.
pub(crate) unsafe fn read(to: *mut u8, len: usize) -> i64 {
    if len == 0 {
        return 0;
    }
    let me = me();
    let mail = &control().mail[me.slot as usize];
    // SAFETY: `control`: the mailbox is this worker's; the master reads this after the request.
    unsafe { (&raw const mail.reader).cast_mut().write([me.path, me.read]) };
    let answer = worker::ask(ask::READ, len.min(LINE) as u32, None);
    let Some(n) = answer.map(|n| n as usize).filter(|n| *n <= len.min(LINE)) else {
        return answer.map_or(-i64::from(libc::EIO), |e| -i64::from(u32::MAX - e));
    };
    me.read += n as u64;
    // SAFETY: `control`: the master wrote so many bytes before it answered; the caller's contract.
    unsafe { core::ptr::copy_nonoverlapping((&raw const mail.line).cast(), to, n) };
    n as i64
}

/// An error as the answer to a reader.
pub(super) const fn failed(errno: i32) -> u32 {
    u32::MAX - errno as u32
}
