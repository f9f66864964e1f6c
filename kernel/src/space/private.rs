//! The private view of the image.
//!
//! As a rule this process maps the image file shared: the file is its memory. In private mode
//! it maps the file privately at the same addresses. What it writes then is its own, and the
//! file stays as it was: the reference image of children that started since, and the memory of
//! forked processes that have not changed it.
//!
//! Page tables are what a move between the two views costs. To unmap a gigabyte in 4 KiB pages
//! takes tens of milliseconds, so the shared mapping of the heap is not unmapped but moved
//! aside with its tables, to where the file is visible beside the private view, and moved home
//! again at the end.
//!
//! **Who may rely on the file.** A forked process does as long as it maps the image, which no
//! table of ours could follow through its exec, its end and its own forks. So each gets a page
//! of the file mapped by a description of its own, on which a lock is held: the kernel
//! drops the lock with the last process that has the mapping.

use super::threads;
use crate::abi::PAGE;
use crate::exec::changes;
use crate::exec::control::{Me, Role, me, private, private_item};
use crate::heap::Heap;
use crate::heap::class::{ZONE, ZONES, meta_addr, segment_addr};
use crate::image::layout::{
    DATA_OFFSET, DATA_SIZE, FAMILY, FILE_SIZE, FILE_VIEW, IMAGE, IMAGE_SIZE, STACK, STACK_END,
    page_ceil,
};
use crate::image::regions::{self, Segment};
use crate::merge::Page;
use crate::sys::{self, Sys, scan};

/// State of the view, in private memory; zero at first.
#[repr(C)]
struct View {
    /// Whether the image is mapped private.
    private: bool,
    /// Whether other processes may rely on the file as it is.
    file_is_base: bool,
    /// Whether nobody can say when they no longer do.
    for_ever: bool,
    /// Whether all of the file is mapped at [`FILE_VIEW`], and not only what is set aside.
    file_view: bool,
    /// Whether this process was forked from one whose file it relies on.
    forked: bool,
    /// Whether this process has a page at [`FAMILY`] for those that it forks.
    sign: bool,
    /// Whether new processes do not get it as it is.
    sign_kept: bool,
    /// Bytes of each zone whose shared mapping is set aside.
    aside: [usize; ZONES],
    /// Bytes of each zone that are a shared mapping of their own: it moves as a whole.
    apart: [usize; ZONES],
    /// Segments of each zone below this number may hold what failed children left there.
    dirty_below: [u32; ZONES],
}

impl View {
    const NONE: View = View {
        private: false,
        file_is_base: false,
        for_ever: false,
        file_view: false,
        forked: false,
        sign: false,
        sign_kept: false,
        aside: [0; ZONES],
        apart: [0; ZONES],
        dirty_below: [0; ZONES],
    };
}

fn view() -> &'static mut View {
    // SAFETY: `control` and `own`; the record fits (asserted below); any bytes
    // that were ever written there are valid.
    unsafe { private_item::<View>(private::VIEW, 0) }
}

/// Whether this process has a private view.
#[inline]
pub(crate) fn is_private() -> bool {
    view().private
}

/// Whether other processes may rely on the image file as it is: nobody may write it.
#[inline]
// Grants of open constructs ask.
#[allow(dead_code)]
pub(crate) fn file_is_base() -> bool {
    view().file_is_base
}

/// Whether a fresh segment of a plain process may hold what a failed child of the master
/// that forked it wrote.
pub(crate) fn may_be_dirty(zone: usize, number: u32) -> bool {
    number < view().dirty_below[zone]
}

/// Segments of each zone below which that may be.
pub(crate) fn dirty_below() -> [u32; ZONES] {
    view().dirty_below
}

/// The page of the image file behind an address of the image or of a segment: the reference
/// image. Only after [`show_file`].
// Merges of open constructs read it.
#[allow(dead_code)]
pub(crate) fn file_page(addr: u64) -> &'static Page {
    let at = FILE_VIEW + offset_of(addr as usize);
    // SAFETY: the file is mapped there, all of it, by the caller's doing.
    unsafe { &*(at as *const Page) }
}

/// The offset in the image file of an address that is known to be in it.
fn offset_of(addr: usize) -> usize {
    regions::offset_of(addr).unwrap_or(0)
}

/// Where user code must not be interrupted: a handler would find no memory.
fn undisturbed<T>(f: impl FnOnce() -> T) -> T {
    let before = sys::block_signals(u64::MAX);
    let r = f();
    sys::restore_signals(before);
    r
}

