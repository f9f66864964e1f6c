//! The regions of the image besides stack and heap: the writable segments of all loaded
//! objects and the main thread's thread-local storage, moved into the image file at boot;
//! and the merge policy of each.

use super::counts;
use super::foreign;
use super::layout::{
    DATA_OFFSET, DATA_SIZE, HEAP, IMAGE, IMAGE_END, MAX_DEPTH, STACK, STACK_END, TLS, TLS_SLOT,
    page_ceil, page_floor,
};
use crate::abi::PAGE;
use crate::error::Error;
use crate::exec::control::{Role, me, private, private_item};
use crate::heap::{self, class::HEAP_END};
use crate::merge::{Accept, COUNT, Policy, Region, SUM, WriteOnce};
use crate::sys;
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;

/// Most segments and most policy regions.
const MAX: usize = 3000;

/// Bytes of all objects that are written once.
const INITIAL: usize = 1 << 20;

/// A range of memory that was moved into the image file.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Segment {
    pub start: usize,
    pub end: usize,
    pub offset: usize,
    /// Whether children's changes are dropped instead of merged (libc, the loader).
    pub reset: bool,
}

#[repr(C)]
struct Table {
    segments: [Segment; MAX],
    segment_count: usize,
    regions: [Region; MAX],
    region_count: usize,
    pointers: [Pointer; POINTERS],
    pointer_count: usize,
    /// The counts that have regions.
    counted: [usize; counts::MAX],
    counted_len: usize,
    /// What objects that are written once held when they were declared.
    initial: [u8; INITIAL],
    initial_len: usize,
}

fn table() -> &'static mut Table {
    // SAFETY: the table fits before the next part of private memory (asserted below); zeroed
    // counts make it empty, and entries are written before the counts cover them.
    unsafe { private_item::<Table>(private::REGIONS, 0) }
}

/// The segments, ascending by address.
pub(crate) fn segments() -> &'static [Segment] {
    let t = table();
    t.segments.get(..t.segment_count).unwrap_or(&[])
}

/// Ranges with a policy other than bytes, ascending and disjoint, for a merge into the memory of
/// this space as it is.
pub(crate) fn policies() -> &'static [Region] {
    let t = table();
    for i in 0..t.pointer_count {
        follow(t, i);
    }
    follow_counts(t);
    t.regions.get(..t.region_count).unwrap_or(&[])
}

/// A static that points to heap memory which does not merge.
#[derive(Clone, Copy)]
#[repr(C)]
struct Pointer {
    at: usize,
    /// How many pointers lie between the static and the block.
    depth: u32,
    /// The block that it led to at the last merge; 0 if none.
    block: u64,
}

/// Most such statics.
const POINTERS: usize = 64;

/// Keeps what `at` points to, over `depth` pointers, out of every merge.
pub(crate) fn no_merge_behind(at: usize, depth: u32) {
    let t = table();
    if t.pointer_count < POINTERS && in_segment(at, at + 8) {
        t.pointers[t.pointer_count] = Pointer { at, depth, block: 0 };
        t.pointer_count += 1;
    }
}

/// Moves the region of pointer `i` to the block that it leads to now.
fn follow(t: &mut Table, i: usize) {
    let Pointer { at, depth, block: before } = t.pointers[i];
    let target = (0..depth).try_fold(at, |at, _| {
        // SAFETY: a static of the image at first, then the first word of a heap block of this
        // space, which is at least as long.
        let next = unsafe { (at as *const usize).read_volatile() };
        heap::block_of(next).filter(|b| b.start == next && b.len >= 8).map(|b| b.start)
    });
    let block = target.and_then(heap::block_of);
    let now = block.map_or(0, |b| b.start as u64);
    if now == before {
        return;
    }
    t.pointers[i].block = now;
    let n = t.region_count;
    if let Some(old) = t.regions[..n].iter().position(|r| before != 0 && r.start == before) {
        t.regions.copy_within(old + 1..n, old);
        t.region_count = n - 1;
    }
    if let Some(b) = block {
        let end = (b.start + b.len) as u64;
        insert(t, Region { start: b.start as u64, end, policy: Policy::NoMerge });
    }
}

