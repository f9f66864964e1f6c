//! One page: compare with the reference, collect marks, carry changes over.
//!
//! Lines of 128 bytes that are equal are skipped with one comparison; what is left is done in
//! 64-bit words.

use super::{Mask, Page, word};
use crate::abi::PAGE;

/// Words in a page.
const WORDS: usize = PAGE / 8;

/// Bytes compared at once.
const LINE: usize = 128;

/// Planted mutant: the comparison never sees the last eight bytes of a page.
const SKIPPED: usize = if cfg!(detpar_mutant = "skip_last_word") { 1 } else { 0 };

/// A mark for each byte of a page.
pub(super) struct Marks([u64; WORDS]);

impl Marks {
    /// No byte marked.
    pub(super) const fn none() -> Self {
        Self([0; WORDS])
    }

    /// Marks the bytes `from..to`; what lies beyond the page is ignored.
    pub(super) fn set(&mut self, from: usize, to: usize) {
        for (i, word) in self.0.iter_mut().enumerate().take(to.div_ceil(8)).skip(from / 8) {
            *word |= word::range(from.saturating_sub(i * 8), to.saturating_sub(i * 8));
        }
    }

    /// Takes the marks of the bytes `from..to` away.
    fn clear(&mut self, from: usize, to: usize) {
        for (i, word) in self.0.iter_mut().enumerate().take(to.div_ceil(8)).skip(from / 8) {
            *word &= !word::range(from.saturating_sub(i * 8), to.saturating_sub(i * 8));
        }
    }

    /// The lowest marked byte of `from..to`.
    pub(super) fn first_in(&self, from: usize, to: usize) -> Option<usize> {
        for (i, word) in self.0.iter().enumerate().take(to.div_ceil(8)).skip(from / 8) {
            let marked = word & word::range(from.saturating_sub(i * 8), to.saturating_sub(i * 8));
            if marked != 0 {
                return Some(i * 8 + word::first(marked));
            }
        }
        None
    }

    fn word(&self, number: usize) -> u64 {
        self.0.get(number).copied().unwrap_or_default()
    }
}

/// Calls `differing` with the number of each word that differs or is in the mask, the marks of
/// its bytes that differ and of those in the mask, in ascending order, until it answers `Some`.
#[inline(always)]
fn compare<R>(
    reference: &Page,
    version: &Page,
    mask: Option<&Mask>,
    mut differing: impl FnMut(usize, u64, u64) -> Option<R>,
) -> Option<R> {
    // Planted mutant: what was written and restored does not count.
    let mask = mask.filter(|_| cfg!(not(detpar_mutant = "mask_ignored")));
    if let Some(mask) = mask {
        let (old, new) = (reference.0.as_chunks::<8>().0, version.0.as_chunks::<8>().0);
        return old.iter().zip(new).zip(mask.0).enumerate().find_map(|(i, ((old, new), bits))| {
            let difference = u64::from_le_bytes(*old) ^ u64::from_le_bytes(*new);
            let (marks, written) = (word::marks(difference), word::spread(bits));
            if marks | written == 0 { None } else { differing(i, marks, written) }
        });
    }
    let (old_lines, _) = reference.0.as_chunks::<LINE>();
    let (new_lines, _) = version.0.as_chunks::<LINE>();
    for (line, (old, new)) in old_lines.iter().zip(new_lines).enumerate() {
        if old == new {
            continue;
        }
        let (old, new) = (old.as_chunks::<8>().0, new.as_chunks::<8>().0);
        for (i, (old, new)) in old.iter().zip(new).enumerate() {
            let number = line * (LINE / 8) + i;
            let difference = u64::from_le_bytes(*old) ^ u64::from_le_bytes(*new);
            if difference != 0 && number < WORDS - SKIPPED {
                let answer = differing(number, word::marks(difference), 0);
                if answer.is_some() {
                    return answer;
                }
            }
        }
    }
    None
}

/// Adds the bytes that `version` changed and those of the mask to `seen` and to the count, or
/// answers the lowest one that is there already.
pub(super) fn collect(
    reference: &Page,
    version: &Page,
    mask: Option<&Mask>,
    seen: &mut Marks,
    changed: &mut u64,
) -> Option<usize> {
    compare(reference, version, mask, |number, differing, written| {
        let differing = differing | written;
        let word = seen.0.get_mut(number)?;
        let twice = *word & differing;
        if twice != 0 {
            return Some(number * 8 + word::first(twice));
        }
        *word |= differing;
        *changed += word::count(differing);
        None
    })
}

/// What was seen of a page whose bytes merge in several ways.
pub(super) struct Mixed {
    /// Bytes that merge as bytes.
    by_bytes: Marks,
    /// Bytes that a hook merges, or that are written once.
    by_hook: Marks,
    /// Bytes written that merge as bytes, and all bytes freed: they conflict with everything.
    strong: Marks,
    /// Bytes written that a hook merges: they conflict with frees only.
    weak: Marks,
}

