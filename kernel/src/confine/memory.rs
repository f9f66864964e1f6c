//! Reading and writing the program's memory for a call that it made. A bad address faults as
//! the program's own fault.

/// Writes a record.
///
/// # Safety
/// The program passed the address to a call that writes such a record there.
pub(super) unsafe fn put<T: Copy>(at: u64, value: T) {
    // SAFETY: the caller's contract; the program need not align it.
    unsafe { (at as *mut T).write_unaligned(value) }
}

/// Reads a record, valid for any bytes.
///
/// # Safety
/// The program passed the address to a call that reads such a record there.
pub(super) unsafe fn get<T: Copy>(at: u64) -> T {
    // SAFETY: the caller's contract; the program need not align it.
    unsafe { (at as *const T).read_unaligned() }
}
