//! The parent's side of a merge while the parent goes on: which of the pages that a child
//! changed the parent changed too since the child's snapshot, and what they were then.

use super::control::{Me, Role};
use super::{changes, layer, stage};
use crate::abi::{Limit, PAGE};
use crate::image::regions;
use crate::merge::{Block, Page, Policy, Target};
use crate::space::private;
use crate::sys;
use core::slice;

/// Pages that the parent changed since a child's snapshot, among those of interest.
pub(crate) struct ParentSide {
    /// Their addresses, ascending.
    pub addrs: &'static [u64],
    /// Their contents now.
    pub pages: &'static [Page],
    /// Where their contents as of the snapshot lie.
    references: &'static [usize],
    /// All pages that the merge may write, ascending.
    pub touched: &'static [u64],
}

/// Room for `n` items in this process's exchange area.
///
/// # Safety
/// Any bytes must be a valid T.
unsafe fn room<T>(me: &mut Me, n: usize) -> Result<&'static mut [T], Limit> {
    let at = stage::take(me, n * size_of::<T>()).ok_or(Limit::Exchange)?;
    // SAFETY: `control`: just taken in this process's area; the caller's contract.
    Ok(unsafe { slice::from_raw_parts_mut(at as *mut T, n) })
}

/// What a page was at the snapshot that a chain stands for.
fn reference(me: &mut Me, chain: usize, page: u64) -> Result<&'static Page, Limit> {
    if let Some((p, _)) = layer::lookup(chain, page) {
        return Ok(p);
    }
    if me.role == Role::Master {
        return Ok(private::file_page(page));
    }
    let at = stage::take(me, PAGE).ok_or(Limit::Exchange)?;
    let off = regions::offset_of(page as usize).ok_or(Limit::Exchange)?;
    sys::read_at(me.image_fd, at, PAGE, off).map_err(|_| Limit::Exchange)?;
    // SAFETY: `control`: just taken and filled.
    Ok(unsafe { &*(at as *const Page) })
}

impl ParentSide {
    /// Looks at the pages that a child changed and at the blocks it freed.
    pub fn new(
        me: &mut Me,
        chain: usize,
        changed: &[u64],
        frees: &[Block],
    ) -> Result<ParentSide, Limit> {
        let touched = touched(me, changed, frees)?;
        // SAFETY: plain words and pages.
        let (addrs, references) =
            unsafe { (room::<u64>(me, touched.len())?, room::<usize>(me, touched.len())?) };
        let mut n = 0;
        for &page in touched.iter() {
            let mark = me.stage_end;
            let was = reference(me, chain, page)?;
            if layer::same(page as usize, was) {
                me.stage_end = mark;
                continue;
            }
            (addrs[n], references[n]) = (page, core::ptr::from_ref(was) as usize);
            n += 1;
        }
        // SAFETY: pages are bytes.
        let pages = unsafe { room::<Page>(me, n)? };
        for (to, &from) in pages.iter_mut().zip(addrs.iter()) {
            // SAFETY: an image page of this space.
            unsafe { core::ptr::copy_nonoverlapping(from as usize as *const Page, to, 1) };
        }
        Ok(ParentSide { addrs: &addrs[..n], pages, references: &references[..n], touched })
    }

    fn reference_of(&self, page: u64) -> Option<*const Page> {
        let i = self.addrs.binary_search(&page).ok()?;
        self.references.get(i).map(|&p| p as *const Page)
    }

    /// Puts the parent's own bytes back where nothing merges.
    pub fn keep_unmerged(&self) {
        for r in regions::policies().iter().filter(|r| matches!(r.policy, Policy::NoMerge)) {
            let first = self.addrs.partition_point(|&a| a + PAGE as u64 <= r.start);
            for (&addr, page) in self.addrs[first..].iter().zip(&self.pages[first..]) {
                if addr >= r.end {
                    break;
                }
                let from = r.start.max(addr);
                let to = r.end.min(addr + PAGE as u64);
                let own = &page.0[(from - addr) as usize..(to - addr) as usize];
                // SAFETY: an image page of this space; the region's bytes belong to it alone.
                unsafe {
                    core::ptr::copy_nonoverlapping(
                        own.as_ptr(),
                        from as usize as *mut u8,
                        own.len(),
                    );
                }
            }
        }
    }
}

