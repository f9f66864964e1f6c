//! Whether a child did the same when it ran once more from the same snapshot.

use crate::abi::{Difference, PAGE};
use crate::exec::claims;
use crate::exec::control::{Me, Stage};
use crate::image::layout::{EXCHANGE, TLS};
use crate::image::regions;
use crate::merge::{Block, Page, Policy};

/// Memory of the control plane, none of which is at the same place in every worker.
const OURS: core::ops::Range<usize> = EXCHANGE..TLS;

/// What a child handed over.
pub(crate) struct Version {
    addrs: &'static [u64],
    pages: &'static [Page],
    frees: &'static [Block],
    log: &'static [u8],
    result: &'static [u8],
    end: (u32, u32, u64),
    /// Whether memory may differ where values have no bytes of their own.
    is_blurred: bool,
}

impl Version {
    /// What a stage holds; none where its claims are false.
    pub fn new(me: &mut Me, slot: u32, st: &Stage, out_size: usize) -> Option<Version> {
        let staged = claims::staged(me, slot, st, out_size).ok()?;
        let result = if st.ended != 0 { claims::result_bytes(slot, st, out_size)? } else { &[] };
        Some(Version {
            addrs: staged.addrs,
            pages: staged.pages,
            frees: staged.frees,
            log: claims::log(slot, st)?,
            result,
            // A code belongs to a ret.
            end: (st.ended, if st.ended == 0 { st.code } else { 0 }, st.clock),
            is_blurred: st.constructs > 0 || st.files > 0,
        })
    }
}

/// What differs between two versions, if anything does: memory at its lowest address.
pub(crate) fn first(before: &Version, now: &Version) -> Option<Difference> {
    if before.end != now.end {
        return Some(Difference::End);
    }
    // A child that went on from a barrier has printed since then only.
    if !before.log.ends_with(now.log) {
        return Some(Difference::Output);
    }
    // Joins of its own leave names of workers in dead stack memory, and copies of a value may
    // take along what lay where it has no bytes of its own. So do calls on files, which are
    // answered on the worker's signal stack.
    if now.is_blurred {
        return None;
    }
    let pages = before.addrs.iter().zip(before.pages).zip(now.addrs.iter().zip(now.pages));
    for ((&a, old), (&b, new)) in pages {
        if a != b {
            return Some(Difference::Memory(a.min(b)));
        }
        if let Some(at) = in_page(a, old, new) {
            return Some(Difference::Memory(at));
        }
    }
    let same = before.addrs.len().min(now.addrs.len());
    if let Some(&at) = before.addrs[same..].iter().chain(&now.addrs[same..]).next() {
        return Some(Difference::Memory(at));
    }
    let freed = before.frees.iter().zip(now.frees).find(|(a, b)| a != b).map(|(a, _)| a);
    let unpaired = before.frees.len().min(now.frees.len());
    let rest = before.frees[unpaired..].iter().chain(&now.frees[unpaired..]).next();
    if let Some(block) = freed.or(rest) {
        return Some(Difference::Memory(block.addr));
    }
    (before.result != now.result).then_some(Difference::Result)
}

/// The first byte that differs, of those that merge.
fn in_page(at: u64, old: &Page, new: &Page) -> Option<u64> {
    if old.0 == new.0 {
        return None;
    }
    let all = regions::policies();
    let first = all.partition_point(|r| r.end <= at);
    let here = || all[first..].iter().take_while(|r| r.start < at + PAGE as u64);
    // What the kernel's own code left in dead stack memory, in the same way.
    let ours = |page: &Page, i: usize| {
        let words = page.0.as_chunks::<8>().0;
        OURS.contains(&(u64::from_le_bytes(words[i / 8]) as usize))
    };
    let merges = |byte: u64| {
        let holds = |r: &&crate::merge::Region| r.start <= byte && byte < r.end;
        !here().find(holds).is_some_and(|r| matches!(r.policy, Policy::NoMerge))
    };
    let differs = |&i: &usize| old.0[i] != new.0[i] && !(ours(old, i) && ours(new, i));
    (0..PAGE).filter(differs).map(|i| at + i as u64).find(|&b| merges(b))
}
