//! Answers to trapped system calls, and the faults that end a child. Runs in signal handlers
//! of a child, on the signal stack: no allocation, no locks, no thread-local storage of its
//! own.

use super::policy::{Action, action, arity, takes_descriptor};
use super::{VIRTUAL_ID, handler};
use crate::abi::{Cause, Fault, Forbidden, Site};
use crate::check::watch;
use crate::exec::control::{Role, area, exchange, me};
use crate::exec::worker;
use crate::image::layout::{STACK, STACK_END};
use crate::space::descriptors;
use libc::{siginfo_t, ucontext_t};

/// The running child's log.
pub(crate) struct Log;

impl Log {
    /// Appends; false where the log is full.
    pub fn append(bytes: &[u8]) -> bool {
        let me = me();
        if bytes.len() > area::LOG_SIZE - me.log_len {
            return false;
        }
        let to = exchange(me.slot) + area::LOG + me.log_len;
        // SAFETY: `control`: the log area belongs to this worker and has room.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to as *mut u8, bytes.len()) };
        me.log_len += bytes.len();
        true
    }
}

/// The next 64 bits of the space's generator: a function of seed, path and draw.
fn draw() -> u64 {
    let me = me();
    me.drawn += 1;
    mix(mix(me.seed ^ me.path.rotate_left(23)) ^ me.drawn)
}

/// SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014).
pub(crate) fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Fills a buffer from the seeded generator.
///
/// # Safety
/// `len` bytes at `to` must be writable.
pub(crate) unsafe fn fill_seeded(to: *mut u8, len: usize) {
    let mut word = [0u8; 8];
    for i in 0..len {
        if i % 8 == 0 {
            word = draw().to_le_bytes();
        }
        // SAFETY: the caller's contract.
        unsafe { to.add(i).write(word[i % 8]) };
    }
}

/// Whether a refused call only gets an error number: the child is unwinding from a panic,
/// which fails the join already, and its hook or destructors try what they may not.
fn is_refused_softly() -> bool {
    std::thread::panicking()
}

/// SIGSYS: a system call outside the gate.
pub(super) extern "C" fn on_call(_sig: i32, info: *mut siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid context of the interrupted code.
    let regs = unsafe { &mut (*context.cast::<ucontext_t>()).uc_mcontext.gregs };
    let reg = |i: libc::c_int| regs[i as usize];
    let nr = reg(libc::REG_RAX);
    let args =
        [libc::REG_RDI, libc::REG_RSI, libc::REG_RDX, libc::REG_R10, libc::REG_R8, libc::REG_R9]
            .map(|r| reg(r) as u64);
    let ip = reg(libc::REG_RIP) as u64;
    // A call by another entry (int 0x80, x32) reports its architecture or number range.
    // SAFETY: SIGSYS fills these fields; `si_arch` lies after the address and number.
    let arch = unsafe { *(info as *const u32).add(7) };
    const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
    let known = arch == AUDIT_ARCH_X86_64;
    let answer = if known { answer(nr, &args, ip) } else { None };
    let value = match answer {
        Some(v) => v,
        None if is_refused_softly() => -i64::from(libc::EPERM),
        None => {
            // Registers beyond the call's arguments hold whatever came before.
            let arity = if known { arity(nr) } else { 0 };
            let args = core::array::from_fn(|i| if i < arity { args[i] } else { 0 });
            worker::end_child(Cause::Forbidden(Forbidden { nr, args, ip }))
        }
    };
    regs[libc::REG_RAX as usize] = value;
}

fn answer(nr: i64, a: &[u64; 6], ip: u64) -> Option<i64> {
    if takes_descriptor(nr) && descriptors::is_closed(a[0]) {
        return Some(-i64::from(libc::EBADF));
    }
    match action(nr) {
        Action::Constant(v) => Some(v),
        Action::Random => {
            // SAFETY: the program passed the buffer to getrandom; a bad one faults here as
            // the program's fault.
            unsafe { fill_seeded(a[0] as *mut u8, a[1] as usize) };
            Some(a[1] as i64)
        }
        Action::Futex => futex(a, ip),
        Action::Signal => {
            let (target, signal) = if nr == libc::SYS_tgkill { (a[1], a[2]) } else { (a[0], a[1]) };
            if signal == 0 || target as i64 != VIRTUAL_ID {
                return None;
            }
            let fault =
                Fault { signal: signal as i32, code: 0, address: 0, ip, site: Site::Unknown };
            worker::end_child(Cause::Fault(fault))
        }
        Action::Close => descriptors::close(a[0]).then_some(0),
        Action::Flags => (a[1] as i32 == libc::F_GETFD).then_some(libc::FD_CLOEXEC.into()),
        Action::SignalStack => {
            let new = a[0] as *const libc::stack_t;
            // SAFETY: the program passed null or a record to sigaltstack.
            let down = unsafe { new.as_ref() }.is_some_and(|s| s.ss_flags & libc::SS_DISABLE != 0);
            me().leaving |= u32::from(down);
            down.then_some(0)
        }
        Action::Unmap => (me().leaving != 0).then_some(0),
        Action::Handler => handler()?.call(&mut Log::append, nr, a),
        Action::Refuse => None,
    }
}

fn futex(a: &[u64; 6], ip: u64) -> Option<i64> {
    let op = a[1] as i32 & libc::FUTEX_CMD_MASK;
    match op {
        libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => Some(0),
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => {
            // SAFETY: the program passed the word to futex.
            let now = unsafe { *(a[0] as *const u32) };
            if now != a[2] as u32 {
                return Some(-i64::from(libc::EAGAIN));
            }
            if a[3] != 0 {
                return None;
            }
            worker::end_child(Cause::Fault(Fault {
                signal: 0,
                code: 0,
                address: a[0],
                ip,
                site: Site::Deadlock,
            }))
        }
        _ => None,
    }
}

/// Any signal that ends a child, unless it has to do with watched pages.
pub(super) extern "C" fn on_fault(sig: i32, info: *mut siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes valid records of the interrupted code.
    let watched = unsafe {
        let context = &mut *context.cast::<ucontext_t>();
        match sig {
            libc::SIGSEGV => watch::on_fault(&*info, context),
            libc::SIGTRAP => watch::on_step(context),
            _ => false,
        }
    };
    if watched {
        return;
    }
    // SAFETY: the kernel passes valid records; `si_addr` is meaningful for these signals.
    let (address, code, ip) = unsafe {
        let regs = &(*context.cast::<ucontext_t>()).uc_mcontext.gregs;
        ((*info).si_addr() as u64, (*info).si_code, regs[libc::REG_RIP as usize] as u64)
    };
    if me().role != Role::Child {
        // The control plane itself failed: the master sees a worker that died.
        crate::sys::exit(71);
    }
    let at = address as usize;
    let guard = STACK..STACK + 2 * crate::abi::PAGE;
    let site = if guard.contains(&at) {
        Site::StackGuard
    } else if sig == libc::SIGSEGV && code == 2 && !(STACK..STACK_END).contains(&at) {
        Site::OutsideImage
    } else {
        Site::Unknown
    };
    worker::end_child(Cause::Fault(Fault { signal: sig, code, address, ip, site }))
}
