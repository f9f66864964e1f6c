//! The virtual clock of a space.
//!
//! It counts nanoseconds since the start of the run. Every reading moves it by [`STEP`], every
//! sleep by what is slept, and nothing else does: it is a function of what the space has done.
//! A child starts at its parent's clock; a join moves the parent's to the latest of its own and
//! those of the children it merges; a join that fails leaves it. So the clocks of a run depend
//! on the program alone, and no space sees time run backwards.

use super::memory::{get, put};
use crate::exec::control::me;

/// What a reading moves the clock by, in nanoseconds: about what one costs, so that a loop
/// that waits for a time to come ends.
pub const STEP: u64 = 1_000;

/// What the clocks of calendars show at the start of a run, in seconds since 1970:
/// 2000-01-01, 00:00 UTC. The others start at 0, before any reading of the master's: what has
/// passed since such a reading is nothing, on every machine.
pub const EPOCH: u64 = 946_684_800;

const SECOND: u64 = 1_000_000_000;
/// Ticks of `times`, per second.
const TICKS: u64 = 100;

const INVALID: i64 = -(libc::EINVAL as i64);

/// A reading.
fn tick() -> u64 {
    let me = me();
    me.clock = me.clock.saturating_add(STEP);
    me.clock
}

/// What a clock showed at the start of the run, in seconds; none for clocks that are not
/// this space's.
fn start_of(clock: u64) -> Option<u64> {
    match clock as i32 {
        libc::CLOCK_REALTIME
        | libc::CLOCK_REALTIME_COARSE
        | libc::CLOCK_REALTIME_ALARM
        | libc::CLOCK_TAI => Some(EPOCH),
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_BOOTTIME
        | libc::CLOCK_BOOTTIME_ALARM
        | libc::CLOCK_PROCESS_CPUTIME_ID
        | libc::CLOCK_THREAD_CPUTIME_ID => Some(0),
        _ => None,
    }
}

/// Seconds and nanoseconds, as in `struct timespec`.
fn spec(start: u64, clock: u64) -> [u64; 2] {
    [start + clock / SECOND, clock % SECOND]
}

/// Seconds and microseconds, as in `struct timeval`.
fn val(start: u64, clock: u64) -> [u64; 2] {
    [start + clock / SECOND, clock % SECOND / 1000]
}

/// Whole seconds of the clock, without a reading.
pub(super) fn uptime() -> u64 {
    me().clock / SECOND
}

/// What calendars show, in nanoseconds since 1970, without a reading.
pub(super) fn nanoseconds() -> i64 {
    (EPOCH * SECOND).saturating_add(me().clock).try_into().unwrap_or(i64::MAX)
}

/// Answers the calls that read clocks.
///
/// # Safety
/// The call's own contract: its pointers are the program's.
pub(super) unsafe fn read(nr: i64, a: &[u64; 6]) -> Option<i64> {
    // SAFETY: the caller's contract.
    unsafe {
        match nr {
            libc::SYS_clock_gettime => put(a[1], spec(start_of(a[0])?, tick())),
            libc::SYS_clock_getres => {
                start_of(a[0])?;
                if a[1] != 0 {
                    put(a[1], [0, STEP]);
                }
            }
            libc::SYS_gettimeofday => {
                if a[0] != 0 {
                    put(a[0], val(EPOCH, tick()));
                }
                if a[1] != 0 {
                    put(a[1], [0u32; 2]);
                }
            }
            libc::SYS_time => {
                let now = EPOCH + tick() / SECOND;
                if a[0] != 0 {
                    put(a[0], now);
                }
                return Some(now as i64);
            }
            libc::SYS_times => {
                let ticks = tick() / (SECOND / TICKS);
                if a[0] != 0 {
                    put(a[0], [ticks, 0, 0, 0]);
                }
                return Some(ticks as i64);
            }
            libc::SYS_getrusage => {
                let mut usage = [0u64; size_of::<libc::rusage>() / 8];
                match a[0] as i32 {
                    libc::RUSAGE_SELF | libc::RUSAGE_THREAD => {
                        usage[..2].copy_from_slice(&val(0, tick()));
                    }
                    libc::RUSAGE_CHILDREN => {}
                    _ => return None,
                }
                put(a[1], usage);
            }
            _ => return None,
        }
    }
    Some(0)
}

/// A period or an instant in nanoseconds; none where the record is not valid. `unit` is that of
/// its second half.
fn nanos([seconds, rest]: [u64; 2], unit: u64) -> Option<u64> {
    let valid = seconds as i64 >= 0 && rest < SECOND / unit;
    valid.then(|| seconds.saturating_mul(SECOND).saturating_add(rest * unit))
}