/// Gives regions to the counts of the running space, and takes those of others away.
fn follow_counts(t: &mut Table) {
    let places = || counts::places().iter().map(|place| place.load(Relaxed));
    let known = t.counted.get(..t.counted_len).unwrap_or(&[]);
    if places().eq(known.iter().copied()) {
        return;
    }
    let mut kept = 0;
    for i in 0..t.region_count {
        if !matches!(t.regions[i].policy, Policy::Hook(_)) {
            t.regions[kept] = t.regions[i];
            kept += 1;
        }
    }
    t.region_count = kept;
    t.counted_len = 0;
    for at in places() {
        let (start, len, hook) = match at & counts::IS_SUM {
            0 => (at as u64, counts::PAIR, COUNT),
            mark => ((at - mark) as u64, counts::SUM, SUM),
        };
        // Where the table is full the bytes merge as bytes, and no change is lost.
        insert(t, Region { start, end: start + len as u64, policy: Policy::Hook(hook) });
        t.counted[t.counted_len] = at;
        t.counted_len += 1;
    }
}

/// Adds a region where no other one lies; whether there was room.
fn insert(t: &mut Table, region: Region) -> bool {
    let n = t.region_count;
    let at = t.regions[..n].partition_point(|r| r.end <= region.start);
    if n + 1 >= MAX || t.regions[..n].get(at).is_some_and(|r| r.start < region.end) {
        return false;
    }
    t.regions.copy_within(at..n, at + 1);
    t.regions[at] = region;
    t.region_count = n + 1;
    true
}

/// Keeps a range out of every merge: children's changes there are dropped.
pub(crate) fn no_merge(start: usize, end: usize) {
    let t = table();
    let mut n = t.region_count;
    if start >= end || n + 1 >= MAX {
        return;
    }
    t.regions[n] = Region { start: start as u64, end: end as u64, policy: Policy::NoMerge };
    n += 1;
    t.regions[..n].sort_unstable_by_key(|r| (r.start, r.end));
    // Joins overlapping neighbours, so that the list is disjoint: what does not merge at all
    // takes in what it overlaps.
    let mut last = 0;
    for i in 1..n {
        let (next, before) = (t.regions[i], &mut t.regions[last]);
        if next.start < before.end {
            before.end = before.end.max(next.end);
            before.policy = Policy::NoMerge;
        } else {
            last += 1;
            t.regions[last] = t.regions[i];
        }
    }
    t.region_count = last + 1;
}

/// Lets a static merge as one object that is written once, as long as it is what it is now. A
/// range that has a policy already, or is not static data, stays as it is; so does one that the
/// table has no room for.
pub(crate) fn write_once(start: usize, end: usize, accept: Accept) {
    let t = table();
    let (used, len) = (t.initial_len, end.saturating_sub(start));
    if len == 0 || used + len > INITIAL || !in_segment(start, end) {
        return;
    }
    // SAFETY: readable memory of a segment, copied to a part of the table that nothing refers to
    // yet; the slice over it is never written again.
    let initial = unsafe {
        let copy = t.initial.as_mut_ptr().add(used);
        core::ptr::copy_nonoverlapping(start as *const u8, copy, len);
        core::slice::from_raw_parts(copy, len)
    };
    let policy = Policy::WriteOnce(WriteOnce { initial, accept });
    if insert(t, Region { start: start as u64, end: end as u64, policy }) {
        t.initial_len = used + len;
    }
}

/// Whether a range lies in the writable data of one object.
pub(super) fn in_segment(start: usize, end: usize) -> bool {
    segments().iter().any(|s| s.start <= start && end <= s.end)
}

/// Whether `[page, page + 4096)` belongs to the image.
pub(crate) fn contains_page(page: u64) -> bool {
    let a = page as usize;
    (IMAGE..IMAGE_END).contains(&a) || segments().iter().any(|s| s.start <= a && a < s.end)
}

/// Where in the image file an address of the image lies.
pub(crate) fn offset_of(addr: usize) -> Option<usize> {
    if (IMAGE..IMAGE_END).contains(&addr) {
        return Some(addr - IMAGE);
    }
    let at = segments().partition_point(|s| s.end <= addr);
    let s = segments().get(at).filter(|s| s.start <= addr)?;
    Some(addr - s.start + s.offset)
}

