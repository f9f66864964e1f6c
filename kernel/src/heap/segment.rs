//! A small segment: one MiB that starts with its own book-keeping, then spans of equal
//! blocks or runs of pages. Free blocks are linked through their first two bytes.

use super::class::{CAPACITY, SEGMENT, SEGMENT_PAGES, SIZE, SPAN_PAGES, segment_addr};
use super::state::HeapState;
use crate::image::layout::HEAP;

/// State of a page's span record.
pub(crate) const SPAN_NONE: u8 = 0;
pub(crate) const SPAN_SMALL: u8 = 1;
pub(crate) const SPAN_RUN: u8 = 2;

/// Record of the span that starts at a page.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Neighbours in the heap's list of spans with room (global page numbers, 0: none).
    pub next: u32,
    pub prev: u32,
    session_low: u32,
    session_high: u16,
    /// First free block plus one, 0: none.
    pub free: u16,
    /// Blocks in use.
    pub used: u16,
    /// Blocks ever handed out.
    pub bump: u16,
    /// Blocks below this index were handed out before `session` began.
    pub lend: u16,
    /// Size class of a small span; pages of a run, less one.
    pub class: u8,
    /// Kind of span.
    pub state: u8,
}

impl Span {
    /// An empty span of a class, made in a session.
    pub fn small(class: usize, session: u64) -> Span {
        Span {
            next: 0,
            prev: 0,
            session_low: session as u32,
            session_high: (session >> 32) as u16,
            free: 0,
            used: 0,
            bump: 0,
            lend: 0,
            class: class as u8,
            state: SPAN_SMALL,
        }
    }

    pub fn session(&self) -> u64 {
        u64::from(self.session_low) | u64::from(self.session_high) << 32
    }

    pub fn set_session(&mut self, s: u64) {
        self.session_low = s as u32;
        self.session_high = (s >> 32) as u16;
    }
}

/// Head of a small segment.
///
/// Invariant `segment`: every page of zone 0 whose bit is set in `used_map` belongs to the
/// head, to the span recorded at its first page, or to a run recorded likewise; `page_head`
/// names that first page for each page.
#[repr(C)]
pub(crate) struct Segment {
    /// Address of the heap that owns the segment.
    pub heap: usize,
    /// Neighbours in the heap's list of segments with free pages (number + 1, 0: none).
    pub next: u32,
    pub prev: u32,
    pub listed: u32,
    pub free_pages: u32,
    pub used_map: [u64; 4],
    /// The heap itself, in its first segment only.
    pub heap_state: HeapState,
    page_head: [u8; SEGMENT_PAGES],
    pub spans: [Span; SEGMENT_PAGES],
}

/// Pages that the head of a segment takes.
pub(crate) const HEAD_PAGES: usize = size_of::<Segment>().div_ceil(4096);

/// Number of the segment at an address of zone 0.
pub(crate) fn number_of(addr: usize) -> u32 {
    ((addr - HEAP) / SEGMENT) as u32
}

/// The segment around an address of zone 0.
///
/// # Safety
/// Invariant `authority` (see the module): nobody else uses the segment meanwhile.
#[inline]
pub(crate) unsafe fn at<'a>(addr: usize) -> &'a mut Segment {
    // SAFETY: zone 0 is mapped, segments are aligned to their size, any bytes are valid.
    unsafe { &mut *((addr & !(SEGMENT - 1)) as *mut Segment) }
}

/// Global number of a page of zone 0.
#[inline]
pub(crate) fn page_number(addr: usize) -> u32 {
    ((addr - HEAP) >> 12) as u32
}

/// Address of a page of zone 0 by its global number.
#[inline]
pub(crate) fn page_addr(number: u32) -> usize {
    HEAP + ((number as usize) << 12)
}

impl Segment {
    /// Sets up an empty segment over whatever the memory held.
    pub fn init(&mut self, heap: usize) {
        self.heap = heap;
        (self.next, self.prev, self.listed) = (0, 0, 0);
        self.used_map = [0; 4];
        self.used_map[0] = (1 << HEAD_PAGES) - 1;
        self.free_pages = (SEGMENT_PAGES - HEAD_PAGES) as u32;
        for s in &mut self.spans {
            s.state = SPAN_NONE;
        }
    }

    fn is_used(&self, page: usize) -> bool {
        self.used_map[page / 64] >> (page % 64) & 1 == 1
    }

    /// Takes the lowest run of free pages.
    pub fn take_pages(&mut self, pages: usize) -> Option<usize> {
        if (self.free_pages as usize) < pages {
            return None;
        }
        let (mut start, mut len) = (0, 0);
        for p in HEAD_PAGES..SEGMENT_PAGES {
            if self.is_used(p) {
                len = 0;
                continue;
            }
            if len == 0 {
                start = p;
            }
            len += 1;
            if len == pages {
                for q in start..start + pages {
                    self.used_map[q / 64] |= 1 << (q % 64);
                    self.page_head[q] = start as u8;
                }
                self.free_pages -= pages as u32;
                return Some(start);
            }
        }
        None
    }

    /// Gives a span's or run's pages back.
    pub fn give_pages(&mut self, start: usize, pages: usize) {
        for q in start..start + pages {
            self.used_map[q / 64] &= !(1 << (q % 64));
        }
        self.spans[start].state = SPAN_NONE;
        self.free_pages += pages as u32;
    }

    /// Whether no page besides the head is in use.
    pub fn is_empty(&self) -> bool {
        self.free_pages as usize == SEGMENT_PAGES - HEAD_PAGES
    }

    /// First page of the span or run around an address, if there is one.
    pub fn head_of(&self, addr: usize) -> Option<usize> {
        let page = (addr & (SEGMENT - 1)) >> 12;
        if page < HEAD_PAGES || !self.is_used(page) {
            return None;
        }
        Some(self.page_head[page] as usize)
    }

    /// Address of a page of this segment.
    pub fn addr_of(&self, page: usize) -> usize {
        core::ptr::from_ref(self) as usize + (page << 12)
    }

    /// Start, length and index of the block around an address; index 0 for runs.
    pub fn block(&self, addr: usize) -> Option<(usize, usize, usize)> {
        let head = self.head_of(addr)?;
        let span = &self.spans[head];
        let base = self.addr_of(head);
        match span.state {
            SPAN_SMALL => {
                let size = SIZE[span.class as usize] as usize;
                let index = (addr - base) / size;
                Some((base + index * size, size, index))
            }
            SPAN_RUN => Some((base, (span.class as usize + 1) << 12, 0)),
            _ => None,
        }
    }
}

impl Span {
    /// Whether every block is in use.
    pub fn is_full(&self) -> bool {
        self.free == 0 && self.bump >= CAPACITY[self.class as usize]
    }

    /// Pages of the span.
    pub fn pages(&self) -> usize {
        match self.state {
            SPAN_SMALL => SPAN_PAGES[self.class as usize] as usize,
            _ => self.class as usize + 1,
        }
    }
}

/// Address of segment `number` of zone 0.
pub(crate) fn addr_of_number(number: u32) -> usize {
    segment_addr(0, number)
}
