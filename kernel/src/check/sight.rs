//! The last write to the byte that a child is watched for: where it stood, which bytes the
//! instruction wrote, and which of those below it did it. Beside its stage, in the child's worker.

use crate::abi::{PAGE, REGISTERS, TRAIL};
use crate::exec::claims;
use crate::exec::control::{Me, Stage};
use crate::exec::stage;
use crate::exec::trace::{FRAMES, RSP};
use crate::image::layout::STACK;

/// What is said of it besides registers and stack. Valid for any bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Sight {
    /// First byte that the instruction wrote.
    pub start: u64,
    /// How many.
    pub len: u64,
    /// Writes that were watched in the child and below it.
    pub steps: u64,
    /// Not 0: there were too many, and later ones were not watched.
    pub spent: u32,
    /// Indices from the child down to the one that wrote.
    pub below: [u32; TRAIL],
    /// How many, also where they are not all there.
    pub depth: u32,
}

impl Sight {
    /// Nothing was seen.
    pub const NONE: Sight =
        Sight { start: 0, len: 0, steps: 0, spent: 0, below: [0; TRAIL], depth: 0 };
}

/// Takes room in the stage for where the child stands when it writes; it may be many times.
pub(super) fn expect(me: &mut Me) -> Option<()> {
    let at = stage::take(me, FRAMES)?;
    let st = stage::stage(me);
    (st.registers_at_end, st.frames, st.frames_len) = ([0; REGISTERS], at, 0);
    st.sight = Sight::NONE;
    Some(())
}

/// Keeps where a child stands that is in the middle of an instruction, in place of what was kept
/// before.
pub(super) fn keep(me: &Me, registers: [u64; REGISTERS], start: u64, len: u64) {
    let st = stage::stage(me);
    let from = registers[RSP] as usize;
    let known = from > STACK + PAGE;
    let bytes = if known { me.parent_stack.saturating_sub(from).min(FRAMES) } else { 0 };
    // SAFETY: `control`: `expect` took the room; the child's stack can be read from there on.
    unsafe { core::ptr::copy_nonoverlapping(from as *const u8, st.frames as *mut u8, bytes) };
    (st.registers_at_end, st.frames_len) = (registers, bytes);
    (st.sight.start, st.sight.len, st.sight.depth) = (start, len, 0);
}

/// Takes over what another stage says, in a worker's area: that of a child of this one, by its
/// index, which wrote the byte later than this one did; or this one's own from before it was
/// evicted.
pub(super) fn take_over(me: &Me, slot: u32, from: &Stage, index: Option<u32>) {
    let st = stage::stage(me);
    let frames = claims::frames(slot, from);
    // SAFETY: `control`: `expect` took room for FRAMES, which `frames` does not exceed.
    unsafe {
        core::ptr::copy_nonoverlapping(frames.as_ptr(), st.frames as *mut u8, frames.len());
    }
    (st.registers_at_end, st.frames_len) = (from.registers_at_end, frames.len());
    let Sight { mut below, mut depth, .. } = from.sight;
    if let Some(i) = index {
        below.copy_within(..TRAIL - 1, 1);
        (below[0], depth) = (i, depth.saturating_add(1));
    }
    let Sight { steps, spent, .. } = st.sight;
    st.sight = Sight { steps, spent, below, depth, ..from.sight };
}
