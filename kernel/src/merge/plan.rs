//! The first phase: look for conflicts over all children, change nothing.

use super::once::Winner;
use super::page::{self, Marks, Mixed};
use super::region::{Changes, Layout, PageLayout, Part, Policy};
use super::sweep::{Group, Member, Site, Sweep};
use super::units::{Clash, Search, Units};
use super::{Child, Cursor, Page, PlanError, Region, Stats, Target, claim};
use crate::abi::{Conflict, Freed, PAGE};
use core::fmt;

/// The proof that a merge has no conflict; see [`plan`].
///
/// It holds on to everything that [`apply`](super::apply) needs, so that nothing can be exchanged
/// in between. The target is not held: it must not change until then.
pub struct Plan<'a> {
    // Invariant: `plan` found these children and regions well-formed and free of conflicts, and
    // `scratch` is at least as long as `children`.
    pub(super) children: &'a [Child<'a>],
    pub(super) regions: &'a [Region],
    pub(super) scratch: &'a mut [Cursor],
    pub(super) stats: Stats,
}

impl Plan<'_> {
    /// What was planned.
    pub fn stats(&self) -> Stats {
        self.stats
    }
}

impl fmt::Debug for Plan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("stats", &self.stats).finish_non_exhaustive()
    }
}

/// Checks whether what the children changed fits together. Changes nothing.
///
/// `target` is the reference image, `children` come in ascending order of their indices, `regions`
/// are sorted and disjoint, `scratch` has a cursor for each child.
///
/// # Errors
///
/// [`PlanError::Conflict`] if two children changed one byte. Of several conflicts it is the one
/// whose higher index is lowest; of these, the one at the lowest address; of these, the one whose
/// lower index is lowest. The other variants mean that an argument breaks its rules; they come
/// before any conflict.
pub fn plan<'a, T: Target>(
    target: &T,
    children: &'a [Child<'a>],
    regions: &'a [Region],
    scratch: &'a mut [Cursor],
) -> Result<Plan<'a>, PlanError> {
    plan_by_units(target, children, regions, Units::NONE, scratch)
}

/// The same where `units` says that in some memory more than a byte is a unit. No region but of
/// bytes lies there, and what an area's owner owns begins in the area's first page.
///
/// Two children that changed one unit are in conflict; so are two of which one changed a unit and
/// the other what owns its memory, or what owns that. The address is the unit's.
///
/// # Errors
///
/// As [`plan`].
pub fn plan_by_units<'a, T: Target>(
    target: &T,
    children: &'a [Child<'a>],
    regions: &'a [Region],
    units: Units<'_>,
    scratch: &'a mut [Cursor],
) -> Result<Plan<'a>, PlanError> {
    claim::check(children, regions, scratch.len())?;
    if !units.is_sound() {
        return Err(PlanError::Regions);
    }
    let mut stats = Stats::default();
    let mut layout = Layout::new(regions);
    let mut sweep = Sweep::new(children, scratch, true);
    let mut search = Search::new(units, children, target);
    let mut limit = u32::MAX;
    let mut worst: Option<Clash> = None;
    while let Some(site) = sweep.next() {
        if site.dirty > 0 {
            stats.pages = stats.pages.saturating_add(1);
        }
        if site.dirty > 1 {
            stats.shared = stats.shared.saturating_add(1);
        }
        let in_units = search.parts(site.addr).next().is_some();
        if site.members < 2 && !in_units {
            continue;
        }
        let regions = layout.page(site.addr);
        let group = sweep.group(&site);
        let reference = target.page(site.addr);
        let shared = Shared { site, group, reference, regions };
        let merged = |part: &Part<'_>| match part.policy {
            Policy::Bytes => Merged::ByBytes,
            Policy::NoMerge => Merged::Not,
            Policy::Hook(_) => Merged::ByHook,
            Policy::WriteOnce(once) => match once.winner(part.span(site.addr), children, target) {
                Winner::Nobody | Winner::Child(_) => Merged::ByHook,
                Winner::Bytes => Merged::ByBytes,
            },
        };
        let mut found = None;
        if site.members > 1 {
            found = shared.conflict(&merged, &search.parts(site.addr), &mut stats.changed);
        }
        let by_units = if in_units { search.clash(group, limit) } else { None };
        let found = found.map(|found| shared.clash_at(found)).into_iter().chain(by_units).min();
        if let Some(found) = found {
            // Pages come in ascending order: from here on only a lower higher index counts.
            limit = found.higher;
            sweep.limit(limit);
            worst = Some(found);
        }
    }
    match worst.and_then(|clash| record(target, children, clash)) {
        Some(conflict) => Err(PlanError::Conflict(conflict)),
        None => Ok(Plan { children, regions, scratch, stats }),
    }
}

