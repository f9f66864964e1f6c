//! Units larger than a byte: memory of which it is known what scalars and headers lie in it.
//!
//! Where siblings share one object by `&mut` (rule R4), two of them must not change parts of one
//! scalar, since by bytes 256 and 1 written over zero would merge to 257; and who changed what owns
//! memory (the header of a vector) must have been alone in the memory that it owned, since a
//! value that moved leaves no trace where it was. This only finds conflicts: what fits together
//! by units merges by bytes.

use super::sweep::{Group, Member, end_of};
use super::{Child, Page, Target};
use crate::abi::PAGE;

/// "No owner".
pub const NOBODY: usize = usize::MAX;

/// Bytes `start..end` of an element are units of `unit` bytes each. What lies in no run is
/// padding: it has no meaning and never conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Place of the first byte in the element.
    pub start: u64,
    /// The place after the last byte.
    pub end: u64,
    /// Bytes of a unit; divides the length.
    pub unit: u64,
}

/// An address range with elements of one kind, side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// First address.
    pub start: u64,
    /// The address after the last one.
    pub end: u64,
    /// Bytes of an element.
    pub stride: u64,
    /// Its runs: the first and the number of them in `Units::runs`, in ascending order.
    pub runs: (usize, usize),
    /// The unit that owns this memory, as a place in [`Units::owners`]; or [`NOBODY`].
    pub owner: usize,
}

/// A unit that owns memory outside of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// First address.
    pub start: u64,
    /// The address after the last one.
    pub end: u64,
    /// What owns the memory that it lies in, an earlier one of the list; or [`NOBODY`].
    pub outer: usize,
}

/// What lies where. Made by the parent, for its own memory.
#[derive(Clone, Copy, Debug)]
pub struct Units<'a> {
    /// Sorted and disjoint.
    pub areas: &'a [Area],
    /// The runs of all areas.
    pub runs: &'a [Run],
    /// In no order but that of [`Owner::outer`].
    pub owners: &'a [Owner],
}

impl<'a> Units<'a> {
    /// Every byte is a unit.
    pub const NONE: Units<'static> = Units { areas: &[], runs: &[], owners: &[] };

    /// Whether areas are sorted and disjoint.
    pub(super) fn is_sound(&self) -> bool {
        self.areas.is_sorted_by(|a, b| a.end <= b.start)
            && self.areas.iter().all(|a| a.start <= a.end && a.stride > 0)
            && self.runs.iter().all(|r| r.unit > 0)
            && self.owners.iter().enumerate().all(|(i, o)| o.outer < i || o.outer == NOBODY)
    }

    fn runs(&self, area: &Area) -> &'a [Run] {
        let runs = self.runs.get(area.runs.0..).unwrap_or_default();
        runs.get(..area.runs.1).unwrap_or_default()
    }

    /// The unit around an address of the area, unless padding is there.
    fn unit(&self, area: &Area, addr: u64) -> Option<(u64, u64)> {
        let offset = addr.checked_sub(area.start)?;
        let at = offset.checked_rem(area.stride)?;
        let element = addr.saturating_sub(at);
        let runs = self.runs(area);
        let run = runs.get(runs.partition_point(|run| run.end <= at))?;
        let inner = at.checked_sub(run.start)?.checked_rem(run.unit)?;
        let start = element.saturating_add(at.saturating_sub(inner));
        Some((start, start.saturating_add(run.unit)))
    }
}

/// Two children that touched one unit, or one a unit and the other what owns it. Ordered by what
/// is reported first; children are positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Clash {
    pub(super) higher: u32,
    pub(super) address: u64,
    pub(super) lower: u32,
}

impl Clash {
    fn between(a: u32, b: u32, address: u64) -> Clash {
        Clash { higher: a.max(b), address, lower: a.min(b) }
    }
}

/// The lowest two children that touched something.
#[derive(Clone, Copy, Default)]
struct Pair([Option<u32>; 2]);

impl Pair {
    fn add(&mut self, who: u32) {
        let Pair([first, second]) = *self;
        if first == Some(who) || second == Some(who) {
            return;
        }
        self.0 = match (first, second) {
            (None, _) => [Some(who), None],
            (Some(low), _) if who < low => [Some(who), first],
            (_, Some(high)) if high < who => return,
            _ => [first, Some(who)],
        };
    }

