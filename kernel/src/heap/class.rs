//! Size classes of small blocks and the zones of segments.

use crate::image::layout::{HEAP, META};

/// Bytes of a small segment.
pub(crate) const SEGMENT: usize = 1 << 20;
/// Pages of a small segment.
pub(crate) const SEGMENT_PAGES: usize = SEGMENT / 4096;
/// Number of small classes.
pub(crate) const CLASSES: usize = 40;
/// Largest small block in bytes.
pub(crate) const SMALL_MAX: usize = 32 << 10;
/// Largest block that lives in a small segment (as a run of pages).
pub(crate) const MEDIUM_MAX: usize = 256 << 10;

/// A zone: equal segments of `1 << shift` bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zone {
    /// First address.
    pub base: usize,
    /// Binary logarithm of the segment size.
    pub shift: u32,
    /// Number of segments.
    pub count: u32,
}

/// Number of zones; zone 0 holds the small segments.
pub(crate) const ZONES: usize = 11;

const TIB: usize = 1 << 40;

/// The zones, ascending by address. Zone 0 and the zone of 4 GiB segments are large enough
/// for a thousand children with 4 GiB each.
pub(crate) const ZONE: [Zone; ZONES] = {
    const fn zone(at: usize, tib: usize, shift: u32) -> Zone {
        Zone { base: HEAP + at * TIB, shift, count: ((tib * TIB) >> shift) as u32 }
    }
    [
        zone(0, 4, 20),
        zone(4, 1, 22),
        zone(5, 1, 24),
        zone(6, 1, 26),
        zone(7, 1, 28),
        zone(8, 1, 30),
        zone(9, 4, 32),
        zone(13, 1, 34),
        zone(14, 1, 36),
        zone(15, 1, 38),
        zone(16, 1, 40),
    ]
};

/// End of the last zone.
pub(crate) const HEAP_END: usize = HEAP + 17 * TIB;

const ZONE_OF_TIB: [u8; 17] = [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 7, 8, 9, 10];

/// Zone and segment number of an address.
#[inline]
pub(crate) fn locate(addr: usize) -> Option<(usize, u32)> {
    let off = addr.wrapping_sub(HEAP);
    let z = *ZONE_OF_TIB.get(off >> 40)? as usize;
    Some((z, ((addr - ZONE[z].base) >> ZONE[z].shift) as u32))
}

/// Whether an address lies in zone 0.
#[inline]
pub(crate) fn is_small(addr: usize) -> bool {
    addr.wrapping_sub(ZONE[0].base) < (ZONE[0].count as usize) << ZONE[0].shift
}

/// Address of a segment.
#[inline]
pub(crate) fn segment_addr(zone: usize, number: u32) -> usize {
    ZONE[zone].base + ((number as usize) << ZONE[zone].shift)
}

/// Address of a segment's entry in the table of its zone.
#[inline]
pub(crate) fn meta_addr(zone: usize, number: u32) -> usize {
    META + TABLE[zone] + number as usize * ENTRY
}

/// Bytes of a segment's entry.
pub(super) const ENTRY: usize = 32;

/// Where the tables of the zones begin, as offsets, with whole pages for each; the last ends the
/// list. Side by side they take few page tables, of which moves of the image drop all.
const TABLE: [usize; ZONES + 1] = {
    let mut t = [0; ZONES + 1];
    let mut z = 0;
    while z < ZONES {
        t[z + 1] = t[z] + (ZONE[z].count as usize * ENTRY).next_multiple_of(4096);
        z += 1;
    }
    t
};

const _: () = assert!(META + TABLE[ZONES] <= HEAP);

/// The zone whose segments fit a large block of this size and alignment.
pub(crate) fn large_zone(size: usize, align: usize) -> Option<usize> {
    (1..ZONES).find(|&z| size.max(align) <= 1 << ZONE[z].shift)
}