/// What is reported of a conflict.
fn record<T: Target>(target: &T, children: &[Child<'_>], clash: Clash) -> Option<Conflict> {
    let at = (clash.address % PAGE as u64) as usize;
    let page = clash.address.saturating_sub(at as u64);
    let (lower, higher) =
        (children.get(clash.lower as usize)?, children.get(clash.higher as usize)?);
    let word = |page: &Page| {
        let (words, _) = page.0.as_chunks::<8>();
        words.get(at / 8).copied().unwrap_or_default()
    };
    let value = |child: &Child<'_>| {
        let dirty = child.addrs.binary_search(&page).ok().and_then(|i| child.pages.get(i));
        word(dirty.unwrap_or(target.page(page)))
    };
    let freed = |child: &Child<'_>| {
        let i = child.frees.partition_point(|block| block.end() <= clash.address);
        child.frees.get(i).is_some_and(|block| block.addr <= clash.address)
    };
    Some(Conflict {
        address: clash.address,
        lower: lower.index,
        higher: higher.index,
        reference: word(target.page(page)),
        lower_value: value(lower),
        higher_value: value(higher),
        freed: match (freed(lower), freed(higher)) {
            (false, false) => Freed::Neither,
            (true, false) => Freed::Lower,
            (false, true) => Freed::Higher,
            (true, true) => Freed::Both,
        },
    })
}

/// Two children and the byte of the page on which they do not agree. Ordered by what is reported
/// first; children are positions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    higher: u32,
    at: usize,
    lower: u32,
}

/// A page on which several children did something.
struct Shared<'s> {
    site: Site,
    group: Group<'s>,
    reference: &'s Page,
    regions: PageLayout<'s>,
}

/// How the bytes of a part merge this time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Merged {
    /// Writes of two children conflict.
    ByBytes,
    /// By a hook or as one object: only a free conflicts with a write.
    ByHook,
    /// Not at all.
    Not,
}

/// What a child did to one byte.
struct Touch {
    wrote: bool,
    freed: bool,
}

impl Touch {
    fn any(&self) -> bool {
        self.wrote || self.freed
    }
}

