//! Registers that no library function sets: the thread pointer, floating-point control.

use core::arch::asm;

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

    /// Makes it the caller's.
    #[inline]
    pub(crate) fn set(&self) {
        // SAFETY: both values were read from the same registers of another space.
        unsafe {
            asm!("ldmxcsr [{}]", "fldcw [{}]", in(reg) &self.mxcsr, in(reg) &self.x87,
                options(nostack, readonly, preserves_flags));
        }
    }
}

/// The processor this thread runs on, as the kernel keeps it in TSC_AUX.
#[inline]
pub(crate) fn current() -> usize {
    let aux: u32;
    // SAFETY: rdtscp is present on every processor with the kernel's getcpu fast path.
    unsafe { asm!("rdtscp", out("ecx") aux, out("eax") _, out("edx") _, options(nostack, nomem)) };
    (aux & 0xfff) as usize
}

/// The time stamp counter, used only to pace the control plane, never visible in results.
#[inline]
pub(crate) fn cycles() -> u64 {
    // SAFETY: rdtsc has no preconditions outside PR_SET_TSC, which the control plane never sets.
    unsafe { core::arch::x86_64::_rdtsc() }
}
