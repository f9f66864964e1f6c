//! Blocks of the heap, as values: which are live, what they hold, which slots point to them.
use super::super::program::SLOTS;
use super::super::runner::Refused;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// The blocks of a space. Each is filled with one value, so that is all there is to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Blocks {
    slots: [u64; SLOTS],
    live: BTreeMap<u64, u8>,
}

thread_local! {
    /// Numbers of blocks, which are addresses here: no two are the same.
    static MADE: Cell<u64> = const { Cell::new(0) };
}

impl Blocks {
    pub(super) fn alloc(&mut self, slot: usize, value: u8) {
        let block = MADE.get() + 1;
        MADE.set(block);
        self.slots[slot] = block;
        self.live.insert(block, value);
    }

    pub(super) fn free(&mut self, slot: usize) {
        self.live.remove(&self.slots[slot]).expect("a block that is live");
    }

    pub(super) fn fill(&mut self, slot: usize, value: u8) {
        *self.live.get_mut(&self.slots[slot]).expect("a block that is live") = value;
    }

    pub(super) fn value(&self, slot: usize) -> u8 {
        self.live[&self.slots[slot]]
    }

    /// These blocks with what `child` changed of the reference's. A free is a write.
    pub(super) fn merged(&self, child: &Blocks, reference: &Blocks) -> Result<Blocks, Refused> {
        let mut new = self.clone();
        for (slot, old) in reference.slots.iter().enumerate() {
            if child.slots[slot] != *old {
                if self.slots[slot] != *old {
                    return Err(Refused::Elsewhere);
                }
                new.slots[slot] = child.slots[slot];
            }
        }
        let blocks: BTreeSet<_> = reference.live.keys().chain(child.live.keys()).collect();
        for block in blocks {
            let [old, mine, its] = [reference, self, child].map(|b| b.live.get(block).copied());
            if its == old {
                continue;
            }
            if mine != old {
                return Err(Refused::Elsewhere);
            }
            match its {
                Some(value) => new.live.insert(*block, value),
                None => new.live.remove(block),
            };
        }
        Ok(new)
    }
}
