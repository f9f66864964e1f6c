//! The program's memory as its calls read it: where a pointer is bad, that is an error of the call
//! and not the end of the program.

use crate::exec::control::me;
use crate::sys;

/// Bytes that are looked at in one step.
const STEP: usize = 4096;

/// Copies from the program's memory: as many bytes as can be read there, at most as many as asked
/// for; none where the first cannot.
fn copy(from: usize, to: &mut [u8]) -> usize {
    match sys::read_memory(me().master_pid, from, to) {
        Ok(n) => n,
        Err(libc::EFAULT) => 0,
        Err(_) => {
            // Where the system lets nobody look: the memory is there, or the program ends.
            for (i, byte) in to.iter_mut().enumerate() {
                // SAFETY: the call's contract: its pointers are the program's.
                *byte = unsafe { (from as *const u8).wrapping_add(i).read_volatile() };
            }
            to.len()
        }
    }
}

/// Calls `each` with the bytes of a range, piece by piece, as long as it wants more; how many there
/// were before one that cannot be read.
pub(super) fn pieces(from: u64, len: usize, mut each: impl FnMut(&[u8]) -> bool) -> usize {
    let (from, mut done) = (from as usize, 0);
    let mut bytes = [0; STEP];
    while done < len {
        let at = from.wrapping_add(done);
        // Not beyond the page: the next one may be missing.
        let step = (STEP - at % STEP).min(len - done);
        let n = copy(at, &mut bytes[..step]);
        done += n;
        if n < step || !each(&bytes[..n]) {
            break;
        }
    }
    done
}

/// The number of bytes of `N` at an address; `None` where they cannot be read.
pub(super) fn array<const N: usize>(from: u64) -> Option<[u8; N]> {
    let (mut to, mut at) = ([0; N], 0);
    pieces(from, N, |piece| {
        to[at..at + piece.len()].copy_from_slice(piece);
        at += piece.len();
        true
    });
    (at == N).then_some(to)
}
