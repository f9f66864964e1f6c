//! Where blocks of the heap were allocated, where that is asked for: a record at the end of each block,
//! behind what the program may use of it. So it goes with the block through snapshots and merges,
//! and costs nothing where nobody asks: blocks are as ever unless `early::record` was called.

use crate::abi::CALLS;
use crate::exec::control::me;
use crate::heap::{self, Heap};
use crate::image::early::is_recording;
use core::ffi::{c_int, c_void};

/// What a block has behind what the program asked for.
#[repr(C)]
#[derive(Clone, Copy)]
struct Record {
    /// Return addresses in the program itself, from the innermost call on, less the program's
    /// entry; 0 where there are no more.
    calls: [i32; CALLS],
    /// Tells a block with a record from one without: the block's end, and `MARK`.
    mark: usize,
}

const MARK: usize = 0x5175_a110_ca7e_d000;

/// Bytes that a block has to be longer.
pub(crate) const ROOM: usize = size_of::<Record>();

/// The record that a block has whose last byte lies before `end`.
fn record(end: usize) -> *mut Record {
    end.wrapping_sub(ROOM) as *mut Record
}

/// Writes the record of a block of the running space that was just made longer by [`ROOM`].
#[inline(never)]
pub(crate) fn note(block: *mut u8) {
    let len = Heap::usable(block as usize);
    if len < ROOM {
        return;
    }
    let end = block as usize + len;
    let mut calls = Calls { found: [0; CALLS], count: 0, entry: entry() };
    let me = me();
    // What the unwinder allocates, if anything, is not looked into.
    if me.unwinding == 0 {
        me.unwinding = 1;
        // SAFETY: the callback's argument is `calls`, which outlives the call.
        unsafe { _Unwind_Backtrace(collect, (&raw mut calls).cast()) };
        me.unwinding = 0;
    }
    let r = Record { calls: calls.found, mark: end ^ MARK };
    // SAFETY: the block ends there and is longer than what the program uses of it. Blocks end at
    // multiples of 16 bytes from an aligned start.
    unsafe { record(end).write(r) };
}

/// Whether a block of `len` bytes has a record at its end.
fn has_record(start: usize, len: usize) -> bool {
    let end = start + len;
    // SAFETY: the caller's block ends there; any bytes are a record.
    len >= ROOM && unsafe { (&raw const (*record(end)).mark).read() } == end ^ MARK
}

/// Bytes of a block that the program may use.
pub(crate) fn usable(start: usize, len: usize) -> usize {
    if is_recording() && has_record(start, len) { len - ROOM } else { len }
}

/// The calls that allocated the block around an address, from the innermost on.
pub(crate) fn calls(address: usize) -> [usize; CALLS] {
    let block = heap::block_of(address).filter(|b| is_recording() && has_record(b.start, b.len));
    // SAFETY: the block has a record.
    let found = block.map_or([0; CALLS], |b| unsafe { record(b.start + b.len).read() }.calls);
    let entry = entry();
    found.map(|near| if near == 0 { 0 } else { entry.wrapping_add_signed(near as isize) })
}

/// Where the program itself starts: its code is near, that of libraries is far away.
fn entry() -> usize {
    // SAFETY: reads what the system told the process at its start.
    unsafe { libc::getauxval(libc::AT_ENTRY) as usize }
}

struct Calls {
    found: [i32; CALLS],
    count: usize,
    entry: usize,
}

/// `_URC_NO_REASON`: go on; any other value ends the walk.
const ON_UP: c_int = 0;
const ENOUGH: c_int = 5;

extern "C" fn collect(frame: *mut c_void, to: *mut c_void) -> c_int {
    // SAFETY: `note` passed it, and nobody else has it now.
    let calls = unsafe { &mut *to.cast::<Calls>() };
    // SAFETY: the unwinder's own frame.
    let at = unsafe { _Unwind_GetIP(frame) };
    if let Ok(near) = i32::try_from(at.wrapping_sub(calls.entry) as isize) {
        let Some(call) = calls.found.get_mut(calls.count) else { return ENOUGH };
        *call = near;
        calls.count += 1;
    }
    ON_UP
}

unsafe extern "C-unwind" {
    /// See the Itanium C++ ABI, Exception Handling, level 1.
    fn _Unwind_Backtrace(
        each: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(frame: *mut c_void) -> usize;
}
