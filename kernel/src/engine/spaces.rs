//! The engine `spaces`: confined worker processes on stock Linux.

use super::{Construct, Engine, Run, closed};
use crate::abi::REGISTERS;
use crate::exec::claims;
use crate::exec::control::{Job, MASTER_AREA, Role, control, exchange, me, outcome};
use crate::exec::inplace::Part;
use crate::exec::master::master;
use crate::merge::Units;
use core::sync::atomic::Ordering::*;

/// The engine.
pub(crate) struct Spaces;

impl Engine for Spaces {
    unsafe fn run(&self, jobs: &[Job], parts: &[Part], units: Units<'_>) -> Run {
        // SAFETY: the caller's contract.
        unsafe { closed::run(jobs, parts, units) }
    }

    fn log(&self, construct: Construct, child: usize) -> &[u8] {
        let o = &control().constructs[construct.0 as usize].outcomes[child];
        let status = o.status.load(SeqCst);
        let reported = matches!(status, outcome::RETURNED | outcome::FAILED);
        if !reported && !outcome::stopped(status) {
            return &[];
        }
        let head = claims::head_of(construct.0, child as u32);
        head.and_then(|(slot, h)| claims::log(slot, &h)).unwrap_or(&[])
    }

    fn result(&self, construct: Construct, child: usize) -> *const u8 {
        let head = claims::head_of(construct.0, child as u32);
        let result = head.and_then(|(slot, h)| claims::result(slot, &h));
        // One that is gone since the merge reads as zeros.
        result.unwrap_or(exchange(MASTER_AREA - 1) as *const u8)
    }

    fn panic(&self, construct: Construct, child: usize) -> (Option<&[u8]>, &[u8]) {
        match claims::stage_of(construct.0, child as u32) {
            Some((slot, stage)) => claims::message(slot, &stage),
            None => (None, &[]),
        }
    }

    fn trace(&self, construct: Construct, child: usize) -> ([u64; REGISTERS], &[u8]) {
        match claims::stage_of(construct.0, child as u32) {
            Some((slot, stage)) => (stage.registers_at_end, claims::frames(slot, &stage)),
            None => ([0; REGISTERS], &[]),
        }
    }

    fn release(&self, construct: Construct) {
        if me().role == Role::Master {
            master().release(construct.0);
        } else {
            control().constructs[construct.0 as usize].released.store(1, SeqCst);
        }
    }
}