/// The end of the stretch of image memory around an address: stack, heap or a segment.
pub(crate) fn end_of_region(addr: usize) -> Option<usize> {
    if (STACK + PAGE..STACK_END).contains(&addr) {
        return Some(STACK_END);
    }
    if (HEAP..HEAP_END).contains(&addr) {
        return Some(HEAP_END);
    }
    segments().iter().find(|s| s.start <= addr && addr < s.end).map(|s| s.end)
}

/// End of the thread-local storage of children.
pub(crate) const TLS_END: usize = TLS + MAX_DEPTH * TLS_SLOT;

/// Objects whose own state is per process: their segments are reset in every child.
pub(crate) fn is_runtime(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    ["libc.so", "libc-", "ld-linux", "ld-", "libgcc_s", "libpthread", "linux-vdso"]
        .iter()
        .any(|p| file.starts_with(p))
}

/// # Safety
/// Called by `dl_iterate_phdr` with a valid record.
unsafe extern "C" fn each_object(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    _data: *mut libc::c_void,
) -> i32 {
    // SAFETY: the loader passes a valid record whose header table lives as long as the object.
    let (info, headers) = unsafe {
        let info = &*info;
        (info, core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize))
    };
    let name = if info.dlpi_name.is_null() {
        ""
    } else {
        // SAFETY: the loader's names are C strings.
        unsafe { core::ffi::CStr::from_ptr(info.dlpi_name) }.to_str().unwrap_or("")
    };
    for r in writable(info.dlpi_addr as usize, headers) {
        add(r.start, r.end, is_runtime(name));
    }
    0
}

/// The pages of an object that is loaded at `base` with these headers which it may write.
pub(crate) fn writable(
    base: usize,
    headers: &[libc::Elf64_Phdr],
) -> impl Iterator<Item = Range<usize>> {
    let read_only_end = headers
        .iter()
        .filter(|h| h.p_type == libc::PT_GNU_RELRO)
        .map(|h| page_floor(base + (h.p_vaddr + h.p_memsz) as usize))
        .max()
        .unwrap_or(0);
    let segments =
        headers.iter().filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_W != 0);
    segments.map(move |h| {
        let end = page_ceil(base + (h.p_vaddr + h.p_memsz) as usize);
        let start = page_floor(base + h.p_vaddr as usize);
        let relro = (start..=end).contains(&read_only_end);
        if relro { read_only_end..end } else { start..end }
    })
}

fn add(start: usize, end: usize, reset: bool) {
    let t = table();
    if start < end && t.segment_count < MAX {
        t.segments[t.segment_count] = Segment { start, end, offset: 0, reset };
        t.segment_count += 1;
    }
}

/// Anonymous memory larger than this that exists at boot is not the loader's.
const LOADER_MAX: usize = 16 << 20;

/// Adds what the loader and libc mapped before main: tables of theirs, reset in every child.
fn add_loader_memory(tls: (usize, usize)) -> sys::Sys<()> {
    foreign::each_mapping(|m| {
        let (start, end) = (m.range.start, m.range.end);
        let small = end - start <= LOADER_MAX;
        if !m.writable || m.shared || foreign::is_own(m) || m.name == b"[stack]" || !small {
            return Ok(());
        }
        // What the objects' own headers cover is there already.
        foreign::each_uncovered(&m.range, |from, to| {
            add_around(from, to, tls);
            Ok(())
        })
    })
}

/// Adds a loader range, cut where thread-local storage lies: that part is merged.
fn add_around(start: usize, end: usize, tls: (usize, usize)) {
    add(start, tls.0.clamp(start, end.max(start)), true);
    add(tls.0.max(start), tls.1.min(end), false);
    add(tls.1.clamp(start, end.max(start)), end, true);
}

/// Moves the segments of all loaded objects, the loader's own memory and the main thread's
/// thread-local storage into the image file. Contents and addresses stay.
///
/// # Safety
/// No other thread may run.
pub(crate) unsafe fn adopt_segments(tls: (usize, usize)) -> Result<(), Error> {
    // SAFETY: the callback matches the loader's contract.
    unsafe { libc::dl_iterate_phdr(Some(each_object), core::ptr::null_mut()) };
    add_loader_memory(tls).map_err(|errno| Error::Unsupported {
        what: "reading /proc/self/maps",
        remedy: "mount /proc",
        errno,
    })?;
    let t = table();
    let n = t.segment_count;
    t.segments[..n].sort_unstable_by_key(|s| s.start);
    let mut offset = DATA_OFFSET;
    for s in &mut t.segments[..n] {
        s.offset = offset;
        offset += s.end - s.start;
    }
    let unsupported = |what, errno| Error::Unsupported {
        what,
        remedy: "the program's static data exceeds what the image holds",
        errno,
    };
    if offset > DATA_OFFSET + DATA_SIZE || n == MAX {
        return Err(unsupported("moving static data into the image", 0));
    }
    for s in segments() {
        // SAFETY: the copy goes through the file, so the new mapping shows the same bytes;
        // between copy and map only this thread runs, on its stack and in raw calls.
        unsafe { move_in(s) }.map_err(|e| unsupported("moving static data into the image", e))?;
        if s.reset {
            no_merge(s.start, s.end);
        }
    }
    let (start, end) = counts::range();
    no_merge(start, end);
    Ok(())
}