/// A limit on file sizes concerns the image file as well: a write to it would kill us.
fn may_write_file() -> Sys<()> {
    if sys::file_size_limited() { Err(libc::EFBIG) } else { Ok(()) }
}

/// Moves this process to a private view of the image. On the control stack only.
///
/// # Errors
/// Where the system has no more mappings or address space, or limits file sizes; nothing has
/// changed then.
pub(crate) fn enter() -> Sys<()> {
    if is_private() {
        return Ok(());
    }
    may_write_file()?;
    undisturbed(|| {
        // Other threads would find nothing where a mapping is on its way.
        let (fd, alone) = (me().image_fd, threads::alone());
        let r = if alone { set_aside() } else { Ok(()) }
            .and_then(|()| map_all((fd, libc::MAP_PRIVATE), (fd, libc::MAP_SHARED)));
        if r.is_err() {
            bring_home();
        }
        view().private = r.is_ok();
        if r.is_ok() {
            set_busy_apart();
        }
        r
    })
}

/// Writes this process's changed pages back to the file and returns to the shared view. On the
/// control stack only, by the only thread, where nobody else relies on the file.
///
/// # Errors
/// Where the file has no room or the system no more mappings; the view is private still.
pub(crate) fn leave() -> Sys<()> {
    if !is_private() {
        return Ok(());
    }
    may_write_file()?;
    let fd = me().image_fd;
    each_changed(|from, to| {
        // SAFETY: changed pages are mapped and readable.
        unsafe { sys::write_at(fd, from, to - from, offset_of(from)) }
    })?;
    undisturbed(|| {
        map_all((fd, libc::MAP_SHARED), (fd, libc::MAP_PRIVATE)).inspect(|()| {
            view().private = false;
            view().file_is_base = false;
            bring_home();
        })
    })
    .inspect(|()| get_ready())
}

/// Makes the image file this process's alone: leaves private mode if nobody else relies on the
/// file, else goes on with a copy of its own. On the control stack only, by the only thread.
///
/// # Errors
/// As for [`leave`] and [`own_file`].
pub(crate) fn settle() -> Sys<()> {
    if !is_private() {
        return Ok(());
    }
    if others_rely() { own_file() } else { leave() }
}

/// Tries of [`others_rely`], and nanoseconds between two: a process that has just replaced its
/// program lets go of the old one's mappings a little later.
const TRIES: u32 = 20;
const PAUSE: u64 = 100_000;

fn others_rely() -> bool {
    let v = view();
    if !v.file_is_base {
        return false;
    }
    if v.for_ever || v.forked {
        return true;
    }
    take_sign_down(v);
    let fd = me().image_fd;
    for _ in 0..TRIES {
        if sys::lock_file(fd, libc::LOCK_EX | libc::LOCK_NB).is_ok() {
            let _ = sys::lock_file(fd, libc::LOCK_UN);
            return false;
        }
        let word = core::sync::atomic::AtomicU32::new(0);
        sys::futex_wait(&word, 0, PAUSE);
    }
    true
}

/// Removes this process's own sign.
fn take_sign_down(v: &mut View) {
    if v.sign || v.forked {
        // SAFETY: nothing but `put_sign_up` maps anything there.
        let _ = unsafe { sys::unmap(FAMILY, PAGE) };
        v.sign = false;
    }
}

/// Maps the sign that those who have it rely on the file: a page of the file, by a description
/// of its own on which a lock is held. Nobody has it yet but this process.
fn put_sign_up(v: &mut View) -> Sys<()> {
    let fd = sys::reopen(me().image_fd)?;
    let kind = libc::MAP_PRIVATE | libc::MAP_FIXED_NOREPLACE;
    let mapped = sys::lock_file(fd, libc::LOCK_SH)
        // SAFETY: NOREPLACE refuses to cover anything.
        .and_then(|()| unsafe { sys::map(FAMILY, PAGE, libc::PROT_NONE, kind, fd, 0) });
    // The mapping keeps the description.
    sys::close(fd);
    mapped?;
    (v.sign, v.sign_kept) = (true, false);
    Ok(())
}

/// Before a worker is made: it is no family.
pub(crate) fn keep_sign() {
    let v = view();
    if v.sign && !v.sign_kept {
        v.sign_kept = sys::inherit(FAMILY, PAGE, false).is_ok();
    }
}

