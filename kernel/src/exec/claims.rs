//! Checks what a worker's stage claims before anyone follows its addresses and lengths.

use super::control::{EXCHANGE_BYTES, Stage, exchange};
use super::trace::FRAMES;
use crate::abi::PAGE;
use crate::check::verdict::Verdict;
use crate::heap::class::HEAP_END;
use crate::image::layout::{self, HEAP};
use crate::image::regions;
use crate::merge::{Block, Mask, Page};
use core::slice;

/// What a valid stage holds.
pub(crate) struct Staged {
    pub addrs: &'static [u64],
    pub pages: &'static [Page],
    pub frees: &'static [Block],
    /// Any value is one that a child can reach.
    pub clock: u64,
}

/// The stage at an address, if it lies whole in the worker's exchange area.
pub(crate) fn stage_at(slot: u32, at: u64) -> Option<&'static Stage> {
    let at = at as usize;
    inside(slot, at, size_of::<Stage>(), PAGE)?;
    // SAFETY: `control`: exchange memory of the worker; the worker published the stage
    // before its outcome, and any bytes of the plain fields are checked below.
    Some(unsafe { &*(at as *const Stage) })
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

/// Everything a returned child hands over; `None` where a claim is false.
pub(crate) fn staged(slot: u32, st: &Stage, out_size: usize) -> Option<Staged> {
    let addrs: &[u64] = view(slot, st.addrs, st.page_count, 8)?;
    let pages: &[Page] = view(slot, st.pages, st.page_count, PAGE)?;
    let frees: &[Block] = view(slot, st.frees, st.free_count, 8)?;
    log(slot, st)?;
    inside(slot, st.result, out_size, PAGE)?;
    let mut last = 0;
    for &a in addrs {
        let known = regions::contains_page(a) || is_tls(a);
        if a <= last || !a.is_multiple_of(PAGE as u64) || !known {
            return None;
        }
        last = a;
    }
    let mut last = 0;
    for b in frees {
        // Whether a block starts there is checked when it is freed, after the merge: a child
        // may also defer a free of what its own children allocated.
        let end = b.addr.checked_add(b.len)?;
        if b.addr < last || b.addr < HEAP as u64 || end > HEAP_END as u64 {
            return None;
        }
        last = end;
    }
    Some(Staged { addrs, pages, frees, clock: st.clock })
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
pub(crate) fn result(slot: u32, st: &Stage, out_size: usize) -> Option<&'static [u8]> {
    view(slot, st.result, out_size, PAGE)
}

/// Conflicts that checking found below a child.
pub(crate) fn found(slot: u32, st: &Stage) -> &'static [Verdict] {
    view(slot, st.found, st.found_count, PAGE).unwrap_or(&[])
}

/// The log of a child, whether it returned or failed.
pub(crate) fn log(slot: u32, st: &Stage) -> Option<&'static [u8]> {
    view(slot, st.log, st.log_len, 1)
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
    let all = len.checked_add(st.location_len as usize);
    let Some(bytes) = all.and_then(|n| view::<u8>(slot, st.message, n, 1)) else {
        return (None, &[]);
    };
    let (location, message) = bytes.split_at(st.location_len as usize);
    (text.then_some(message), location)
}

fn is_tls(page: u64) -> bool {
    let end = layout::TLS + layout::MAX_DEPTH * layout::TLS_SLOT;
    (layout::TLS as u64..end as u64).contains(&page)
}
