//! Chaos scheduling (`DETPAR_CHAOS=seed`): perturbs what the executor is free to choose, so
//! that tests meet schedules which a quiet machine never shows. Results must not move.

use super::control::control;
use crate::confine::mix;
use crate::sys::{self, cpu};
use core::sync::atomic::Ordering::Relaxed;

/// The next random number, or `None` where chaos is off. Time goes into it on purpose: the
/// schedule is what shall differ.
fn draw() -> Option<u64> {
    let seed = control().told.chaos.load(Relaxed);
    (seed != 0).then(|| mix(seed ^ mix(cpu::cycles())))
}

/// A point where anything may come between: delays in one of four cases, up to 200 us.
pub(super) fn point() {
    let Some(r) = draw() else { return };
    match r % 8 {
        0 => {
            let start = cpu::cycles();
            while cpu::cycles() - start < r >> 8 & 0x7ffff {
                core::hint::spin_loop();
            }
        }
        1 => {
            // SAFETY: has no operands.
            let _ = unsafe { sys::call(libc::SYS_sched_yield, [0; 6]) };
        }
        _ => {}
    }
}

/// A choice that is free: true in one of `n` cases under chaos, never without.
pub(super) fn choose(n: u64) -> bool {
    draw().is_some_and(|r| (r >> 16) % n == 0)
}
