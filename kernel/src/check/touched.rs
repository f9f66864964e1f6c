//! Which of the pages that were copied into a worker its child writes. Other pages tell by
//! themselves: a written one is no longer the file's. In the child's worker.
//!
//! Invariant `touched`: while it is in force, the pages of the table that are not marked are
//! write-protected in this process.

use crate::abi::PAGE;
use crate::exec::control::{private, private_item};
use crate::sys;

/// The table, in private memory; its entries lie behind it.
#[repr(C)]
struct Touched {
    count: usize,
    in_force: u32,
}

/// Most pages: those that can be copied in, and thread-local storage of all spaces above.
const MAX: usize = (1 << 20) / 8 + (1 << 14);

/// Mark of an entry: the child has written the page.
const WRITTEN: u64 = 1;

fn touched() -> &'static mut Touched {
    // SAFETY: `control` and `own`; the record fits before its entries (asserted below).
    unsafe { private_item::<Touched>(private::TOUCHED, 0) }
}

fn entries() -> &'static mut [u64] {
    let count = touched().count.min(MAX);
    // SAFETY: `control` and `own`: so many fit (asserted below); any bytes are valid.
    unsafe { core::slice::from_raw_parts_mut(private_item::<u64>(private::TOUCHED, 2), count) }
}

/// Begins with these pages, of which none is written.
pub(crate) fn begin(pages: impl Iterator<Item = usize>) {
    let t = touched();
    t.count = 0;
    for page in pages.take(MAX) {
        // SAFETY: as in `entries`.
        unsafe { *private_item::<u64>(private::TOUCHED, 2 + t.count) = page as u64 };
        t.count += 1;
    }
    let all = entries();
    all.sort_unstable();
    let mut kept = 0;
    for i in 0..all.len() {
        if kept == 0 || all[i] != all[kept - 1] {
            all[kept] = all[i];
            kept += 1;
        }
    }
    t.count = kept;
}

/// Forgets all pages.
pub(crate) fn end() {
    touched().count = 0;
}

fn place(page: usize) -> Option<&'static mut u64> {
    let all = entries();
    let i = all.binary_search_by_key(&(page as u64), |e| e & !WRITTEN).ok()?;
    all.get_mut(i)
}

/// Whether the child has written a page; of a page that is not in the table this is not known
/// here, and counts as written.
pub(crate) fn wrote(page: usize) -> bool {
    place(page).is_none_or(|e| *e & WRITTEN != 0)
}

/// Marks a page as written.
pub(crate) fn mark(page: usize) {
    if let Some(e) = place(page) {
        *e |= WRITTEN;
    }
}

/// Whether a write to this page is refused for the sake of this table.
pub(super) fn refuses(page: usize) -> bool {
    touched().in_force != 0 && place(page).is_some_and(|e| *e & WRITTEN == 0)
}

/// Protects the pages that are not written yet, or opens them; whether there are any.
pub(super) fn set(protected: bool) -> bool {
    let t = touched();
    if !protected && t.in_force == 0 {
        return false;
    }
    let write = if protected { 0 } else { libc::PROT_WRITE };
    let mut rest: &[u64] = entries();
    let mut any = false;
    while let Some(&first) = rest.first() {
        let unwritten = |i: &usize| rest[*i] == first + (*i * PAGE) as u64;
        let run = (1..rest.len()).take_while(unwritten).count() + 1;
        if first & WRITTEN == 0 {
            any = true;
            // SAFETY: memory of the image or of thread-local storage, which who looks at this
            // table gives the right to write it, page by page.
            let set = unsafe { sys::protect(first as usize, run * PAGE, libc::PROT_READ | write) };
            if set.is_err() {
                // Nothing would be known of what the child writes.
                sys::exit(70);
            }
        }
        rest = &rest[run..];
    }
    t.in_force = u32::from(protected && any);
    any
}

const _: () = {
    assert!(size_of::<Touched>() <= 16);
    assert!(private::TOUCHED + 16 + MAX * 8 <= private::TOUCHED_END);
};
