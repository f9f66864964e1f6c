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

/// Address of a segment.
#[inline]
pub(crate) fn segment_addr(zone: usize, number: u32) -> usize {
    ZONE[zone].base + ((number as usize) << ZONE[zone].shift)
}

/// Address of a segment's entry in the table of its zone.
#[inline]
pub(crate) fn meta_addr(zone: usize, number: u32) -> usize {
    // 256 MiB a zone: zone 0 has 4 Mi entries of 32 bytes.
    META + (zone << 28) + number as usize * 32
}

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

/// Pages of a span of each class: at least eight blocks, two for the largest.
pub(crate) const SPAN_PAGES: [u8; CLASSES] = {
    let mut t = [0u8; CLASSES];
    let mut c = 0;
    while c < CLASSES {
        let s = SIZE[c] as usize;
        let pages = if s <= 512 {
            1
        } else if s <= 1024 {
            2
        } else if s <= 4096 {
            8
        } else {
            16
        };
        t[c] = pages;
        c += 1;
    }
    t
};

/// Blocks in a span of each class.
pub(crate) const CAPACITY: [u16; CLASSES] = {
    let mut t = [0u16; CLASSES];
    let mut c = 0;
    while c < CLASSES {
        t[c] = (SPAN_PAGES[c] as usize * 4096 / SIZE[c] as usize) as u16;
        c += 1;
    }
    t
};

/// The smallest class that holds `size` bytes; `size` is at most [`SMALL_MAX`].
#[inline]
pub(crate) fn class_of(size: usize) -> usize {
    if size <= 128 {
        return size.saturating_sub(1) >> 4;
    }
    let top = (usize::BITS - 1 - (size - 1).leading_zeros()) as usize;
    8 + (top - 7) * 4 + (((size - 1) >> (top - 2)) & 3)
}

/// The smallest class whose blocks hold `size` bytes and are multiples of `align`, which is
/// a power of two of at most a page.
pub(crate) fn class_aligned(size: usize, align: usize) -> Option<usize> {
    let size = size.max(align).next_multiple_of(align);
    if size > SMALL_MAX {
        return None;
    }
    (class_of(size)..CLASSES).find(|&c| SIZE[c] as usize % align == 0)
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
        assert!(CAPACITY.iter().all(|&n| n >= 2));
    }

    #[test]
    fn aligned_classes_keep_the_alignment() {
        for align in [16, 32, 64, 128, 256, 512, 1024, 2048, 4096] {
            for size in 0..=SMALL_MAX {
                let c = class_aligned(size, align).unwrap();
                assert!(SIZE[c] as usize >= size && SIZE[c] as usize % align == 0);
            }
        }
    }

    #[test]
    fn zones_do_not_overlap_and_addresses_are_found_again() {
        for z in 0..ZONES {
            let last = ZONE[z].count - 1;
            for n in [0, 1, last] {
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
        assert!(META + (ZONES << 28) <= HEAP);
    }
}
