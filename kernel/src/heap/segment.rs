//! A small segment: one MiB that starts with its own book-keeping, then spans of equal
//! blocks or runs of pages.

use super::class::{CLASS, CLASSES, Class, LABELS, SEGMENT, SEGMENT_PAGES, ZONE, segment_addr};
use super::state::HeapState;
use crate::image::layout::HEAP;
use core::cell::Cell;

/// Kind of a span.
pub(crate) const SPAN_SMALL: u8 = 1;
pub(crate) const SPAN_RUN: u8 = 2;

/// Record of the span that starts at a page.
///
/// A block's *label* is the depth of the outermost space on the current path to the span's
/// last user in whose present session the block was handed out: spaces above that depth see
/// the block as their own (they or what they forked made it), those below as inherited.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Span {
    /// Neighbours in the heap's list of spans with room (global page numbers, 0: none).
    pub next: Cell<u32>,
    pub prev: Cell<u32>,
    /// Session that last took blocks from here.
    pub session: Cell<u64>,
    /// Free blocks, where the class keeps no header.
    bits: Cell<u64>,
    /// Blocks in use.
    pub used: Cell<u16>,
    /// Size class of a small span; pages of a run, less one.
    pub class: Cell<u8>,
    /// Kind of span.
    pub state: Cell<u8>,
    /// Session in which the span was set up, 0 for one that does not fit.
    created: Cell<u32>,
    /// Labels of the blocks, where the class keeps no header.
    labels: [Cell<u8>; LABELS],
}

impl Span {
    /// Sets up a span of free blocks at `base`.
    pub fn init_small(&self, base: usize, class: usize, session: u64) {
        let k = &CLASS[class];
        self.next.set(0);
        self.prev.set(0);
        self.session.set(session);
        self.used.set(0);
        self.created.set(u32::try_from(session).unwrap_or(0));
        self.class.set(class as u8);
        self.state.set(SPAN_SMALL);
        let mut left = k.capacity as usize;
        for w in self.bits(base, k) {
            let n = left.min(64);
            w.set(if n == 64 { u64::MAX } else { (1 << n) - 1 });
            left -= n;
        }
    }

    /// Sets up a run.
    pub fn init_run(&self, pages: usize, session: u64) {
        self.next.set(0);
        self.prev.set(0);
        self.session.set(session);
        self.used.set(1);
        self.class.set((pages - 1) as u8);
        self.state.set(SPAN_RUN);
    }

    /// A session before or in which the span was set up: no block in it is older.
    pub fn created(&self) -> u64 {
        match self.state.get() {
            SPAN_RUN => self.session.get(),
            _ => self.created.get().into(),
        }
    }

    /// Bitmap of the free blocks of the span at `base`, which has the class `k`.
    #[inline]
    pub fn bits(&self, base: usize, k: &Class) -> &[Cell<u64>] {
        let own = &raw const self.bits;
        let at = core::hint::select_unpredictable(k.header == 0, own, base as *const Cell<u64>);
        // SAFETY: a class without header has one word; `mapped`: the page of a span with one
        // holds it. Cells of any bytes are valid.
        unsafe { core::slice::from_raw_parts(at, k.words as usize) }
    }

    /// Labels of the blocks of the span at `base`, which has the class `k`.
    #[inline]
    pub fn labels(&self, base: usize, k: &Class) -> &[Cell<u8>] {
        let own = (&raw const self.labels).cast::<Cell<u8>>();
        let in_page = (base + k.words as usize * 8) as *const Cell<u8>;
        let at = core::hint::select_unpredictable(k.header == 0, own, in_page);
        // SAFETY: a class without header has at most LABELS blocks; `mapped`, as in `bits`:
        // in a page the labels follow the bitmap.
        unsafe { core::slice::from_raw_parts(at, k.capacity as usize) }
    }

    /// Class and index of the live block around an address in a small span at `base`, and
    /// whether it starts there.
    #[inline]
    pub fn find_small(&self, base: usize, addr: usize) -> Option<(&'static Class, usize, bool)> {
        let k = CLASS.get(self.class.get() as usize)?;
        let (index, starts) = k.index_of(addr - base)?;
        let live = self.bits(base, k).get(index / 64)?.get() >> (index % 64) & 1 == 0;
        live.then_some((k, index, starts))
    }

