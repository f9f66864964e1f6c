//! Answers to trapped system calls, and the faults that end a child. Runs in signal handlers
//! of a child, on the signal stack: no allocation, no locks, no thread-local storage of its
//! own.

use super::policy::{Action, Arg, action, arity, row_of, takes_descriptor};
use super::{FIRST_FILE, clock, futex_command, handler, machine, memory, signals};
use crate::abi::{Cause, Fault, Forbidden, REGISTERS, Site};
use crate::check::watch;
use crate::exec::control::{Role, area, exchange, me};
use crate::exec::{trace, worker};
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
    drawn(me.seed, me.path, me.drawn)
}

fn drawn(seed: u64, path: u64, number: u64) -> u64 {
    mix(mix(seed ^ path.rotate_left(23)) ^ number)
}

/// What a master with this seed draws first: the keys of its hash maps.
#[cfg(feature = "interpose")]
pub(crate) fn keys(seed: u64) -> [u64; 2] {
    [1, 2].map(|number| drawn(seed, mix(seed), number))
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

/// Marks the number of a call that did not come by `syscall`.
const OTHER_ENTRY: i64 = 1 << 32;

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
    // Answering may end the child, by a deadlock or a signal to itself.
    trace::note(registers(regs), 0);
    let answer = if known { answer(nr, &args, ip) } else { None };
    let value = match answer {
        Some(v) => v,
        None if is_refused_softly() => -i64::from(libc::EPERM),
        None => {
            // Registers beyond the call's arguments hold whatever came before.
            let arity = if known { arity(nr) } else { 0 };
            let args = core::array::from_fn(|i| if i < arity { args[i] } else { 0 });
            // The numbers of another entry mean other calls: none that has a name here.
            let nr = if known { nr } else { nr | OTHER_ENTRY };
            trace::note(registers(regs), if known { text(nr, &args) } else { 0 });
            worker::end_child(Cause::Forbidden(Forbidden { nr, args, ip }))
        }
    };
    regs[libc::REG_RAX as usize] = value;
}

/// The interrupted registers in the order of a [`trace`].
pub(crate) fn registers(regs: &[libc::greg_t; 23]) -> [u64; REGISTERS] {
    use libc::*;
    [
        REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8, REG_R9,
        REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
    ]
    .map(|r| regs[r as usize] as u64)
}

/// Address of the first name among the arguments of a call.
fn text(nr: i64, args: &[u64; 6]) -> u64 {
    let kinds = row_of(nr).map_or(&[][..], |r| r.args);
    kinds.iter().position(|k| *k == Arg::Path).map_or(0, |i| args[i])
}

fn answer(nr: i64, a: &[u64; 6], ip: u64) -> Option<i64> {
    if takes_descriptor(nr) && descriptors::is_closed(a[0]) {
        return Some(-i64::from(libc::EBADF));
    }
    // SAFETY: the program passed its pointers to calls that read and write there; a bad one
    // faults here as the program's fault.
    unsafe {
        match action(nr) {
            Action::Constant(v) => Some(v),
            Action::Clock => clock::read(nr, a),
            Action::Sleep => clock::sleep(nr, a),
            Action::Random => random(a),
            Action::Futex => futex(a, ip),
            Action::Signal => signals::send(nr, a, ip),
            Action::Mask => Some(signals::mask(a)),
            Action::Pending => signals::pending(a),
            Action::Disposition => signals::disposition(a),
            Action::Close | Action::Flags if a[0] >= FIRST_FILE => {
                handler()?.call(&mut Log::append, nr, a)
            }
            Action::Close => descriptors::close(a[0]).then_some(0),
            Action::Flags => (a[1] as i32 == libc::F_GETFD).then_some(libc::FD_CLOEXEC.into()),
            Action::SignalStack => signals::stack(a),
            Action::Unmap => (me().leaving != 0).then_some(0),
            Action::Advice => machine::advice(a),
            Action::Barrier => machine::barrier(a),
            Action::Groups => Some(machine::groups(a)),
            Action::UserIds => Some(machine::user_ids(a)),
            Action::GroupOf => machine::group_of(a),
            Action::Scheduling => machine::scheduling(nr, a),
            Action::PriorityRange => machine::priority_range(nr, a),
            Action::Affinity => machine::affinity(a),
            Action::Processor => Some(machine::processor(a)),
            Action::Name => Some(machine::name(a)),
            Action::Machine => Some(machine::machine(a)),
            Action::Limits => machine::limits(nr, a),
            Action::Handler | Action::Tree => handler()?.call(&mut Log::append, nr, a),
            Action::Passes | Action::Refuse => None,
        }
    }
}

/// # Safety
/// The first two arguments are those of a `getrandom`.
unsafe fn random(a: &[u64; 6]) -> Option<i64> {
    const KNOWN: u32 = libc::GRND_NONBLOCK | libc::GRND_RANDOM | libc::GRND_INSECURE;
    if a[2] as u32 & !KNOWN != 0 {
        return None;
    }
    // SAFETY: the caller's contract.
    unsafe { fill_seeded(a[0] as *mut u8, a[1] as usize) };
    Some(a[1] as i64)
}

/// # Safety
/// The arguments are those of a `futex`.
unsafe fn futex(a: &[u64; 6], ip: u64) -> Option<i64> {
    match futex_command(a[1] as i32) {
        libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => Some(0),
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => {
            // SAFETY: the caller's contract.
            let now: u32 = unsafe { memory::get(a[0]) };
            if now != a[2] as u32 {
                return Some(-i64::from(libc::EAGAIN));
            }
            if a[3] != 0 {
                // SAFETY: the caller's contract.
                return Some(unsafe { clock::time_out(a) });
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

/// Code of a fault whose address the processor does not tell.
const SI_KERNEL: i32 = 128;

/// Whether the instruction that trapped is `rdtsc` or `rdtscp`.
fn reads_time_stamp(ip: u64) -> bool {
    // SAFETY: the processor has just read the instruction there, which is of that length.
    unsafe {
        me().tsc_traps != 0
            && match memory::get::<[u8; 2]>(ip) {
                [0x0f, 0x31] => true,
                [0x0f, 0x01] => memory::get::<u8>(ip + 2) == 0xf9,
                _ => false,
            }
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
    let (address, code, regs) = unsafe {
        let regs = &(*context.cast::<ucontext_t>()).uc_mcontext.gregs;
        ((*info).si_addr() as u64, (*info).si_code, regs)
    };
    let ip = regs[libc::REG_RIP as usize] as u64;
    if trace::was_copying() {
        worker::finish_end();
    }
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
    } else if sig == libc::SIGSEGV && code == SI_KERNEL && reads_time_stamp(ip) {
        Site::TimeStamp
    } else {
        Site::Unknown
    };
    trace::note(registers(regs), 0);
    worker::end_child(Cause::Fault(Fault { signal: sig, code, address, ip, site }))
}