    /// The lowest one besides `who`.
    fn other(&self, who: u32) -> Option<u32> {
        self.0.into_iter().flatten().find(|&other| other != who)
    }
}

/// How many owners are remembered.
const REMEMBERED: usize = 16;

/// A pass over pages in ascending order that looks for conflicts by units.
pub(super) struct Search<'a, T> {
    units: Units<'a>,
    children: &'a [Child<'a>],
    target: &'a T,
    /// The areas that end behind the last page looked at begin with this one.
    next: usize,
    /// The last unit that crosses pages; it is looked at once.
    crossing: (u64, u64),
    /// Who touched an owner, by the owner's place.
    owners: [(usize, Pair); REMEMBERED],
}

impl<'a, T: Target> Search<'a, T> {
    pub(super) fn new(units: Units<'a>, children: &'a [Child<'a>], target: &'a T) -> Self {
        let owners = [(NOBODY, Pair::default()); REMEMBERED];
        Self { units, children, target, next: 0, crossing: (0, 0), owners }
    }

    /// The areas that lie in the page at `addr`, and later ones.
    fn areas(&mut self, addr: u64) -> &'a [Area] {
        let areas = self.units.areas;
        while areas.get(self.next).is_some_and(|area| area.end <= addr) {
            self.next = self.next.saturating_add(1);
        }
        areas.get(self.next..).unwrap_or_default()
    }

    /// Which bytes of the page are of areas.
    pub(super) fn parts(
        &mut self,
        addr: u64,
    ) -> impl Iterator<Item = (usize, usize)> + Clone + use<'a, T> {
        let areas = self.areas(addr).iter();
        areas.take_while(move |a| a.start < end_of(addr)).map(move |area| {
            let place = |at: u64| at.saturating_sub(addr).min(PAGE as u64) as usize;
            (place(area.start), place(area.end))
        })
    }

    /// The first conflict among children below `limit` on the page of the group.
    #[inline(never)]
    pub(super) fn clash(&mut self, group: Group<'_>, limit: u32) -> Option<Clash> {
        let page = group.addr();
        let mut first: Option<Clash> = None;
        let mut note = |clash: Option<Clash>| {
            let counts = clash.filter(|clash| clash.higher < limit);
            first = first.into_iter().chain(counts).min();
        };
        let single = group.members().nth(1).is_none();
        for area in self.areas(page).iter().take_while(|area| area.start < end_of(page)) {
            let (from, to) = (area.start.max(page), area.end.min(end_of(page)));
            for at in [from, to.saturating_sub(1)] {
                let unit = self.units.unit(area, at).filter(|u| from < to && *u != self.crossing);
                if let Some(unit) = unit.filter(|unit| unit.0 < page || unit.1 > end_of(page)) {
                    self.crossing = unit;
                    note(self.touched_twice(unit));
                }
            }
            let above = self.touched_owners(area.owner);
            if single && above.0 == [None; 2] {
                continue;
            }
            let reference = self.target.page(page);
            for member in group.members() {
                let mut units =
                    Touched { units: &self.units, area, member, reference, at: from, to };
                let Some(unit) = units.next() else { continue };
                let owner = above.other(member.who);
                note(owner.map(|owner| Clash::between(owner, member.who, unit.0)));
            }
            if !single {
                note(self.in_page(area, group, (from, to)));
            }
        }
        first
    }

    /// The first unit of the area in the page that two members touched.
    fn in_page(&self, area: &Area, group: Group<'_>, (from, to): (u64, u64)) -> Option<Clash> {
        let reference = self.target.page(group.addr());
        let touched =
            |member| Touched { units: &self.units, area, member, reference, at: from, to };
        let mut seen = [0u64; PAGE / 64];
        let place = |addr: u64| addr.saturating_sub(group.addr()) as usize;
        for member in group.members() {
            let mut twice: Option<u64> = None;
            for (start, _) in touched(member) {
                // One bit stands for a unit: that of its first byte in the page.
                let at = place(start.max(from));
                let Some(word) = seen.get_mut(at / 64) else { continue };
                let bit = 1 << (at % 64);
                if *word & bit != 0 {
                    twice = twice.or(Some(start));
                }
                *word |= bit;
            }
            if let Some(address) = twice {
                let mut lower = group.members();
                let lower = lower.find(|lower| touched(*lower).any(|unit| unit.0 == address))?;
                return Some(Clash::between(lower.who, member.who, address));
            }
        }
        None
    }

    /// The lowest two children that touched a unit which crosses pages.
    fn touched_twice(&self, unit: (u64, u64)) -> Option<Clash> {
        match self.touched(unit).0 {
            [Some(lower), Some(higher)] => Some(Clash::between(lower, higher, unit.0)),
            _ => None,
        }
    }

    /// Who touched what owns memory, and what owns that.
    fn touched_owners(&mut self, owner: usize) -> Pair {
        let mut pair = Pair::default();
        let mut next = owner;
        while let Some(owner) = self.units.owners.get(next) {
            let Some(slot) = self.owners.get(next % REMEMBERED) else { break };
            let known = (slot.0 == next).then_some(slot.1);
            let touched = known.unwrap_or_else(|| self.touched((owner.start, owner.end)));
            if let Some(slot) = self.owners.get_mut(next % REMEMBERED) {
                *slot = (next, touched);
            }
            touched.0.into_iter().flatten().for_each(|who| pair.add(who));
            next = owner.outer;
        }
        pair
    }

    fn touched(&self, unit: (u64, u64)) -> Pair {
        let mut pair = Pair::default();
        let touched = self.children.iter().zip(0..).filter(|(child, _)| self.has(child, unit));
        touched.take(2).for_each(|(_, who)| pair.add(who));
        pair
    }

    /// Whether a child wrote or freed a byte of a range.
    fn has(&self, child: &Child<'_>, (start, end): (u64, u64)) -> bool {
        let first = child.frees.partition_point(|block| block.end() <= start);
        if child.frees.get(first).is_some_and(|block| block.addr < end && block.len > 0) {
            return true;
        }
        let from = child.addrs.partition_point(|&addr| end_of(addr) <= start);
        let pages = child.addrs.iter().zip(child.pages).skip(from);
        pages.take_while(|(addr, _)| **addr < end).any(|(&addr, page)| {
            let place = |at: u64| at.saturating_sub(addr).min(PAGE as u64) as usize;
            let written = Written::new(child, addr, self.target.page(addr), page);
            written.next(place(start), place(end)).is_some()
        })
    }
}

