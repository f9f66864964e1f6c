//! The processor's state as a signal handler finds it.

use super::decode::Machine;
use crate::sys::cpu;
use libc::ucontext_t;

/// The interrupted code and its registers.
pub(super) struct Interrupted<'a> {
    context: &'a ucontext_t,
}

/// Registers in the order of their numbers in encodings.
const GENERAL: [libc::c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// Offsets in the state area of a signal frame, which is in the standard format of XSAVE.
const XMM: usize = 160;
const SOFTWARE: usize = 464;
const HEADER: usize = 512;
/// State components by number: upper halves of YMM, masks, upper halves of ZMM, ZMM 16 to 31.
const YMM_HIGH: u32 = 2;
const MASKS: u32 = 5;
const ZMM_HIGH: u32 = 6;
const ZMM_MORE: u32 = 7;

impl<'a> Interrupted<'a> {
    /// # Safety
    /// The context must be one that the kernel passed to a signal handler that still runs.
    pub unsafe fn new(context: &'a ucontext_t) -> Interrupted<'a> {
        Interrupted { context }
    }

    fn saved<const N: usize>(&self, at: usize) -> [u8; N] {
        let area = self.context.uc_mcontext.fpregs as usize;
        if area == 0 {
            return [0; N];
        }
        // SAFETY: the contract of `new`: the kernel wrote the area; callers stay within what
        // its software field says is there.
        unsafe { core::ptr::read_unaligned((area + at) as *const [u8; N]) }
    }

    /// Where a state component lies; none where the processor lacks it, or where it is in its
    /// initial state, which is zero.
    fn component(&self, n: u32) -> Option<usize> {
        const MAGIC: u32 = 0x4650_5853;
        let extended = u32::from_ne_bytes(self.saved(SOFTWARE)) == MAGIC;
        let present = u64::from_ne_bytes(self.saved(SOFTWARE + 8));
        let used = || u64::from_ne_bytes(self.saved(HEADER));
        let there = extended && present >> n & 1 != 0 && used() >> n & 1 != 0;
        there.then(|| cpu::state_component(n))
    }
}

impl Machine for Interrupted<'_> {
    fn byte(&self, at: usize) -> u8 {
        // SAFETY: `new`: the processor has just read the instruction; the decoder asks for
        // bytes of it only.
        unsafe { *((self.ip() as usize + at) as *const u8) }
    }

    fn ip(&self) -> u64 {
        self.context.uc_mcontext.gregs[libc::REG_RIP as usize] as u64
    }

    fn register(&self, n: u8) -> u64 {
        let place = GENERAL.get(usize::from(n)).map_or(0, |&r| r as usize);
        self.context.uc_mcontext.gregs[place] as u64
    }

    fn fs(&self) -> u64 {
        cpu::thread_pointer() as u64
    }

    fn vector(&self, n: u8) -> [u8; 64] {
        let mut all = [0; 64];
        let n = usize::from(n);
        if n >= 16 {
            return self.component(ZMM_MORE).map_or(all, |at| self.saved(at + 64 * (n - 16)));
        }
        all[..16].copy_from_slice(&self.saved::<16>(XMM + 16 * n));
        if let Some(at) = self.component(YMM_HIGH) {
            all[16..32].copy_from_slice(&self.saved::<16>(at + 16 * n));
        }
        if let Some(at) = self.component(ZMM_HIGH) {
            all[32..].copy_from_slice(&self.saved::<32>(at + 32 * n));
        }
        all
    }

    fn mask(&self, n: u8) -> u64 {
        let at = |at| u64::from_ne_bytes(self.saved(at + 8 * usize::from(n)));
        self.component(MASKS).map_or(0, at)
    }

    fn state_size(&self) -> u64 {
        cpu::state_size() as u64
    }
}
