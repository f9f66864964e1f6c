//! Forged signal frames: the gate's return from a signal takes all registers, the mask and the
//! signal stack from memory. It is no way out: the filter looks at where a call comes from and
//! what it asks for, whoever put it there.
use super::Attack;
use kernel::master::exposed::exposed;
use std::arch::asm;
use std::mem::zeroed;

pub const ATTACKS: &[Attack] = &[
    // Registers for the gate's own system call: an open.
    ("frame_to_the_gate", || {
        back(|f| {
            let e = exposed();
            f.gregs[libc::REG_RIP as usize] = (e.restorer + 5) as i64;
            f.gregs[libc::REG_RAX as usize] = libc::SYS_openat;
        });
    }),
    // With all signals blocked the refusal cannot be told: the process dies of it.
    ("frame_that_blocks_signals", || {
        back(|f| {
            f.blocked = !0;
            f.gregs[libc::REG_RIP as usize] = refused_call as *const () as i64;
        });
    }),
    ("frame_to_nowhere", || back(|f| f.gregs[libc::REG_RIP as usize] = 0x10)),
    ("frame_that_is_no_address", || back(|f| f.gregs[libc::REG_RIP as usize] = 0x1234 << 48)),
    ("frame_without_stack", || {
        back(|f| {
            f.gregs[libc::REG_RIP as usize] = refused_call as *const () as i64;
            f.gregs[libc::REG_RSP as usize] = 0;
        });
    }),
    // 32-bit code: there is none, and its calls are refused.
    ("frame_with_another_segment", || back(|f| f.segments = 0x23)),
    ("frame_with_a_kernel_segment", || back(|f| f.segments = 0x10)),
    ("frame_that_steps", || {
        back(|f| {
            f.gregs[libc::REG_EFL as usize] = 0x302;
            f.gregs[libc::REG_RIP as usize] = super::spin as *const () as i64;
        });
    }),
    // A signal stack where nothing is: the next fault cannot be handled.
    ("frame_with_another_signal_stack", || {
        back(|f| {
            f.stack = (0x1000, 0x10_0000);
            f.gregs[libc::REG_RIP as usize] = 0;
        });
    }),
    ("frame_of_garbage", || {
        let stack = [0x5a5a_5a5a_5a5a_5a5a_u64; 256];
        return_with(stack.as_ptr() as usize);
    }),
];

/// What a frame says that matters here.
struct Frame {
    gregs: [i64; 23],
    blocked: u64,
    segments: u64,
    stack: (usize, usize),
}

extern "C" fn refused_call() -> ! {
    // SAFETY: refused, which ends the process.
    unsafe { asm!("mov eax, 39", "syscall", "2: jmp 2b", options(noreturn)) }
}

/// Returns from a signal that there was not, with a frame as the kernel would have made it.
fn back(change: impl Fn(&mut Frame)) -> ! {
    let e = exposed();
    let mut f = Frame { gregs: [0; 23], blocked: 0, segments: 0, stack: (0, 0) };
    f.gregs[libc::REG_EFL as usize] = 0x202;
    f.gregs[libc::REG_RSP as usize] = (e.private.0 + (8 << 20)) as i64;
    f.segments = 0x33;
    change(&mut f);
    // SAFETY: zero is a valid value of every field.
    let mut context: Box<(u64, libc::ucontext_t)> = unsafe { Box::new(zeroed()) };
    let c = &mut context.1;
    c.uc_flags = 0x6;
    c.uc_stack.ss_sp = f.stack.0 as *mut libc::c_void;
    c.uc_stack.ss_size = f.stack.1;
    c.uc_stack.ss_flags = if f.stack.1 == 0 { libc::SS_DISABLE } else { 0 };
    c.uc_mcontext.gregs = f.gregs;
    // cs, gs, fs, ss
    c.uc_mcontext.gregs[libc::REG_CSGSFS as usize] = (f.segments | 0x2b << 48) as i64;
    let mask = (&raw mut c.uc_sigmask).cast::<u64>();
    // SAFETY: the first word of the mask is what the kernel reads.
    unsafe { mask.write(f.blocked) };
    return_with((&raw const *c) as usize)
}

/// Enters the gate with the stack pointer where the kernel expects the context.
fn return_with(context: usize) -> ! {
    let restorer = exposed().restorer;
    // SAFETY: the process goes on as the context says, or ends.
    unsafe {
        asm!("mov rsp, {c}", "jmp {r}", c = in(reg) context, r = in(reg) restorer, options(noreturn))
    }
}
