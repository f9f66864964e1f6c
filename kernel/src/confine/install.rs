//! Confines the calling worker for good.

use super::filter::{Own, Program, RULES, assemble, assemble_open};
use super::{emulate, vdso};
use crate::exec::control::{me, private, step};
use crate::image::layout::PRIVATE;
use crate::sys::{self, Action, Handler, Sys, gate};

fn handle(signal: i32, handler: Handler) -> Sys<()> {
    // A fault while another is being reported must come through, see `exec::trace`.
    let action = Action::new(handler, libc::SA_ONSTACK | libc::SA_NODEFER);
    // SAFETY: the handlers keep to what a signal handler may do.
    unsafe { sys::action(signal, Some(&action)) }.map(drop)
}

/// Signals that end a child. The others are blocked in a worker.
const FAULTS: [i32; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT];

/// Makes the signal stack that of this thread.
///
/// # Safety
/// The thread stands on no signal stack, and no other thread of the process uses this one.
pub(crate) unsafe fn signal_stack() -> Sys<()> {
    let stack = libc::stack_t {
        ss_sp: (PRIVATE + private::SIGNAL_STACK) as *mut libc::c_void,
        ss_flags: 0,
        ss_size: private::SIGNAL_SIZE,
    };
    // SAFETY: private memory used for nothing else.
    unsafe { sys::call(libc::SYS_sigaltstack, [&raw const stack as usize, 0, 0, 0, 0, 0]) }?;
    Ok(())
}

/// Sets handlers and signal stack, patches the vDSO, then closes the filter.
///
/// # Safety
/// In a worker only: the process can make no other calls afterwards.
pub(crate) unsafe fn install() -> Result<(), (u32, i32)> {
    // SAFETY: the signal stack is private memory used for nothing else.
    unsafe {
        signal_stack().map_err(|e| (step::HANDLERS, e))?;
        handle(libc::SIGSYS, emulate::on_call).map_err(|e| (step::HANDLERS, e))?;
        for s in FAULTS {
            handle(s, emulate::on_fault).map_err(|e| (step::HANDLERS, e))?;
        }
        let mut blocked = !0u64;
        for s in FAULTS.into_iter().chain([libc::SIGSYS]) {
            blocked &= !(1 << (s - 1));
        }
        let a = [libc::SIG_SETMASK as usize, &raw const blocked as usize, 0, 8, 0, 0];
        sys::call(libc::SYS_rt_sigprocmask, a).map_err(|e| (step::HANDLERS, e))?;
        vdso::patch().map_err(|e| (step::VDSO, e))?;
        if me().tsc_traps != 0 {
            let a = [libc::PR_SET_TSC as usize, libc::PR_TSC_SIGSEGV as usize, 0, 0, 0, 0];
            sys::call(libc::SYS_prctl, a).map_err(|e| (step::TSC, e))?;
        }
        let fds = [me().image_fd, me().exchange_fd, me().pagemap_fd].map(|fd| fd as u32);
        let p = assemble(gate::range(), RULES, Own { fds, slot: me().slot });
        close(&p).map_err(|e| (step::FILTER, e))?;
    }
    Ok(())
}

/// Lets calls from the gate pass, and the given ones from anywhere; all others trap.
pub(crate) fn gate_and(pass: &[i64]) -> Sys<()> {
    close(&assemble_open(gate::range(), pass))
}

/// Installs a filter, for good.
fn close(p: &Program) -> Sys<()> {
    #[repr(C)]
    struct Prog {
        len: u16,
        insns: usize,
    }
    let prog = Prog { len: p.len as u16, insns: p.insns.as_ptr() as usize };
    const SET_MODE_FILTER: usize = 1;
    // SAFETY: the filter program is alive during the calls.
    unsafe {
        sys::call(libc::SYS_prctl, [libc::PR_SET_NO_NEW_PRIVS as usize, 1, 0, 0, 0, 0])?;
        sys::call(libc::SYS_seccomp, [SET_MODE_FILTER, 0, &raw const prog as usize, 0, 0, 0])
            .map(drop)
    }
}
