//! Entries into the system that are not `syscall` in a library: all are shut.
use super::Attack;
use std::arch::asm;

pub const ATTACKS: &[Attack] = &[
    ("raw_syscall", || {
        raw(libc::SYS_socket, [libc::AF_INET as usize, libc::SOCK_STREAM as usize, 0]);
    }),
    ("int_80", int_80),
    ("int_80_execve", int_80_execve),
    ("sysenter", sysenter),
    ("x32", || {
        raw(X32 | libc::SYS_getpid, [0; 3]);
    }),
    ("x32_open", || {
        raw(X32 | libc::SYS_open, [c"/proc/self/mem".as_ptr() as usize, libc::O_RDWR as usize, 0]);
    }),
    ("negative_number", || {
        raw(-1, [0; 3]);
    }),
    ("number_with_high_half", || {
        raw(libc::SYS_getpid | 1 << 32, [0; 3]);
    }),
    ("vsyscall_time", || {
        // SAFETY: no pointer is passed.
        let virtual_time = unsafe { libc::time(std::ptr::null_mut()) };
        assert_eq!(vsyscall(0xffff_ffff_ff60_0400), virtual_time);
    }),
    ("vsyscall_getcpu", || assert_eq!(vsyscall(0xffff_ffff_ff60_0800), 0)),
    ("compatibility_mode", compatibility_mode),
    ("own_memory", || open(c"/proc/self/mem")),
    ("own_maps", || open(c"/proc/self/maps")),
    ("own_thread_memory", || open(c"/proc/thread-self/mem")),
    ("own_descriptors", || open(c"/proc/self/fd/3")),
    ("parents_memory", || open(c"/proc/1/mem")),
    ("memory_by_openat2", || {
        let how = [libc::O_RDWR as u64, 0, 0];
        let name = c"/proc/self/mem".as_ptr() as usize;
        // SAFETY: the name and the record are alive.
        unsafe { libc::syscall(libc::SYS_openat2, libc::AT_FDCWD, name, &how, 24) };
    }),
    ("memory_by_creat", || {
        raw(libc::SYS_creat, [c"/proc/self/mem".as_ptr() as usize, 0, 0]);
    }),
    ("memory_of_the_parent", || {
        raw(libc::SYS_process_vm_writev, [1, 0, 0]);
    }),
    ("trace_the_parent", || {
        raw(libc::SYS_ptrace, [libc::PTRACE_ATTACH as usize, 1, 0]);
    }),
];

const X32: i64 = 0x4000_0000;

/// A system call of the program's own.
pub fn raw(nr: i64, a: [usize; 3]) -> i64 {
    let result;
    // SAFETY: a refused call ends the process; the pointers that are passed are alive.
    unsafe {
        asm!("syscall", inlateout("rax") nr => result, in("rdi") a[0], in("rsi") a[1],
            in("rdx") a[2], in("r10") 0, in("r8") 0, in("r9") 0, out("rcx") _, out("r11") _);
    }
    result
}

fn open(name: &std::ffi::CStr) {
    raw(libc::SYS_open, [name.as_ptr() as usize, libc::O_RDWR as usize, 0]);
}

fn int_80() {
    // SAFETY: getpid of the 32-bit table; refused, which ends the process.
    unsafe { asm!("int 0x80", inlateout("eax") 20 => _) };
}

fn int_80_execve() {
    // SAFETY: as above; rbx is kept by hand.
    unsafe {
        asm!("push rbx", "xor ebx, ebx", "int 0x80", "pop rbx", inlateout("eax") 11 => _,
            in("ecx") 0, in("edx") 0);
    }
}

fn sysenter() {
    // SAFETY: refused, or an illegal instruction; either ends the process.
    unsafe { asm!("mov eax, 20", "mov rbp, rsp", "sysenter", options(noreturn)) }
}

fn vsyscall(at: usize) -> i64 {
    let result;
    // SAFETY: answered or refused as the call that it is, or a fault where the system has no such
    // page; no pointers are passed.
    unsafe {
        asm!("call {at}", at = in(reg) at, in("rdi") 0, in("rsi") 0, lateout("rax") result,
            clobber_abi("C"));
    }
    result
}

/// A far return to 32-bit code: the program has none below 4 GiB, so it faults, confined as ever.
fn compatibility_mode() {
    // SAFETY: a fault, which ends the process.
    unsafe { asm!("push 0x23", "push 0x1000", "retfq", options(noreturn)) }
}
