//! Memory that the children of closed constructs fill in place.

use crate::exec::{ahead, common};

/// An offer of the running space to the children of its closed constructs, until it is dropped.
#[derive(Debug)]
#[must_use = "it is withdrawn when it is dropped"]
pub struct Offer {
    before: (usize, usize),
}

/// Lets the children of closed constructs that the running space makes from now on fill the `len`
/// bytes at `start` in place: what they write there may be in this space's memory at once, without
/// a merge, and also where the construct fails. `None` where the memory is not a block of its own
/// of whole pages.
///
/// # Safety
/// While the offer stands nobody reads the memory but what it wrote itself, and only children for
/// which [`fills`] says so write there: each to bytes that no other space writes.
pub unsafe fn offer(start: *mut u8, len: usize) -> Option<Offer> {
    common::offer(start.addr(), len).map(|before| Offer { before })
}

/// Whether the running child was offered this memory to fill, by its parent.
pub fn fills(start: *const u8, len: usize) -> bool {
    common::fills(start.addr(), len)
}

/// Tells that the running child is about to read `len` bytes at `start`, one after the other: they
/// come at once, not page by page. Without effect on what it reads, and outside of children.
pub fn will_read(start: *const u8, len: usize) {
    ahead::will_read(start.addr(), len);
}

impl Drop for Offer {
    fn drop(&mut self) {
        common::withdraw(self.before);
    }
}
