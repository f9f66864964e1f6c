//! Evicted children: a child that has stopped leaves its worker, and goes on in any other.
//!
//! Its memory is what it started from, the pages it staged, and the pages of its own that are
//! never merged: its frames, its thread-local storage, the data of libc. Those and what the
//! control plane knows of it are written behind its stage. The stage lies in the exchange area
//! of a slot, which outlives the process in it.

use super::changes::{self, Runs, scan_changed};
use super::control::{Job, Me, Request, Stage, area, exchange, me, order, private, slot_at};
use super::exits::exit_at;
use super::worker::{start_thread, take_snapshot};
use super::{claims, collect, common, grants, layer, stage};
use crate::abi::{Limit, PAGE};
use crate::check::{touched, verdict, watch};
use crate::heap::class::ZONES;
use crate::heap::state::Sequence;
use crate::image::layout::{MAX_WORKERS, STACK, TLS, TLS_SLOT};
use crate::merge::{Block, Page};
use crate::space::permissions::{self, Restricted};
use crate::sys;
use crate::sys::cpu::Registers;

/// What a child needs to go on, beside its stage. Places are addresses in the same area.
#[repr(C)]
#[derive(Clone, Copy)]
struct Kept {
    job: Option<Job>,
    registers: Registers,
    depth: u32,
    heap: usize,
    session: u64,
    opened: u64,
    sequences: [Sequence; ZONES],
    path: u64,
    constructs: u64,
    files: u64,
    drawn: u64,
    read: u64,
    clock: u64,
    mask: u64,
    parent_stack: usize,
    merge_from: usize,
    base: usize,
    scan_below: [u32; ZONES],
    table_below: [u32; ZONES],
    tail_pages: usize,
    leaving: u32,
    end: u32,
    ret_code: u32,
    message_is_string: u32,
    message_len: usize,
    location_len: usize,
    /// Pages that are not staged: addresses, contents, how many.
    pages: (usize, usize, usize),
    /// Grants, thread-exit functions, restricted pages: where and how many.
    grants: (usize, usize),
    exits: (usize, usize),
    restricted: (usize, usize),
}

/// Leaves the child that has stopped in this worker, which is then free for others. False, and
/// nothing has changed, where that cannot be: its own open children stand on what this worker
/// has, its result waits here already, or the exchange area is full.
pub(super) fn leave(me: &mut Me, job: &Job, life: u32) -> bool {
    let end = me.stage_end;
    let owns = me.has_result || me.open_count > 0 || me.freed_count > 0 || me.freed_lost != 0;
    let written = if owns { Err(Limit::Children) } else { write(me, job) };
    let Ok(runs) = written else {
        me.stage_end = end;
        return false;
    };
    stage::keep(me, life, true);
    collect::drop_found(me, &runs);
    stage::trim_log(me);
    true
}

/// Writes down where the child stands that is about to go on from a new snapshot, so that it can
/// go on from there once more.
pub(super) fn record(me: &mut Me, job: &Job) -> Result<(), Limit> {
    let at = stage::take(me, size_of::<Stage>()).ok_or(Limit::Exchange)?;
    let st = stage::stage(me);
    (st.addrs, st.pages, st.page_count) = (at, at, 0);
    (st.free_count, st.log_len, st.result, st.record) = (0, 0, at, at);
    write(me, job)?;
    // SAFETY: `control`: just taken for one; the running child's stage is plain data.
    unsafe { core::ptr::copy_nonoverlapping(stage::stage(me), at as *mut Stage, 1) };
    // SAFETY: as above.
    let copy = unsafe { &mut *(at as *mut Stage) };
    (copy.masks, copy.found_count) = (0, 0);
    Ok(())
}

