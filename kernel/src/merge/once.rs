//! Objects that are written once: lazily filled statics, which every child fills alike.
//!
//! The first child in index order that filled one wins, whole; what the others made of it is
//! forgotten. That holds only while nobody filled it before: afterwards its bytes merge as bytes.

use super::region::{Changes, PageLayout, Part, Policy};
use super::sweep::end_of;
use super::{Child, Target};
use crate::abi::PAGE;

/// What an object that is written once looks like before and after.
#[derive(Clone, Copy, Debug)]
pub struct WriteOnce {
    /// Its bytes before anybody wrote, as many as the region has.
    pub initial: &'static [u8],
    /// A word that tells that it was written, for objects that are known by their look only:
    /// where one child's version has another value there, the bytes merge as bytes.
    pub done: Option<Done>,
}

/// The word of a finished object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Bytes from the start of the object.
    pub at: usize,
    /// Its value, little-endian.
    pub value: u32,
}

impl Done {
    /// The place and value of each byte.
    fn bytes(self) -> impl Iterator<Item = (usize, u8)> {
        self.value.to_le_bytes().into_iter().enumerate().map(move |(i, b)| (self.at + i, b))
    }
}

/// The child that wins an object; `None` where its bytes merge as bytes.
pub(super) type Winner = Option<u32>;

impl WriteOnce {
    /// Who wins the object at `start..end`. The target must be as it was at the snapshot.
    pub(super) fn winner<T: Target>(
        &self,
        (start, end): (u64, u64),
        children: &[Child<'_>],
        target: &T,
    ) -> Winner {
        if end.saturating_sub(start) != self.initial.len() as u64 {
            return None;
        }
        let mut page = start & !(PAGE as u64 - 1);
        while page < end {
            let (here, inside) = slices(page, start, end);
            if target.page(page).0.get(here) != self.initial.get(inside) {
                return None;
            }
            page = end_of(page);
        }
        let mut winner = None;
        for child in children {
            let from = child.addrs.partition_point(|&addr| end_of(addr) <= start);
            let pages = || {
                let pages = child.addrs.iter().zip(child.pages).skip(from);
                pages.take_while(|(addr, _)| **addr < end)
            };
            let changed = pages().any(|(&addr, page)| {
                let (here, inside) = slices(addr, start, end);
                page.0.get(here) != self.initial.get(inside)
            });
            if !changed {
                continue;
            }
            let byte = |place: usize| {
                let addr = start.saturating_add(place as u64);
                let own = pages().find(|(page, _)| addr.wrapping_sub(**page) < PAGE as u64);
                let own = own.and_then(|(page, bytes)| bytes.0.get((addr - page) as usize));
                own.or(self.initial.get(place)).copied()
            };
            if self.done.is_some_and(|done| done.bytes().any(|(at, b)| byte(at) != Some(b))) {
                return None;
            }
            winner = winner.or(Some(child.index));
        }
        winner
    }

    /// The same for an object that lies in one page.
    fn winner_on_page(&self, changes: &Changes<'_>) -> Winner {
        let done = |version: &[u8]| {
            self.done.is_none_or(|done| done.bytes().all(|(at, b)| version.get(at) == Some(&b)))
        };
        let first = changes.versions().next()?.0;
        let pristine = changes.reference() == self.initial;
        (pristine && changes.versions().all(|(_, version)| done(version))).then_some(first)
    }
}

/// Where the page at `page` and the object at `start..end` overlap: in the page, in the object.
fn slices(page: u64, start: u64, end: u64) -> (core::ops::Range<usize>, core::ops::Range<usize>) {
    let (from, to) = (page.max(start), end_of(page).min(end));
    let place = |base: u64| from.saturating_sub(base) as usize..to.saturating_sub(base) as usize;
    (place(page), place(start))
}

impl Part<'_> {
    /// Address range of the region that the part of the page at `page` belongs to.
    pub(super) fn span(&self, page: u64) -> (u64, u64) {
        (page.saturating_add(self.from as u64).saturating_sub(self.offset), self.end)
    }

    /// Whether the region goes on in other pages.
    fn is_long(&self, page: u64) -> bool {
        self.offset > 0 || self.end > end_of(page)
    }
}

/// Who wins the objects that cross page boundaries, decided before anything of them is written.
/// Of a page there are at most two: one goes on from the page before, one goes on to the next.
#[derive(Default)]
pub(super) struct Long {
    /// The address after an object, which names it, and who wins it.
    winners: [(u64, Winner); 2],
}

impl Long {
    /// Looks for such objects on the page.
    pub(super) fn look_ahead<T: Target>(
        &mut self,
        regions: &PageLayout<'_>,
        page: u64,
        children: &[Child<'_>],
        target: &T,
    ) {
        for part in regions.parts().filter(|part| part.is_long(page)) {
            let Policy::WriteOnce(once) = part.policy else { continue };
            if self.winners.iter().all(|known| known.0 != part.end) {
                let winner = once.winner(part.span(page), children, target);
                self.winners = [self.winners[1], (part.end, winner)];
            }
        }
    }

    /// Who wins the object that the part belongs to.
    pub(super) fn winner(
        &self,
        once: &WriteOnce,
        part: &Part<'_>,
        changes: &Changes<'_>,
        page: u64,
    ) -> Winner {
        if part.is_long(page) {
            self.winners.iter().find(|known| known.0 == part.end)?.1
        } else {
            once.winner_on_page(changes)
        }
    }
}