impl Mixed {
    /// Of a page no byte of which merges.
    pub(super) const fn none() -> Self {
        let [by_bytes, by_hook, strong, weak] = [const { Marks::none() }; 4];
        Self { by_bytes, by_hook, strong, weak }
    }

    /// Says that bytes `from..to` merge as bytes.
    pub(super) fn by_bytes(&mut self, from: usize, to: usize) {
        self.by_bytes.set(from, to);
    }

    /// Says that a hook merges bytes `from..to`.
    pub(super) fn by_hook(&mut self, from: usize, to: usize) {
        self.by_hook.set(from, to);
    }

    /// Says that bytes `from..to` are looked at elsewhere.
    pub(super) fn elsewhere(&mut self, from: usize, to: usize) {
        self.by_bytes.clear(from, to);
    }

    /// The lowest byte of `from..to` that someone did something to.
    pub(super) fn first_in(&self, from: usize, to: usize) -> Option<usize> {
        [&self.strong, &self.weak].into_iter().filter_map(|seen| seen.first_in(from, to)).min()
    }

    /// Adds a freed block.
    pub(super) fn free(&mut self, from: usize, to: usize) {
        let masks = self.by_bytes.0.iter().zip(&self.by_hook.0);
        let words = self.strong.0.iter_mut().zip(masks).enumerate();
        for (i, (word, (by_bytes, by_hook))) in words.take(to.div_ceil(8)).skip(from / 8) {
            let marks = word::range(from.saturating_sub(i * 8), to.saturating_sub(i * 8));
            *word |= marks & (by_bytes | by_hook);
        }
    }

    /// Like [`collect`]. A hook merges values, so its bytes count where they differ only.
    pub(super) fn collect(
        &mut self,
        reference: &Page,
        version: &Page,
        mask: Option<&Mask>,
        changed: &mut u64,
    ) -> Option<usize> {
        compare(reference, version, mask, |number, differing, written| {
            let differing = differing | written & self.by_bytes.word(number);
            let twice = differing & self.strong.word(number);
            if twice != 0 {
                return Some(number * 8 + word::first(twice));
            }
            let by_bytes = differing & self.by_bytes.word(number);
            let by_hook = differing & self.by_hook.word(number);
            *self.strong.0.get_mut(number)? |= by_bytes;
            *self.weak.0.get_mut(number)? |= by_hook;
            *changed += word::count(by_bytes);
            None
        })
    }
}

/// Carries what `version` changed of `reference` over to `out`. The three are of one length.
pub(super) fn merge(out: &mut [u8], reference: &[u8], version: &[u8]) {
    let (out_lines, out_rest) = out.as_chunks_mut::<LINE>();
    let (old_lines, old_rest) = reference.as_chunks::<LINE>();
    let (new_lines, new_rest) = version.as_chunks::<LINE>();
    for ((out, old), new) in out_lines.iter_mut().zip(old_lines).zip(new_lines) {
        if old == new {
            continue;
        }
        let (out, _) = out.as_chunks_mut::<8>();
        let (old, new) = (old.as_chunks::<8>().0, new.as_chunks::<8>().0);
        for ((out, old), new) in out.iter_mut().zip(old).zip(new) {
            let [o, r, v] = [*out, *old, *new].map(u64::from_le_bytes);
            *out = word::merge(o, r, v).to_le_bytes();
        }
    }
    for ((out, old), new) in out_rest.iter_mut().zip(old_rest).zip(new_rest) {
        *out ^= old ^ new;
    }
}