/// Does what the next fork would have to do first. Where it fails, so will the fork's own try,
/// or not.
pub(crate) fn get_ready() {
    let v = view();
    if !v.sign && !v.forked {
        let _ = put_sign_up(v);
    }
    for (z, len) in lengths().into_iter().enumerate().filter(|(_, len)| *len > 0) {
        if set_apart(segment_addr(z, 0), len).is_ok() {
            v.apart[z] = len;
        }
    }
}

/// What [`begin_fork`] noted, as it was before.
pub(crate) struct Noted {
    file_is_base: bool,
    for_ever: bool,
}

/// Before a fork in private mode: the new process shall inherit the sign that it relies on the
/// file. All that is to be noted is noted now: a write after the fork would copy a page.
pub(crate) fn begin_fork() -> Noted {
    let v = view();
    let before = Noted { file_is_base: v.file_is_base, for_ever: v.for_ever };
    v.file_is_base = true;
    if !v.forked && !v.for_ever {
        v.for_ever = show_sign(v).is_err();
    }
    before
}

fn show_sign(v: &mut View) -> Sys<()> {
    if !v.sign {
        put_sign_up(v)?;
    }
    if v.sign_kept {
        sys::inherit(FAMILY, PAGE, true)?;
        v.sign_kept = false;
    }
    Ok(())
}

/// After a fork that failed.
pub(crate) fn take_back(noted: Noted) {
    let v = view();
    (v.file_is_base, v.for_ever) = (noted.file_is_base, noted.for_ever);
}

/// In a new process: what it sees of its parent's view. `dirty_below` are the segments that may
/// hold what its parent's children left in the file.
pub(crate) fn begin_forked(dirty_below: [u32; ZONES]) {
    let v = view();
    if !v.file_view && v.aside.iter().any(|&len| len > 0) {
        // SAFETY: what the parent set aside, of no use here.
        let _ = unsafe { sys::unmap(FILE_VIEW, FILE_SIZE) };
    }
    // Forks hand the file's view to nobody; the sign is this process's for good.
    v.sign = false;
    v.file_view = false;
    v.aside = [0; ZONES];
    v.dirty_below = dirty_below;
    (v.forked, v.file_is_base) = (v.private, v.private);
}

/// Moves this process to an image file of its own that holds what its image holds now. On the
/// control stack only.
///
/// # Errors
/// Where there is no memory for the copy, or the system has no more mappings; nothing has
/// changed then.
pub(crate) fn own_file() -> Sys<()> {
    may_write_file()?;
    let me = me();
    let (old, was) = (me.image_fd, is_private());
    let new = sys::memory_file(c"detpar image", FILE_SIZE)?;
    let back = if was { (new, libc::MAP_PRIVATE) } else { (old, libc::MAP_SHARED) };
    let moved = copy_to(new, old, was)
        .and_then(|()| undisturbed(|| map_all((new, libc::MAP_SHARED), back)));
    if let Err(e) = moved {
        sys::close(new);
        return Err(e);
    }
    // SAFETY: the guard page, of which nobody sees the contents; what is left of the old file
    // is used by nobody in this process.
    unsafe {
        let kind = libc::MAP_SHARED | libc::MAP_FIXED | libc::MAP_NORESERVE;
        let _ = sys::map(STACK, PAGE, libc::PROT_NONE, kind, new, 0);
        let _ = sys::unmap(FILE_VIEW, FILE_SIZE);
    }
    take_sign_down(view());
    *view() = View { dirty_below: view().dirty_below, ..View::NONE };
    sys::close(old);
    me.image_fd = new;
    if me.role == Role::Master {
        // Workers show the old file.
        me.epoch = me.epoch.wrapping_add(1);
        get_ready();
    }
    Ok(())
}

/// Copies all memory of the image to a file.
fn copy_to(new: i32, old: i32, changed: bool) -> Sys<()> {
    let mut at = 0;
    while let Some((from, to)) = sys::next_data(old, at) {
        let to = to.min(IMAGE_SIZE);
        if from >= IMAGE_SIZE {
            break;
        }
        // The guard page is not readable.
        let from_read = from.max(PAGE);
        if from_read < to {
            // SAFETY: memory of the image is mapped and readable.
            unsafe { sys::write_at(new, IMAGE + from_read, to - from_read, from_read) }?;
        }
        at = to;
    }
    for s in regions::segments() {
        // SAFETY: as above.
        unsafe { sys::write_at(new, s.start, s.end - s.start, s.offset) }?;
    }
    if changed {
        // Where the old file has holes.
        each_changed(|from, to| {
            // SAFETY: changed pages are mapped and readable.
            unsafe { sys::write_at(new, from, to - from, offset_of(from)) }
        })?;
    }
    Ok(())
}

