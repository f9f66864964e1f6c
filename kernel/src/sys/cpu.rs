//! What no library function does: registers, floating-point control, bytes written as they are.

use crate::exec::control::{Role, me};
use core::arch::asm;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// The thread pointer (FS base).
#[inline]
pub(crate) fn thread_pointer() -> usize {
    let tp: usize;
    // SAFETY: the x86-64 ABI keeps a pointer to itself at FS:0.
    unsafe { asm!("mov {}, fs:0", out(reg) tp, options(nostack, readonly, preserves_flags)) };
    tp
}

/// Sets the thread pointer.
///
/// # Safety
/// `tp` must point to a complete thread control block.
#[inline]
pub(crate) unsafe fn set_thread_pointer(tp: usize) {
    const ARCH_SET_FS: usize = 0x1002;
    // SAFETY: the caller's contract.
    let _ = unsafe { super::call(libc::SYS_arch_prctl, [ARCH_SET_FS, tp, 0, 0, 0, 0]) };
}

/// Floating-point control of a thread: rounding, masks, flush modes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FloatControl {
    mxcsr: u32,
    x87: u16,
}

impl FloatControl {
    /// Of the caller, sticky exception flags cleared.
    #[inline]
    pub(crate) fn get() -> FloatControl {
        let mut mxcsr = 0u32;
        let mut x87 = 0u16;
        // SAFETY: stores the two control registers into the variables.
        unsafe {
            asm!("stmxcsr [{}]", "fnstcw [{}]", in(reg) &mut mxcsr, in(reg) &mut x87,
                options(nostack, preserves_flags));
        }
        FloatControl { mxcsr: mxcsr & !0x3f, x87 }
    }
}

/// Where a suspended flow of control goes on: its place and the registers that a call keeps
/// (System V ABI, x86-64). A child starts from such a record, and one that stops in the
/// middle can go on from the record that was made then. `gate.rs` knows the layout.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Registers {
    /// rbx, rbp, r12 to r15.
    kept: [u64; 6],
    /// Instruction pointer.
    ip: usize,
    /// Stack pointer.
    stack: usize,
    /// First argument of a function that starts here.
    argument: usize,
    float: FloatControl,
}

impl Registers {
    /// The start of `f(argument)` on the stack that ends at `stack` (16-aligned).
    ///
    /// # Safety
    /// The stack must be writable and unused.
    pub(crate) unsafe fn at_start(
        f: extern "C" fn(usize) -> !,
        argument: usize,
        stack: usize,
        float: FloatControl,
    ) -> Registers {
        let top = stack - 8;
        // SAFETY: the caller's contract. The null return address ends backtraces.
        unsafe { (top as *mut usize).write(0) };
        Registers { kept: [0; 6], ip: f as usize, stack: top, argument, float }
    }
}

impl Registers {
    /// Where it goes on, and its stack pointer.
    pub(crate) fn place(&self) -> crate::abi::Registers {
        crate::abi::Registers { ip: self.ip as u64, stack: self.stack as u64 }
    }
}

/// Keeps the caller's place in `save` and goes on at `load`; returns when another flow of
/// control resumes `save`.
///
/// # Safety
/// `load` must be a start, or a record that [`resume`] made and that was not resumed since;
/// its stack must be intact.
pub(crate) unsafe fn resume(save: &mut Registers, load: &Registers) {
    // SAFETY: the caller's contract.
    unsafe { super::gate::det_resume(save, load) }
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(Registers, ip) == 48 && offset_of!(Registers, stack) == 56);
    assert!(offset_of!(Registers, argument) == 64 && offset_of!(Registers, float) == 72);
    assert!(offset_of!(FloatControl, mxcsr) == 0 && offset_of!(FloatControl, x87) == 4);
};

/// The processor this thread runs on, as the kernel keeps it in TSC_AUX.
#[inline]
pub(crate) fn current() -> usize {
    let aux: u32;
    // SAFETY: rdtscp is present on every processor with the kernel's getcpu fast path.
    unsafe { asm!("rdtscp", out("ecx") aux, out("eax") _, out("edx") _, options(nostack, nomem)) };
    (aux & 0xfff) as usize
}

/// Begins to load a line of the cache; any address will do.
#[inline]
pub(crate) fn prefetch(addr: usize) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint, without effect where nothing is mapped.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(addr as *const i8) }
}

/// Writes to a byte, which keeps its value, so that its page is private to this process: to read
/// first and write then takes a page fault more.
///
/// # Safety
/// The byte must be mapped writable and belong to the caller.
pub(crate) unsafe fn make_own(byte: *mut u8) {
    // SAFETY: the caller's contract; a byte is aligned.
    let byte = unsafe { AtomicU8::from_ptr(byte) };
    // Unlike other operations that change nothing, this one is a write for sure.
    let _ = byte.compare_exchange(0, 0, Relaxed, Relaxed);
}

/// The time stamp counter, used only to pace the control plane, never visible in results. In a
/// worker where it traps: a count of these calls, in about the same measure.
#[inline]
pub(crate) fn cycles() -> u64 {
    const A_CALL: u64 = 100;
    let me = me();
    if me.tsc_traps != 0 && matches!(me.role, Role::Worker | Role::Child) {
        me.ticks += A_CALL;
        return me.ticks;
    }
    // SAFETY: rdtsc has no preconditions but PR_SET_TSC, which is set in the workers above.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Offset of a state component in an area of XSAVE in the standard format.
pub(crate) fn state_component(n: u32) -> usize {
    core::arch::x86_64::__cpuid_count(0xd, n).ebx as usize
}

/// Bytes of an area of XSAVE that holds all components in use.
pub(crate) fn state_size() -> usize {
    core::arch::x86_64::__cpuid_count(0xd, 0).ebx as usize
}