/// Block size of each class: eight of 16 bytes' distance, then four per doubling.
pub(crate) const SIZE: [u32; CLASSES] = {
    let mut t = [0u32; CLASSES];
    let mut c = 0;
    while c < CLASSES {
        t[c] = if c < 8 {
            16 * (c as u32 + 1)
        } else {
            let g = (c as u32 - 8) / 4;
            let s = (c as u32 - 8) % 4;
            (128 << g) + (32 << g) * (s + 1)
        };
        c += 1;
    }
    t
};

/// Classes below this keep bitmap and labels at the start of their span, of one page; the
/// others have at most [`LABELS`] blocks a span and keep them in the span's record.
pub(crate) const INLINE: usize = 11;

/// Labels in a span's record.
pub(crate) const LABELS: usize = 16;

/// What a span of a class looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class {
    /// Bytes of a block.
    pub size: u32,
    /// Multiplier that divides offsets below 64 KiB by `size`: `(off * recip) >> 32`.
    pub recip: u32,
    /// Bytes before the first block: bitmap, then labels.
    pub header: u16,
    /// Blocks in a span.
    pub capacity: u16,
    /// Pages of a span.
    pub pages: u8,
    /// Words of the bitmap.
    pub words: u8,
}

/// The classes.
pub(crate) const CLASS: [Class; CLASSES] = {
    let mut t = [Class { size: 0, recip: 0, header: 0, capacity: 0, pages: 0, words: 0 }; CLASSES];
    let mut c = 0;
    while c < CLASSES {
        t[c] = layout(c);
        c += 1;
    }
    t
};

impl Class {
    /// Index of the block around an offset in a span, and whether it starts there.
    #[inline(always)]
    pub fn index_of(&self, offset: usize) -> Option<(usize, bool)> {
        let product =
            (offset.checked_sub(self.header as usize)? as u64).wrapping_mul(u64::from(self.recip));
        let index = (product >> 32) as usize;
        // What the multiplier is too large adds up to less than itself.
        (index < self.capacity as usize).then_some((index, (product as u32) < self.recip))
    }
}

const fn layout(c: usize) -> Class {
    let size = SIZE[c];
    let recip = ((1u64 << 32).div_ceil(size as u64)) as u32;
    if c >= INLINE {
        // Of the spans of at most 16 pages and blocks, the largest of those that waste least.
        let (mut best, mut waste, mut n) = (0, usize::MAX, 1);
        while n <= 16 {
            let capacity = n * 4096 / size as usize;
            if capacity >= 1 && capacity <= LABELS {
                let per_mille = (n * 4096 - capacity * size as usize) * 1000 / (n * 4096);
                if per_mille <= waste {
                    (best, waste) = (n, per_mille);
                }
            }
            n += 1;
        }
        let capacity = (best * 4096 / size as usize) as u16;
        return Class { size, recip, header: 0, capacity, pages: best as u8, words: 1 };
    }
    // The smallest header that holds bitmap and labels and keeps the blocks as aligned as
    // their size.
    let unit = 1usize << size.trailing_zeros();
    let mut header = unit;
    loop {
        let capacity = (4096 - header) / size as usize;
        let words = capacity.div_ceil(64);
        if words * 8 + capacity <= header {
            let (capacity, words) = (capacity as u16, words as u8);
            return Class { size, recip, header: header as u16, capacity, pages: 1, words };
        }
        header += unit;
    }
}

/// Sizes up to this find their class in a table: to a branch on the size, mixed sizes are
/// chance.
const LISTED: usize = 1024;

/// Number of the classes of such sizes.
pub(crate) const LISTED_CLASSES: usize = computed_class(LISTED) + 1;

/// Classes of the listed sizes, by units of 16 bytes, rounded up.
const CLASS_OF: [u8; LISTED / 16 + 1] = {
    let mut t = [0; LISTED / 16 + 1];
    let mut n = 0;
    while n < t.len() {
        t[n] = computed_class(n * 16) as u8;
        n += 1;
    }
    t
};

