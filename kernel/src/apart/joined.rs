//! Merging what children changed into the memory of this process.

use super::tree::{Changed, Tree};
use crate::abi::{Conflict, PARENT};
use crate::merge::{self, Child, Cursor, Page, PlanError, Target, Writes};
use std::collections::BTreeMap;

/// What a child changed, as the merge takes it.
pub(super) struct Changes {
    addrs: Vec<u64>,
    old: Vec<Page>,
    new: Vec<Page>,
}

impl Changes {
    pub fn new(changed: Vec<Changed>) -> Changes {
        let addrs = changed.iter().map(|c| c.addr as u64).collect();
        let (old, new) = changed.into_iter().map(|c| (*c.old, *c.new)).unzip();
        Changes { addrs, old, new }
    }
}

/// The pages that take part: as of the snapshot, then merged.
#[derive(Clone, Default)]
struct Pages(BTreeMap<u64, Page>);

const NOTHING: &Page = &Page([0; crate::abi::PAGE]);

impl Pages {
    /// Writes to memory, which is as these pages are, what others make of them.
    fn replace(&self, t: &Tree, by: &Pages) {
        for (addr, page) in &self.0 {
            t.write(*addr as usize, page, by.page(*addr));
        }
    }
}

impl Target for Pages {
    fn page(&self, addr: u64) -> &Page {
        self.0.get(&addr).unwrap_or(NOTHING)
    }

    fn page_mut(&mut self, addr: u64) -> &mut Page {
        self.0.entry(addr).or_insert_with(|| NOTHING.clone())
    }
}

/// What memory was before a construct's merges.
#[derive(Default)]
pub(super) struct Undo(Vec<(Pages, Pages)>);

impl Undo {
    /// Writes it back.
    pub fn carry_out(self, t: &Tree) {
        self.0.iter().rev().for_each(|(before, after)| after.replace(t, before));
    }
}

fn merge(mut pages: Pages, children: &[Child<'_>]) -> Result<Pages, Conflict> {
    let mut scratch = vec![Cursor::NEW; children.len()];
    match merge::plan(&pages, children, &[], &mut scratch) {
        Ok(plan) => {
            merge::apply(plan, &mut pages);
            Ok(pages)
        }
        Err(PlanError::Conflict(c)) => Err(c),
        Err(e) => unreachable!("pages come sorted, and with a cursor for each child: {e}"),
    }
}

fn child<'a>(index: u32, addrs: &'a [u64], pages: &'a [Page]) -> Child<'a> {
    Child { index, addrs, pages, frees: &[], writes: Writes::NONE }
}

/// Merges an open child's changes with what this process changed since the child's start.
pub(super) fn open(t: &Tree, id: u32, c: &Changes) -> Result<(), Conflict> {
    let reference = Pages(c.addrs.iter().copied().zip(c.old.iter().cloned()).collect());
    let now: Vec<Page> = c.addrs.iter().map(|&a| t.now(a as usize)).collect();
    let children = [child(0, &c.addrs, &now), child(1, &c.addrs, &c.new)];
    let merged = merge(reference, &children).map_err(|found| Conflict {
        lower: PARENT,
        higher: id,
        ..found
    })?;
    Pages(c.addrs.iter().copied().zip(now).collect()).replace(t, &merged);
    Ok(())
}

/// Merges the changes of children that all started from this process's memory as it is.
pub(super) fn closed(
    t: &Tree,
    changes: &[(u32, Changes)],
    undo: &mut Undo,
) -> Result<(), Conflict> {
    let each = changes.iter().flat_map(|(_, c)| c.addrs.iter().copied().zip(&c.old));
    let reference: BTreeMap<u64, Page> = each.map(|(a, p)| (a, p.clone())).collect();
    let children: Vec<_> = changes.iter().map(|(i, c)| child(*i, &c.addrs, &c.new)).collect();
    let before = Pages(reference);
    let merged = merge(before.clone(), &children)?;
    before.replace(t, &merged);
    undo.0.push((before, merged));
    Ok(())
}
