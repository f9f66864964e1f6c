//! The functions that return twice. In the parent they are ordinary calls. In the child, which has
//! the parent's stack as of the snapshot at the same addresses, the registers that a call keeps
//! are loaded from where the call saved them, and the call returns a second time, with 0.

use crate::{fork, raw, registers};
use core::arch::naked_asm;
use core::ffi::{c_int, c_long, c_ulong};
use kernel::abi::End;

/// Saves the registers that a call keeps on the stack, as [`second_return`] takes them from there,
/// and calls a function that gets their address in the register `$saved`.
macro_rules! saves_and_calls {
    ($saved:literal, $here:path) => {
        naked_asm!(
            ".cfi_startproc",
            "push rbp",
            ".cfi_adjust_cfa_offset 8",
            ".cfi_rel_offset rbp, 0",
            "push rbx",
            ".cfi_adjust_cfa_offset 8",
            ".cfi_rel_offset rbx, 0",
            "push r12",
            ".cfi_adjust_cfa_offset 8",
            ".cfi_rel_offset r12, 0",
            "push r13",
            ".cfi_adjust_cfa_offset 8",
            ".cfi_rel_offset r13, 0",
            "push r14",
            ".cfi_adjust_cfa_offset 8",
            ".cfi_rel_offset r14, 0",
            "push r15",
            ".cfi_adjust_cfa_offset 8",
            ".cfi_rel_offset r15, 0",
            concat!("mov ", $saved, ", rsp"),
            "sub rsp, 8",
            ".cfi_adjust_cfa_offset 8",
            "call {here}",
            "add rsp, 8",
            ".cfi_adjust_cfa_offset -8",
            "pop r15",
            ".cfi_adjust_cfa_offset -8",
            "pop r14",
            ".cfi_adjust_cfa_offset -8",
            "pop r13",
            ".cfi_adjust_cfa_offset -8",
            "pop r12",
            ".cfi_adjust_cfa_offset -8",
            "pop rbx",
            ".cfi_adjust_cfa_offset -8",
            "pop rbp",
            ".cfi_adjust_cfa_offset -8",
            "ret",
            ".cfi_endproc",
            here = sym $here,
        )
    };
}

/// Starts a child from a snapshot of memory as of now: 1 in the parent, 0 in the child, -1 with
/// `errno` where there is none. See `det_fork(3)`.
///
/// # Safety
/// As C's `vfork` binds its callers, this does not: the child has its own copy of all frames, and
/// leaves by `det_exit`.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_fork(id: c_int) -> c_int {
    saves_and_calls!("rsi", fork::fork_here)
}

/// A put; with `DET_REGS` it returns a second time in the child. See `det_dput(3)`.
///
/// # Safety
/// What the child's memory holds then must be what its code expects.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_dput(
    child: c_int,
    flags: c_long,
    start: c_ulong,
    size: usize,
    dst: c_ulong,
) -> c_long {
    saves_and_calls!("r9", raw::dput_here)
}

/// A ret: stops the calling child with a code; 0 when its parent has started it again. See
/// `det_dret(3)`.
///
/// All registers are saved as a `user_regs_struct` first and loaded from it afterwards, so that
/// `det_get_regs` and `det_put_regs` can read and replace them.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn det_dret(code: c_int) -> c_long {
    naked_asm!(
        ".cfi_startproc",
        // Room below the return address, so that a return to any stack finds its bytes free.
        "sub rsp, 248",
        ".cfi_adjust_cfa_offset 248",
        "mov [rsp], r15",
        "mov [rsp + 8], r14",
        "mov [rsp + 16], r13",
        "mov [rsp + 24], r12",
        "mov [rsp + 32], rbp",
        "mov [rsp + 40], rbx",
        "mov [rsp + 48], r11",
        "mov [rsp + 56], r10",
        "mov [rsp + 64], r9",
        "mov [rsp + 72], r8",
        "mov qword ptr [rsp + 80], 0",
        "mov [rsp + 88], rcx",
        "mov [rsp + 96], rdx",
        "mov [rsp + 104], rsi",
        "mov [rsp + 112], rdi",
        "mov qword ptr [rsp + 120], -1",
        "mov rax, [rsp + 248]",
        "mov [rsp + 128], rax",
        "mov qword ptr [rsp + 136], 0",
        "pushfq",
        "pop qword ptr [rsp + 144]",
        "lea rax, [rsp + 256]",
        "mov [rsp + 152], rax",
        "xor eax, eax",
        "mov [rsp + 160], rax",
        "mov [rsp + 168], rax",
        "mov [rsp + 176], rax",
        "mov [rsp + 184], rax",
        "mov [rsp + 192], rax",
        "mov [rsp + 200], rax",
        "mov [rsp + 208], rax",
        "mov rsi, rsp",
        "call {here}",
        "mov rdi, rsp",
        // The last two go over the stack that it goes on with.
        "mov rsi, [rdi + 152]",
        "mov rax, [rdi + 128]",
        "mov [rsi - 8], rax",
        "mov rax, [rdi + 112]",
        "mov [rsi - 16], rax",
        "lea rsp, [rsi - 16]",
        ".cfi_def_cfa rsp, 24",
        "mov r15, [rdi]",
        "mov r14, [rdi + 8]",
        "mov r13, [rdi + 16]",
        "mov r12, [rdi + 24]",
        "mov rbp, [rdi + 32]",
        "mov rbx, [rdi + 40]",
        "mov r11, [rdi + 48]",
        "mov r10, [rdi + 56]",
        "mov r9, [rdi + 64]",
        "mov r8, [rdi + 72]",
        "mov rax, [rdi + 80]",
        "mov rcx, [rdi + 88]",
        "mov rdx, [rdi + 96]",
        "mov rsi, [rdi + 104]",
        "pop rdi",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc",
        here = sym registers::dret_here,
    )
}

// The layout that `det_dret` knows.
const _: () = {
    use core::mem::offset_of;
    use libc::user_regs_struct as Regs;
    assert!(offset_of!(Regs, r15) == 0 && offset_of!(Regs, rbx) == 40);
    assert!(offset_of!(Regs, r11) == 48 && offset_of!(Regs, r8) == 72);
    assert!(offset_of!(Regs, rax) == 80 && offset_of!(Regs, rdi) == 112);
    assert!(offset_of!(Regs, rip) == 128 && offset_of!(Regs, eflags) == 144);
    assert!(offset_of!(Regs, rsp) == 152 && size_of::<Regs>() == 216);
};

/// A child's entry: returns 0 from the call whose saved registers lie at `data`.
///
/// # Safety
/// The stack from `data` on must be as one of the functions above left it.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn second_return(data: *mut (), arg: usize, out: *mut u8) -> End {
    naked_asm!(
        "mov rsp, rdi",
        "xor eax, eax",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}