impl Shared<'_> {
    /// The first conflict of the page, but for what lies in units.
    fn conflict(
        &self,
        merged: &dyn Fn(&Part<'_>) -> Merged,
        units: &(impl Iterator<Item = (usize, usize)> + Clone),
        changed: &mut u64,
    ) -> Option<Found> {
        let found = match self.regions.is_plain() && units.clone().next().is_none() {
            true => self.clash(changed),
            false => self.mixed_clash(merged, &mut units.clone(), changed),
        };
        let found = found.and_then(|(higher, at)| self.lower(merged, higher, at));
        if self.regions.is_plain() {
            return found;
        }
        self.regions.parts().filter_map(|part| self.hook(&part)).chain(found).min()
    }

    /// The first child that changed a byte which one before it changed, and the lowest such byte;
    /// where all bytes merge as bytes.
    fn clash(&self, changed: &mut u64) -> Option<(u32, usize)> {
        let mut seen = Marks::none();
        self.group.members().find_map(|member| {
            // Nothing of the child may be in the set while it is compared with the set: a child
            // does not conflict with itself. `collect` sees to that for writes.
            let freed = member.freed().find_map(|(from, to)| seen.first_in(from, to));
            let wrote = member.page.and_then(|page| {
                page::collect(self.reference, page, member.mask(), &mut seen, changed)
            });
            for (from, to) in member.freed() {
                seen.set(from, to);
            }
            let at = freed.into_iter().chain(wrote).min()?;
            Some((member.who, at))
        })
    }

    /// The same where there are regions or units. Not inlined: it keeps 16 KiB on the stack.
    #[inline(never)]
    fn mixed_clash(
        &self,
        merged: &dyn Fn(&Part<'_>) -> Merged,
        units: &mut dyn Iterator<Item = (usize, usize)>,
        changed: &mut u64,
    ) -> Option<(u32, usize)> {
        let mut seen = Mixed::none();
        for part in self.regions.parts() {
            match merged(&part) {
                Merged::ByBytes => seen.by_bytes(part.from, part.to),
                Merged::ByHook => seen.by_hook(part.from, part.to),
                Merged::Not => {}
            }
        }
        units.for_each(|(from, to)| seen.elsewhere(from, to));
        self.group.members().find_map(|member| {
            let freed = member.freed().find_map(|(from, to)| seen.first_in(from, to));
            let wrote = member
                .page
                .and_then(|page| seen.collect(self.reference, page, member.mask(), changed));
            for (from, to) in member.freed() {
                seen.free(from, to);
            }
            let at = freed.into_iter().chain(wrote).min()?;
            Some((member.who, at))
        })
    }

    /// The lowest child that is in conflict with `higher` over the byte.
    fn lower(&self, merged: &dyn Fn(&Part<'_>) -> Merged, higher: u32, at: usize) -> Option<Found> {
        let hook = self.regions.part(at).is_some_and(|part| merged(&part) == Merged::ByHook);
        let exact = self.regions.part(at).is_some_and(|part| merged(&part) == Merged::ByBytes);
        let last = self.member(higher)?;
        let last_touch = self.touch(&last, at, exact);
        let lower =
            self.group.members().take_while(|member| member.who < higher).find(|member| {
                let touch = self.touch(member, at, exact);
                touch.any() && last_touch.any() && (!hook || touch.freed || last_touch.freed)
            })?;
        // Planted mutant: two children that wrote the same value agree.
        let value = |member: &Member<'_>| member.page.map(|page| page.0.get(at).copied());
        if cfg!(detpar_mutant = "same_value_ok") && value(&lower) == value(&last) {
            return None;
        }
        let lower = lower.who;
        Some(Found { higher, at, lower })
    }

    /// The conflict that a part's hook reports.
    fn hook(&self, part: &Part<'_>) -> Option<Found> {
        let Policy::Hook(hook) = part.policy else { return None };
        let changes = Changes::of(self.group, &self.reference.0, part);
        changes.versions().nth(1)?;
        let conflict = (hook.check)(&changes).err()?;
        // A hook that names a byte or a child that is not there still stops the merge: the place
        // is moved into the slice, the children are replaced by the first two versions.
        let at = part.from.saturating_add(conflict.at).min(part.to.saturating_sub(1));
        let named = |index| self.position(&changes, index);
        let pair = match (named(conflict.lower), named(conflict.higher)) {
            (Some(lower), Some(higher)) if lower < higher => Some((lower, higher)),
            _ => None,
        };
        let (lower, higher) = pair.or_else(|| {
            let mut versions = changes.versions();
            Some((named(versions.next()?.0)?, named(versions.next()?.0)?))
        })?;
        Some(Found { higher, at, lower })
    }

    /// The position of the child of this index, if it is among the versions.
    fn position(&self, changes: &Changes<'_>, index: u32) -> Option<u32> {
        changes.versions().find(|version| version.0 == index)?;
        self.group.members().find(|member| member.child.index == index).map(|member| member.who)
    }

    fn member(&self, who: u32) -> Option<Member<'_>> {
        self.group.members().find(|member| member.who == who)
    }

    /// A write that restored the value counts if it is `exact`.
    fn touch(&self, member: &Member<'_>, at: usize, exact: bool) -> Touch {
        let reference = self.reference.0.get(at);
        let restored = || {
            let bits = member.mask().and_then(|mask| mask.0.get(at / 8));
            exact && bits.is_some_and(|bits| bits >> (at % 8) & 1 != 0)
        };
        let wrote = member.page.is_some_and(|page| page.0.get(at) != reference || restored());
        let freed = member.freed().any(|(from, to)| from <= at && at < to);
        Touch { wrote, freed }
    }

    fn clash_at(&self, found: Found) -> Clash {
        let address = self.site.addr.saturating_add(found.at as u64);
        Clash { higher: found.higher, address, lower: found.lower }
    }
}
