//! Small blocks in spans, and runs of pages for medium ones.

use super::class::{CLASS, CLASSES, SEGMENT, SEGMENT_PAGES};
use super::open::{self, About};
use super::segment::{
    self, Found, HEAD_PAGES, SPAN_RUN, SPAN_SMALL, Segment, Span, addr_of_number, heap_of_number,
    page_addr, page_number, span_at,
};
use super::state::HeapState;
use super::{Env, give_segment, take_segment};
use crate::image::layout::MAX_DEPTH;
use crate::sys::cpu::{make_own, prefetch};
use core::cell::Cell;

/// Segments of the open list that are searched before a new one is taken.
const SEARCH: usize = 16;

/// A segment in which so many pages come free moves to the front of that list.
const MANY: usize = 16;

/// Largest run in pages.
pub(super) const RUN_MAX: usize = SEGMENT_PAGES - HEAD_PAGES;

/// What [`alloc`] does as a rule, without a call in between: a block of the first span with room,
/// if this session took from it before. Null, and nothing done, for all else.
#[inline(always)]
pub(super) fn alloc_usual(st: &HeapState, class: usize) -> *mut u8 {
    let nothing = core::ptr::null_mut();
    let (Some(bin), Some(k)) = (st.bins.get(class), CLASS.get(class)) else { return nothing };
    let page = bin.get();
    let (span, base) = (span_at(page), page_addr(page));
    if page == 0 || span.session.get() != st.stamp.get() {
        return nothing;
    }
    let bits = span.bits(base, k);
    let (mut w, mut word) = (0, bits.first().map_or(0, Cell::get));
    while word == 0 {
        w += 1;
        let Some(next) = bits.get(w) else { return nothing };
        word = next.get();
    }
    bits[w].set(word & (word - 1));
    let index = w * 64 + word.trailing_zeros() as usize;
    if let Some(l) = span.labels(base, k).get(index) {
        l.set(st.label.get() as u8);
    }
    let used = span.used.get().wrapping_add(1);
    span.used.set(used);
    let block = (base + k.header as usize + index * k.size as usize) as *mut u8;
    if used >= k.capacity {
        return full(st, class, span, block);
    }
    block
}

/// Takes a span off its list whose last block, the result, was just taken.
#[inline(never)]
fn full(st: &HeapState, class: usize, span: &Span, block: *mut u8) -> *mut u8 {
    unlink(st, class, span);
    block
}

/// Allocates a block of a class.
pub(super) fn alloc(st: &HeapState, env: &mut impl Env, class: usize) -> *mut u8 {
    let page = st.bins[class].get();
    let usable = |p| span_at(p).session.get() == st.stamp.get() || enter(st, p);
    if (page == 0 || !usable(page)) && new_span(st, env, class).is_none() {
        return core::ptr::null_mut();
    }
    let block = alloc_usual(st, class);
    if block.is_null() {
        // Not by this code: a listed span has room. Its memory was overwritten.
        st.bins[class].set(0);
    }
    block
}

/// A session's first allocation from a span of earlier ones: blocks handed out in sessions
/// that have ended since belong to the innermost space that still runs. False for a span that
/// must be left alone.
#[cold]
fn enter(st: &HeapState, page: u32) -> bool {
    let (span, base) = (span_at(page), page_addr(page));
    if span.created() < st.floor.get() {
        return false;
    }
    let last = span.session.get();
    // A space with open children counts as its own child since the newest of them started.
    let mut depth = st.label.get().min(MAX_DEPTH as u32);
    let mut above = if depth > st.depth.get() { st.number() } else { st.parent.get() };
    let common = loop {
        if depth <= 1 {
            break 0;
        }
        depth -= 1;
        let a = heap_of_number(above);
        // Sessions that began later have higher numbers.
        if a.session.get() <= last {
            break depth as u8;
        }
        above = a.parent.get();
    };
    if let Some(k) = CLASS.get(span.class.get() as usize) {
        let labels = span.labels(base, k);
        if let Some(first) = labels.first() {
            // SAFETY: `mapped`: a label of this heap.
            unsafe { make_own(first.as_ptr()) };
        }
        labels.iter().for_each(|l| l.set(l.get().min(common)));
    }
    span.session.set(st.stamp.get());
    true
}

/// Allocates a run of pages.
#[cold]
pub(super) fn alloc_run(st: &HeapState, env: &mut impl Env, size: usize) -> *mut u8 {
    let pages = size.div_ceil(4096).max(1);
    let Some((seg, page)) = take_pages(st, env, pages) else { return core::ptr::null_mut() };
    seg.spans[page].init_run(pages, st.stamp.get());
    (seg.addr() + (page << 12)) as *mut u8
}

