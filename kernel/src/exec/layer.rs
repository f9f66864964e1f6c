//! Layers: what a space's memory is besides the image file.
//!
//! A snapshot of a space whose memory differs from the file is fixed in a *layer*: the
//! changed pages, in the exchange area of the worker (or master) that the space runs in.
//! Layers form a chain, newest first, down to the file; each space starts from the chain that
//! its parent had. A worker brings a chain into its own memory by mapping long runs of pages
//! and copying scattered ones in.
//!
//! Invariant `layer`: a layer is written before its address is handed on and never changed
//! afterwards; it outlives every space that starts from it, since its maker gives its room
//! back only when none is left.

mod index;

use super::changes::{self, Runs, run, scan_changed};
use super::control::{Me, new_layer, private, private_item};
use super::stage;
use crate::abi::{Limit, PAGE};
use crate::check::{self, touched};
use crate::image::layout::{EXCHANGE, STACK, STACK_END, TLS, page_floor};
use crate::image::{regions, tls};
use crate::merge::Page;
use crate::space::children;
use crate::sys;
use core::slice;
use index::Index;

/// A layer, at the address by which it is named.
#[repr(C)]
pub(crate) struct Layer {
    /// Different from that of every other layer of the run.
    id: u64,
    /// The layer below; 0: the file.
    below: usize,
    /// Layers from here down.
    height: usize,
    /// Page addresses, ascending; [`RUN`] is set in those of long runs.
    addrs: usize,
    /// Their contents.
    pages: usize,
    /// How many.
    count: usize,
    /// All pages from here down to the file, if it was made.
    index: Index,
}

/// Mark of a page address: part of a run that is mapped, not copied.
const RUN: u64 = 1;

/// Pages from which on a run is mapped: a mapping costs about as much as copying half of them.
const RUN_MIN: usize = 8;

/// Most layers in a chain.
const HEIGHT_MAX: usize = 512;

/// Layers that one space stacks up before it makes one of all its changes.
const OWN_MAX: usize = 16;

/// Most pages copied in and most runs mapped by one worker.
const COPIED_MAX: usize = (1 << 20) / 8;
const MAPPED_MAX: usize = 16384;

impl Layer {
    fn addrs(&self) -> &'static [u64] {
        // SAFETY: `layer`.
        unsafe { slice::from_raw_parts(self.addrs as *const u64, self.count) }
    }

    fn page(&self, i: usize) -> &'static Page {
        // SAFETY: `layer`.
        unsafe { &*((self.pages + i * PAGE) as *const Page) }
    }

    fn find(&self, page: u64) -> Option<usize> {
        self.addrs().binary_search_by_key(&page, |a| a & !RUN).ok()
    }
}

/// The layer of a name; none for the file.
fn layer(top: usize) -> Option<&'static Layer> {
    // SAFETY: `layer`; names come from `seal` and travel in requests.
    (top != 0).then(|| unsafe { &*(top as *const Layer) })
}

/// The layers of a chain, newest first.
fn chain(top: usize) -> impl Iterator<Item = &'static Layer> {
    core::iter::successors(layer(top), |l| layer(l.below)).take(HEIGHT_MAX)
}

/// A page as a chain has it, and whether workers map it; none where the file has it.
pub(crate) fn lookup(top: usize, page: u64) -> Option<(&'static Page, bool)> {
    for l in chain(top) {
        if let Some(all) = l.index.entries() {
            let i = all.binary_search_by_key(&page, |e| e.addr & !RUN).ok()?;
            // SAFETY: `layer`: that of a page of this layer or one below.
            let found = unsafe { &*(all[i].page as *const Page) };
            return Some((found, all[i].addr & RUN != 0));
        }
        if let Some(i) = l.find(page) {
            return Some((l.page(i), l.addrs()[i] & RUN != 0));
        }
    }
    None
}