/// What a child wrote of a page.
struct Written<'a> {
    reference: &'a Page,
    page: &'a Page,
    mask: &'a [u8],
}

impl<'a> Written<'a> {
    fn new(child: &Child<'a>, addr: u64, reference: &'a Page, page: &'a Page) -> Self {
        let known = child.writes.addrs.binary_search(&addr).ok();
        let mask = known.and_then(|i| child.writes.masks.get(i)).map_or(&[][..], |mask| &mask.0);
        Self { reference, page, mask }
    }

    /// The lowest byte written of `at..to`.
    fn next(&self, mut at: usize, to: usize) -> Option<usize> {
        let (old, new) = (&self.reference.0, &self.page.0);
        while at < to {
            let word = at..at.saturating_add(8);
            let bits = self.mask.get(at / 8).copied().unwrap_or_default();
            if bits == 0 && at.is_multiple_of(8) && old.get(word.clone()) == new.get(word.clone()) {
                at = word.end;
                continue;
            }
            if old.get(at) != new.get(at) || bits >> (at % 8) & 1 != 0 {
                return Some(at);
            }
            at = at.saturating_add(1);
        }
        None
    }
}

/// The units of a part of an area that a child touched, in ascending order.
struct Touched<'a> {
    units: &'a Units<'a>,
    area: &'a Area,
    member: Member<'a>,
    reference: &'a Page,
    at: u64,
    to: u64,
}

impl Touched<'_> {
    /// The lowest byte from `at` on that the child wrote or freed.
    fn byte(&self) -> Option<u64> {
        let page = self.member.addr();
        let place = |addr: u64| addr.saturating_sub(page) as usize;
        let (at, to) = (place(self.at), place(self.to));
        let written = self.member.page.and_then(|new| {
            Written::new(self.member.child, page, self.reference, new).next(at, to)
        });
        let freed = self.member.freed().find(|block| block.1 > at).map(|block| block.0.max(at));
        let first = written.into_iter().chain(freed).min()?;
        (first < to).then_some(page.saturating_add(first as u64))
    }
}