/// The smallest class that holds `size` bytes; `size` is at most [`SMALL_MAX`].
#[inline]
pub(crate) fn class_of(size: usize) -> usize {
    match CLASS_OF.get(size.div_ceil(16)) {
        Some(&class) => class.into(),
        None => computed_class(size),
    }
}

/// The same, where a look at the table tells.
#[inline]
pub(crate) fn listed_class(size: usize) -> Option<usize> {
    if size > LISTED {
        return None;
    }
    CLASS_OF.get(size.div_ceil(16)).map(|&class| class.into())
}

const fn computed_class(size: usize) -> usize {
    if size <= 128 {
        return size.saturating_sub(1) >> 4;
    }
    let top = (usize::BITS - 1 - (size - 1).leading_zeros()) as usize;
    8 + (top - 7) * 4 + (((size - 1) >> (top - 2)) & 3)
}

/// The smallest class whose blocks hold `size` bytes and are multiples of `align`, which is
/// a power of two of at most a page.
pub(crate) fn class_aligned(size: usize, align: usize) -> Option<usize> {
    // Checked: the largest sizes must not become small ones.
    let size = size.max(align).checked_next_multiple_of(align)?;
    if size > SMALL_MAX {
        return None;
    }
    (class_of(size)..CLASSES).find(|&c| (SIZE[c] as usize).is_multiple_of(align))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_gets_the_smallest_class_that_holds_it() {
        for size in 0..=SMALL_MAX {
            let c = class_of(size);
            assert!(SIZE[c] as usize >= size, "size {size} class {c}");
            assert!(c == 0 || (SIZE[c - 1] as usize) < size.max(1), "size {size} class {c}");
        }
        assert_eq!(SIZE[CLASSES - 1] as usize, SMALL_MAX);
    }

    #[test]
    fn spans_hold_their_blocks_and_waste_little() {
        for (c, k) in CLASS.iter().enumerate() {
            let (size, cap, header) = (k.size as usize, k.capacity as usize, k.header as usize);
            let bytes = k.pages as usize * 4096;
            assert!(cap >= 2 && header + cap * size <= bytes, "class {c}: {k:?}");
            assert!(cap * size * 100 >= bytes * 92, "class {c}: {k:?}");
            assert!((1..=16).contains(&k.pages) && cap <= k.words as usize * 64);
            assert!(if c < INLINE { k.pages == 1 } else { header == 0 && cap <= LABELS });
            for index in 0..cap {
                for at in [index * size, index * size + 1, index * size + size - 1] {
                    let product = at as u64 * u64::from(k.recip);
                    assert_eq!(product >> 32, index as u64, "{k:?}");
                    assert_eq!((product as u32) < k.recip, at % size == 0, "{k:?}");
                }
            }
        }
    }

    #[test]
    fn aligned_classes_keep_the_alignment() {
        for align in [16, 32, 64, 128, 256, 512, 1024, 2048, 4096] {
            for size in 0..=SMALL_MAX {
                let c = class_aligned(size, align).unwrap();
                let k = CLASS[c];
                assert!(k.size as usize >= size);
                assert!((k.size as usize).is_multiple_of(align));
                assert!((k.header as usize).is_multiple_of(align));
            }
        }
    }

    #[test]
    fn zones_do_not_overlap_and_addresses_are_found_again() {
        for z in 0..ZONES {
            let last = ZONE[z].count - 1;
            for n in [0, last / 2, last] {
                let a = segment_addr(z, n);
                assert_eq!(locate(a), Some((z, n)));
                assert_eq!(locate(a + (1 << ZONE[z].shift) - 1), Some((z, n)));
            }
            if z + 1 < ZONES {
                assert_eq!(segment_addr(z, last) + (1 << ZONE[z].shift), ZONE[z + 1].base);
            }
            assert!((meta_addr(z, last) + 32) <= META + ((z + 1) << 28));
        }
        assert_eq!(locate(HEAP - 1), None);
        assert_eq!(locate(HEAP_END), None);
        const { assert!(META + (ZONES << 28) <= HEAP) };
    }
}