/// Whether a chain has pages of a range: there a space of this chain does not see the file.
pub(super) fn covers(top: usize, addr: usize, len: usize) -> bool {
    let (from, to) = (addr as u64, (addr + len) as u64);
    for l in chain(top) {
        if let Some(all) = l.index.entries() {
            let first = all.partition_point(|e| e.addr & !RUN < from);
            return all.get(first).is_some_and(|e| e.addr & !RUN < to);
        }
        let first = l.addrs().partition_point(|a| a & !RUN < from);
        if l.addrs().get(first).is_some_and(|a| a & !RUN < to) {
            return true;
        }
    }
    false
}

/// The pages of thread-local storage of the spaces above depth `below`, depth 1 on.
pub(super) fn ancestors(below: u32) -> impl Iterator<Item = usize> + Clone {
    (1..below as usize).flat_map(|d| {
        let (from, to) = tls::live_range(d);
        (from..to).step_by(PAGE)
    })
}

/// Whether this process's page holds the same bytes.
pub(crate) fn same(page: usize, as_in: &Page) -> bool {
    // SAFETY: the callers ask for pages of the image or of thread-local storage.
    unsafe { (*(page as *const Page)).0 == as_in.0 }
}

/// Fixes the running space's memory; returns the chain that its children start from. `stack`
/// is its stack pointer.
pub(crate) fn seal(me: &mut Me, stack: usize) -> Result<usize, Limit> {
    let runs = scan_changed(me, stack, true, sys::faults())?;
    let height = |top| layer(top).map_or(0, |l| l.height);
    let own = height(me.chain) - height(me.base);
    let below = if own >= OWN_MAX { me.base } else { me.chain };
    let mark = me.stage_end;
    let is_new = |page: usize| !has_same(below, page);
    let (count, addrs, pages) = copy_out(me, &runs, ancestors(me.depth + 1), is_new)?;
    if count == 0 {
        me.stage_end = mark;
        return Ok(below);
    }
    if height(below) >= HEIGHT_MAX {
        return Err(Limit::Depth);
    }
    mark_runs(addrs, count);
    let (id, height) = (new_layer(me.slot), height(below) + 1);
    let mut new = Layer { id, below, height, addrs, pages, count, index: Index::NONE };
    new.index = Index::make(me, &new);
    let at = stage::take(me, size_of::<Layer>()).ok_or(Limit::Exchange)?;
    // SAFETY: `control`: the room was just taken in this process's exchange area.
    unsafe { (at as *mut Layer).write(new) };
    Ok(at)
}

/// The same for an open child. What older ones no longer need is used again: where the space is
/// about to make one layer of all its changes, it goes on in the largest gap.
pub(crate) fn seal_open(me: &mut Me, stack: usize) -> Result<usize, Limit> {
    if me.open_count > 0 && own(me).count() >= OWN_MAX {
        me.chain = me.base;
        let (from, to) = (me.open_mark, me.open_limit);
        let starts = children::rooms().map(|r| r.1).chain([from]);
        let free = |at: &usize| !children::rooms().any(|r| (r.0..r.1).contains(at));
        let mut best = (me.stage_end, me.stage_end);
        for start in starts.filter(free).filter(|s| (from..to).contains(s)) {
            let end = children::rooms().map(|r| r.0).filter(|&r| r >= start).min().unwrap_or(to);
            stage::give_back(me, start, end);
            if end - start > best.1 - best.0 {
                best = (start, end);
            }
        }
        (me.stage_end, me.stage_limit) = best;
    }
    seal(me, stack)
}

/// The layers that the running space has made.
fn own(me: &Me) -> impl Iterator<Item = &'static Layer> + use<> {
    let base = me.base;
    chain(me.chain).take_while(move |l| core::ptr::from_ref(*l) as usize != base)
}

/// Where what a child needs begins that starts from the running space's layers: at the oldest.
pub(crate) fn room_from(me: &Me) -> usize {
    own(me).last().map_or(me.stage_end, |l| l.addrs)
}

/// Whether a chain has a page as this process has it.
pub(super) fn has_same(top: usize, page: usize) -> bool {
    lookup(top, page as u64).is_some_and(|(l, _)| same(page, l))
}

