//! Signals of a run that is recorded or replayed: the mask keeps the trap open, handlers are for
//! faults only, and a run that a signal of its own ends has an end in its record.

use super::answer::{done, end, refuse};
use super::file::{Chunk, SIGNALS};
use super::peek;
use super::record::{self, Mode, State};
use crate::confine::signal_stack;
use crate::sys::{self, Action, Sys};
use libc::{c_int, c_void, siginfo_t};

/// The trap, blocked, would kill.
const TRAP: u64 = bit(libc::SIGSYS);

/// Signals by which a program's own instructions end it.
const FAULTS: [i32; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];

const INVALID: i64 = -(libc::EINVAL as i64);

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Ours, where the program has none.
fn ours() -> Action {
    Action::new(on_fault, libc::SA_ONSTACK)
}

fn exchange(signal: i32, new: Option<&Action>) -> Sys<Action> {
    // SAFETY: handlers are the program's own, or ours, which keeps to what it may do.
    unsafe { sys::action(signal, new) }
}

/// What the program has inherited is recorded, or made as it was recorded: the mask, and which
/// signals are ignored. Faults without a handler get ours.
pub(super) fn begin(s: &mut State) -> Sys<()> {
    let mut mask = 0u64;
    let query = [libc::SIG_BLOCK as usize, 0, &raw mut mask as usize, 8, 0, 0];
    // SAFETY: the word is writable.
    unsafe { sys::call(libc::SYS_rt_sigprocmask, query) }?;
    let mut ignored = 0;
    let others = || (1..=64).filter(|s| ![libc::SIGKILL, libc::SIGSTOP, libc::SIGSYS].contains(s));
    for signal in others() {
        if exchange(signal, None)?.handler == libc::SIG_IGN {
            ignored |= bit(signal);
        }
    }
    let mut bytes = ignored.to_le_bytes();
    let chunk = Chunk { nr: SIGNALS, len: 8, result: (mask & !TRAP) as i64, key: 0, sum: 0 };
    if s.mode == Mode::Record {
        record::append(s, chunk, &[&bytes]);
    } else {
        let chunk = record::next(s, SIGNALS.into(), 0, &mut bytes);
        mask = chunk.result as u64;
        ignored = u64::from_le_bytes(bytes);
        let set = [libc::SIG_SETMASK as usize, &raw const mask as usize, 0, 8, 0, 0];
        // SAFETY: the set is alive; nothing here waits for a signal.
        unsafe { sys::call(libc::SYS_rt_sigprocmask, set) }?;
        for signal in others() {
            let handler = if ignored & bit(signal) == 0 { libc::SIG_DFL } else { libc::SIG_IGN };
            if matches!(exchange(signal, None)?.handler, libc::SIG_DFL | libc::SIG_IGN) {
                exchange(signal, Some(&Action { handler, ..Action::default() }))?;
            }
        }
    }
    for signal in FAULTS {
        if exchange(signal, None)?.handler == libc::SIG_DFL {
            exchange(signal, Some(&ours()))?;
        }
    }
    // A handler of faults makes calls, and each traps on the stack that the handler is on. That
    // which std gives to its own has eight kilobytes, of which two frames of signals are seven.
    // SAFETY: the caller, the program's one thread, handles no signal now.
    unsafe { signal_stack() }
}

/// A fault of the program, which has no handler for it: the end.
extern "C" fn on_fault(signal: c_int, _: *mut siginfo_t, _: *mut c_void) {
    if super::is_master() {
        end(-i64::from(signal));
    }
    let _ = exchange(signal, Some(&Action::default()));
    // It is blocked in here: it comes when this returns, where the fault was.
    raise(signal);
}

fn raise(signal: i32) {
    let me = sys::ids();
    let args = [me.0 as usize, me.1 as usize, signal as usize, 0, 0, 0];
    // SAFETY: concerns this process alone, which is to end.
    let _ = unsafe { sys::call(libc::SYS_tgkill, args) };
}

/// A signal that the program sends itself: `abort`.
pub(super) fn signal(s: &State, nr: i64, a: &[u64; 6]) -> i64 {
    if [a[0], a[1], a[2]] != [s.pid as u64, s.pid as u64, libc::SIGABRT as u64] {
        refuse(nr, a);
    }
    // Ignored it does nothing, and `abort` tries again.
    if exchange(libc::SIGABRT, None).is_ok_and(|old| old.handler == libc::SIG_DFL) {
        end(-i64::from(libc::SIGABRT));
        raise(libc::SIGABRT);
    }
    0
}

/// The mask of signals: the trap stays open.
///
/// # Safety
/// The call's own contract.
pub(super) unsafe fn blocked(a: &[u64; 6], mask: &mut u64) -> i64 {
    const FAULT: i64 = -(libc::EFAULT as i64);
    if a[3] != 8 {
        return INVALID;
    }
    let before = *mask;
    if a[1] != 0 {
        let Some(set) = peek::array(a[1]).map(u64::from_le_bytes) else { return FAULT };
        *mask = match a[0] as i32 {
            libc::SIG_BLOCK => before | set,
            libc::SIG_UNBLOCK => before & !set,
            libc::SIG_SETMASK => set,
            _ => return INVALID,
        } & !TRAP;
    }
    if a[2] != 0 {
        if peek::array::<8>(a[2]).is_none() {
            return FAULT;
        }
        // SAFETY: the caller's contract.
        unsafe { (a[2] as *mut u64).write_unaligned(before) };
    }
    0
}

/// Handlers are for faults only: when another signal comes, no record could say.
///
/// # Safety
/// The call's own contract.
pub(super) unsafe fn disposition(nr: i64, a: &[u64; 6]) -> i64 {
    if a[1] == 0 && a[2] == 0 || a[3] != 8 {
        // SAFETY: the caller's contract; it changes nothing.
        return unsafe { done(nr, a) };
    }
    let signal = a[0] as i32;
    let is_fault = FAULTS.contains(&signal);
    // SAFETY: the caller's contract.
    let asked = (a[1] != 0).then(|| unsafe { (a[1] as *const Action).read_unaligned() });
    let new = asked.map(|new| {
        let none = matches!(new.handler, libc::SIG_DFL | libc::SIG_IGN);
        // Libc's own, which threads send each other: the thread is refused, by its name.
        let none = none || matches!(signal, 32 | 33);
        if signal == libc::SIGSYS || !none && !is_fault {
            refuse(nr, a);
        }
        match is_fault && new.handler == libc::SIG_DFL {
            true => ours(),
            false => Action { mask: new.mask & !TRAP, ..new },
        }
    });
    match exchange(signal, new.as_ref()) {
        Ok(old) if a[2] != 0 => {
            let is_ours = old.handler == on_fault as *const () as usize;
            let old = if is_ours { Action::default() } else { old };
            // SAFETY: the caller's contract.
            unsafe { (a[2] as *mut Action).write_unaligned(old) };
            0
        }
        Ok(_) => 0,
        Err(errno) => -i64::from(errno),
    }
}
