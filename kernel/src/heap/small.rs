//! Small blocks in spans, and runs of pages for medium ones.

use super::class::{CAPACITY, SEGMENT, SIZE, SPAN_PAGES};
use super::segment::{
    self, SPAN_RUN, Segment, Span, addr_of_number, number_of, page_addr, page_number,
};
use super::state::HeapState;
use super::{Env, Heap, give_segment, take_segment};

/// Segments of the open list that are searched before a new one is taken.
const SEARCH: usize = 8;

/// Allocates a block of a class.
#[inline]
pub(super) fn alloc(heap: Heap, st: &mut HeapState, env: &mut impl Env, class: usize) -> *mut u8 {
    let page = st.bins[class];
    let addr = if page != 0 {
        page_addr(page)
    } else {
        match new_span(heap, st, env, class) {
            Some(a) => a,
            None => return core::ptr::null_mut(),
        }
    };
    // SAFETY: `authority`: spans on this heap's lists lie in its segments.
    let seg = unsafe { segment::at(addr) };
    let span = &mut seg.spans[(addr & (SEGMENT - 1)) >> 12];
    let session = env.session();
    if session != 0 && span.session() != session {
        span.set_session(session);
        span.lend = span.bump;
    }
    let index = if span.free != 0 {
        let index = span.free as usize - 1;
        // SAFETY: a free block's first two bytes hold the next link.
        span.free = unsafe { ((addr + index * SIZE[class] as usize) as *const u16).read() };
        index
    } else {
        span.bump += 1;
        span.bump as usize - 1
    };
    span.used += 1;
    if span.is_full() {
        let next = span.next;
        st.bins[class] = next;
        span.next = 0;
        if next != 0 {
            // SAFETY: `authority`, as above.
            unsafe { span_at(next) }.prev = 0;
        }
    }
    (addr + index * SIZE[class] as usize) as *mut u8
}

/// Allocates a run of pages.
#[cold]
pub(super) fn alloc_run(
    heap: Heap,
    st: &mut HeapState,
    env: &mut impl Env,
    size: usize,
) -> *mut u8 {
    let pages = size.div_ceil(4096);
    let Some((seg, page)) = take_pages(heap, st, env, pages) else {
        return core::ptr::null_mut();
    };
    let span = &mut seg.spans[page];
    span.state = SPAN_RUN;
    span.class = (pages - 1) as u8;
    (span.used, span.bump, span.lend, span.free) = (1, 1, 0, 0);
    span.set_session(env.session());
    seg.addr_of(page) as *mut u8
}

#[cold]
fn new_span(heap: Heap, st: &mut HeapState, env: &mut impl Env, class: usize) -> Option<usize> {
    let (seg, page) = take_pages(heap, st, env, SPAN_PAGES[class] as usize)?;
    let addr = seg.addr_of(page);
    let span = &mut seg.spans[page];
    *span = Span::small(class, env.session());
    link(st, page_number(addr));
    Some(addr)
}

/// Frees a block of zone 0.
#[inline]
pub(super) fn free(env: &mut impl Env, addr: usize) -> bool {
    // SAFETY: `mapped`; written to only if the block is the space's own (`authority`).
    let seg = unsafe { segment::at(addr) };
    if seg.heap == 0 {
        return false;
    }
    let Some((start, len, index)) = seg.block(addr) else { return false };
    let head = match seg.head_of(addr) {
        Some(h) => h,
        None => return false,
    };
    let span = &mut seg.spans[head];
    let session = env.session();
    if session != 0 && (span.session() < session || index < span.lend as usize) {
        env.defer_free(start, len);
        return true;
    }
    let heap = Heap(seg.heap);
    let st = heap.state();
    if span.state == SPAN_RUN {
        let pages = span.pages();
        give_pages(heap, st, env, seg, head, pages);
        return true;
    }
    let was_full = span.is_full();
    // SAFETY: the block is free from here on; its first two bytes become the link.
    unsafe { (start as *mut u16).write(span.free) };
    span.free = index as u16 + 1;
    span.used -= 1;
    let (used, class, pages) = (span.used, span.class as usize, span.pages());
    let page = page_number(seg.addr_of(head));
    if was_full {
        link(st, page);
    }
    // An empty span goes back unless it is the only one of its class with room.
    if used == 0 && (st.bins[class] != page || seg.spans[head].next != 0) {
        unlink(st, page);
        give_pages(heap, st, env, seg, head, pages);
    }
    true
}

