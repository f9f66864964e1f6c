//! Who wrote the byte of a conflict last, on either side: where the two stood, for the report. In
//! the process of the space that is told of the conflict.

use crate::abi::{Conflict, REGISTERS, Trace};
use crate::exec::control::{private, private_item};
use crate::exec::trace::FRAMES;

/// Where one of them stood.
#[repr(C)]
struct Writer {
    registers: [u64; REGISTERS],
    frames_len: usize,
    frames: [u8; FRAMES],
}

/// Address of the byte; 0: none. The writers lie behind it.
fn address() -> &'static mut u64 {
    // SAFETY: `control` and `own`; the word lies before the writers.
    unsafe { private_item::<u64>(private::WRITERS, 0) }
}

fn writer(higher: bool) -> &'static mut Writer {
    // SAFETY: `control` and `own`: two fit (asserted below), valid for any bytes.
    unsafe { private_item::<Writer>(private::WRITERS + 8, usize::from(higher)) }
}

/// Nothing is known.
pub(crate) fn clear() {
    *address() = 0;
}

/// Begins with a byte of which no writer is known.
pub(crate) fn begin(at: u64) {
    *address() = at;
    (writer(false).registers, writer(true).registers) = ([0; REGISTERS], [0; REGISTERS]);
}

/// Notes where one of the two stood.
pub(crate) fn note(higher: bool, registers: [u64; REGISTERS], frames: &[u8]) {
    let w = writer(higher);
    let len = frames.len().min(FRAMES);
    (w.registers, w.frames_len) = (registers, len);
    w.frames[..len].copy_from_slice(&frames[..len]);
}

/// What is known of the lower and of the higher one.
pub(crate) fn of(c: &Conflict) -> [Option<Trace>; 2] {
    if *address() != c.address {
        return [None, None];
    }
    [false, true].map(|higher| {
        let w = writer(higher);
        let stack = w.frames[..w.frames_len.min(FRAMES)].to_vec();
        (w.registers != [0; REGISTERS]).then_some(Trace { registers: w.registers, stack })
    })
}

const _: () = assert!(private::WRITERS + 8 + 2 * size_of::<Writer>() <= private::WRITERS_END);
