//! `fclose`: in a child, a stream that its parent opened stays open, as it does after a fork.
//! libc's list of streams is reset when the child ends, but what it leads to lies on the heap:
//! what the child frees there is freed at the merge, while the parent's list still leads to it.

use crate::apart;
use crate::exec::control::Role;
use crate::space::memory;
use core::ffi::c_int;

unsafe extern "C" {
    /// libc's other name for it.
    fn _IO_fclose(stream: *mut libc::FILE) -> c_int;
}

/// See `fclose(3)`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fclose(stream: *mut libc::FILE) -> c_int {
    /// A flag of glibc's, in the first word: the stream has been written to last. One that was
    /// read is left alone: to flush it is to move the file, which children may not.
    const PUTTING: c_int = 0x800;
    // SAFETY: the caller's contract.
    unsafe {
        let inherited = match apart::is_on() {
            true => apart::heap::is_inherited(stream.cast()),
            false => super::role() == Role::Child && !memory::is_own(stream.cast()),
        };
        if !inherited {
            return _IO_fclose(stream);
        }
        if stream.cast::<c_int>().read() & PUTTING != 0 { libc::fflush(stream) } else { 0 }
    }
}

pub(super) fn anchor() -> usize {
    fclose as *const () as usize
}