/// # Safety
/// `authority` over the span's heap.
unsafe fn span_at<'a>(page: u32) -> &'a mut Span {
    let addr = page_addr(page);
    // SAFETY: the caller's contract.
    unsafe { &mut segment::at(addr).spans[(addr & (SEGMENT - 1)) >> 12] }
}

fn link(st: &mut HeapState, page: u32) {
    // SAFETY: `authority`: the page belongs to the heap of `st`.
    let span = unsafe { span_at(page) };
    let bin = &mut st.bins[span.class as usize];
    span.prev = 0;
    span.next = *bin;
    if *bin != 0 {
        // SAFETY: as above.
        unsafe { span_at(*bin) }.prev = page;
    }
    *bin = page;
}

fn unlink(st: &mut HeapState, page: u32) {
    // SAFETY: `authority`, as in `link`.
    let Span { next, prev, class, .. } = *unsafe { span_at(page) };
    if prev == 0 {
        st.bins[class as usize] = next;
    } else {
        // SAFETY: as above.
        unsafe { span_at(prev) }.next = next;
    }
    if next != 0 {
        // SAFETY: as above.
        unsafe { span_at(next) }.prev = prev;
    }
}

fn take_pages(
    heap: Heap,
    st: &mut HeapState,
    env: &mut impl Env,
    pages: usize,
) -> Option<(&'static mut Segment, usize)> {
    let mut at = st.open;
    for _ in 0..SEARCH {
        if at == 0 {
            break;
        }
        // SAFETY: `authority`: the open list names this heap's segments.
        let seg = unsafe { segment::at(addr_of_number(at - 1)) };
        at = seg.next;
        if let Some(page) = seg.take_pages(pages) {
            if seg.free_pages == 0 {
                unlist_segment(st, seg);
            }
            return Some((seg, page));
        }
    }
    let (n, _) = take_segment(st, 0)?;
    let addr = addr_of_number(n);
    env.granted(addr, SEGMENT);
    // SAFETY: `mapped`; the segment was just taken for this heap.
    let seg = unsafe { segment::at(addr) };
    seg.init(heap.0);
    seg.heap_state.magic = 0;
    list_segment(heap, seg);
    let page = seg.take_pages(pages)?;
    Some((seg, page))
}

fn give_pages(
    heap: Heap,
    st: &mut HeapState,
    env: &mut impl Env,
    seg: &mut Segment,
    head: usize,
    pages: usize,
) {
    seg.give_pages(head, pages);
    if seg.listed == 0 {
        list_segment(heap, seg);
    }
    let addr = core::ptr::from_mut(seg) as usize;
    let others = seg.next != 0 || seg.prev != 0;
    if seg.is_empty() && addr != heap.0 && others {
        unlist_segment(st, seg);
        seg.heap = 0;
        give_segment(st, env, 0, number_of(addr), SEGMENT);
    }
}

/// Puts a segment on its heap's list of segments with free pages.
pub(super) fn list_segment(heap: Heap, seg: &mut Segment) {
    let st = heap.state();
    let me = number_of(core::ptr::from_ref(seg) as usize) + 1;
    seg.prev = 0;
    seg.next = st.open;
    seg.listed = 1;
    if st.open != 0 {
        // SAFETY: `authority`: the list names this heap's segments.
        unsafe { segment::at(addr_of_number(st.open - 1)) }.prev = me;
    }
    st.open = me;
}

fn unlist_segment(st: &mut HeapState, seg: &mut Segment) {
    let (next, prev) = (seg.next, seg.prev);
    if prev == 0 {
        st.open = next;
    } else {
        // SAFETY: `authority`, as in `list_segment`.
        unsafe { segment::at(addr_of_number(prev - 1)) }.next = next;
    }
    if next != 0 {
        // SAFETY: as above.
        unsafe { segment::at(addr_of_number(next - 1)) }.prev = prev;
    }
    (seg.next, seg.prev, seg.listed) = (0, 0, 0);
}

const _: () = assert!(CAPACITY[0] as usize * 16 == 4096);