    /// Pages of the span.
    pub fn pages(&self) -> usize {
        let class = self.class.get() as usize;
        match self.state.get() {
            SPAN_SMALL => CLASS[class % CLASSES].pages as usize,
            _ => class + 1,
        }
    }
}

/// Head of a small segment.
///
/// Invariant `segment`: `page_head` names for every page of a span or run the page at which
/// that begins, and is 0 for free pages and the head's own; `used_map` has a bit for every
/// page that is not free.
#[repr(C)]
pub(crate) struct Segment {
    /// Number of the heap's first segment plus one; 0: the segment is in no heap.
    pub heap: Cell<u32>,
    /// Neighbours in the heap's list of segments with free pages (number + 1, 0: none).
    pub next: Cell<u32>,
    pub prev: Cell<u32>,
    pub listed: Cell<u32>,
    pub free_pages: Cell<u32>,
    /// Session in which the heap took the segment.
    pub born: Cell<u64>,
    used_map: [Cell<u64>; SEGMENT_PAGES / 64],
    /// The heap itself, in its first segment only.
    pub heap_state: HeapState,
    page_head: [Cell<u8>; SEGMENT_PAGES],
    pub spans: [Span; SEGMENT_PAGES],
}

/// Pages that the head of a segment takes.
pub(crate) const HEAD_PAGES: usize = size_of::<Segment>().div_ceil(4096);

/// Number of the segment at an address of zone 0.
#[inline]
pub(crate) fn number_of(addr: usize) -> u32 {
    (addr.wrapping_sub(HEAP) / SEGMENT) as u32
}

/// Address of segment `number` of zone 0; numbers beyond its end wrap around.
#[inline]
pub(crate) fn addr_of_number(number: u32) -> usize {
    segment_addr(0, number % ZONE[0].count)
}

/// The segment around an address of zone 0.
#[inline]
pub(crate) fn at(addr: usize) -> &'static Segment {
    debug_assert!((HEAP..HEAP + ZONE[0].count as usize * SEGMENT).contains(&addr));
    // SAFETY: `mapped`: zone 0 is mapped, segments are aligned to their size, any bytes are
    // valid; cells may be changed through any reference, by `authority` by one thread.
    unsafe { &*((addr & !(SEGMENT - 1)) as *const Segment) }
}

/// The heap whose first segment has a number.
#[inline]
pub(crate) fn heap_of_number(number: u32) -> &'static HeapState {
    &at(addr_of_number(number)).heap_state
}

/// Global number of a page of zone 0.
#[inline]
pub(crate) fn page_number(addr: usize) -> u32 {
    ((addr - HEAP) >> 12) as u32
}

/// Address of a page of zone 0 by its global number; numbers beyond its end wrap around.
#[inline]
pub(crate) fn page_addr(number: u32) -> usize {
    HEAP + ((number as usize % (ZONE[0].count as usize * SEGMENT_PAGES)) << 12)
}

/// The record of the span that starts at a page.
#[inline]
pub(crate) fn span_at(page: u32) -> &'static Span {
    &at(page_addr(page)).spans[page as usize % SEGMENT_PAGES]
}

impl Segment {
    /// Address of the segment.
    #[inline]
    pub fn addr(&self) -> usize {
        core::ptr::from_ref(self) as usize
    }

    /// Number of the segment.
    pub fn number(&self) -> u32 {
        number_of(self.addr())
    }

    /// Sets up an empty segment over whatever the memory held.
    pub fn init(&self, heap: u32, session: u64) {
        for c in [&self.next, &self.prev, &self.listed] {
            c.set(0);
        }
        self.used_map.iter().for_each(|w| w.set(0));
        self.used_map[0].set((1 << HEAD_PAGES) - 1);
        self.page_head.iter().for_each(|p| p.set(0));
        self.free_pages.set((SEGMENT_PAGES - HEAD_PAGES) as u32);
        self.born.set(session);
        self.heap.set(heap + 1);
    }

