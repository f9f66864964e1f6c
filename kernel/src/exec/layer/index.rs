//! An index of the pages of a whole chain, so that a page of a deep chain is found without a
//! look at each of its layers. Some layers have one: it stands for them and all below.

use super::{Layer, RUN, chain};
use crate::abi::PAGE;
use crate::exec::control::Me;
use crate::exec::stage;
use crate::image::layout::page_ceil;
use core::slice;

/// A page of a chain.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// Its address, marked as in its layer.
    pub addr: u64,
    /// Where the newest layer that has it has its contents.
    pub page: usize,
}

/// An index, by place and length; it lies behind the pages of its layer and is as lasting.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Index {
    at: usize,
    count: usize,
}

/// Layers without an index that may lie on each other: shallow programs never make one.
const EVERY: usize = 8;

/// Pages for which an index is always made, and for each page of the layers that had none so
/// many more: what it costs stays a small part of what those cost.
const FREE: usize = 4096;
const PER_PAGE: usize = 8;

impl Index {
    pub const NONE: Index = Index { at: 0, count: 0 };

    /// The pages of the chain below, its own layer's included, ascending; none if there is no index.
    pub fn entries(self) -> Option<&'static [Entry]> {
        // SAFETY: `layer`: the index was written with its layer.
        (self.at != 0)
            .then(|| unsafe { slice::from_raw_parts(self.at as *const Entry, self.count) })
    }

    /// Makes the index of a layer that is about to be entered, where that is worth it and there
    /// is room.
    pub fn make(me: &mut Me, new: &Layer) -> Index {
        let lower = || chain(new.below).take_while(|l| l.index.at == 0);
        let old = chain(new.below).find_map(|l| l.index.entries()).unwrap_or_default();
        let fresh = lower().map(|l| l.count).sum::<usize>() + new.count;
        let most = old.len() + fresh;
        if lower().count() + 1 < EVERY || most > FREE + PER_PAGE * fresh {
            return Index::NONE;
        }
        let Some(at) = stage::take(me, most * size_of::<Entry>()) else { return Index::NONE };
        // SAFETY: `control`: just taken in this process's exchange area; plain numbers.
        let all = unsafe { slice::from_raw_parts_mut(at as *mut Entry, most) };
        let count = fill(all, new);
        me.stage_end = at + page_ceil(count * size_of::<Entry>());
        Index { at, count }
    }
}

/// Enters the pages of a layer and of all below into a table with room for them; returns how many.
fn fill(all: &mut [Entry], new: &Layer) -> usize {
    let below = new.below;
    let lower = || chain(below).take_while(|l| l.index.at == 0);
    let old = chain(below).find_map(|l| l.index.entries()).unwrap_or_default();
    let parts = |l: &Layer| (l.addrs(), l.pages);
    let layers = core::iter::once(parts(new)).chain(lower().map(parts));
    let pages = layers.enumerate().flat_map(|(age, (addrs, pages))| {
        let entry =
            move |(i, &a): (usize, &u64)| Entry { addr: a | aged(age), page: pages + i * PAGE };
        addrs.iter().enumerate().map(entry)
    });
    let oldest = aged(lower().count() + 1);
    let older = old.iter().map(|e| Entry { addr: e.addr | oldest, ..*e });
    all.iter_mut().zip(pages.chain(older)).for_each(|(to, e)| *to = e);
    all.sort_unstable_by_key(|e| e.addr & !RUN);
    let page = |e: Entry| e.addr & !(PAGE as u64 - 1);
    let mut count = 0;
    for i in 0..all.len() {
        if count == 0 || page(all[count - 1]) != page(all[i]) {
            all[count] = Entry { addr: page(all[i]) | all[i].addr & RUN, ..all[i] };
            count += 1;
        }
    }
    count
}

/// In the low bits of an address while an index is made: newer layers come first.
fn aged(age: usize) -> u64 {
    (age as u64) << RUN.count_ones()
}

const _: () = assert!(super::HEIGHT_MAX < PAGE / 2 - 1 && RUN == 1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::layer::{covers, lookup};
    use crate::merge::Page;

    /// Layers of random pages on each other, every eighth with an index.
    #[test]
    fn an_index_finds_what_a_look_at_each_layer_finds() {
        let mut random = 7u64;
        let mut next = |n: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % n
        };
        // Layers name each other, their pages and indices by address: all of it stays in place.
        let mut layers: Vec<Box<Layer>> = Vec::new();
        let mut kept: Vec<(Vec<u64>, Vec<Page>, Vec<Entry>)> = Vec::new();
        let mut found = 0;
        for height in 1..60 {
            let most = if height % 5 == 0 { 40 } else { 4 };
            let mut addrs: Vec<u64> = (0..next(most)).map(|_| (1 + next(100)) << 14).collect();
            addrs.sort_unstable();
            addrs.dedup();
            addrs.iter_mut().for_each(|a| *a |= next(2) * RUN);
            let pages: Vec<Page> = addrs.iter().map(|_| Page([0; PAGE])).collect();
            let (count, below) =
                (addrs.len(), layers.last().map_or(0, |l| core::ptr::from_ref(&**l) as usize));
            let (at, bytes) = (addrs.as_ptr() as usize, pages.as_ptr() as usize);
            let (id, index) = (height as u64, Index::NONE);
            let mut new = Layer { id, below, height, addrs: at, pages: bytes, count, index };
            let mut all = Vec::new();
            if height % 8 == 0 {
                let lower =
                    chain(below).take_while(|l| l.index.at == 0).map(|l| l.count).sum::<usize>();
                let old = chain(below).find_map(|l| l.index.entries()).map_or(0, <[Entry]>::len);
                all = vec![Entry { addr: 0, page: 0 }; count + lower + old];
                let count = fill(&mut all, &new);
                new.index = Index { at: all.as_ptr() as usize, count };
                assert!(all[..count].windows(2).all(|w| w[0].addr | RUN < w[1].addr));
            }
            layers.push(Box::new(new));
            kept.push((addrs, pages, all));
            let top = core::ptr::from_ref(&*layers[height - 1]) as usize;
            for page in (0..103).map(|n| n << 14) {
                let each = layers.iter().rev().find_map(|l| {
                    let i = l.find(page)?;
                    Some((core::ptr::from_ref(l.page(i)), l.addrs()[i] & RUN != 0))
                });
                let all = lookup(top, page).map(|(p, run)| (core::ptr::from_ref(p), run));
                assert_eq!(all, each, "page {page:x} of {height} layers");
                assert_eq!(covers(top, page as usize - (page as usize).min(PAGE), PAGE), {
                    let at = page.saturating_sub(PAGE as u64);
                    layers.iter().any(|l| l.find(at).is_some())
                });
                assert_eq!(covers(top, page as usize, 4 * PAGE), each.is_some());
                found += usize::from(each.is_some());
            }
        }
        assert!(found > 2000, "{found}");
    }
}
