//! Objects that are written once: lazily filled statics, which every child fills alike.
//!
//! The first child in index order that filled one wins, whole; what the others made of it is
//! forgotten. That holds only while nobody filled it before: afterwards its bytes merge as bytes.

use super::region::{Changes, PageLayout, Part, Policy};
use super::sweep::end_of;
use super::{Child, Page, Target};
use crate::abi::PAGE;

/// What an object that is written once looks like before and after.
#[derive(Clone, Copy, Debug)]
pub struct WriteOnce {
    /// Its bytes before anybody wrote, as many as the region has.
    pub initial: &'static [u8],
    /// Which versions merge as one: where there is another one the bytes merge as bytes.
    pub accept: Accept,
}

/// Which versions of an object that is written once merge as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// All.
    Any,
    /// Those with this word, which tells that they are finished; for objects that are known by
    /// their look only.
    Finished(Done),
    /// Those that are the same, also where somebody wrote before; for settings, which a child
    /// may mean to be its own.
    Same,
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

/// How an object merges this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Winner {
    /// Its bytes merge as bytes.
    Bytes,
    /// It is as it was.
    Nobody,
    /// It is the version of the child of this index.
    Child(u32),
}

impl WriteOnce {
    /// Who wins the object at `start..end`. The target must be as it was at the snapshot.
    pub(super) fn winner<T: Target>(
        &self,
        (start, end): (u64, u64),
        children: &[Child<'_>],
        target: &T,
    ) -> Winner {
        if end.saturating_sub(start) != self.initial.len() as u64 {
            return Winner::Bytes;
        }
        let was = |addr: u64| {
            let page = addr & !(PAGE as u64 - 1);
            target.page(page).0.get((addr - page) as usize).copied()
        };
        let mut page = start & !(PAGE as u64 - 1);
        while page < end && self.accept != Accept::Same {
            let (here, inside) = slices(page, start, end);
            if target.page(page).0.get(here) != self.initial.get(inside) {
                return Winner::Bytes;
            }
            page = end_of(page);
        }
        let mut winner: Option<&Child<'_>> = None;
        for child in children {
            let changed = pages_of(child, start, end).any(|(&addr, page)| {
                let (here, _) = slices(addr, start, end);
                page.0.get(here.clone()) != target.page(addr).0.get(here)
            });
            if !changed {
                continue;
            }
            let byte = |child: &Child<'_>, addr: u64| {
                if addr >= end {
                    return None;
                }
                let mut pages = pages_of(child, start, end);
                let own = pages.find(|(page, _)| addr.wrapping_sub(**page) < PAGE as u64);
                let own = own.and_then(|(page, bytes)| bytes.0.get((addr - page) as usize));
                own.copied().or_else(|| was(addr))
            };
            let first = *winner.get_or_insert(child);
            let fits = match self.accept {
                Accept::Any => true,
                Accept::Finished(done) => done
                    .bytes()
                    .all(|(at, b)| byte(child, start.saturating_add(at as u64)) == Some(b)),
                Accept::Same => (start..end).all(|addr| byte(first, addr) == byte(child, addr)),
            };
            if !fits {
                return Winner::Bytes;
            }
        }
        winner.map_or(self.unchanged(), |child| Winner::Child(child.index))
    }

    /// Of an object that is as it was. In checking mode a write counts that changed nothing, but
    /// not of a setting.
    fn unchanged(&self) -> Winner {
        if self.accept == Accept::Same { Winner::Nobody } else { Winner::Bytes }
    }

    /// The same for an object that lies in one page.
    fn winner_on_page(&self, changes: &Changes<'_>) -> Winner {
        let Some((first, wins)) = changes.versions().next() else { return self.unchanged() };
        let fits = |version: &[u8]| match self.accept {
            Accept::Any => true,
            Accept::Finished(done) => done.bytes().all(|(at, b)| version.get(at) == Some(&b)),
            Accept::Same => version == wins,
        };
        let pristine = self.accept == Accept::Same || changes.reference() == self.initial;
        match pristine && changes.versions().all(|(_, version)| fits(version)) {
            true => Winner::Child(first),
            false => Winner::Bytes,
        }
    }
}

/// The pages of a child in which an object lies.
fn pages_of<'a>(
    child: &Child<'a>,
    start: u64,
    end: u64,
) -> impl Iterator<Item = (&'a u64, &'a Page)> + use<'a> {
    let from = child.addrs.partition_point(|&addr| end_of(addr) <= start);
    child.addrs.iter().zip(child.pages).skip(from).take_while(move |(addr, _)| **addr < end)
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
pub(super) struct Long {
    /// The address after an object, which names it, and who wins it.
    winners: [(u64, Winner); 2],
}

impl Long {
    /// Before the first page.
    pub(super) const fn new() -> Self {
        Self { winners: [(0, Winner::Bytes); 2] }
    }

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
            let known = self.winners.iter().find(|known| known.0 == part.end);
            known.map_or(Winner::Bytes, |known| known.1)
        } else {
            once.winner_on_page(changes)
        }
    }
}