/// # Safety
/// The range must be readable and writable memory that no other thread uses.
unsafe fn move_in(s: &Segment) -> sys::Sys<()> {
    let fd = me().image_fd;
    let len = s.end - s.start;
    // The private mapping is copied through the file by writes: no window is needed.
    let mut done = 0;
    while done < len {
        let a = [fd as usize, s.start + done, len - done, s.offset + done, 0, 0];
        // SAFETY: the range is readable.
        done += unsafe { sys::call(libc::SYS_pwrite64, a) }?;
    }
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_FIXED | libc::MAP_NORESERVE;
    // SAFETY: the file holds what the range held.
    unsafe { sys::map(s.start, len, rw, flags, fd, s.offset) }.map(drop)
}

/// Notes that the master takes rights away from a range: where that is part of the image,
/// children must not have them either.
pub(crate) fn note_protection(start: usize, len: usize) {
    let end = start.saturating_add(len);
    let heap = start < IMAGE_END && end > IMAGE;
    if me().role == Role::Master
        && (heap || segments().iter().any(|s| s.start < end && start < s.end))
    {
        me().protected = 1;
    }
}

/// Ranges of the image that a worker protects as the master does: `(start, end, rights)`.
fn protection(i: usize) -> &'static mut (usize, usize, i32) {
    // SAFETY: fewer than PROTECTED entries fit in the merge's scratch, unused in a new worker.
    unsafe { private_item(private::MERGE, i) }
}

/// Most ranges with a protection of their own.
const PROTECTED: usize = 65536;

/// Collects the ranges of the image that the master protects, in a worker that still has its
/// mappings; returns how many.
fn collect_protections() -> sys::Sys<usize> {
    let mut n = 0;
    foreign::each_mapping(|m| {
        let (start, end) = (m.range.start, m.range.end);
        if m.writable || !contains_page(start as u64) {
            return Ok(());
        }
        if n == PROTECTED {
            return Err(libc::ENOMEM);
        }
        let rights = if m.readable { libc::PROT_READ } else { libc::PROT_NONE };
        *protection(n) = (start, end, rights);
        n += 1;
        Ok(())
    })?;
    Ok(n)
}

/// Maps the whole image private, as a worker sees it.
///
/// # Safety
/// Only for a new worker, whose control plane uses no image memory.
pub(crate) unsafe fn map_private(image_fd: i32) -> sys::Sys<()> {
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_NORESERVE;
    let protections = if me().protected != 0 { collect_protections()? } else { 0 };
    // SAFETY: the caller's contract; the contents are those of the same file.
    unsafe {
        sys::map(IMAGE, super::layout::IMAGE_SIZE, rw, flags, image_fd, 0)?;
        sys::protect(super::layout::STACK, crate::abi::PAGE, libc::PROT_NONE)?;
        for s in segments() {
            sys::map(s.start, s.end - s.start, rw, flags, image_fd, s.offset)?;
        }
        for i in 0..protections {
            let (start, end, rights) = *protection(i);
            sys::protect(start, end - start, rights)?;
        }
    }
    Ok(())
}

const _: () = assert!(size_of::<Table>() <= private::REGIONS_END - private::REGIONS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtime_objects_are_told_by_file_name() {
        for n in ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2", "libgcc_s.so.1"]
        {
            assert!(is_runtime(n), "{n}");
        }
        for n in ["", "/usr/lib/libcrypto.so.3", "/usr/lib/libm.so.6", "/home/u/libcalc.so"] {
            assert!(!is_runtime(n), "{n}");
        }
    }
}
