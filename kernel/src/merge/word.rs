//! One 64-bit word: which of its bytes are marked.
//!
//! A *mark* is the top bit of a byte, so that eight marks lie in one word exactly where the
//! eight bytes lie. Words are read little-endian on every host: byte `i` of memory is bits
//! `8 * i ..` of the word, and the lowest marked address is the lowest marked bit.

/// All eight bytes marked.
pub(super) const ALL: u64 = 0x8080_8080_8080_8080;

const LOW: u64 = !ALL;

/// Marks the bytes of `difference` that are not zero.
pub(super) const fn marks(difference: u64) -> u64 {
    // Per byte, 0x7f + 0x7f = 0xfe: no carry reaches the neighbour.
    ((difference & LOW).wrapping_add(LOW) | difference) & ALL
}

/// Marks byte `i` of a word where bit `i` is set.
pub(super) const fn spread(bits: u8) -> u64 {
    // Each byte of the word keeps the one bit that stands for it.
    marks((bits as u64).wrapping_mul(0x0101_0101_0101_0101) & 0x8040_2010_0804_0201)
}

/// Marks bytes `from..to` of a word. Empty unless `from < to`; `to` beyond 8 counts as 8.
pub(super) const fn range(from: usize, to: usize) -> u64 {
    let to = if to > 8 { 8 } else { to };
    if from >= to {
        return 0;
    }
    (ALL << (8 * from)) & (ALL >> (8 * (8 - to)))
}

/// Number of the lowest marked byte; 8 if there is none.
pub(super) const fn first(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// How many bytes are marked.
pub(super) const fn count(marks: u64) -> u64 {
    marks.count_ones() as u64
}

/// Carries what `version` changed of `reference` over to `out`.
///
/// Right for every set of versions that changed disjoint bytes, in any order.
pub(super) const fn merge(out: u64, reference: u64, version: u64) -> u64 {
    out ^ reference ^ version
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The byte mask as a loop would compute it.
    fn naive(x: u64) -> u8 {
        (0..8).fold(0, |m, i| m | (u8::from(x.to_le_bytes()[i] != 0) << i))
    }

    fn pack(marks: u64) -> u8 {
        assert_eq!(marks & !ALL, 0);
        (0..8).fold(0, |m, i| m | (u8::from(marks >> (8 * i) & 0x80 != 0) << i))
    }

    #[test]
    fn marks_of_every_byte_mask_and_awkward_value() {
        for mask in 0..=255_u8 {
            for value in [0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff_u8] {
                let bytes = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| value * (mask >> i & 1));
                let x = u64::from_le_bytes(bytes);
                assert_eq!(pack(marks(x)), naive(x), "{x:#018x}");
                assert_eq!(pack(marks(x)), mask);
                assert_eq!(count(marks(x)), u64::from(mask.count_ones()));
                assert_eq!(first(marks(x)), (mask.trailing_zeros() as usize).min(8));
            }
        }
    }

    #[test]
    fn marks_of_every_value_in_every_place() {
        for value in 0..=255_u64 {
            for place in 0..8 {
                for around in [0, u64::MAX] {
                    let x = around & !(0xff << (8 * place)) | value << (8 * place);
                    assert_eq!(pack(marks(x)), naive(x), "{x:#018x}");
                }
            }
        }
    }

    #[test]
    fn spread_of_every_byte() {
        (0..=255).for_each(|bits| assert_eq!(pack(spread(bits)), bits));
    }

    #[test]
    fn ranges() {
        for from in 0..12 {
            for to in 0..12 {
                let want = (0..8).fold(0, |m, i| m | u8::from(from <= i && i < to) << i);
                assert_eq!(pack(range(from, to)), want, "{from}..{to}");
            }
        }
    }

    #[test]
    fn merge_takes_every_split_of_the_bytes() {
        let reference = 0x0102_0304_0506_0708_u64.to_le_bytes();
        for mask in 0..=255_u8 {
            // One version changes the bytes of the mask, the other all others.
            let of = |i: usize| mask >> i & 1 == 1;
            let a = core::array::from_fn(|i| if of(i) { 0xaa } else { reference[i] });
            let b = core::array::from_fn(|i| if of(i) { reference[i] } else { 0xbb });
            let want: [u8; 8] = core::array::from_fn(|i| if of(i) { 0xaa } else { 0xbb });
            let [r, a, b] = [reference, a, b].map(u64::from_le_bytes);
            assert_eq!(merge(merge(r, r, a), r, b).to_le_bytes(), want);
            assert_eq!(merge(merge(r, r, b), r, a).to_le_bytes(), want);
        }
    }
}