#[cold]
fn new_span(st: &HeapState, env: &mut impl Env, class: usize) -> Option<()> {
    let (seg, page) = take_pages(st, env, CLASS[class].pages as usize)?;
    let base = seg.addr() + (page << 12);
    seg.spans[page].init_small(base, class, st.stamp.get());
    link(st, class, &seg.spans[page], page_number(base));
    Some(())
}

/// Whether the running space inherited a block instead of making it.
#[inline(always)]
fn is_inherited(env: &impl Env, span: &Span, base: usize, index: usize) -> bool {
    let session = env.session();
    if session == 0 || cfg!(detpar_mutant = "lend_ignored") {
        return false;
    }
    if span.session.get() < session {
        return true;
    }
    // A run's session is that of the block itself. Where a span was used since, its labels
    // count from the path to its last user, on which the running space lies.
    span.state.get() != SPAN_RUN
        && CLASS.get(span.class.get() as usize).is_none_or(|k| {
            let label = span.labels(base, k).get(index);
            label.is_none_or(|l| u32::from(l.get()) < env.depth())
        })
}

/// What [`free`] does as a rule, without a call in between: a small block that the running space
/// may free now, in a span that keeps others. False, and nothing done, for all else.
#[inline(always)]
pub(super) fn free_usual(env: &impl Env, addr: usize) -> bool {
    let seg = segment::at(addr);
    // Where span and bitmap are if the span is of one page: they need not wait for each other.
    prefetch(core::ptr::from_ref(&seg.spans[(addr >> 12) % SEGMENT_PAGES]) as usize);
    prefetch(addr & !4095);
    let Some((span, base)) = seg.find_span(addr).filter(|(s, _)| s.state.get() == SPAN_SMALL)
    else {
        return false;
    };
    let Some((k, index, starts)) = span.find_small(base, addr) else { return false };
    let used = span.used.get().wrapping_sub(1);
    if !starts || used == 0 || is_inherited(env, span, base, index) {
        return false;
    }
    let Some(word) = span.bits(base, k).get(index / 64) else { return false };
    word.set(word.get() | 1 << (index % 64));
    span.used.set(used);
    if used == k.capacity - 1 {
        has_room(seg, span, base);
    }
    true
}

/// Puts a span on its list that has room again.
#[inline(never)]
fn has_room(seg: &Segment, span: &Span, base: usize) {
    let class = span.class.get() as usize % CLASSES;
    link(heap_of_number(seg.heap.get() - 1), class, span, page_number(base));
}

/// Frees a block of zone 0.
pub(super) fn free(env: &mut impl Env, addr: usize) -> bool {
    if free_usual(env, addr) {
        return true;
    }
    let seg = segment::at(addr);
    let Some(b) = seg.find_block(addr) else { return false };
    if b.start != addr {
        return false;
    }
    if is_inherited(env, b.span, b.base, b.index) {
        env.defer_free(b.start, b.len);
        return true;
    }
    let st = heap_of_number(seg.heap.get() - 1);
    let class = b.span.class.get() as usize;
    if b.span.state.get() == SPAN_RUN {
        give_pages(st, env, seg, b.base, b.len >> 12);
        return true;
    }
    let k = &CLASS[class];
    let word = &b.span.bits(b.base, k)[b.index / 64];
    word.set(word.get() | 1 << (b.index % 64));
    let used = b.span.used.get().wrapping_sub(1);
    b.span.used.set(used);
    if used == k.capacity - 1 {
        link(st, class, b.span, page_number(b.base));
    }
    if used == 0 {
        give_span(st, env, seg, &b, class);
    }
    true
}

/// What is known of the live block at an address.
pub(super) fn about(env: &impl Env, addr: usize) -> Option<About> {
    let seg = segment::at(addr);
    let b = seg.find_block(addr).filter(|b| b.start == addr)?;
    let label = CLASS.get(b.span.class.get() as usize).and_then(|k| {
        let small = b.span.state.get() != SPAN_RUN;
        small.then(|| b.span.labels(b.base, k).get(b.index)).flatten()
    });
    // Made by a child in the session that last used the span, or since a child started.
    let made = match label.is_some_and(|l| u32::from(l.get()) > env.depth()) {
        true => b.span.session.get(),
        false => b.span.created(),
    };
    let (len, heap) = (b.len, seg.heap.get().wrapping_sub(1));
    Some(About { len, inherited: is_inherited(env, b.span, b.base, b.index), made, heap })
}

/// Gives an empty span back unless it is the only one of its class with room.
fn give_span(st: &HeapState, env: &mut impl Env, seg: &Segment, b: &Found, class: usize) {
    let first = st.bins[class].get() == page_number(b.base);
    let next = b.span.next.get();
    let alone = first && (next == 0 || span_at(next).created() < st.floor.get());
    if !alone {
        unlink(st, class, b.span);
        give_pages(st, env, seg, b.base, CLASS[class].pages as usize);
    }
}