/// Writes everything down; returns where the child's changed pages are.
fn write(me: &mut Me, job: &Job) -> Result<Runs, Limit> {
    let (runs, pages) = write_pages(me)?;
    let grants = table(me, grants::all(me))?;
    // SAFETY: `own`: the first entries of the table were written; any bytes are a pair.
    let exits = unsafe {
        core::slice::from_raw_parts(exit_at(private::EXITS, 0), me.thread_exit_count as usize)
    };
    let exits = table(me, exits)?;
    let restricted = table(me, permissions::all(me))?;
    let kept = Kept {
        job: Some(*job),
        registers: me.child_registers,
        depth: me.depth,
        heap: me.heap,
        session: me.session,
        opened: me.opened,
        sequences: me.sequences,
        path: me.path,
        constructs: me.constructs,
        files: me.files,
        drawn: me.drawn,
        read: me.read,
        clock: me.clock,
        mask: me.mask,
        parent_stack: me.parent_stack,
        merge_from: me.merge_from,
        base: me.base,
        scan_below: me.scan_below,
        table_below: me.table_below,
        tail_pages: me.tail_pages,
        leaving: me.leaving,
        end: me.end,
        ret_code: me.ret_code,
        message_is_string: me.message_is_string,
        message_len: me.message_len,
        location_len: me.location_len,
        pages,
        grants,
        exits,
        restricted,
    };
    stage::stage(me).kept = table(me, &[kept])?.0;
    Ok(runs)
}

/// Writes a table behind the stage: where, and how many entries.
fn table<T: Copy>(me: &mut Me, from: &[T]) -> Result<(usize, usize), Limit> {
    let at = stage::take(me, size_of_val(from)).ok_or(Limit::Exchange)?;
    // SAFETY: `control`: just taken in this process's area, page-aligned, for that many.
    unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), at as *mut T, from.len()) };
    Ok((at, from.len()))
}

/// Writes the changed pages that are not staged. Of the child's own frames all count: chains are
/// not brought to where those lie.
fn write_pages(me: &mut Me) -> Result<(Runs, (usize, usize, usize)), Limit> {
    let frames = match me.child_registers.place().stack as usize {
        0 => me.parent_stack,
        stack if (STACK + PAGE..me.parent_stack).contains(&stack) => stack,
        // It runs on a stack that it made: which of its own frames are live nobody knows.
        _ => STACK + PAGE,
    };
    let runs = scan_changed(me, frames, true, sys::faults())?;
    let st = stage::stage(me);
    // SAFETY: `control`: this worker wrote so many into its area just before.
    let staged = unsafe { core::slice::from_raw_parts(st.addrs as *const u64, st.page_count) };
    let (own, base) = (layer::own_frames(me), me.base);
    let wanted = |page: usize| {
        let known = !own.contains(&page) && layer::has_same(base, page);
        !known && staged.binary_search(&(page as u64)).is_err()
    };
    let (n, addrs, pages) = layer::copy_out(me, &runs, layer::ancestors(me.depth + 1), wanted)?;
    Ok((runs, (addrs, pages, n)))
}

