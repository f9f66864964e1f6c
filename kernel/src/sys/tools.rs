//! What sanitizers, Valgrind and a tree of plain processes take: memory that is copied unseen,
//! Valgrind's requests, pipes and ends of processes.

use super::{Sys, call};
use core::arch::asm;
use libc::c_int;

/// Copies memory by instructions that no sanitizer has a part in: redzones may lie in it.
///
/// # Safety
/// Both ranges are mapped, the second is writable, and they do not overlap.
pub(crate) unsafe fn copy_unseen(from: usize, to: usize, len: usize) {
    // SAFETY: the caller's contract; the direction flag is clear by the ABI.
    unsafe {
        asm!(
            "rep movsq",
            "mov rcx, {rest}",
            "rep movsb",
            rest = in(reg) len % 8,
            inout("rcx") len / 8 => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags),
        );
    }
}

/// A request to Valgrind; 0 without it.
pub(crate) fn valgrind(request: usize, args: [usize; 4]) -> usize {
    let all = [request, args[0], args[1], args[2], args[3], 0];
    let answer: usize;
    // SAFETY: turns a register by 128 bits in all, and exchanges one with itself; Valgrind, which
    // knows the sequence, reads the six words.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") all.as_ptr(),
            inout("rdx") 0usize => answer,
            options(nostack),
        );
    }
    answer
}

/// The body of a naked function: goes on at another of the same six arguments, and with the address
/// of the code that has called as a seventh.
macro_rules! tell_caller {
    ($to:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "push qword ptr [rsp]",
            ".cfi_adjust_cfa_offset 8",
            "call {to}",
            "add rsp, 8",
            ".cfi_adjust_cfa_offset -8",
            "ret",
            ".cfi_endproc",
            to = sym $to,
        )
    };
}
pub(crate) use tell_caller;

/// How long a segment of shared memory is; 0 where there is none of this number.
pub(crate) fn segment_size(id: c_int) -> usize {
    // SAFETY: zero is a valid value of every field.
    let mut segment: libc::shmid_ds = unsafe { core::mem::zeroed() };
    let a = [id as usize, libc::IPC_STAT as usize, (&raw mut segment) as usize, 0, 0, 0];
    // SAFETY: the record is writable.
    unsafe { call(libc::SYS_shmctl, a) }.map_or(0, |_| segment.shm_segsz)
}

/// Whether the library for C is part of this program.
pub(crate) fn has_c_library() -> bool {
    let at: usize;
    // SAFETY: reads the loader's table.
    unsafe {
        asm!(
            ".weak det_fork",
            "mov {at}, qword ptr [rip + det_fork@GOTPCREL]",
            at = out(reg) at,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    at != 0
}

/// Whether the environment that the program was started with has an entry.
pub(crate) fn started_with(entry: &[u8]) -> bool {
    let path = c"/proc/self/environ".as_ptr() as usize;
    let a = [libc::AT_FDCWD as usize, path, libc::O_CLOEXEC as usize, 0, 0, 0];
    // SAFETY: the path is a C string.
    let Ok(fd) = (unsafe { call(libc::SYS_openat, a) }) else { return false };
    let mut buffer = [0u8; 1024];
    // How many bytes of this entry agree; none where one did not.
    let (mut agree, mut found) = (Some(0), false);
    loop {
        let a = [fd, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0];
        // SAFETY: the buffer is writable.
        let Ok(n @ 1..) = (unsafe { call(libc::SYS_read, a) }) else { break };
        for &byte in buffer.iter().take(n) {
            if byte == 0 {
                found |= agree == Some(entry.len());
                agree = Some(0);
            } else {
                agree = agree.filter(|&i| entry.get(i) == Some(&byte)).map(|i| i + 1);
            }
        }
    }
    super::close(fd as c_int);
    found
}

/// Waits for a byte of a pipe; none where nobody holds its other end any more.
pub(crate) fn take_byte(fd: c_int) -> Option<u8> {
    let mut byte = 0u8;
    loop {
        // SAFETY: one byte is writable.
        match unsafe { call(libc::SYS_read, [fd as usize, (&raw mut byte) as usize, 1, 0, 0, 0]) } {
            Err(libc::EINTR) => {}
            Ok(1) => return Some(byte),
            _ => return None,
        }
    }
}

/// Makes `to` another number of a descriptor.
pub(crate) fn duplicate(fd: c_int, to: c_int) -> Sys<()> {
    // SAFETY: has no memory operands.
    unsafe { call(libc::SYS_dup2, [fd as usize, to as usize, 0, 0, 0, 0]) }.map(drop)
}

/// Has this process killed when the thread that made it ends.
pub(crate) fn die_with_parent() {
    let on_death = [libc::PR_SET_PDEATHSIG as usize, libc::SIGKILL as usize, 0, 0, 0, 0];
    // SAFETY: has no memory operands.
    let _ = unsafe { call(libc::SYS_prctl, on_death) };
}

/// Kills a process.
pub(crate) fn kill(pid: i32) {
    // SAFETY: has no memory operands.
    let _ = unsafe { call(libc::SYS_kill, [pid as usize, libc::SIGKILL as usize, 0, 0, 0, 0]) };
}

/// Waits for the end of a process and reaps it; its status as `wait(2)` has it.
pub(crate) fn reap(pid: i32) -> c_int {
    let mut status: c_int = 0;
    let a = [pid as usize, (&raw mut status) as usize, 0, 0, 0, 0];
    // SAFETY: the kernel writes a number.
    while unsafe { call(libc::SYS_wait4, a) } == Err(libc::EINTR) {}
    status
}

/// Reads of a file from an offset; how much, nothing at its end.
pub(crate) fn read_some(fd: c_int, to: usize, len: usize, offset: usize) -> usize {
    // SAFETY: callers pass writable memory of theirs; a bad address answers EFAULT.
    unsafe { call(libc::SYS_pread64, [fd as usize, to, len, offset, 0, 0]) }.unwrap_or(0)
}