/// Lets a run of the running space's own grow where it is.
pub(super) fn extend_run(env: &impl Env, addr: usize, size: usize) -> bool {
    let seg = segment::at(addr);
    let Some(b) = seg.find_block(addr) else { return false };
    let pages = size.div_ceil(4096);
    let own_run = b.span.state.get() == SPAN_RUN
        && b.start == addr
        && !is_inherited(env, b.span, b.base, b.index);
    if !own_run || pages > RUN_MAX || pages <= b.len >> 12 || open::is_away(env, seg.heap.get() - 1)
    {
        return false;
    }
    let have = b.len >> 12;
    if !seg.extend((b.base & (SEGMENT - 1)) >> 12, have, pages - have) {
        return false;
    }
    b.span.class.set((pages - 1) as u8);
    if seg.free_pages.get() == 0 {
        unlist_segment(heap_of_number(seg.heap.get() - 1), seg);
    }
    true
}

fn link(st: &HeapState, class: usize, span: &Span, page: u32) {
    let first = st.bins[class].replace(page);
    span.prev.set(0);
    span.next.set(first);
    if first != 0 {
        span_at(first).prev.set(page);
    }
}

fn unlink(st: &HeapState, class: usize, span: &Span) {
    let (next, prev) = (span.next.replace(0), span.prev.replace(0));
    match prev {
        0 => st.bins[class].set(next),
        _ => span_at(prev).next.set(next),
    }
    if next != 0 {
        span_at(next).prev.set(prev);
    }
}

/// Takes pages for a span or run.
pub(super) fn take_pages(
    st: &HeapState,
    env: &mut impl Env,
    pages: usize,
) -> Option<(&'static Segment, usize)> {
    let mut at = st.open.get();
    for _ in 0..SEARCH {
        if at == 0 {
            break;
        }
        let seg = segment::at(addr_of_number(at - 1));
        if let Some(page) = seg.take_pages(pages) {
            if seg.free_pages.get() == 0 {
                unlist_segment(st, seg);
            }
            if seg.is_free_from(page + pages) {
                env.took_tail(seg.addr() + (page << 12), (SEGMENT_PAGES - page) << 12, pages);
            }
            return Some((seg, page));
        }
        at = seg.next.get();
    }
    let (n, _) = take_segment(st, 0)?;
    let addr = addr_of_number(n);
    env.granted(addr, SEGMENT);
    let seg = segment::at(addr);
    seg.init(st.number(), st.session.get());
    seg.heap_state.magic.set(0);
    list_segment(st, seg);
    let page = seg.take_pages(pages)?;
    if seg.free_pages.get() == 0 {
        unlist_segment(st, seg);
    }
    Some((seg, page))
}

fn give_pages(st: &HeapState, env: &mut impl Env, seg: &Segment, base: usize, pages: usize) {
    seg.give_pages((base & (SEGMENT - 1)) >> 12, pages);
    if seg.listed.get() == 0 {
        list_segment(st, seg);
    } else if pages >= MANY && seg.prev.get() != 0 {
        // Where much room is must be found by the search, which looks at the first few only.
        unlist_segment(st, seg);
        list_segment(st, seg);
    }
    if !seg.is_empty() || seg.number() == st.number() {
        return;
    }
    let others = seg.next.get() != 0 || seg.prev.get() != 0;
    // A space must not give away a segment that was in the heap at its snapshot: whoever
    // takes it next writes over its head, and the snapshot could not be restored.
    if others && seg.born.get() >= env.session() {
        unlist_segment(st, seg);
        seg.heap.set(0);
        give_segment(st, env, 0, seg.number(), SEGMENT_PAGES as u32);
    }
}

/// Puts a segment on its heap's list of segments with free pages.
pub(super) fn list_segment(st: &HeapState, seg: &Segment) {
    let me = seg.number() + 1;
    let first = st.open.replace(me);
    seg.prev.set(0);
    seg.next.set(first);
    seg.listed.set(1);
    if first != 0 {
        segment::at(addr_of_number(first - 1)).prev.set(me);
    }
}

fn unlist_segment(st: &HeapState, seg: &Segment) {
    let (next, prev) = (seg.next.replace(0), seg.prev.replace(0));
    seg.listed.set(0);
    match prev {
        0 => st.open.set(next),
        _ => segment::at(addr_of_number(prev - 1)).next.set(next),
    }
    if next != 0 {
        segment::at(addr_of_number(next - 1)).prev.set(prev);
    }
}
