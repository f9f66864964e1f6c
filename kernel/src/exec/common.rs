//! Common grants: memory of a parent that the children of a closed construct fill in place, each of
//! them bytes of its own.
//!
//! A parent *offers* whole pages that hold nothing anybody can read yet, the room of a vector that
//! is about to be collected into for instance. Where what the parent sees there is the image file,
//! the children's workers map these pages shared at their own place. What a child writes is in the
//! parent's memory at once: neither fault nor copy nor merge. If the construct fails, they hold
//! bytes that nobody looks at. Elsewhere, and in checking mode, what a child writes there is merged
//! as any other memory; the program cannot tell, down to the addresses of what it allocates.
//!
//! It is one or the other for all children. A child with a private copy of a page hands over the
//! old bytes of it as well; where another one writes to the page itself meanwhile, the merge would
//! take those for changes.

use super::control::{Me, Request, Role, me, order};
use super::{grants, layer};
use crate::abi::{Limit, MAX_CHILDREN, PAGE};
use crate::check;
use crate::heap::class::HEAP_END;
use crate::heap::{BlockInfo, block_of};
use crate::image::layout::{HEAP, page_ceil, page_floor};
use crate::space::{permissions, private as view};
use crate::sys;

/// The common grant that a worker maps shared.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Shown {
    /// Address and length, whole pages.
    range: (usize, usize),
    /// The children that fill it.
    count: u32,
    /// Those for which this process's page tables have been filled since it was mapped.
    filled: [u64; MAX_CHILDREN / 64],
}

impl Shown {
    /// None.
    pub const NONE: Shown = Shown { range: (0, 0), count: 0, filled: [0; MAX_CHILDREN / 64] };

    /// The range, if there is one.
    pub fn range(&self) -> Option<(usize, usize)> {
        (self.range.1 > 0).then_some(self.range)
    }

    /// Notes that the page tables were emptied for a range.
    pub fn forget(&mut self, addr: usize, len: usize) {
        for i in 0..MAX_CHILDREN {
            let bit = 1 << (i % 64);
            if self.filled[i / 64] & bit != 0 {
                let (from, to) = self.part(i);
                let (from, to) = (self.range.0 + from, self.range.0 + to);
                if from < addr + len && addr < to {
                    self.filled[i / 64] &= !bit;
                }
            }
        }
    }

    /// What a child will probably write, as offsets. Children have equal parts, about.
    fn part(&self, i: usize) -> (usize, usize) {
        let len = self.range.1;
        let part = |i: usize| (len as u128 * i as u128 / u128::from(self.count.max(1))) as usize;
        (page_floor(part(i)).saturating_sub(PAGE), (page_ceil(part(i + 1)) + PAGE).min(len))
    }

    /// Notes how many children fill it: others have other parts.
    fn divide(&mut self, count: u32) {
        if count != self.count {
            (self.count, self.filled) = (count, [0; MAX_CHILDREN / 64]);
        }
    }

    /// Notes that the tables are filled for a child; whether they were before.
    fn note_filled(&mut self, i: usize) -> bool {
        let bit = 1 << (i % 64);
        let word = &mut self.filled[i / 64 % (MAX_CHILDREN / 64)];
        core::mem::replace(word, *word | bit) & bit != 0
    }
}

/// Lets the children of the running space's closed constructs fill the `len` bytes at `addr`, up to
/// the end of the last page; returns what was offered before. `None`, and nothing has changed,
/// where `addr` is not the start of a live block of whole pages that is as large.
pub(crate) fn offer(addr: usize, len: usize) -> Option<(usize, usize)> {
    let me = me();
    let len = page_ceil(len);
    let whole = |b: BlockInfo| b.start == addr && len <= b.len && addr.is_multiple_of(PAGE);
    let fits = len > 0 && block_of(addr).is_some_and(whole);
    fits.then(|| core::mem::replace(&mut me.offered, (addr, len)))
}

/// Takes an offer back: what was offered before is again.
pub(crate) fn withdraw(before: (usize, usize)) {
    me().offered = before;
}

/// Whether the running child is one of those that fill this memory in place.
pub(crate) fn fills(addr: usize, len: usize) -> bool {
    let me = me();
    let (from, all) = me.filled;
    let inside = from <= addr && addr.checked_add(len).is_some_and(|end| end <= from + all);
    me.role == Role::Child && inside
}

/// Whether what the running space offers can be its children's to change at once: what it sees
/// there must be the image file, on which nobody else relies.
pub(crate) fn can_be_shared(me: &Me) -> bool {
    let (addr, len) = me.offered;
    if len == 0 || check::may_repeat() || view::file_is_base() || me.open_count > 0 {
        return false;
    }
    let is_file = match me.role {
        Role::Master => !view::is_private(),
        Role::Child => {
            me.orders & order::NO_GRANTS == 0
                && grants::covers(addr, len)
                && !layer::covers(me.chain, addr, len)
        }
        Role::Plain | Role::Worker => false,
    };
    is_file && permissions::allow(addr, len, true)
}

/// Brings a chain into this worker's memory, and shows the common grant of its child's construct.
pub(super) fn bring(me: &mut Me, r: &Request, chain: usize) -> Result<(), Limit> {
    me.filled = if is_sound(r.common) { r.common } else { (0, 0) };
    let shared = r.orders & order::SHARED != 0;
    let range = if shared { me.filled } else { (0, 0) };
    // The chain may have pages where the last one was.
    if me.shown.range != range {
        hide(me);
    }
    let before = me.applied;
    layer::apply(me, chain)?;
    // What is brought in or taken out changes mappings anywhere.
    if me.shown.range != range || before != me.applied {
        show(me, range)?;
    }
    if shared && me.filled.1 > 0 {
        me.shown.divide(r.count);
        if !me.shown.note_filled(me.index as usize) {
            fill_tables(me);
        }
    }
    Ok(())
}

/// Whether a range, which another process may claim at will, is whole pages of the heap.
fn is_sound((addr, len): (usize, usize)) -> bool {
    let end = addr.checked_add(len);
    (addr | len).is_multiple_of(PAGE) && addr >= HEAP && end.is_some_and(|end| end <= HEAP_END)
}

/// Makes the range that is mapped shared private again.
fn hide(me: &mut Me) {
    let (addr, len) = core::mem::replace(&mut me.shown, Shown::NONE).range;
    if len > 0 && grants::show_file(me, addr, len).is_err() {
        sys::exit(74);
    }
}

/// Maps a range shared.
fn show(me: &mut Me, range: (usize, usize)) -> Result<(), Limit> {
    me.shown = Shown::NONE;
    let (addr, len) = range;
    if len > 0 {
        grants::map_shared(me, addr, len).map_err(|_| Limit::Memory)?;
        me.shown.range = range;
    }
    Ok(())
}

/// Fills the page tables for what the child will probably write, so that it takes no faults: those
/// would have to be told from faults of changed pages.
fn fill_tables(me: &mut Me) {
    let (from, to) = me.shown.part(me.index as usize);
    let addr = me.shown.range.0;
    let faults = sys::faults();
    if from < to && sys::fill_tables(addr + from, to - from).is_ok() {
        me.clean_faults += sys::faults() - faults;
    }
}