/// Copies those of the changed pages that are `wanted`; returns how many, addresses, contents.
pub(super) fn copy_out(
    me: &mut Me,
    runs: &Runs,
    tls: impl Iterator<Item = usize> + Clone,
    wanted: impl Fn(usize) -> bool,
) -> Result<(usize, usize, usize), Limit> {
    let most = runs.pages + tls.clone().count();
    let addrs = stage::take(me, most * 8).ok_or(Limit::Exchange)?;
    let pages = stage::take(me, most * PAGE).ok_or(Limit::Exchange)?;
    let mut n = 0;
    each_page(runs, tls, |page| {
        if wanted(page) {
            put_page(addrs, pages, n, page);
            n += 1;
        }
    });
    me.stage_end = pages + n * PAGE;
    Ok((n, addrs, pages))
}

/// Writes a page down as the `n`-th of two tables with room for it.
fn put_page(addrs: usize, pages: usize, n: usize, page: usize) {
    // SAFETY: `control`: the callers took room for every page; the source is mapped.
    unsafe {
        (addrs as *mut u64).add(n).write(page as u64);
        let to = (pages + n * PAGE) as *mut u8;
        core::ptr::copy_nonoverlapping(page as *const u8, to, PAGE);
    }
}

/// Calls `each` with the changed pages and those of thread-local storage, ascending.
fn each_page(runs: &Runs, tls: impl Iterator<Item = usize>, mut each: impl FnMut(usize)) {
    let below = (0..runs.count).take_while(|&i| run(i).0 < TLS).count();
    let mut of = |i: usize| {
        let (from, to) = *run(i);
        (from..to).step_by(PAGE).for_each(&mut each);
    };
    (0..below).for_each(&mut of);
    tls.for_each(&mut each);
    for i in below..runs.count {
        let (from, to) = *run(i);
        (from..to).step_by(PAGE).for_each(&mut each);
    }
}

/// Sets [`RUN`] in the addresses of long runs that are mapped from files.
fn mark_runs(addrs: usize, count: usize) {
    // SAFETY: `copy_out` wrote that many.
    let all = unsafe { slice::from_raw_parts_mut(addrs as *mut u64, count) };
    let tls = TLS as u64..regions::TLS_END as u64;
    // A part of a run of stack pages may belong to a child's own frames.
    let stack = STACK as u64..STACK_END as u64;
    let mut at = 0;
    while at < all.len() {
        let next = |w: &[u64]| w[1] == w[0] + PAGE as u64;
        let long = all[at..].windows(2).take_while(|w| next(w)).count() + 1;
        // A mapping must not cross from the image into a segment with another place in the file.
        let first = all[at];
        let home = regions::offset_of(first as usize).unwrap_or(0);
        let same_home = |i: usize, a: u64| regions::offset_of(a as usize) == Some(home + i * PAGE);
        let len =
            all[at..at + long].iter().enumerate().take_while(|&(i, &a)| same_home(i, a)).count();
        let len = len.max(1);
        if len >= RUN_MIN && !tls.contains(&first) && !stack.contains(&first) {
            all[at..at + len].iter_mut().for_each(|a| *a |= RUN);
        }
        at += len;
    }
}

fn copied(i: usize) -> &'static mut u64 {
    // SAFETY: fewer than COPIED_MAX fit (asserted below); any bytes are valid.
    unsafe { private_item::<u64>(private::COPIED, i) }
}

fn mapped(i: usize) -> &'static mut (usize, usize) {
    // SAFETY: fewer than MAPPED_MAX fit (asserted below); any bytes are valid.
    unsafe { private_item::<(usize, usize)>(private::MAPPED, i) }
}

/// Pages that were copied into this worker's memory.
pub(super) fn copied_pages(me: &Me) -> impl Iterator<Item = usize> + use<> {
    (0..me.copied_count).map(|i| *copied(i) as usize)
}

/// Begins to look, in checking mode, at which of the pages copied in for it a child writes.
pub(super) fn watch_copied(me: &Me) {
    if check::is_on() {
        let own = own_frames(me);
        let known = copied_pages(me).chain(ancestors(me.depth));
        touched::begin(known.filter(|p| !own.contains(p)));
    }
}

