//! Who wrote the byte of a conflict last, on either side: where the two stood, for the report. In
//! the process of the space that is told of the conflict.

use super::sight::Sight;
use crate::abi::{self, Conflict, REGISTERS, Trace};
use crate::exec::claims;
use crate::exec::control::{Role, Stage, me, private, private_item};
use crate::exec::trace::FRAMES;

/// Where one of them stood.
#[repr(C)]
struct Writer {
    registers: [u64; REGISTERS],
    sight: Sight,
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

/// Notes where one of the two stood, as its stage in a worker's area says.
pub(crate) fn note(higher: bool, slot: u32, st: &Stage) {
    let (w, frames) = (writer(higher), claims::frames(slot, st));
    (w.registers, w.sight, w.frames_len) = (st.registers_at_end, st.sight, frames.len());
    w.frames[..frames.len()].copy_from_slice(frames);
}

/// What is known of the lower and of the higher one. In a child something of equal size is always
/// there: it may run once more, when nobody looks, and must find the same memory then.
pub(crate) fn of(c: &Conflict) -> [Option<abi::Writer>; 2] {
    let nested = me().role != Role::Master;
    [false, true].map(|higher| {
        let w = writer(higher);
        let known = *address() == c.address && w.registers != [0; REGISTERS];
        let len = if known { w.frames_len.min(FRAMES) } else { 0 };
        let mut stack = Vec::with_capacity(if nested { FRAMES } else { len });
        stack.extend_from_slice(&w.frames[..len]);
        if nested {
            stack.resize(FRAMES, 0);
        }
        let registers = if known { w.registers } else { [0; REGISTERS] };
        let sight = if known { w.sight } else { Sight::NONE };
        let Sight { start, len, below, depth, spent, .. } = sight;
        let trace = Trace { registers, stack };
        (known || nested).then_some(abi::Writer {
            trace,
            start,
            len,
            last: spent == 0,
            below,
            depth,
        })
    })
}

const _: () = assert!(private::WRITERS + 8 + 2 * size_of::<Writer>() <= private::WRITERS_END);
