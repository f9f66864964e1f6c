//! Mappings of this process, their page tables and what they hold.

use super::{Sys, call};
use libc::c_int;

/// Maps memory at a fixed place.
///
/// # Safety
/// Nothing that lives in the range may be relied on afterwards, unless the new mapping shows
/// the same contents.
pub(crate) unsafe fn map(
    addr: usize,
    len: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    off: usize,
) -> Sys<usize> {
    let a = [addr, len, prot as usize, flags as usize, fd as isize as usize, off];
    // SAFETY: the caller's contract.
    unsafe { call(libc::SYS_mmap, a) }
}

/// Changes the protection of a range.
///
/// # Safety
/// No code may rely on accesses that the new protection refuses.
pub(crate) unsafe fn protect(addr: usize, len: usize, prot: c_int) -> Sys<()> {
    // SAFETY: the caller's contract.
    unsafe { call(libc::SYS_mprotect, [addr, len, prot as usize, 0, 0, 0]) }.map(drop)
}

/// Drops the private pages of a range: the mapped file shows through again.
///
/// # Safety
/// The private contents of the range are lost.
#[inline]
pub(crate) unsafe fn drop_pages(addr: usize, len: usize) -> Sys<()> {
    // SAFETY: the caller's contract.
    unsafe { call(libc::SYS_madvise, [addr, len, libc::MADV_DONTNEED as usize, 0, 0, 0]) }.map(drop)
}

/// Fills the page tables of a range for writing, as if each page were written (MADV_POPULATE_WRITE,
/// Linux 5.14).
pub(crate) fn fill_tables(addr: usize, len: usize) -> Sys<()> {
    // SAFETY: contents and mappings stay as they are.
    unsafe { call(libc::SYS_madvise, [addr, len, libc::MADV_POPULATE_WRITE as usize, 0, 0, 0]) }
        .map(drop)
}

/// Fills the page tables of a range for reading, as if each page were read (MADV_POPULATE_READ, Linux
/// 5.14).
pub(crate) fn fill_tables_to_read(addr: usize, len: usize) -> Sys<()> {
    // SAFETY: contents and mappings stay as they are.
    unsafe { call(libc::SYS_madvise, [addr, len, libc::MADV_POPULATE_READ as usize, 0, 0, 0]) }
        .map(drop)
}

/// Puts huge pages behind a range of a shared mapping of a memory file (MADV_COLLAPSE, Linux
/// 6.1); contents stay.
pub(crate) fn collapse(addr: usize, len: usize) -> Sys<()> {
    const MADV_COLLAPSE: usize = 25;
    // SAFETY: contents and mappings stay as they are.
    unsafe { call(libc::SYS_madvise, [addr, len, MADV_COLLAPSE, 0, 0, 0]) }.map(drop)
}

/// Moves a mapping with its page tables; whatever was mapped at `to` is gone, also where the
/// move fails.
///
/// # Safety
/// Nothing may rely on memory at the old place until something is mapped there again, nor on
/// what was mapped at the new one.
pub(crate) unsafe fn move_mapping(from: usize, len: usize, to: usize) -> Sys<()> {
    let flags = (libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED) as usize;
    // SAFETY: the caller's contract.
    unsafe { call(libc::SYS_mremap, [from, len, len, flags, to, 0]) }.map(drop)
}

/// Removes the mappings of a range.
///
/// # Safety
/// Nothing may rely on memory there.
pub(crate) unsafe fn unmap(addr: usize, len: usize) -> Sys<()> {
    // SAFETY: the caller's contract.
    unsafe { call(libc::SYS_munmap, [addr, len, 0, 0, 0, 0]) }.map(drop)
}

/// Whether processes forked from now on get the mappings of a range.
pub(crate) fn inherit(addr: usize, len: usize, yes: bool) -> Sys<()> {
    let advice = if yes { libc::MADV_DOFORK } else { libc::MADV_DONTFORK };
    // SAFETY: contents and rights of the range stay as they are in this process.
    unsafe { call(libc::SYS_madvise, [addr, len, advice as usize, 0, 0, 0]) }.map(drop)
}

/// Leaves what an anonymous range holds out of forks: new processes find zeros there. Where the
/// system cannot (before Linux 4.14) they get a copy.
pub(crate) fn wipe_on_fork(addr: usize, len: usize) {
    // SAFETY: contents and rights of the range stay as they are in this process.
    let _ =
        unsafe { call(libc::SYS_madvise, [addr, len, libc::MADV_WIPEONFORK as usize, 0, 0, 0]) };
}

/// Copies from the memory of this process, whose id is `pid`; how many bytes could be read.
pub(crate) fn read_memory(pid: i32, from: usize, to: &mut [u8]) -> Sys<usize> {
    let here = libc::iovec { iov_base: to.as_mut_ptr().cast(), iov_len: to.len() };
    let there = libc::iovec { iov_base: from as *mut libc::c_void, iov_len: to.len() };
    let (here, there) = (&raw const here as usize, &raw const there as usize);
    // SAFETY: fills `to`, no more; an address that cannot be read answers EFAULT.
    unsafe { call(libc::SYS_process_vm_readv, [pid as usize, here, 1, there, 1, 0]) }
}