/// Brings a chain into this worker's memory, whose changes of its last child are dropped.
pub(super) fn apply(me: &mut Me, top: usize) -> Result<(), Limit> {
    let id = layer(top).map_or(0, |l| l.id);
    if id == me.applied {
        return Ok(());
    }
    let mut new = [0usize; HEIGHT_MAX];
    let mut n = 0;
    let mut at = top;
    while let Some(l) = layer(at).filter(|l| l.id != me.applied && n < HEIGHT_MAX) {
        new[n] = at;
        n += 1;
        at = l.below;
    }
    if at == 0 {
        undo(me, top)?;
        changes::take_down(me);
    }
    for &at in new[..n].iter().rev() {
        if let Some(l) = layer(at) {
            apply_one(me, l)?;
        }
    }
    me.applied = id;
    me.copied_pages = count_copied(me, top);
    me.clean_faults = sys::faults();
    Ok(())
}

fn apply_one(me: &mut Me, l: &Layer) -> Result<(), Limit> {
    let addrs = l.addrs();
    let mut i = 0;
    while i < addrs.len() {
        let page = (addrs[i] & !RUN) as usize;
        if !belongs(page) {
            // What a broken parent claims.
            return Err(Limit::Exchange);
        }
        if own_frames(me).contains(&page) {
            i += 1;
            continue;
        }
        if addrs[i] & RUN == 0 {
            // SAFETY: `layer`; a page of the image or of thread-local storage of this worker,
            // whose child has not started.
            unsafe {
                core::ptr::copy_nonoverlapping(l.page(i), page as *mut Page, 1);
            }
            if me.copied_count >= COPIED_MAX {
                return Err(Limit::Exchange);
            }
            *copied(me.copied_count) = page as u64;
            me.copied_count += 1;
            i += 1;
            continue;
        }
        let next = |w: &[u64]| w[1] == w[0] + PAGE as u64;
        let len = addrs[i..].windows(2).take_while(|w| next(w)).count() + 1;
        let home = regions::offset_of(page);
        let len = (1..len)
            .take_while(|k| {
                home.is_some() && regions::offset_of(page + k * PAGE) == home.map(|h| h + k * PAGE)
            })
            .count()
            + 1;
        if me.mapped_count >= MAPPED_MAX {
            return Err(Limit::Exchange);
        }
        let from = l.pages + i * PAGE - EXCHANGE;
        let rw = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_NORESERVE;
        // SAFETY: image memory of this worker, whose child has not started; the new mapping
        // shows what the child is to see there.
        unsafe { sys::map(page, len * PAGE, rw, flags, me.exchange_fd, from) }
            .map_err(|_| Limit::Exchange)?;
        *mapped(me.mapped_count) = (page, len * PAGE);
        me.mapped_count += 1;
        i += len;
    }
    Ok(())
}

/// Stack pages below the frames of this worker's parent: they are its child's, or dead. Where
/// the next child's parent has frames there, [`spoil`] was called.
pub(super) fn own_frames(me: &Me) -> core::ops::Range<usize> {
    STACK..page_floor(me.parent_stack)
}

/// Whether a page may be one of a space's memory.
pub(super) fn belongs(page: usize) -> bool {
    page.is_multiple_of(PAGE)
        && page != STACK
        && (regions::contains_page(page as u64) || (TLS..regions::TLS_END).contains(&page))
}

/// Pages of the image that a chain has as copies.
fn count_copied(me: &Me, top: usize) -> usize {
    let own = own_frames(me);
    let image =
        |a: u64| !(TLS..regions::TLS_END).contains(&(a as usize)) && !own.contains(&(a as usize));
    let newest = |a: u64, page: *const Page| {
        lookup(top, a).is_some_and(|(found, _)| core::ptr::eq(found, page))
    };
    let counts = |a: u64, page| a & RUN == 0 && image(a) && newest(a, page);
    let mut n = 0;
    for l in chain(top) {
        if let Some(all) = l.index.entries() {
            return n + all.iter().filter(|e| counts(e.addr, e.page as *const Page)).count();
        }
        n += l.addrs().iter().enumerate().filter(|(i, a)| counts(**a, l.page(*i))).count();
    }
    n
}

