//! The second phase: write. It has nothing left to decide and cannot fail.

use super::once::{Long, Winner};
use super::page;
use super::region::{Changes, Layout, PageLayout, Policy};
use super::sweep::{Group, Sweep};
use super::{Page, Plan, Stats, Target};
use crate::abi::PAGE;

/// Writes what the children changed into the target, which must be as [`plan`](super::plan) saw
/// it.
pub fn apply<T: Target>(plan: Plan<'_>, target: &mut T) -> Stats {
    let mut layout = Layout::new(plan.regions);
    let mut sweep = Sweep::new(plan.children, plan.scratch, false);
    let mut long = Long::new();
    while let Some(site) = sweep.next() {
        let group = sweep.group(&site);
        let regions = layout.page(site.addr);
        long.look_ahead(&regions, site.addr, plan.children, target);
        let out = target.page_mut(site.addr);
        match (regions.is_plain(), site.members) {
            (true, 1) => {
                for page in group.members().filter_map(|member| member.page) {
                    page::copy(out, page);
                }
            }
            (true, _) => merge_plain(out, group),
            (false, _) => merge_parts(out, group, &regions, &long),
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
fn merge_parts(out: &mut Page, group: Group<'_>, regions: &PageLayout<'_>, long: &Long) {
    let reference = out.0;
    for part in regions.parts() {
        let Some(out) = out.0.get_mut(part.from..part.to) else { continue };
        match part.policy {
            Policy::NoMerge => {}
            Policy::Bytes => merge_bytes(out, &reference, group, part.from),
            Policy::WriteOnce(once) => {
                let changes = Changes::of(group, &reference, &part);
                match long.winner(once, &part, &changes, group.addr()) {
                    Winner::Nobody => {}
                    Winner::Bytes => merge_bytes(out, &reference, group, part.from),
                    Winner::Child(winner) => {
                        if let Some((_, version)) = changes.versions().find(|v| v.0 == winner) {
                            out.copy_from_slice(version);
                        }
                    }
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

/// The bytes of a page from `from` on, as many as `out` has.
fn merge_bytes(out: &mut [u8], reference: &[u8; PAGE], group: Group<'_>, from: usize) {
    let part = from..from.saturating_add(out.len());
    let old = reference.get(part.clone()).unwrap_or_default();
    for version in group.members().filter_map(|member| member.page) {
        page::merge(out, old, version.0.get(part.clone()).unwrap_or_default());
    }
}
