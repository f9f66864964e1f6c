//! The second phase: write. It has nothing left to decide and cannot fail.

use super::page;
use super::region::{Changes, Layout, PageLayout, Policy};
use super::sweep::{Group, Sweep};
use super::{Page, Plan, Stats, Target};

/// Writes what the children changed into the target, which must be as [`plan`](super::plan) saw
/// it.
pub fn apply<T: Target>(plan: Plan<'_>, target: &mut T) -> Stats {
    let mut layout = Layout::new(plan.regions);
    let mut sweep = Sweep::new(plan.children, plan.scratch, false);
    while let Some(site) = sweep.next() {
        let group = sweep.group(&site);
        let regions = layout.page(site.addr);
        let out = target.page_mut(site.addr);
        match (regions.is_plain(), site.members) {
            (true, 1) => {
                for page in group.members().filter_map(|member| member.page) {
                    page::copy(out, page);
                }
            }
            (true, _) => merge_plain(out, group),
            (false, _) => merge_parts(out, group, &regions),
        }
    }
    plan.stats
}

/// All bytes merge as bytes.
#[inline(never)]
fn merge_plain(out: &mut Page, group: Group<'_>) {
    // The reference is overwritten while later children are still to be compared with it.
    let reference = out.0;
    for version in group.members().filter_map(|member| member.page) {
        page::merge(&mut out.0, &reference, &version.0);
    }
}

/// Some bytes do not.
#[inline(never)]
fn merge_parts(out: &mut Page, group: Group<'_>, regions: &PageLayout<'_>) {
    let reference = out.0;
    for part in regions.parts() {
        let Some(out) = out.0.get_mut(part.from..part.to) else { continue };
        match part.policy {
            Policy::NoMerge => {}
            Policy::Bytes => {
                let old = reference.get(part.from..part.to).unwrap_or_default();
                for version in group.members().filter_map(|member| member.page) {
                    let new = version.0.get(part.from..part.to).unwrap_or_default();
                    page::merge(out, old, new);
                }
            }
            Policy::Hook(hook) => {
                let changes = Changes::of(group, &reference, &part);
                if changes.versions().next().is_some() {
                    (hook.merge)(&changes, out);
                }
            }
        }
    }
}