    /// First page from `from` on whose bit in `used_map` is `used`, or the number of pages.
    fn find(&self, from: usize, used: bool) -> usize {
        let flip = if used { 0 } else { u64::MAX };
        let mut p = from;
        while p < SEGMENT_PAGES {
            let word = (self.used_map[p / 64].get() ^ flip) >> (p % 64);
            if word != 0 {
                return p + word.trailing_zeros() as usize;
            }
            p = (p / 64 + 1) * 64;
        }
        SEGMENT_PAGES
    }

    fn mark(&self, start: usize, pages: usize, used: bool) {
        let mut p = start;
        while p < start + pages {
            let n = (start + pages - p).min(64 - p % 64);
            let mask = (u64::MAX >> (64 - n)) << (p % 64);
            let w = &self.used_map[p / 64];
            w.set(if used { w.get() | mask } else { w.get() & !mask });
            p += n;
        }
    }

    /// Takes the lowest run of free pages that is long enough.
    pub fn take_pages(&self, pages: usize) -> Option<usize> {
        if (self.free_pages.get() as usize) < pages {
            return None;
        }
        let mut start = self.find(HEAD_PAGES, false);
        while start + pages <= SEGMENT_PAGES {
            let end = self.find(start, true);
            if end - start >= pages {
                self.claim(start, start, pages);
                return Some(start);
            }
            start = self.find(end, false);
        }
        None
    }

    /// Whether no page from `page` on is in use.
    pub fn is_free_from(&self, page: usize) -> bool {
        self.find(page, true) >= SEGMENT_PAGES
    }

    fn claim(&self, head: usize, from: usize, pages: usize) {
        self.mark(from, pages, true);
        self.page_head[from..from + pages].iter().for_each(|p| p.set(head as u8));
        self.free_pages.set(self.free_pages.get().wrapping_sub(pages as u32));
    }

    /// Lets the run of `pages` at `head` grow by `more` pages if those are free.
    pub fn extend(&self, head: usize, pages: usize, more: usize) -> bool {
        let from = head + pages;
        let fits = from + more <= SEGMENT_PAGES && self.find(from, true) >= from + more;
        if fits {
            self.claim(head, from, more);
        }
        fits
    }

    /// Gives a span's or run's pages back.
    pub fn give_pages(&self, start: usize, pages: usize) {
        let pages = pages.min(SEGMENT_PAGES - start);
        self.mark(start, pages, false);
        self.page_head[start..start + pages].iter().for_each(|p| p.set(0));
        self.free_pages.set(self.free_pages.get().wrapping_add(pages as u32));
    }

    /// Whether no page besides the head is in use.
    pub fn is_empty(&self) -> bool {
        self.free_pages.get() as usize == SEGMENT_PAGES - HEAD_PAGES
    }

    /// The span or run around an address, and where it begins.
    #[inline]
    pub fn find_span(&self, addr: usize) -> Option<(&Span, usize)> {
        let head = self.page_head[(addr & (SEGMENT - 1)) >> 12].get() as usize;
        let base = self.addr() + (head << 12);
        // No page 0 is ever a span's; what memory of a hostile child says is only compared.
        let sound = self.heap.get() != 0 && head != 0 && addr >= base;
        sound.then(|| (&self.spans[head], base))
    }

    /// The live block around an address.
    #[inline]
    pub fn find_block(&self, addr: usize) -> Option<Found<'_>> {
        let (span, base) = self.find_span(addr)?;
        if span.state.get() == SPAN_SMALL {
            let (k, index, _) = span.find_small(base, addr)?;
            let start = base + k.header as usize + index * k.size as usize;
            return Some(Found { span, base, start, len: k.size as usize, index });
        }
        let len = span.pages() << 12;
        let inside = span.state.get() == SPAN_RUN && addr < base + len;
        inside.then_some(Found { span, base, start: base, len, index: 0 })
    }
}

/// A live block of a small segment.
pub(crate) struct Found<'a> {
    /// Its span.
    pub span: &'a Span,
    /// First address of the span.
    pub base: usize,
    /// First address.
    pub start: usize,
    /// Bytes.
    pub len: usize,
    /// Place in the span, 0 for runs.
    pub index: usize,
}

const _: () = assert!(size_of::<Span>() == 48);
const _: () = assert!(HEAD_PAGES < 64 && SEGMENT_PAGES == 256);