fn pass(period: u64) {
    let me = me();
    me.clock = me.clock.saturating_add(period);
}

/// Moves the clock on to an instant of a clock that started at `start`.
fn pass_until(start: u64, instant: u64) {
    let me = me();
    me.clock = me.clock.max(instant.saturating_sub(start.saturating_mul(SECOND)));
}

/// Answers the calls that let time pass.
///
/// # Safety
/// As for [`read`].
pub(super) unsafe fn sleep(nr: i64, a: &[u64; 6]) -> Option<i64> {
    const MILLISECOND: u64 = 1_000_000;
    const MICROSECOND: u64 = 1_000;
    // SAFETY: the caller's contract.
    unsafe {
        match nr {
            libc::SYS_nanosleep => relative(a[0], 1),
            libc::SYS_clock_nanosleep => {
                let start = start_of(a[0])?;
                let cpu = [libc::CLOCK_PROCESS_CPUTIME_ID, libc::CLOCK_THREAD_CPUTIME_ID];
                match a[1] as i32 {
                    _ if cpu.contains(&(a[0] as i32)) => None,
                    0 => relative(a[2], 1),
                    libc::TIMER_ABSTIME => Some(absolute(a[2], start)),
                    _ => None,
                }
            }
            libc::SYS_poll if a[1] == 0 => {
                let period = u64::try_from(a[2] as i32).ok()?;
                pass(period * MILLISECOND);
                Some(0)
            }
            libc::SYS_ppoll if a[1] == 0 && a[2] != 0 => rest_of(a[2], 1),
            libc::SYS_select if a[..4] == [0; 4] && a[4] != 0 => rest_of(a[4], MICROSECOND),
            libc::SYS_pselect6 if a[..4] == [0; 4] && a[4] != 0 => rest_of(a[4], 1),
            _ => None,
        }
    }
}

/// # Safety
/// Two words at `at` must be readable.
unsafe fn relative(at: u64, unit: u64) -> Option<i64> {
    // SAFETY: the caller's contract.
    let period = nanos(unsafe { get(at) }, unit);
    Some(period.map_or(INVALID, |p| {
        pass(p);
        0
    }))
}

/// # Safety
/// Two words at `at` must be readable.
unsafe fn absolute(at: u64, start: u64) -> i64 {
    // SAFETY: the caller's contract.
    let instant = nanos(unsafe { get(at) }, 1);
    instant.map_or(INVALID, |i| {
        pass_until(start, i);
        0
    })
}

/// As [`relative`], of a call that stores what is left.
///
/// # Safety
/// Two words at `at` must be readable and writable.
unsafe fn rest_of(at: u64, unit: u64) -> Option<i64> {
    // SAFETY: the caller's contract.
    unsafe {
        let r = relative(at, unit);
        if r == Some(0) {
            put(at, [0u64; 2]);
        }
        r
    }
}

/// Lets the time of a futex wait pass that nobody can end: it times out.
///
/// # Safety
/// As for [`read`], with the arguments of a wait that has a timeout.
pub(super) unsafe fn time_out(a: &[u64; 6]) -> i64 {
    let op = a[1] as i32;
    // SAFETY: the caller's contract.
    let answer = unsafe {
        if super::futex_command(op) == libc::FUTEX_WAIT {
            relative(a[3], 1).unwrap_or(INVALID)
        } else {
            let calendar = op & libc::FUTEX_CLOCK_REALTIME != 0;
            absolute(a[3], if calendar { EPOCH } else { 0 })
        }
    };
    if answer == 0 { -i64::from(libc::ETIMEDOUT) } else { answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_time() {
        assert_eq!(nanos([2, 5], 1), Some(2 * SECOND + 5));
        assert_eq!(nanos([2, 5], 1000), Some(2 * SECOND + 5000));
        assert_eq!(nanos([0, SECOND], 1), None);
        assert_eq!(nanos([0, 1_000_000], 1000), None);
        assert_eq!(nanos([u64::MAX, 0], 1), None);
        assert_eq!(nanos([i64::MAX as u64, 1], 1), Some(u64::MAX));
        assert_eq!(spec(EPOCH, u64::MAX), [EPOCH + 18_446_744_073, 709_551_615]);
        assert_eq!(val(0, 3 * SECOND + 1_234_567), [3, 1234]);
    }

    #[test]
    fn clocks_of_others_are_none() {
        assert_eq!((start_of(0), start_of(1)), (Some(EPOCH), Some(0)));
        for clock in [10, 12, 100, -6i64 as u64, 0xffff_fffa] {
            assert_eq!(start_of(clock), None, "clock {clock}");
        }
    }
}