impl Iterator for Touched<'_> {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        loop {
            let byte = self.byte()?;
            let unit = self.units.unit(self.area, byte);
            self.at = unit.map_or(byte.saturating_add(1), |unit| unit.1);
            if unit.is_some() {
                return unit;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::{Case, Memory, OwnedChild, OwnedUnits, START, Scratch};
    use super::*;
    use crate::abi::Conflict;

    const WHOLE: [Run; 1] = [Run { start: 0, end: 24, unit: 24 }];

    /// Two children that each write bytes, over these units.
    fn met(units: OwnedUnits, lower: &[usize], higher: &[usize]) -> Option<Conflict> {
        let target = Memory(vec![Page([7; PAGE]); 4]);
        let children = [lower, higher].into_iter().zip(0..).map(|(places, index)| {
            let mut child = OwnedChild::new(index);
            places.iter().for_each(|&at| child.write(&target, at, index as u8));
            child
        });
        let case = Case { children: children.collect(), target, units, ..Case::default() };
        case.check(&mut Scratch::default()).expect("as the oracle")
    }

    #[track_caller]
    fn conflict_at(found: Option<Conflict>, at: usize) {
        let c = found.expect("a conflict");
        assert_eq!((c.address - START, c.lower, c.higher), (at as u64, 0, 1));
    }

    #[test]
    fn units_and_padding() {
        let units = || {
            let mut units = OwnedUnits::default();
            let runs = [Run { start: 0, end: 8, unit: 4 }, Run { start: 10, end: 12, unit: 2 }];
            units.add(100, 50, 12, &runs, NOBODY);
            units
        };
        conflict_at(met(units(), &[112], &[115]), 112);
        assert_eq!(met(units(), &[112], &[116]), None);
        conflict_at(met(units(), &[123], &[110, 122]), 122);
        // Padding, even the same byte; and what is no longer of the area.
        assert_eq!(met(units(), &[109, 699], &[109, 700]), None);
        conflict_at(met(units(), &[700], &[700]), 700);
    }

    /// One child writes the unit's bytes of one page, the other those of the next.
    #[test]
    fn units_across_pages() {
        let units = |at: usize| {
            let mut units = OwnedUnits::default();
            units.add(at, 300, 24, &WHOLE, NOBODY);
            units
        };
        for back in 1..24 {
            let at = PAGE - back;
            conflict_at(met(units(at), &[at], &[at + 23]), at);
            conflict_at(met(units(at), &[at + 23], &[at]), at);
            assert_eq!(met(units(at), &[at], &[at + 24]), None);
        }
        // One that covers pages which nobody wrote.
        let mut long = OwnedUnits::default();
        let size = 3 * PAGE as u64;
        long.add(100, 1, size, &[Run { start: 0, end: size, unit: size }], NOBODY);
        conflict_at(met(long.clone(), &[3 * PAGE], &[100]), 100);
        conflict_at(met(long.clone(), &[PAGE - 1], &[2 * PAGE]), 100);
        assert_eq!(met(long, &[99], &[100]), None);
    }

    /// A header on one page, what it owns on another, what that owns on a third.
    #[test]
    fn owners() {
        let units = || {
            let mut units = OwnedUnits::default();
            units.add(0, 2, 24, &WHOLE, NOBODY);
            let outer = units.own(24..48, NOBODY);
            units.add(PAGE, 10, 24, &WHOLE, outer);
            let inner = units.own(PAGE + 48..PAGE + 72, outer);
            units.add(3 * PAGE, 100, 1, &[Run { start: 0, end: 1, unit: 1 }], inner);
            units
        };
        conflict_at(met(units(), &[30], &[PAGE + 5]), PAGE);
        conflict_at(met(units(), &[PAGE + 25], &[30]), PAGE + 24);
        conflict_at(met(units(), &[30], &[3 * PAGE + 9]), 3 * PAGE + 9);
        conflict_at(met(units(), &[3 * PAGE + 9], &[PAGE + 50]), 3 * PAGE + 9);
        // Another header, another element, and who did all of it alone.
        assert_eq!(met(units(), &[5], &[PAGE + 5, 3 * PAGE + 9]), None);
        assert_eq!(met(units(), &[PAGE + 5], &[3 * PAGE + 9]), None);
        assert_eq!(met(units(), &[30, PAGE + 50, 3 * PAGE], &[5, 4000]), None);
        assert_eq!(met(units(), &[3 * PAGE + 1], &[3 * PAGE + 2]), None);
    }
}