/// Takes the applied chain out of this worker's memory: it shows the file again, but for pages
/// that the next chain is about to copy over.
fn undo(me: &mut Me, next: usize) -> Result<(), Limit> {
    let own = own_frames(me);
    let goes = |page: usize| {
        !(TLS..regions::TLS_END).contains(&page)
            && !own.contains(&page)
            && lookup(next, page as u64).is_none()
    };
    let mut i = 0;
    while i < me.copied_count {
        let from = *copied(i) as usize;
        if !goes(from) {
            i += 1;
            continue;
        }
        let follows = |n: usize| *copied(i + n) as usize == from + n * PAGE;
        let left = me.copied_count - i;
        let len = (1..left).take_while(|&n| follows(n) && goes(from + n * PAGE)).count() + 1;
        // SAFETY: no child runs; the pages were copied in by `apply_one`.
        let _ = unsafe { sys::drop_pages(from, len * PAGE) };
        i += len;
    }
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_NORESERVE;
    for i in 0..me.mapped_count {
        let (from, len) = *mapped(i);
        let off = regions::offset_of(from).unwrap_or(0);
        // SAFETY: no child runs; the range shows the file again.
        unsafe { sys::map(from, len, rw, flags, me.image_fd, off) }.map_err(|_| Limit::Exchange)?;
    }
    (me.copied_count, me.copied_pages, me.mapped_count, me.applied) = (0, 0, 0, 0);
    Ok(())
}

/// The applied chain is no longer whole in this worker's memory.
pub(super) fn spoil(me: &mut Me) {
    if me.applied != 0 {
        me.applied = u64::MAX;
    }
}

/// Ends the changed state of a page after a child: back to what the applied chain has.
pub(super) fn restore(top: usize, page: usize) {
    match lookup(top, page as u64) {
        Some((l, false)) => {
            if !same(page, l) {
                // SAFETY: as in `apply_one`.
                unsafe { core::ptr::copy_nonoverlapping(l, page as *mut Page, 1) };
            }
        }
        // SAFETY: the child that wrote the page has ended; its changes are staged.
        _ => drop(unsafe { sys::drop_pages(page, PAGE) }),
    }
}

/// Makes the running space's memory again what it was when a chain was its all.
pub(crate) fn go_back(me: &mut Me, stack: usize, top: usize) -> Result<(), Limit> {
    let runs = scan_changed(me, stack, true, sys::faults())?;
    each_page(&runs, ancestors(me.depth + 1), |page| match lookup(top, page as u64) {
        // SAFETY: `layer`; a page of this space, whose children have stopped.
        Some((l, _)) => unsafe { core::ptr::copy_nonoverlapping(l, page as *mut Page, 1) },
        // SAFETY: as above; the file has what it was.
        None => drop(unsafe { sys::drop_pages(page, PAGE) }),
    });
    Ok(())
}

/// Ends the changed state of all runs of a scan after a child.
pub(super) fn restore_all(top: usize, runs: &Runs) {
    if top == 0 {
        changes::drop_later(runs);
        return;
    }
    for i in runs.all() {
        let (from, to) = *run(i);
        let mut page = from;
        while page < to {
            // Stretches that no layer has are dropped by one call.
            let clear = (page..to)
                .step_by(PAGE)
                .take_while(|&p| !matches!(lookup(top, p as u64), Some((_, false))))
                .count();
            if clear > 0 {
                // SAFETY: as in `restore`.
                let _ = unsafe { sys::drop_pages(page, clear * PAGE) };
                page += clear * PAGE;
            } else {
                restore(top, page);
                page += PAGE;
            }
        }
    }
}

const _: () = {
    assert!(private::COPIED + COPIED_MAX * 8 <= private::MAPPED);
    assert!(private::MAPPED + MAPPED_MAX * 16 <= private::MERGE);
};