/// Copies a page that one child alone changed.
pub(super) fn copy(out: &mut Page, version: &Page) {
    // Planted mutant, for the proof that the address sanitizer watches this code.
    #[cfg(detpar_mutant = "asan")]
    {
        // SAFETY: none, on purpose: reads one byte past the page, which is past the allocation
        // when the page is the last of its vector.
        unsafe { core::ptr::read_volatile(version.0.as_ptr().add(PAGE)) };
    }
    out.0 = version.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(fill: u8) -> Page {
        Page([fill; PAGE])
    }

    fn marked(marks: &Marks) -> Vec<usize> {
        (0..PAGE).filter(|i| marks.0[i / 8] >> (i % 8 * 8) & 0x80 != 0).collect()
    }

    /// Words at which lines and pages begin and end.
    const PLACES: [usize; 6] = [0, 1, 7, 8, WORDS - 2, WORDS - 1];

    /// The bytes in which the pages differ.
    fn difference(reference: &Page, version: &Page) -> (Marks, u64) {
        let (mut marks, mut changed) = (Marks::none(), 0);
        assert_eq!(collect(reference, version, None, &mut marks, &mut changed), None);
        (marks, changed)
    }

    #[test]
    fn difference_of_every_byte_mask() {
        let reference = page(5);
        for number in PLACES {
            for mask in 0..=255_u8 {
                let mut version = page(5);
                let want: Vec<usize> =
                    (0..8).filter(|i| mask >> i & 1 == 1).map(|i| number * 8 + i).collect();
                want.iter().for_each(|&i| version.0[i] = 0x85);
                let (marks, changed) = difference(&reference, &version);
                assert_eq!(marked(&marks), want);
                assert_eq!(changed, want.len() as u64);
            }
        }
    }

    #[test]
    fn collect_and_merge_every_pair_of_byte_masks() {
        let reference = page(3);
        for number in PLACES {
            let place = number * 8;
            for mask in 0..=255_u8 {
                // Neighbouring masks cover overlap, adjacency and disjointness.
                for other in [0, mask, !mask, mask << 1, mask >> 1, mask.reverse_bits(), 255] {
                    let (mut a, mut b) = (page(3), page(3));
                    for i in 0..8 {
                        a.0[place + i] += mask >> i & 1;
                        b.0[place + i] += (other >> i & 1) * 0x80;
                    }
                    let (mut seen, mut changed) = (Marks::none(), 0);
                    assert_eq!(collect(&reference, &a, None, &mut seen, &mut changed), None);
                    assert_eq!(changed, u64::from(mask.count_ones()));
                    let common = mask & other;
                    let want = (common != 0).then(|| place + common.trailing_zeros() as usize);
                    assert_eq!(collect(&reference, &b, None, &mut seen, &mut changed), want);
                    if want.is_none() {
                        let mut out = page(3);
                        merge(&mut out.0, &reference.0, &a.0);
                        merge(&mut out.0, &reference.0, &b.0);
                        for (i, byte) in out.0.iter().enumerate() {
                            let bit = |m: u8| {
                                i.checked_sub(place)
                                    .map_or(0, |i| if i < 8 { m >> i & 1 } else { 0 })
                            };
                            assert_eq!(*byte, 3 + bit(mask) + bit(other) * 0x80);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn merge_of_every_sub_slice_leaves_the_rest() {
        let (reference, version) = (page(0), page(9));
        for from in (0..20).chain(PAGE - 20..PAGE) {
            let lengths = (0..20).chain(LINE - 10..LINE + 10).chain([PAGE - 40, PAGE - 9, PAGE]);
            for to in lengths.map(|len| from + len).filter(|&to| to <= PAGE) {
                let mut out = page(0);
                merge(&mut out.0[from..to], &reference.0[from..to], &version.0[from..to]);
                let set = out.0.iter().filter(|&&b| b == 9).count();
                assert_eq!(set, to - from);
                assert!(out.0[from..to].iter().all(|&b| b == 9));
            }
        }
    }

    #[test]
    fn marks_as_sets() {
        for (from, to) in [(0, 0), (0, 1), (3, 5), (7, 9), (8, 16), (4090, 5000), (0, PAGE), (9, 3)]
        {
            let mut marks = Marks::none();
            marks.set(from, to);
            let want: Vec<usize> = (from..to.min(PAGE)).collect();
            assert_eq!(marked(&marks), want);
            for (from, to) in [(0, PAGE), (2, 5), (4, 9), (4000, 4096), (5000, 6000), (9, 4)] {
                let first = want.iter().copied().find(|&i| from <= i && i < to);
                assert_eq!(marks.first_in(from, to), first);
            }
        }
    }

    #[test]
    fn mixed_pages() {
        // Bytes 0..8 do not merge, a hook merges 8..16, the others merge as bytes.
        let reference = page(0);
        let written = |at: usize| {
            let mut version = page(0);
            version.0[at] = 1;
            version
        };
        let fresh = || {
            let mut mixed = Mixed::none();
            mixed.by_hook(8, 16);
            mixed.by_bytes(16, PAGE);
            mixed
        };
        for (at, write_write, write_free) in [(7, false, false), (8, false, true), (16, true, true)]
        {
            let mut changed = 0;
            let mut mixed = fresh();
            assert_eq!(mixed.collect(&reference, &written(at), None, &mut changed), None);
            assert_eq!(changed, u64::from(write_write));
            assert_eq!(mixed.first_in(at, at + 1), write_free.then_some(at));
            assert_eq!(mixed.first_in(at + 1, PAGE), None);
            let clash = mixed.collect(&reference, &written(at), None, &mut changed);
            assert_eq!(clash, write_write.then_some(at));

            let mut mixed = fresh();
            mixed.free(at, at + 1);
            assert_eq!(mixed.first_in(0, PAGE), write_free.then_some(at));
            let clash = mixed.collect(&reference, &written(at), None, &mut changed);
            assert_eq!(clash, write_free.then_some(at));
            assert_eq!(mixed.collect(&reference, &written(at + 1), None, &mut changed), None);
        }
    }

    #[test]
    fn copy_copies() {
        let mut out = page(1);
        // On the heap, so that the sanitizer knows where it ends.
        let version = Box::new(page(7));
        copy(&mut out, &version);
        assert!(out.0 == version.0);
    }
}
