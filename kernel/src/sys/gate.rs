//! The gate: the one stretch of code from which a confined worker may enter Linux, and the
//! few routines that no Rust signature can express (clone, stack switch, child entry).
//!
//! Everything between `det_gate_start` and `det_gate_end` fills whole pages, so that the
//! seccomp filter can allow it by instruction pointer.

use super::cpu::Registers;
use core::arch::global_asm;

global_asm!(
    r#"
    .text
    .p2align 12
    .globl det_gate_start
    .hidden det_gate_start
det_gate_start:
    .globl det_syscall
    .hidden det_syscall
    .type det_syscall, @function
det_syscall:                    # (nr, a, b, c, d, e, f on the stack)
    mov rax, rdi
    mov rdi, rsi
    mov rsi, rdx
    mov rdx, rcx
    mov r10, r8
    mov r8, r9
    mov r9, [rsp+8]
    syscall
    ret
    .globl det_restorer
    .hidden det_restorer
    .type det_restorer, @function
det_restorer:
    mov eax, 15
    syscall
    .globl det_clone
    .hidden det_clone
    .type det_clone, @function
det_clone:                      # (flags, stack, pidfd*, fn, arg): the child calls fn(arg);
                                # nothing is written to its stack before
    push rbx
    mov rbx, r8
    mov r9, rcx
    xor r10d, r10d
    xor r8d, r8d
    mov eax, 56
    syscall
    test rax, rax
    jz 1f
    pop rbx
    ret
1:  mov rdi, rbx
    xor ebp, ebp
    and rsp, -16
    call r9
    ud2
    .p2align 12
    .globl det_gate_end
    .hidden det_gate_end
det_gate_end:

    .globl det_switch
    .hidden det_switch
    .type det_switch, @function
det_switch:                     # (stack, fn, arg): calls fn(arg, old sp) on another stack
    .cfi_startproc
    push rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov rbp, rsp
    .cfi_def_cfa rbp, 64
    mov rsp, rdi
    mov rax, rsi
    mov rdi, rdx
    mov rsi, rbp
    call rax
    mov rsp, rbp
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
    .cfi_endproc

    .globl det_resume
    .hidden det_resume
    .type det_resume, @function
det_resume:                     # (save, load): goes on where `load` stopped
    mov [rdi], rbx
    mov [rdi+8], rbp
    mov [rdi+16], r12
    mov [rdi+24], r13
    mov [rdi+32], r14
    mov [rdi+40], r15
    lea rax, [rip+2f]
    mov [rdi+48], rax
    mov [rdi+56], rsp
    stmxcsr [rdi+72]
    fnstcw [rdi+76]
    mov rbx, [rsi]
    mov rbp, [rsi+8]
    mov r12, [rsi+16]
    mov r13, [rsi+24]
    mov r14, [rsi+32]
    mov r15, [rsi+40]
    mov rsp, [rsi+56]
    mov rdi, [rsi+64]
    ldmxcsr [rsi+72]
    fldcw [rsi+76]
    jmp [rsi+48]
2:  ret
"#
);

unsafe extern "C" {
    /// Makes system call `nr`; negative results are error numbers.
    pub(super) fn det_syscall(
        nr: i64,
        a: usize,
        b: usize,
        c: usize,
        d: usize,
        e: usize,
        f: usize,
    ) -> isize;
    /// Clones the process; the child calls `f(arg)` on `stack` and never returns.
    pub(super) fn det_clone(
        flags: usize,
        stack: usize,
        pidfd: *mut i32,
        f: usize,
        arg: usize,
    ) -> isize;
    /// Calls `f(arg, caller's stack pointer)` on the stack that ends at `stack`.
    pub(super) fn det_switch(stack: usize, f: usize, arg: usize);
    /// Keeps the caller's registers in `save` and goes on with those of `load`.
    pub(super) fn det_resume(save: *mut Registers, load: *const Registers);
    /// Returns from a signal handler.
    pub(crate) fn det_restorer();
    static det_gate_start: u8;
    static det_gate_end: u8;
}

/// Address of the routine that makes a system call.
pub(crate) fn entry() -> usize {
    det_syscall as *const () as usize
}

/// The address range of the gate.
pub(crate) fn range() -> (usize, usize) {
    (&raw const det_gate_start as usize, &raw const det_gate_end as usize)
}
