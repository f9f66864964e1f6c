//! A new worker: what it does before its first child.

use super::{serve, signal_master, wait_go};
use crate::confine;
use crate::exec::common::Shown;
use crate::exec::control::*;
use crate::exec::stage;
use crate::image::layout::{EXCHANGE, EXCHANGE_ALL, EXCHANGE_SIZE};
use crate::image::{foreign, regions};
use crate::space::children;
use crate::sys;
use core::sync::atomic::Ordering::*;

/// First code of a new worker: `arg` is its slot.
pub(in crate::exec) extern "C" fn start(arg: usize) -> ! {
    let slot = arg as u32;
    let mail = &control().mail[arg];
    let me = me();
    me.role = Role::Worker;
    me.slot = slot;
    stage::inherit(me);
    (me.grant_count, me.stage_high) = (0, 0);
    me.stage_filled = (0, 0);
    me.tls_depth = 0;
    me.dead_top = crate::image::layout::STACK;
    me.seen_go = 0;
    (me.applied, me.copied_count, me.mapped_count) = (0, 0, 0);
    me.shown = Shown::NONE;
    children::forget_all();
    // SAFETY: a new process with one thread, on a stack of its own.
    if let Err((step, errno)) = unsafe { set_up(slot) } {
        // Where it is protected already; where that fails nothing was.
        let _ = protect(slot, false);
        control().told.births[arg].error.store(step::error(step, errno), Release);
        mail.state.store(state::FAULTED, Release);
        signal_master();
        sys::exit(73);
    }
    me.clean_faults = sys::faults();
    loop {
        wait_go(mail, true);
        serve(mail.construct.load(Acquire));
    }
}

/// Steps of setting up; the numbers name them in errors.
///
/// # Safety
/// In a new worker only.
unsafe fn set_up(slot: u32) -> Result<(), (u32, i32)> {
    let me = me();
    let on = |step| move |e| (step, e);
    // SAFETY: the calls concern this process alone; the maps show the same file contents.
    unsafe {
        sys::tie_to_parent().map_err(on(step::TIES))?;
        // The master may have died before it could be noticed that way.
        if sys::call(libc::SYS_getppid, [0; 6]) != Ok(me.master_pid as usize) {
            sys::exit(76);
        }
        // A master that becomes another program is gone as well.
        let line = sys::die_with(me.life_line[0]).map_err(on(step::TIES))?;
        close_all_but([me.image_fd, me.exchange_fd, line]).map_err(on(step::DESCRIPTORS))?;
        // Only now: the program may have used up the descriptors that it may have.
        me.pagemap_fd = sys::scan::open().map_err(on(step::PAGE_MAP))?;
        foreign::hide().map_err(on(step::IMAGE))?;
        regions::map_private(me.image_fd).map_err(on(step::IMAGE))?;
        sys::protect(EXCHANGE, EXCHANGE_ALL, libc::PROT_READ).map_err(on(step::IMAGE))?;
        let rw = libc::PROT_READ | libc::PROT_WRITE;
        sys::protect(exchange(slot), EXCHANGE_SIZE, rw).map_err(on(step::IMAGE))?;
        control().told.births[slot as usize].up.store(1, Release);
        protect(slot, true).map_err(on(step::IMAGE))?;
        confine::install()?;
    }
    Ok(())
}

/// Closes every descriptor but three: a worker must not keep the program's pipes open.
fn close_all_but(mut keep: [i32; 3]) -> sys::Sys<()> {
    keep.sort_unstable();
    let mut from = 0u32;
    for k in keep.map(|k| k as u32).into_iter().chain([u32::MAX]) {
        if k > from {
            let last = if k == u32::MAX { u32::MAX } else { k - 1 };
            sys::close_between(from, last)?;
        }
        from = k.saturating_add(1);
    }
    Ok(())
}