/// The changed pages of a child and those pages of blocks it freed that the parent may have
/// changed, ascending.
fn touched(me: &mut Me, changed: &[u64], frees: &[Block]) -> Result<&'static [u64], Limit> {
    let mut more = 0;
    let each = |me: &Me, f: &mut dyn FnMut(u64)| {
        for b in frees {
            let (from, to) = (b.addr & !(PAGE as u64 - 1), b.addr + b.len);
            changes::scan_range(me, from as usize, to as usize, |from, to| {
                (from as u64..to as u64).step_by(PAGE).for_each(&mut *f);
            });
        }
    };
    each(me, &mut |_| more += 1);
    // SAFETY: plain words.
    let all = unsafe { room::<u64>(me, changed.len() + more)? };
    let mut n = changed.len();
    all[..n].copy_from_slice(changed);
    each(me, &mut |page| {
        if n < all.len() {
            all[n] = page;
            n += 1;
        }
    });
    if n > changed.len() {
        all[..n].sort_unstable();
        let mut kept = 1;
        for i in 1..n {
            if all[i] != all[kept - 1] {
                all[kept] = all[i];
                kept += 1;
            }
        }
        n = kept;
    }
    Ok(&all[..n])
}

/// The memory of a parent that went on: the plan sees what it was at the snapshot.
impl Target for ParentSide {
    fn page(&self, addr: u64) -> &Page {
        let p = self.reference_of(addr).unwrap_or(addr as usize as *const Page);
        // SAFETY: a layer's page, or a page of the image that was checked with the claims.
        unsafe { &*p }
    }

    fn page_mut(&mut self, addr: u64) -> &mut Page {
        let own = addr as usize as *mut Page;
        // SAFETY: as above; nothing else refers to user memory on the control stack.
        unsafe {
            if let Some(was) = self.reference_of(addr) {
                core::ptr::copy_nonoverlapping(was, own, 1);
            }
            &mut *own
        }
    }
}

/// Pages as they were before a merge, so that it can be taken back; blocks of several merges
/// form a list, newest first. Its names are addresses, 0 the empty list.
#[repr(C)]
pub(crate) struct Undo {
    before: usize,
    addrs: &'static [u64],
    pages: &'static [Page],
}

impl Undo {
    /// Keeps the present contents of pages, on top of what was kept before.
    pub fn keep(me: &mut Me, before: usize, addrs: &'static [u64]) -> Result<usize, Limit> {
        // SAFETY: pages are bytes.
        let pages = unsafe { room::<Page>(me, addrs.len())? };
        for (to, &from) in pages.iter_mut().zip(addrs) {
            // SAFETY: an image page of this space.
            unsafe { core::ptr::copy_nonoverlapping(from as usize as *const Page, to, 1) };
        }
        let at = stage::take(me, size_of::<Undo>()).ok_or(Limit::Exchange)?;
        // SAFETY: `control`: just taken in this process's area.
        unsafe { (at as *mut Undo).write(Undo { before, addrs, pages }) };
        Ok(at)
    }

    /// Writes everything back.
    pub fn back(mut top: usize) {
        while top != 0 {
            // SAFETY: names come from `keep`, whose room the caller has not given back.
            let u = unsafe { &*(top as *const Undo) };
            for (from, &to) in u.pages.iter().zip(u.addrs) {
                // SAFETY: as in `keep`.
                unsafe { core::ptr::copy_nonoverlapping(from, to as usize as *mut Page, 1) };
            }
            top = u.before;
        }
    }
}
