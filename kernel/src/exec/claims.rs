//! Checks what a worker's stage claims before anyone follows its addresses and lengths.
//!
//! A worker that runs hostile code goes on after it reported, and may change what it staged at
//! any time. So what decides where somebody reads or writes is copied to this process's own area
//! first, which no other can write, and checked there. Contents of pages, output and results are
//! used where they lie: any bytes will do, also ones that change meanwhile.

use super::control::{
    EXCHANGE_BYTES, Head, Me, Outcome, Stage, area, brief, control, exchange, slot_at,
};
use super::layer;
use super::stage;
use super::trace::FRAMES;
use crate::abi::{Cause, Limit, PAGE};
use crate::check::verdict::{FOUND_MAX, Verdict};
use crate::heap::class::HEAP_END;
use crate::image::layout::{HEAP, MAX_WORKERS};
use crate::merge::{Block, Mask, Page};
use core::slice;
use core::sync::atomic::Ordering::SeqCst;

/// What a valid stage holds.
pub(crate) struct Staged {
    pub addrs: &'static [u64],
    pub pages: &'static [Page],
    pub frees: &'static [Block],
    /// Any value is one that a child can reach.
    pub clock: u64,
}

/// Slot of the worker that staged what a child reported; it may have others by now, or none.
pub(crate) fn slot_of(o: &Outcome) -> u32 {
    slot_at(o.stage.load(SeqCst) as usize) % MAX_WORKERS as u32
}

/// The stage at an address, if it lies whole in the worker's exchange area: as it is now.
pub(crate) fn stage_at(slot: u32, at: u64) -> Option<Stage> {
    read_at(slot, at)
}

/// The head of the stage at an address, in the same way.
pub(crate) fn head_at(slot: u32, at: u64) -> Option<Head> {
    read_at(slot, at)
}

/// A stage, or the head of one.
fn read_at<T: Copy>(slot: u32, at: u64) -> Option<T> {
    let at = at as usize;
    inside(slot, at, size_of::<Stage>(), PAGE)?;
    // SAFETY: `control`: exchange memory of the worker; the worker published the stage
    // before its outcome, and any bytes of the plain fields are checked below.
    Some(unsafe { (at as *const T).read_volatile() })
}

/// The slot and the stage of a child that reported. One that was staged for another child, or for
/// an earlier construct in the same place, is none: its pages are not those of this snapshot.
pub(crate) fn stage_of(construct: u32, index: u32) -> Option<(u32, Stage)> {
    let (slot, at) = place_of(construct, index)?;
    let st = stage_at(slot, at)?;
    is_of(construct, index, &st).then_some((slot, st))
}

/// The slot and the head of the stage of such a child.
pub(crate) fn head_of(construct: u32, index: u32) -> Option<(u32, Head)> {
    let (slot, at) = place_of(construct, index)?;
    let head = head_at(slot, at)?;
    is_of(construct, index, &head).then_some((slot, head))
}

/// Where a child says that its stage lies: the slot and the address.
fn place_of(construct: u32, index: u32) -> Option<(u32, u64)> {
    let o = control().constructs.get(construct as usize)?.outcomes.get(index as usize)?;
    Some((slot_of(o), o.stage.load(SeqCst)))
}

fn is_of(construct: u32, index: u32, head: &Head) -> bool {
    let life = brief(construct).map(|b| b.life.load(SeqCst));
    life.is_some_and(|life| head.owner == [construct, life, index])
}

/// Whether `[at, at + len)` lies in the area of `slot`, aligned.
fn inside(slot: u32, at: usize, len: usize, align: usize) -> Option<()> {
    let base = exchange(slot);
    let end = at.checked_add(len)?;
    let ok = at >= base && end <= base + EXCHANGE_BYTES && at.is_multiple_of(align);
    ok.then_some(())
}

pub(super) fn view<T>(slot: u32, at: usize, count: usize, align: usize) -> Option<&'static [T]> {
    if count == 0 {
        return Some(&[]);
    }
    inside(slot, at, count.checked_mul(size_of::<T>())?, align)?;
    // SAFETY: `control`: in exchange memory, aligned; T is plain data valid for any bytes.
    Some(unsafe { slice::from_raw_parts(at as *const T, count) })
}

/// Everything a returned child hands over; a child whose claims are false counts as killed.
pub(crate) fn staged(me: &mut Me, slot: u32, st: &Head, out_size: usize) -> Result<Staged, Cause> {
    let broken = Cause::Killed { signal: 0 };
    let (addrs, pages) = pages_at(me, slot, (st.addrs, st.pages, st.page_count))?;
    log(slot, st).ok_or(broken)?;
    inside(slot, st.result, out_size, PAGE).ok_or(broken)?;
    Ok(Staged { addrs, pages, frees: frees(me, slot, st)?, clock: st.clock })
}

