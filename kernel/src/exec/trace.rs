//! Where a child stood when a signal ended it: registers, stack, and the text of a name that it
//! gave to a refused call. The reader of a report finds the source line from them. All of it is
//! best effort: memory that cannot be read is left out.

use super::control::{Me, area, exchange, me};
use super::stage;
use crate::abi::{PAGE, REGISTERS};
use crate::image::layout::STACK;
use core::sync::atomic::{Ordering::SeqCst, compiler_fence};

/// Number of the stack pointer among the registers.
pub(crate) const RSP: usize = 7;

/// Most bytes of the stack that are kept: the frames of the standard library are small.
pub(crate) const FRAMES: usize = 64 << 10;
/// Most bytes of the text.
const TEXT: usize = 255;

/// Why and where the running child is being ended.
#[repr(C)]
pub(crate) struct Ending {
    /// Whether the registers are known.
    known: u32,
    /// Whether memory is being copied that may not be readable.
    copying: u32,
    registers: [u64; REGISTERS],
    /// Address of the text; 0: none.
    text: u64,
}

/// Notes where a signal found the child that is about to be ended.
pub(crate) fn note(registers: [u64; REGISTERS], text: u64) {
    me().ending = Ending { known: 1, copying: 0, registers, text };
}

/// Whether a fault hit the copying below: what was copied so far is what there is.
pub(crate) fn was_copying() -> bool {
    core::mem::take(&mut me().ending.copying) != 0
}

/// Stages what was noted. A fault in here goes on in [`super::worker::finish_end`].
pub(super) fn stage(me: &mut Me) {
    let st = stage::stage(me);
    (st.frames, st.frames_len) = (me.stage_end, 0);
    (me.message_len, me.location_len, me.message_is_string) = (0, 0, 0);
    st.registers_at_end = [0; REGISTERS];
    if me.ending.known == 0 {
        return;
    }
    st.registers_at_end = me.ending.registers;
    // The pages below the child's own frames are the guard, or hold nothing of it.
    let from = me.ending.registers[RSP] as usize;
    let len = me.parent_stack.saturating_sub(from).min(FRAMES);
    let frames = if from > STACK + PAGE { stage::take(me, len) } else { None };
    guarded(me, true);
    if let Some(at) = frames {
        // SAFETY: `control`: just taken; what cannot be read faults, which is caught.
        unsafe { core::ptr::copy_nonoverlapping(from as *const u8, at as *mut u8, len) };
        (st.frames, st.frames_len) = (at, len);
        guarded(me, true);
    }
    if me.ending.text != 0 {
        let (from, to) = (me.ending.text as *const u8, exchange(me.slot) + area::MESSAGE);
        for i in 0..TEXT {
            // SAFETY: as above; the message area is this worker's.
            let byte = unsafe { from.add(i).read_volatile() };
            if byte == 0 {
                break;
            }
            // SAFETY: as above.
            unsafe { (to as *mut u8).add(i).write_volatile(byte) };
            (me.message_len, me.message_is_string) = (i + 1, 1);
        }
    }
    guarded(me, false);
}

/// Everything before is written, for a handler of this process to see.
fn guarded(me: &mut Me, copying: bool) {
    compiler_fence(SeqCst);
    // SAFETY: a field of this process's own record.
    unsafe { (&raw mut me.ending.copying).write_volatile(copying.into()) };
    compiler_fence(SeqCst);
}