/// Calls `each` with every run of pages that this process changed in private mode.
fn each_changed(mut each: impl FnMut(usize, usize) -> Sys<()>) -> Sys<()> {
    let pagemap = scan::open()?;
    let r = scan_all(pagemap, &mut each);
    sys::close(pagemap);
    r
}

fn scan_all(pagemap: i32, each: &mut dyn FnMut(usize, usize) -> Sys<()>) -> Sys<()> {
    let mut done = Ok(());
    let mut range = |from: usize, to: usize| {
        let source = scan::Source { pagemap, method: changes::method(), file: None };
        scan::changed(source, from, to, |from, to| {
            if done.is_ok() {
                done = each(from, to);
            }
        })
    };
    for s in regions::segments() {
        range(s.start, s.end)?;
    }
    range(STACK + PAGE, STACK_END)?;
    for z in 0..ZONES {
        let below = used(me(), z);
        range(meta_addr(z, 0), page_ceil(meta_addr(z, below)))?;
        range(segment_addr(z, 0), segment_addr(z, below))?;
    }
    done
}

/// Segments of a zone below this number may be in use.
fn used(me: &Me, zone: usize) -> u32 {
    // What open children left to this process may lie above what it takes next.
    let next = Heap(me.heap).sequences()[zone].next.min(u64::from(ZONE[zone].count)) as u32;
    next.max(me.table_below[zone])
}

/// A file and a way of mapping it.
type Source = (i32, i32);

/// Maps the segments, then the image. Where that fails the segments are mapped as in `back`,
/// which must show the same bytes. The guard page stays as it is.
fn map_all((fd, kind): Source, back: Source) -> Sys<()> {
    let segments = regions::segments();
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let flags = kind | libc::MAP_FIXED | libc::MAP_NORESERVE;
    map_segments(segments, (fd, kind))
        // SAFETY: the file holds what this process sees there, by the caller's doing.
        .and_then(|()| unsafe {
            sys::map(IMAGE + PAGE, IMAGE_SIZE - PAGE, rw, flags, fd, PAGE).map(drop)
        })
        .inspect_err(|_| {
            if map_segments(segments, back).is_err() {
                sys::die(&["detpar: the system took static data away while it was mapped anew"]);
            }
        })
}

fn map_segments(segments: &[Segment], (fd, kind): Source) -> Sys<()> {
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let flags = kind | libc::MAP_FIXED | libc::MAP_NORESERVE;
    // Neighbours lie side by side in the file as well.
    let together =
        |a: &Segment, b: &Segment| a.end == b.start && a.offset + (a.end - a.start) == b.offset;
    for group in segments.chunk_by(together) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        // SAFETY: the file holds what this process sees there, by the caller's doing.
        unsafe { sys::map(first.start, last.end - first.start, rw, flags, fd, first.offset) }?;
    }
    Ok(())
}

/// Keeps stack and small blocks in a mapping of their own: a fork goes through the page tables
/// of those private mappings alone in which something was written, and there something always
/// is.
fn set_busy_apart() {
    // Where it fails forks cost more.
    let _ = set_apart(IMAGE + PAGE, segment_addr(1, 0) - IMAGE - PAGE);
}

/// Makes a range a mapping of its own, by a mark that has no other effect on a memory file.
fn set_apart(at: usize, len: usize) -> Sys<()> {
    // SAFETY: contents and rights stay.
    unsafe { sys::call(libc::SYS_madvise, [at, len, libc::MADV_RANDOM as usize, 0, 0, 0]) }
        .map(drop)
}

/// Maps the whole file beside the image, around what is set aside there. It stays mapped: the
/// next time it is there. Constructs in private mode need it; workers must not have it.
pub(crate) fn show_file() -> Sys<()> {
    let v = view();
    if v.file_view {
        return Ok(());
    }
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    let fd = me().image_fd;
    let mut mapped = Ok(());
    each_gap(v, |at, len| {
        // SAFETY: NOREPLACE refuses to cover anything.
        let add = || unsafe { sys::map(at, len, rw, flags, fd, at - FILE_VIEW) }.map(drop);
        mapped = mapped.and_then(|()| add());
    });
    let shown = mapped.and_then(|()| sys::inherit(FILE_VIEW, FILE_SIZE, false));
    v.file_view = shown.is_ok();
    if shown.is_err() {
        each_gap(v, |at, len| {
            // SAFETY: nothing but the above maps anything there; nobody uses it yet.
            let _ = unsafe { sys::unmap(at, len) };
        });
    }
    shown
}

