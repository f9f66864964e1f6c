//! The engine `spaces`: confined worker processes on stock Linux.

use super::{Construct, Engine, Run, closed};
use crate::abi::REGISTERS;
use crate::exec::claims;
use crate::exec::claims::slot_of;
use crate::exec::control::{Job, MASTER_AREA, Role, control, exchange, me, outcome};
use crate::exec::master::master;
use core::sync::atomic::Ordering::*;

/// The engine.
pub(crate) struct Spaces;

impl Engine for Spaces {
    unsafe fn run(&self, jobs: &[Job]) -> Run {
        // SAFETY: the caller's contract.
        unsafe { closed::run(jobs) }
    }

    fn log(&self, construct: Construct, child: usize) -> &[u8] {
        let o = &control().constructs[construct.0 as usize].outcomes[child];
        let status = o.status.load(SeqCst);
        let reported = matches!(status, outcome::RETURNED | outcome::FAILED);
        if !reported && !outcome::stopped(status) {
            return &[];
        }
        let slot = slot_of(o);
        let stage = claims::stage_at(slot, o.stage.load(SeqCst));
        stage.and_then(|s| claims::log(slot, &s)).unwrap_or(&[])
    }

    fn result(&self, construct: Construct, child: usize) -> *const u8 {
        let o = &control().constructs[construct.0 as usize].outcomes[child];
        let slot = slot_of(o);
        let stage = claims::stage_at(slot, o.stage.load(SeqCst));
        let result = stage.and_then(|s| claims::result(slot, &s));
        // One that is gone since the merge reads as zeros.
        result.unwrap_or(exchange(MASTER_AREA - 1) as *const u8)
    }

    fn panic(&self, construct: Construct, child: usize) -> (Option<&[u8]>, &[u8]) {
        let o = &control().constructs[construct.0 as usize].outcomes[child];
        let slot = slot_of(o);
        match claims::stage_at(slot, o.stage.load(SeqCst)) {
            Some(stage) => claims::message(slot, &stage),
            None => (None, &[]),
        }
    }

    fn trace(&self, construct: Construct, child: usize) -> ([u64; REGISTERS], &[u8]) {
        let o = &control().constructs[construct.0 as usize].outcomes[child];
        let slot = slot_of(o);
        match claims::stage_at(slot, o.stage.load(SeqCst)) {
            Some(stage) => (stage.registers_at_end, claims::frames(slot, &stage)),
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
