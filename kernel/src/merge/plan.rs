//! The first phase: look for conflicts over all children, change nothing.

use super::once::Winner;
use super::page::{self, Marks, Mixed};
use super::region::{Changes, Layout, PageLayout, Part, Policy};
use super::sweep::{Group, Member, Site, Sweep};
use super::{Child, Cursor, Page, PlanError, Region, Stats, Target, claim};
use crate::abi::{Conflict, Freed};
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
    claim::check(children, regions, scratch.len())?;
    let mut stats = Stats::default();
    let mut layout = Layout::new(regions);
    let mut sweep = Sweep::new(children, scratch, true);
    let mut worst = None;
    while let Some(site) = sweep.next() {
        if site.dirty > 0 {
            stats.pages = stats.pages.saturating_add(1);
        }
        if site.dirty > 1 {
            stats.shared = stats.shared.saturating_add(1);
        }
        if site.members < 2 {
            continue;
        }
        let regions = layout.page(site.addr);
        let shared =
            Shared { site, group: sweep.group(&site), reference: target.page(site.addr), regions };
        let merged = |part: &Part<'_>| match part.policy {
            Policy::Bytes => Merged::ByBytes,
            Policy::NoMerge => Merged::Not,
            Policy::Hook(_) => Merged::ByHook,
            Policy::WriteOnce(once) => match once.winner(part.span(site.addr), children, target) {
                Winner::Nobody | Winner::Child(_) => Merged::ByHook,
                Winner::Bytes => Merged::ByBytes,
            },
        };
        if let Some(found) = shared.conflict(&merged, &mut stats.changed) {
            // Pages come in ascending order: from here on only a lower higher index counts.
            let record = shared.record(found);
            sweep.limit(found.higher);
            worst = record.or(worst);
        }
    }
    match worst {
        Some(conflict) => Err(PlanError::Conflict(conflict)),
        None => Ok(Plan { children, regions, scratch, stats }),
    }
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
    /// The first conflict of the page.
    fn conflict(&self, merged: &dyn Fn(&Part<'_>) -> Merged, changed: &mut u64) -> Option<Found> {
        let found = match self.regions.is_plain() {
            true => self.clash(changed),
            false => self.mixed_clash(merged, changed),
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

    /// The same where there are regions. Not inlined: it keeps 16 KiB on the stack.
    #[inline(never)]
    fn mixed_clash(
        &self,
        merged: &dyn Fn(&Part<'_>) -> Merged,
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

    fn record(&self, found: Found) -> Option<Conflict> {
        let (lower, higher) = (self.member(found.lower)?, self.member(found.higher)?);
        let word = |page: &Page| {
            let (words, _) = page.0.as_chunks::<8>();
            words.get(found.at / 8).copied().unwrap_or_default()
        };
        let freed = |member| self.touch(member, found.at, false).freed;
        Some(Conflict {
            address: self.site.addr.saturating_add(found.at as u64),
            lower: lower.child.index,
            higher: higher.child.index,
            reference: word(self.reference),
            lower_value: word(lower.page.unwrap_or(self.reference)),
            higher_value: word(higher.page.unwrap_or(self.reference)),
            freed: match (freed(&lower), freed(&higher)) {
                (false, false) => Freed::Neither,
                (true, false) => Freed::Lower,
                (false, true) => Freed::Higher,
                (true, true) => Freed::Both,
            },
        })
    }
}