/// Calls `each` with the parts of the file's view where nothing is set aside.
fn each_gap(v: &View, mut each: impl FnMut(usize, usize)) {
    let mut from = FILE_VIEW;
    for (z, &len) in v.aside.iter().enumerate().filter(|(_, len)| **len > 0) {
        let at = aside_at(z);
        if from < at {
            each(from, at - from);
        }
        from = at + len;
    }
    each(from, FILE_VIEW + FILE_SIZE - from);
}

/// Where the shared mapping of a zone is set aside: where the file's view shows the same.
fn aside_at(zone: usize) -> usize {
    FILE_VIEW + (segment_addr(zone, 0) - IMAGE)
}

/// Memory of a whole page table of the highest level that moves in one step.
const TABLE: usize = 1 << 30;

/// Bytes of each zone that may be in use, in whole tables.
fn lengths() -> [usize; ZONES] {
    core::array::from_fn(|z| {
        (segment_addr(z, used(me(), z)) - segment_addr(z, 0)).next_multiple_of(TABLE)
    })
}

/// Moves the shared mapping of the heap's used part aside, each zone with its page tables. A
/// zone that does not let itself be moved stays: its tables are lost then, nothing else.
fn set_aside() -> Sys<()> {
    let v = view();
    let mut holes = Ok(());
    for (z, len) in lengths().into_iter().enumerate().filter(|(_, len)| *len > 0) {
        let (home, at) = (segment_addr(z, 0), aside_at(z));
        if v.apart[z] > 0 && v.apart[z] < len && set_apart(home, len).is_ok() {
            v.apart[z] = len;
        }
        // SAFETY: the control stack and raw calls use no memory of the heap, and something is
        // mapped there again before user code goes on.
        match unsafe { sys::move_mapping(home, len, at) } {
            Ok(()) => v.aside[z] = len,
            Err(_) => holes = holes.and(fill_file_view(at, len)),
        }
    }
    // Where not all of the file is shown, forked processes let go of what is set aside
    // themselves: to keep it from them here would take the caller's time.
    if v.file_view { holes.and(sys::inherit(FILE_VIEW, FILE_SIZE, false)) } else { holes }
}

/// Moves what was set aside home.
fn bring_home() {
    let v = view();
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_NORESERVE | libc::MAP_FIXED;
    let mut whole = Ok(());
    for z in 0..ZONES {
        let len = core::mem::take(&mut v.aside[z]);
        let (home, at) = (segment_addr(z, 0), aside_at(z));
        if len == 0 {
            continue;
        }
        // SAFETY: both places show the same file, mapped shared.
        let moved = unsafe { sys::move_mapping(at, len, home) };
        // SAFETY: as above; where the move failed nothing may be mapped there.
        let there = moved.or_else(|_| unsafe {
            sys::map(home, len, rw, flags, me().image_fd, home - IMAGE).map(drop)
        });
        if there.is_err() {
            sys::die(&["detpar: the system took the heap away while it was mapped anew"]);
        }
        whole = whole.and(fill_file_view(at, len));
    }
    if !v.file_view {
        return;
    }
    let whole = whole.and(sys::inherit(FILE_VIEW, FILE_SIZE, false));
    if sys::inherit(IMAGE, IMAGE_SIZE, true).is_err() {
        sys::die(&["detpar: the system took the heap away while it was mapped anew"]);
    }
    if whole.is_err() {
        // SAFETY: in the shared view nobody uses the file's.
        let _ = unsafe { sys::unmap(FILE_VIEW, FILE_SIZE) };
        v.file_view = false;
    }
}

/// Maps a part of the file's view from which a mapping was moved, where all is to be there.
fn fill_file_view(at: usize, len: usize) -> Sys<()> {
    if !view().file_view {
        return Ok(());
    }
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_NORESERVE | libc::MAP_FIXED;
    // SAFETY: a part of the file's view, of which nothing is left or which shows the same.
    unsafe { sys::map(at, len, rw, flags, me().image_fd, at - FILE_VIEW) }.map(drop)
}

const _: () = assert!(private::VIEW + size_of::<View>() <= private::VDSO);
const _: () =
    assert!(FILE_VIEW + FILE_SIZE <= 0x7400_0000_0000 && DATA_OFFSET + DATA_SIZE == FILE_SIZE);
