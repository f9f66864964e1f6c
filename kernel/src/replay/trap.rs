//! The filter on the program's own process, and its handler.

use super::answer;
use super::table::PASS;
use crate::confine::gate_and;
use crate::sys::{self, Action, Sys};
use libc::{c_int, c_void, siginfo_t, ucontext_t};

/// Lets every call trap that comes neither from the gate nor is one of [`PASS`]. Workers made
/// afterwards inherit it, and add their own.
///
/// # Safety
/// The calls of this process are answered by the record from now on; the state must be set.
pub(crate) unsafe fn install() -> Sys<()> {
    // On the stack of the code that it interrupts.
    let action = Action::new(on_call, libc::SA_NODEFER);
    // SAFETY: the handler keeps to what a signal handler may do.
    unsafe { sys::action(libc::SIGSYS, Some(&action)) }?;
    let open = 1u64 << (libc::SIGSYS - 1);
    let set = [libc::SIG_UNBLOCK as usize, &raw const open as usize, 0, 8, 0, 0];
    // SAFETY: the set is alive; the handler above is there.
    unsafe { sys::call(libc::SYS_rt_sigprocmask, set) }?;
    gate_and(&PASS)
}

/// SIGSYS: a call of the program's.
extern "C" fn on_call(_: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid context of the interrupted code; its mask of signals
    // has eight bytes, whatever room libc gives it.
    let (regs, mask, arch) = unsafe {
        let context = context.cast::<ucontext_t>();
        let mask = &mut *(&raw mut (*context).uc_sigmask).cast::<u64>();
        (&mut (*context).uc_mcontext.gregs, mask, *(info as *const u32).add(7))
    };
    let reg = |i: c_int| regs[i as usize];
    let args =
        [libc::REG_RDI, libc::REG_RSI, libc::REG_RDX, libc::REG_R10, libc::REG_R8, libc::REG_R9]
            .map(|r| reg(r) as u64);
    const X86_64: u32 = 0xc000_003e;
    let nr = reg(libc::REG_RAX);
    if arch != X86_64 {
        answer::refuse(-1, &args);
    }
    // SAFETY: the arguments are those of the program's own call.
    regs[libc::REG_RAX as usize] = unsafe { answer::answer(nr, &args, mask) };
}
