//! Conflicts that checking found, for children that run again: there they are found once more at
//! the same place, without a second search. A program may handle a conflict and go on, and what
//! it does then must be what it did the first time.

use super::watch;
use crate::abi::{Conflict, Freed, Limit};
use crate::exec::control::{Me, private, private_item};
use crate::exec::stage;

/// A conflict and where it was found. Valid for any bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Verdict {
    /// Path of the construct.
    path: u64,
    address: u64,
    lower: u32,
    higher: u32,
    values: [[u8; 8]; 3],
    freed: u32,
}

impl Verdict {
    /// Writes down a conflict of the construct of this path.
    pub fn new(path: u64, c: &Conflict) -> Verdict {
        let values = [c.reference, c.lower_value, c.higher_value];
        let (lower, higher, freed) = (c.lower, c.higher, c.freed as u32);
        Verdict { path, address: c.address, lower, higher, values, freed }
    }

    fn conflict(&self) -> Conflict {
        let freed = match self.freed {
            0 => Freed::Neither,
            1 => Freed::Lower,
            2 => Freed::Higher,
            _ => Freed::Both,
        };
        let [reference, lower_value, higher_value] = self.values;
        let (address, lower, higher) = (self.address, self.lower, self.higher);
        Conflict { address, lower, higher, reference, lower_value, higher_value, freed }
    }
}

/// Most conflicts that one space and those below it may survive.
const FOUND_MAX: usize = 4096;

/// Verdicts in the table, in private memory.
fn count() -> &'static mut usize {
    // SAFETY: `control` and `own`; the word lies before the table.
    unsafe { private_item::<usize>(private::FOUND, 0) }
}

fn found(i: usize) -> &'static mut Verdict {
    // SAFETY: `control` and `own`: fewer than FOUND_MAX fit (asserted below), valid for any bytes.
    unsafe { private_item::<Verdict>(private::FOUND + 8, i) }
}

/// Begins a child, that has found nothing.
pub(super) fn forget() {
    *count() = 0;
}

/// Its stage says so.
pub(super) fn place(me: &Me) {
    let st = stage::stage(me);
    (st.found, st.found_count) = (me.stage_end, 0);
}

/// Notes what was found in a construct of the running child, or below it.
pub(crate) fn remember(v: Verdict) -> Result<(), Limit> {
    let n = count();
    // Who stops says again what it said at its last stop.
    if (0..*n).any(|i| found(i).path == v.path) {
        return Ok(());
    }
    if *n >= FOUND_MAX {
        return Err(Limit::Exchange);
    }
    *found(*n) = v;
    *n += 1;
    Ok(())
}

/// Stages what was found.
pub(crate) fn stage(me: &mut Me) -> Result<(), Limit> {
    let n = *count();
    let at = stage::take(me, n * size_of::<Verdict>()).ok_or(Limit::Exchange)?;
    // SAFETY: `control` and `own`: room for `n`, of which `n` were written.
    unsafe { core::ptr::copy_nonoverlapping(found(0), at as *mut Verdict, n) };
    let st = stage::stage(me);
    (st.found, st.found_count) = (at, n);
    Ok(())
}

/// What was found in a construct of the running child the first time it ran.
pub(crate) fn of(path: u64) -> Option<Conflict> {
    watch::verdicts().iter().find(|v| v.path == path).map(Verdict::conflict)
}

const _: () = assert!(private::FOUND + 8 + FOUND_MAX * size_of::<Verdict>() <= private::FOUND_END);