/// Makes this worker the space of an evicted child, whose stage lies at `at`, and does what the
/// request says of its snapshot. What it reads there is a claim of another worker.
pub(super) fn go_on(me: &mut Me, r: &Request, at: u64) -> Result<Job, Limit> {
    let broken = Limit::Exchange;
    let slot = slot_at(at as usize);
    let known = (slot as usize) < MAX_WORKERS;
    let st = known.then(|| claims::stage_at(slot, at)).flatten().ok_or(broken)?;
    let k = *claims::view::<Kept>(slot, st.kept, 1, PAGE).and_then(|k| k.first()).ok_or(broken)?;
    let mark = me.stage_end;
    let staged = claims::staged(me, slot, &st, 0).map_err(|_| broken)?;
    let addrs = claims::view::<u64>(slot, k.pages.0, k.pages.2, 8).ok_or(broken)?;
    let pages = claims::view::<Page>(slot, k.pages.1, k.pages.2, PAGE).ok_or(broken)?;
    let granted = claims::view::<(usize, usize)>(slot, k.grants.0, k.grants.1, 8).ok_or(broken)?;
    let exits = claims::view::<(usize, usize)>(slot, k.exits.0, k.exits.1, 8).ok_or(broken)?;
    let restricted =
        claims::view::<Restricted>(slot, k.restricted.0, k.restricted.1, 8).ok_or(broken)?;
    let sound = addrs.iter().all(|&a| layer::belongs(a as usize))
        && exits.len() <= private::EXITS_MAX as usize
        && k.depth == r.depth;
    let job = k.job.filter(|_| sound).ok_or(broken)?;

    grants::seal(me);
    changes::clear_dead_stack(me, k.parent_stack);
    (me.depth, me.parent_stack, me.merge_from) = (k.depth, k.parent_stack, k.merge_from);
    (me.heap, me.session, me.opened) = (k.heap, k.session, k.opened);
    me.sequences = k.sequences;
    (me.path, me.constructs, me.drawn) = (k.path, k.constructs, k.drawn);
    (me.files, me.read) = (k.files, k.read);
    (me.clock, me.mask) = (k.clock, k.mask);
    (me.base, me.chain) = (k.base, k.base);
    (me.scan_below, me.table_below) = (k.scan_below, k.table_below);
    (me.tail_pages, me.leaving) = (k.tail_pages, k.leaving);
    (me.end, me.ret_code, me.child_registers) = (k.end, k.ret_code, k.registers);
    (me.freed_count, me.freed_lost) = (0, 0);
    (me.offered, me.part) = ((0, 0), (0, 0));
    if r.watch != 0 {
        changes::clear_own_stack(me);
    }

    start_thread(me, k.depth);
    for (i, &exit) in exits.iter().enumerate() {
        *exit_at(private::EXITS, i as u32) = exit;
    }
    me.thread_exit_count = exits.len() as u32;
    take_back_records(me, slot, &st, &k, staged.frees);

    // A new snapshot takes the place of all but its frames and its thread-local storage.
    let snap = r.orders & order::SNAP != 0;
    if !snap {
        common::bring(me, r, k.base)?;
        permissions::take_over(restricted);
        staged.addrs.iter().zip(staged.pages).for_each(|(&to, page)| put_back(to, page));
    }
    granted.iter().for_each(|&g| grants::renew(me, g, !snap));
    let slot = TLS + k.depth as usize * TLS_SLOT;
    let (frames, tls) = (layer::own_frames(me), slot..slot + TLS_SLOT);
    let is_own = |to: u64| frames.contains(&(to as usize)) || tls.contains(&(to as usize));
    for (&to, page) in addrs.iter().zip(pages).filter(|(to, _)| !snap || is_own(**to)) {
        put_back(to, page);
    }
    if snap {
        take_snapshot(me, r)?;
    } else {
        // As if the child had had one fault for each page that it has changed.
        let all = staged.addrs.iter().chain(addrs).filter(|to| !is_own(**to));
        let changed = all.filter(|to| !matches!(layer::lookup(k.base, **to), Some((_, false))));
        me.clean_faults = sys::faults().saturating_sub(changed.count() as u64);
        layer::watch_copied(me);
        staged.addrs.iter().for_each(|&page| touched::mark(page as usize));
    }
    me.stage_end = mark;
    Ok(job)
}

/// Takes back what was seen of an evicted child that this worker goes on with, under a new watch.
pub(super) fn go_on_watching(at: u64) {
    let slot = slot_at(at as usize) % MAX_WORKERS as u32;
    let Some(st) = claims::stage_at(slot, at) else { return };
    watch::absorb(me(), slot, &st, None);
    // As many as found room before do so again.
    let _ = claims::found(slot, &st).iter().try_for_each(|v| verdict::remember(*v));
}

fn put_back(to: u64, page: &Page) {
    // SAFETY: a page of the image or of thread-local storage, as the caller checked, of this
    // worker, whose child does not run.
    unsafe { core::ptr::copy_nonoverlapping(page, to as usize as *mut Page, 1) };
}

/// Takes over the log, the record of a panic and the deferred frees.
fn take_back_records(me: &mut Me, slot: u32, st: &Stage, k: &Kept, frees: &[Block]) {
    let base = exchange(me.slot);
    let log = claims::log(slot, st).filter(|l| l.len() <= area::LOG_SIZE).unwrap_or(&[]);
    let len = k.message_len.saturating_add(k.location_len);
    let fits = len <= area::MESSAGE_SIZE;
    let text = claims::view::<u8>(slot, st.message, len, 1).filter(|_| fits).unwrap_or(&[]);
    let frees = &frees[..frees.len().min(area::FREES_MAX)];
    // SAFETY: `control`: these parts of this worker's area have room, as just checked.
    unsafe {
        core::ptr::copy_nonoverlapping(log.as_ptr(), (base + area::LOG) as *mut u8, log.len());
        let to = (base + area::MESSAGE) as *mut u8;
        core::ptr::copy_nonoverlapping(text.as_ptr(), to, text.len());
        let to = (base + area::FREES) as *mut Block;
        core::ptr::copy_nonoverlapping(frees.as_ptr(), to, frees.len());
    }
    (me.log_len, me.free_count) = (log.len(), frees.len());
    let known = text.len() == len;
    me.message_is_string = k.message_is_string;
    me.message_len = if known { k.message_len } else { 0 };
    me.location_len = if known { k.location_len } else { 0 };
}
