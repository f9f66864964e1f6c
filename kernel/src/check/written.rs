//! What open children that were merged have written exactly, for those of the same parent that
//! started before and are merged later. In the parent's process.

use crate::abi::{Limit, PARENT};
use crate::exec::control::{private, private_item};
use crate::merge::Mask;
use crate::space::children;

/// A page, and who wrote its bytes.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    page: u64,
    /// Children that started in this session or before may meet it.
    until: u64,
    /// Position in the join that is being made; [`PARENT`]: an earlier one.
    who: u32,
}

/// How many fit, each with its mask.
const MAX: usize = (private::WRITTEN_END - private::WRITTEN) / (size_of::<Mask>() + 32) - 1;
const ENTRIES: usize = private::WRITTEN + 64;
const MASKS: usize = ENTRIES + MAX * size_of::<Entry>();

fn count() -> &'static mut usize {
    // SAFETY: `control` and `own`; the word lies before the tables.
    unsafe { private_item::<usize>(private::WRITTEN, 0) }
}

fn entry(i: usize) -> &'static mut Entry {
    // SAFETY: `control` and `own`: fewer than MAX fit; any bytes are valid.
    unsafe { private_item::<Entry>(ENTRIES, i) }
}

fn mask(i: usize) -> &'static mut Mask {
    // SAFETY: as in `entry`.
    unsafe { private_item::<Mask>(MASKS, i) }
}

fn union(to: &mut Mask, from: &Mask) {
    to.0.iter_mut().zip(from.0).for_each(|(to, from)| *to |= from);
}

/// Forgets everything: there is no open child.
pub(crate) fn clear() {
    *count() = 0;
}

/// What was written so far, to go back to.
pub(crate) fn mark() -> usize {
    *count()
}

/// Goes back to a mark: what was added since was not merged after all.
pub(crate) fn back(mark: usize) {
    *count() = mark.min(*count());
}

/// Adds what the child at a position of the present join wrote to a page.
pub(crate) fn add(page: u64, who: u32, bytes: &Mask) -> Result<(), Limit> {
    if bytes.0.iter().all(|&b| b == 0) {
        return Ok(());
    }
    let (n, until) = (*count(), children::sessions().max().unwrap_or(0));
    if n >= MAX {
        return Err(Limit::Exchange);
    }
    (*entry(n), *mask(n)) = (Entry { page, until, who }, *bytes);
    *count() = n + 1;
    Ok(())
}

/// Pages of which children wrote something that one of this session may meet, in any order.
pub(crate) fn pages(session: u64) -> impl Iterator<Item = u64> {
    (0..*count()).map(|i| *entry(i)).filter(move |e| e.until >= session).map(|e| e.page)
}

/// Adds what children wrote to a page that one of this session may meet.
pub(crate) fn gather(page: u64, session: u64, to: &mut Mask) {
    for i in (0..*count()).filter(|&i| entry(i).page == page && entry(i).until >= session) {
        union(to, mask(i));
    }
}

/// Who of the present join, the first of several, wrote a byte.
pub(crate) fn writer(address: u64) -> Option<u32> {
    let (page, byte) = (address & !0xfff, address as usize & 0xfff);
    let wrote = |i: &usize| {
        entry(*i).page == page
            && entry(*i).who != PARENT
            && mask(*i).0[byte / 8] >> (byte % 8) & 1 != 0
    };
    (0..*count()).find(wrote).map(|i| entry(i).who)
}

/// A join is complete. What nobody can meet any more goes, and what the same children can meet
/// becomes one: what is left does not grow with the number of joins.
pub(crate) fn settle() {
    let last = |until: u64| children::sessions().filter(|&s| s <= until).max();
    let mut kept = 0;
    for i in 0..*count() {
        let e = Entry { who: PARENT, ..*entry(i) };
        let Some(reach) = last(e.until) else { continue };
        let same = |k: &usize| entry(*k).page == e.page && last(entry(*k).until) == Some(reach);
        if let Some(k) = (0..kept).rev().find(same) {
            let bytes = *mask(i);
            union(mask(k), &bytes);
        } else {
            (*entry(kept), *mask(kept)) = (e, *mask(i));
            kept += 1;
        }
    }
    *count() = kept;
}

const _: () = {
    assert!(MASKS + MAX * size_of::<Mask>() <= private::WRITTEN_END);
    assert!(size_of::<Entry>() <= 32);
};