/// Pages of a space's memory, by where their addresses and their contents lie and their number:
/// the addresses ascend.
pub(super) fn pages_at(
    me: &mut Me,
    slot: u32,
    (addrs, pages, count): (usize, usize, usize),
) -> Result<(&'static [u64], &'static [Page]), Cause> {
    let broken = Cause::Killed { signal: 0 };
    let addrs = copy(me, view::<u64>(slot, addrs, count, 8).ok_or(broken)?)?;
    let pages: &[Page] = view(slot, pages, count, PAGE).ok_or(broken)?;
    let mut last = 0;
    for &a in addrs {
        if a <= last || !layer::belongs(a as usize) {
            return Err(broken);
        }
        last = a;
    }
    Ok((addrs, pages))
}

/// The inherited blocks that a child freed.
pub(crate) fn frees(me: &mut Me, slot: u32, st: &Head) -> Result<&'static [Block], Cause> {
    let broken = Cause::Killed { signal: 0 };
    let few = st.free_count <= area::FREES_MAX;
    let there = view::<Block>(slot, st.frees, st.free_count, 8).filter(|_| few).ok_or(broken)?;
    let frees = copy(me, there)?;
    let mut last = 0;
    for b in frees {
        // Whether a block starts there is checked when it is freed, after the merge: a child
        // may also defer a free of what its own children allocated.
        let end = b.addr.checked_add(b.len).ok_or(broken)?;
        if b.addr < last || b.addr < HEAP as u64 || end > HEAP_END as u64 {
            return Err(broken);
        }
        last = end;
    }
    Ok(frees)
}

/// Addresses of changed pages and freed blocks as they lie there, unchecked: for guesses.
pub(crate) fn peek(slot: u32, st: &Head) -> Option<(&'static [u64], &'static [Block])> {
    let addrs = view::<u64>(slot, st.addrs, st.page_count, 8)?;
    Some((addrs, view::<Block>(slot, st.frees, st.free_count, 8)?))
}

/// What other processes may still change, in memory that only this one writes.
fn copy<T: Copy>(me: &mut Me, from: &[T]) -> Result<&'static [T], Cause> {
    if from.is_empty() {
        return Ok(&[]);
    }
    let at = stage::take(me, size_of_val(from)).ok_or(Cause::Limit(Limit::Exchange))?;
    // SAFETY: `control`: just taken in this process's area, page-aligned, for that many.
    unsafe {
        core::ptr::copy_nonoverlapping(from.as_ptr(), at as *mut T, from.len());
        Ok(slice::from_raw_parts(at as *const T, from.len()))
    }
}

/// Where a child's result lies. Who reads it knows how long it is: not more than an area, of
/// which one follows each worker's.
pub(crate) fn result(slot: u32, st: &Head) -> Option<*const u8> {
    inside(slot, st.result, 0, PAGE).map(|()| st.result as *const u8)
}

/// Bytes that a stopped child staged because its parent asked for `len` of them.
pub(crate) fn read(slot: u32, at: u64, len: usize) -> Option<&'static [u8]> {
    let st = stage_at(slot, at)?;
    view::<u8>(slot, st.read, st.read_len, 1).filter(|b| b.len() == len)
}

/// What a child wrote to each of `count` watched pages.
pub(crate) fn masks(slot: u32, st: &Stage, count: usize) -> Option<&'static [Mask]> {
    view(slot, st.masks, count, PAGE)
}

/// What the entry of a child that returned left as its result.
pub(crate) fn result_bytes(slot: u32, st: &Head, out_size: usize) -> Option<&'static [u8]> {
    view(slot, st.result, out_size, PAGE)
}

/// Conflicts that checking found below a child.
pub(crate) fn found(slot: u32, st: &Stage) -> &'static [Verdict] {
    view(slot, st.found, st.found_count.min(FOUND_MAX), PAGE).unwrap_or(&[])
}

/// The log of a child, whether it returned or failed.
pub(crate) fn log(slot: u32, st: &Head) -> Option<&'static [u8]> {
    view(slot, st.log, st.log_len, 1).filter(|log| log.len() <= area::LOG_SIZE)
}

/// The stack of a child that a signal ended, from its stack pointer on.
pub(crate) fn frames(slot: u32, st: &Stage) -> &'static [u8] {
    let len = st.frames_len.min(FRAMES);
    view(slot, st.frames, len, 1).unwrap_or(&[])
}

/// Message and location of a panic.
pub(crate) fn message(slot: u32, st: &Stage) -> (Option<&'static [u8]>, &'static [u8]) {
    let text = st.message_len != u64::MAX;
    let len = if text { st.message_len as usize } else { 0 };
    let all = len.checked_add(st.location_len as usize).filter(|n| *n <= area::MESSAGE_SIZE);
    let Some(bytes) = all.and_then(|n| view::<u8>(slot, st.message, n, 1)) else {
        return (None, &[]);
    };
    let (location, message) = bytes.split_at(st.location_len as usize);
    (text.then_some(message), location)
}
