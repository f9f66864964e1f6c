//! The merge once more, byte by byte, to compare the fast one with. For tests.
//!
//! Written for being obviously right; shares nothing with the fast path but the types of the
//! interface. It allocates and it panics on malformed arguments.

use super::{Accept, Changes, Child, Policy, Region, Target, Units};
use crate::abi::{Conflict, Freed, PAGE};
use std::collections::BTreeMap;

/// Bytes compared at once.
const PIECE: usize = 100;

/// What one child did to one byte.
#[derive(Clone, Copy)]
struct Touch {
    addr: u64,
    child: usize,
    wrote: bool,
    freed: bool,
}

/// The order in which conflicts are reported.
type Found = (u32, u64, u32);

/// The bytes of the target to set, or the conflict to report; every byte is a unit.
///
/// # Errors
///
/// The conflict.
///
/// # Panics
///
/// If a child or the regions break the rules.
pub fn merge<T: Target>(
    target: &T,
    children: &[Child<'_>],
    regions: &[Region],
) -> Result<BTreeMap<u64, u8>, Conflict> {
    merge_by_units(target, children, regions, Units::NONE)
}

/// The same by units.
///
/// # Errors
///
/// The conflict.
///
/// # Panics
///
/// If a child or the regions break the rules.
pub fn merge_by_units<T: Target>(
    target: &T,
    children: &[Child<'_>],
    regions: &[Region],
    units: Units<'_>,
) -> Result<BTreeMap<u64, u8>, Conflict> {
    let writers: Vec<Option<Option<usize>>> =
        regions.iter().map(|region| first_writer(target, children, region)).collect();
    let exact = |addr: u64| {
        let region = regions.iter().position(|region| covers(region, addr));
        region.is_none_or(|i| match regions[i].policy {
            Policy::Bytes => true,
            Policy::WriteOnce(_) => writers[i].is_none(),
            Policy::Hook(_) | Policy::NoMerge => false,
        })
    };
    let touches = touches(target, children, regions, &exact);
    let mut found: Option<Found> = None;
    let mut add = |new: Found| found = Some(found.map_or(new, |old| old.min(new)));

    // Every pair of children at every unit.
    for (unit, owner) in each_unit(units) {
        let touched = |child: usize, from: u64, to: u64| {
            let later = &touches[touches.partition_point(|t| t.addr < from)..];
            later.iter().take_while(|t| t.addr < to).any(|t| t.child == child)
        };
        let owned = |child: usize| {
            let chain =
                std::iter::successors(units.owners.get(owner), |o| units.owners.get(o.outer));
            chain.into_iter().any(|o| touched(child, o.start, o.end))
        };
        let who: Vec<usize> =
            (0..children.len()).filter(|&child| touched(child, unit.0, unit.1)).collect();
        for &one in &who {
            for other in (0..children.len()).filter(|&other| other != one) {
                if who.contains(&other) || owned(other) {
                    let [a, b] = [one, other].map(|child| children[child].index);
                    add((a.max(b), unit.0, a.min(b)));
                }
            }
        }
    }
    // Every pair of children at every other byte.
    let in_area = |addr: u64| units.areas.iter().any(|a| a.start <= addr && addr < a.end);
    for of_byte in touches.chunk_by(|a, b| a.addr == b.addr) {
        if in_area(of_byte[0].addr) {
            continue;
        }
        let region = regions.iter().position(|region| covers(region, of_byte[0].addr));
        let hook = region.is_some_and(|i| match regions[i].policy {
            Policy::Hook(_) => true,
            Policy::WriteOnce(_) => writers[i].is_some(),
            Policy::Bytes | Policy::NoMerge => false,
        });
        for (i, higher) in of_byte.iter().enumerate() {
            for lower in &of_byte[..i] {
                if !hook || lower.freed || higher.freed {
                    let [lower_index, higher_index] =
                        [lower, higher].map(|touch| children[touch.child].index);
                    add((higher_index, lower.addr, lower_index));
                }
            }
        }
    }
    each_hook(target, children, regions, |slice, changes, hook| {
        if changes.versions().count() > 1
            && let Err(conflict) = (hook.check)(changes)
        {
            add((conflict.higher, slice + conflict.at as u64, conflict.lower));
        }
    });
    if let Some(found) = found {
        return Err(record(target, children, found));
    }

    let value = |touch: &Touch| {
        let child = &children[touch.child];
        let page = child.addrs.iter().position(|&p| p == page_of(touch.addr)).unwrap();
        child.pages[page].0[(touch.addr - page_of(touch.addr)) as usize]
    };
    let mut result = BTreeMap::new();
    for touch in touches.iter().filter(|touch| touch.wrote) {
        if matches!(policy(regions, touch.addr), Policy::Bytes) {
            let was = result.insert(touch.addr, value(touch));
            // What several wrote is padding: anything goes, such as what bytes merge to.
            if let Some(was) = was {
                assert!(in_area(touch.addr));
                let page = target.page(page_of(touch.addr));
                let reference = page.0[(touch.addr - page_of(touch.addr)) as usize];
                result.insert(touch.addr, was ^ reference ^ value(touch));
            }
        }
    }
    for (region, &first) in regions.iter().zip(&writers) {
        if !matches!(region.policy, Policy::WriteOnce(_)) {
            continue;
        }
        let wins = |touch: &&Touch| {
            touch.wrote
                && covers(region, touch.addr)
                && first.is_none_or(|first| first == Some(touch.child))
        };
        for touch in touches.iter().filter(wins) {
            assert_eq!(result.insert(touch.addr, value(touch)), None);
        }
    }
    each_hook(target, children, regions, |slice, changes, hook| {
        if changes.versions().next().is_some() {
            let mut out = changes.reference().to_vec();
            (hook.merge)(changes, &mut out);
            for (i, value) in out.into_iter().enumerate() {
                result.insert(slice + i as u64, value);
            }
        }
    });
    Ok(result)
}

fn page_of(addr: u64) -> u64 {
    addr / PAGE as u64 * PAGE as u64
}

fn policy(regions: &[Region], addr: u64) -> Policy {
    regions.iter().find(|region| covers(region, addr)).map_or(Policy::Bytes, |r| r.policy)
}

fn covers(region: &Region, addr: u64) -> bool {
    region.start <= addr && addr < region.end
}

/// The position of the first child that wrote an object that is written once, if somebody did,
/// and if it merges as one.
fn first_writer<T: Target>(
    target: &T,
    children: &[Child<'_>],
    region: &Region,
) -> Option<Option<usize>> {
    let Policy::WriteOnce(once) = region.policy else { return None };
    let setting = once.accept == Accept::Same;
    let bytes = region.start..region.end;
    let old = |addr: u64| target.page(page_of(addr)).0[(addr - page_of(addr)) as usize];
    let was: Vec<u8> = bytes.clone().map(old).collect();
    if !setting && was != once.initial {
        return None;
    }
    let object = |child: &Child<'_>| -> Vec<u8> {
        let byte = |addr: u64| match child.addrs.iter().position(|&page| page == page_of(addr)) {
            Some(i) => child.pages[i].0[(addr - page_of(addr)) as usize],
            None => old(addr),
        };
        bytes.clone().map(byte).collect()
    };
    let objects: Vec<Vec<u8>> = children.iter().map(object).collect();
    let changed = || objects.iter().enumerate().filter(|object| *object.1 != was);
    let Some((first, wins)) = changed().next() else { return setting.then_some(None) };
    let is_accepted = |object: &Vec<u8>| match once.accept {
        Accept::Any => true,
        Accept::Finished(d) => object.get(d.at..d.at + 4) == Some(&d.value.to_le_bytes()),
        Accept::Same => object == wins,
    };
    changed().all(|object| is_accepted(object.1)).then_some(Some(first))
}

/// Every unit of more than a byte's knowledge: where it lies, and who owns the memory there.
fn each_unit(units: Units<'_>) -> Vec<((u64, u64), usize)> {
    let mut all = Vec::new();
    for area in units.areas {
        for element in (area.start..area.end).step_by(area.stride as usize) {
            for run in &units.runs[area.runs.0..][..area.runs.1] {
                for at in (run.start..run.end).step_by(run.unit as usize) {
                    all.push(((element + at, element + at + run.unit), area.owner));
                }
            }
        }
    }
    all
}

/// Whether a byte is known to have been written, whatever its value.
fn is_written(child: &Child<'_>, page: u64, i: usize) -> bool {
    let known = child.writes.addrs.iter().position(|&a| a == page);
    known.is_some_and(|n| child.writes.masks[n].0[i / 8] & 1 << (i % 8) != 0)
}

/// Everything that anyone did where bytes merge, sorted by address, then child.
fn touches<T: Target>(
    target: &T,
    children: &[Child<'_>],
    regions: &[Region],
    exact: &dyn Fn(u64) -> bool,
) -> Vec<Touch> {
    let mut all = Vec::new();
    for (child, claim) in children.iter().enumerate() {
        for (&addr, page) in claim.addrs.iter().zip(claim.pages) {
            let reference = target.page(addr);
            // In pieces, since most are equal; of a length that the fast path does not use.
            for start in (0..PAGE).step_by(PIECE) {
                let piece = start..(start + PIECE).min(PAGE);
                let equal = page.0[piece.clone()] == reference.0[piece.clone()];
                if equal && !claim.writes.addrs.contains(&addr) {
                    continue;
                }
                let wrote = |i: usize| is_written(claim, addr, i) && exact(addr + i as u64);
                for i in piece.filter(|&i| page.0[i] != reference.0[i] || wrote(i)) {
                    all.push(Touch { addr: addr + i as u64, child, wrote: true, freed: false });
                }
            }
        }
        for block in claim.frees {
            for addr in block.addr..block.addr + block.len {
                all.push(Touch { addr, child, wrote: false, freed: true });
            }
        }
    }
    all.retain(|touch| !matches!(policy(regions, touch.addr), Policy::NoMerge));
    all.sort_by_key(|touch| (touch.addr, touch.child));
    // A child that wrote and freed a byte did both.
    all.dedup_by(|second, first| {
        let same = first.addr == second.addr && first.child == second.child;
        if same {
            first.wrote |= second.wrote;
            first.freed |= second.freed;
        }
        same
    });
    all
}

/// Calls `f` with the address and the changes of each slice of each hook's region.
fn each_hook<T: Target>(
    target: &T,
    children: &[Child<'_>],
    regions: &[Region],
    mut f: impl FnMut(u64, &Changes<'_>, &super::Hook),
) {
    for region in regions {
        let Policy::Hook(hook) = &region.policy else { continue };
        let mut start = region.start;
        while start < region.end {
            let page = page_of(start);
            let end = region.end.min(page + PAGE as u64);
            let place = (start - page) as usize..(end - page) as usize;
            let mut versions = Vec::new();
            for child in children {
                for (&addr, content) in child.addrs.iter().zip(child.pages) {
                    if addr == page
                        && content.0[place.clone()] != target.page(page).0[place.clone()]
                    {
                        versions.push((child.index, &content.0[place.clone()]));
                    }
                }
            }
            if !versions.is_empty() {
                let reference = &target.page(page).0[place];
                f(start, &Changes::new(start - region.start, reference, &versions), hook);
            }
            start = end;
        }
    }
}

fn record<T: Target>(
    target: &T,
    children: &[Child<'_>],
    (higher, address, lower): Found,
) -> Conflict {
    let page = page_of(address);
    let word = (address - page) as usize / 8 * 8;
    let reference: [u8; 8] = target.page(page).0[word..word + 8].try_into().unwrap();
    let look_up = |index: u32| {
        let child = children.iter().find(|child| child.index == index).unwrap();
        let value = match child.addrs.iter().position(|&addr| addr == page) {
            Some(i) => child.pages[i].0[word..word + 8].try_into().unwrap(),
            None => reference,
        };
        let freed = child.frees.iter().any(|b| b.addr <= address && address < b.addr + b.len);
        (value, freed)
    };
    let (lower_value, lower_freed) = look_up(lower);
    let (higher_value, higher_freed) = look_up(higher);
    let freed = match (lower_freed, higher_freed) {
        (true, true) => Freed::Both,
        (true, false) => Freed::Lower,
        (false, true) => Freed::Higher,
        (false, false) => Freed::Neither,
    };
    Conflict { address, lower, higher, reference, lower_value, higher_value, freed }
}
