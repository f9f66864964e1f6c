//! Recording what a child writes to watched pages. In the child's worker; the handlers run on
//! the signal stack, beside the child or beside code of ours that works for it.
//!
//! Invariant `watch`: while a list is in force, its pages are write-protected in this process, or,
//! where reads are watched, protected from any access,
//! but for those in `open`, which the interrupted instruction is about to access.

use super::decode::{Kind, counted, writes};
use super::machine::Interrupted;
use super::verdict::{self, Verdict};
use super::{loads, sight, touched};
use crate::abi::{Limit, MAX_CHILDREN, PAGE};
use crate::confine::registers;
use crate::exec::control::Stage;
use crate::exec::control::{Me, me, private, private_item};
use crate::exec::{claims, stage};
use crate::heap;
use crate::merge::Mask;
use crate::space::permissions;
use crate::sys;
use core::slice;
use libc::{siginfo_t, ucontext_t};

/// Pages to watch and children that run for it, in the exchange area of the space that asks.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct List {
    /// Addresses, ascending.
    pub addrs: usize,
    /// How many.
    pub count: usize,
    /// A bit for each child that is to run; the others do nothing.
    pub wanted: [u64; MAX_CHILDREN / 64],
    /// What was found in constructs below.
    pub verdicts: usize,
    /// How many.
    pub verdict_count: usize,
    /// Not 0: a child that stops has ended.
    pub once: u32,
    /// Not 0: a byte of which is to be known where the child stood that wrote it.
    pub target: u64,
    /// With a target, or of reads: how many accesses are watched. Those after count for nothing.
    pub patience: u64,
    /// Not 0: reads are noted, not writes.
    pub reads: u32,
}

/// Most pages of a list: each may split a mapping in three, and the system bounds their number.
pub(crate) const LIST_MAX: usize = 8192;

/// Most pages that one instruction writes, each of sixteen elements across a border.
const OPEN_MAX: usize = 34;

/// Bytes that an instruction counts as writing of which nothing is known: those of the largest
/// register.
const UNKNOWN: u64 = 64;

/// The watch of the running child, in private memory.
#[repr(C)]
struct Watch {
    /// Not 0: address of the list.
    list: usize,
    /// A mask for each of its pages.
    masks: usize,
    in_force: u32,
    /// An instruction runs alone; whether it writes the flags.
    stepping: u32,
    flags: u32,
    open_count: u32,
    /// The interrupted instruction writes the list's target: where from, and how many bytes.
    hit: (u64, u64),
    /// Writes that may still be watched, of a list with a target.
    left: u64,
    open: [usize; OPEN_MAX],
}

fn watch() -> &'static mut Watch {
    // SAFETY: `control` and `own`; the record fits (asserted below).
    unsafe { private_item::<Watch>(private::WATCH, 0) }
}

/// A list by its address.
fn list(at: usize) -> Option<&'static List> {
    // SAFETY: `control`: a parent wrote it to its exchange area and keeps it while it waits.
    (at != 0).then(|| unsafe { &*(at as *const List) })
}

impl List {
    /// Whether only so many accesses are watched.
    fn is_bounded(&self) -> bool {
        self.target != 0 || self.reads != 0
    }

    /// The pages.
    pub fn pages(&self) -> &'static [u64] {
        // SAFETY: `control`: the list's maker wrote that many.
        unsafe { slice::from_raw_parts(self.addrs as *const u64, self.count.min(LIST_MAX)) }
    }
}

/// Whether child `i` has anything to do in a construct with this list.
pub(crate) fn wants(at: usize, i: u32) -> bool {
    list(at).is_none_or(|l| l.wanted[i as usize / 64] >> (i % 64) & 1 != 0)
}

/// Begins a child, of which nothing is known.
pub(crate) fn forget() {
    let w = watch();
    (w.list, w.in_force, w.stepping, w.open_count) = (0, 0, 0, 0);
    verdict::forget();
}

/// Prepares the watch that a request asks for; nothing is protected yet.
pub(crate) fn begin(me: &mut Me, at: usize) -> Result<(), Limit> {
    let w = watch();
    w.masks = me.stage_end;
    verdict::place(me);
    stage::stage(me).masks = me.stage_end;
    let Some(list) = list(at) else { return Ok(()) };
    let bytes = list.pages().len() * size_of::<Mask>();
    w.masks = stage::take(me, bytes).ok_or(Limit::Exchange)?;
    stage::stage(me).masks = w.masks;
    // SAFETY: `control`: just taken in this worker's exchange area.
    unsafe { (w.masks as *mut u8).write_bytes(0, bytes) };
    (w.list, w.hit, w.left) = (at, (0, 0), u64::MAX);
    if list.is_bounded() {
        sight::expect(me).ok_or(Limit::Exchange)?;
        w.left = list.patience;
    }
    Ok(())
}

/// Whether the running child is watched.
pub(crate) fn is_active() -> bool {
    watch().list != 0
}

/// Whether the running child has ended where it stops.
pub(crate) fn is_once() -> bool {
    list(watch().list).is_some_and(|l| l.once != 0)
}

/// A list of the same pages for all `k` children of the running child; 0 where it is not watched.
/// They share what is left of its patience.
pub(crate) fn hand_down(me: &mut Me, k: usize) -> Result<usize, Limit> {
    let Some(own) = list(watch().list) else { return Ok(0) };
    let at = stage::take(me, size_of::<List>()).ok_or(Limit::Exchange)?;
    let (wanted, patience) = ([u64::MAX; MAX_CHILDREN / 64], watch().left / k.max(1) as u64);
    let all = List { wanted, once: 0, patience, ..*own };
    // SAFETY: `control`: just taken in this process's exchange area.
    unsafe { (at as *mut List).write(all) };
    Ok(at)
}

/// Conflicts that were found below the running child and its siblings when they ran first.
pub(super) fn verdicts() -> &'static [Verdict] {
    let Some(list) = list(watch().list) else { return &[] };
    // SAFETY: `control`: the list's maker wrote that many.
    unsafe { slice::from_raw_parts(list.verdicts as *const Verdict, list.verdict_count) }
}

/// The pages that the running child is watched for.
pub(crate) fn pages() -> &'static [u64] {
    list(watch().list).map_or(&[], List::pages)
}

fn masks() -> &'static mut [Mask] {
    let n = pages().len();
    // SAFETY: `control`: `begin` took room for a mask a page; any bytes are one.
    unsafe { slice::from_raw_parts_mut(watch().masks as *mut Mask, n) }
}

/// What a merged child of the running child wrote counts as written by that; so does what the
/// running child itself wrote before it was evicted, which has no index.
pub(crate) fn absorb(me: &Me, slot: u32, st: &Stage, index: Option<u32>) {
    let Some(own) = list(watch().list) else { return };
    for (own, more) in masks().iter_mut().zip(claims::masks(slot, st, own.count).unwrap_or(&[])) {
        own.0.iter_mut().zip(more.0).for_each(|(own, more)| *own |= more);
    }
    if own.is_bounded() {
        spend(me, st.sight.steps);
        stage::stage(me).sight.spent |= st.sight.spent;
        if st.sight.len != 0 {
            sight::take_over(me, slot, st, index);
        }
    }
}

/// So many writes were watched.
fn spend(me: &Me, steps: u64) {
    let (left, sight) = (&mut watch().left, &mut stage::stage(me).sight);
    (*left, sight.steps) = (left.saturating_sub(steps), sight.steps.saturating_add(steps));
    sight.spent |= u32::from(*left == 0);
}

/// The running child does not count as having written there.
pub(crate) fn unmark(addr: usize, len: usize) {
    let first = pages().partition_point(|&p| p as usize + PAGE <= addr);
    for (&page, mask) in pages().iter().zip(masks()).skip(first) {
        let page = page as usize;
        if page >= addr + len {
            break;
        }
        for byte in addr.max(page)..(addr + len).min(page + PAGE) {
            mask.0[(byte - page) / 8] &= !(1 << (byte % 8));
        }
    }
}

/// Whether reads are watched.
fn is_of_reads() -> bool {
    list(watch().list).is_some_and(|l| l.reads != 0)
}

/// What the running child may do with a watched page.
fn rights(protected: bool) -> i32 {
    match protected {
        true if is_of_reads() => libc::PROT_NONE,
        true => libc::PROT_READ,
        false => libc::PROT_READ | libc::PROT_WRITE,
    }
}

fn set(protected: bool) {
    let pages = pages();
    let rights = rights(protected);
    let mut rest = pages;
    while let Some(&first) = rest.first() {
        let run = (1..rest.len()).take_while(|&i| rest[i] == first + (i * PAGE) as u64).count() + 1;
        // SAFETY: memory of the image or of thread-local storage, which who watches it gives
        // the right to write it, byte by byte.
        let set = unsafe { sys::protect(first as usize, run * PAGE, rights) };
        if set.is_err() {
            // Nothing would be known of what the child writes.
            sys::exit(70);
        }
        rest = &rest[run..];
    }
    watch().in_force = u32::from(protected);
}

/// Protects the watched pages, and those that were copied in: the running child goes on. What it
/// may not write anyway stays so.
pub(crate) fn protect() {
    let copied = touched::set(true);
    let watched = is_active() && watch().left > 0;
    if watched {
        set(true);
    }
    if copied || watched {
        permissions::enforce();
    }
}

/// Opens the watched pages, and those that were copied in: the control plane works.
pub(crate) fn lift() {
    touched::set(false);
    if watch().in_force != 0 {
        set(false);
    }
}

/// The watch ends with its child.
pub(crate) fn end() {
    lift();
    touched::end();
    watch().list = 0;
}

fn open(w: &mut Watch, page: usize) {
    let n = w.open_count as usize;
    if w.open[..n].contains(&page) || n == OPEN_MAX {
        return;
    }
    (w.open[n], w.open_count) = (page, w.open_count + 1);
    allow_writing(page);
}

fn allow_writing(page: usize) {
    // SAFETY: `watch` or `touched`: the interrupted instruction writes there, which is noted.
    if unsafe { sys::protect(page, PAGE, libc::PROT_READ | libc::PROT_WRITE) }.is_err() {
        sys::exit(70);
    }
}

/// Notes a read of watched pages, as far as it goes to the one of its first byte.
fn note_read(w: &mut Watch, addr: u64, len: u64) {
    let (pages, masks) = (pages(), masks());
    let page = addr & !(PAGE as u64 - 1);
    let to = (page + PAGE as u64).min(addr + len);
    if let Ok(i) = pages.binary_search(&page) {
        (addr - page..to - page).for_each(|b| masks[i].0[b as usize / 8] |= 1 << (b % 8));
    }
    let target = list(w.list).map_or(0, |l| l.target);
    if target != 0 && (addr..to).contains(&target) {
        w.hit = (addr, len);
    }
}

/// Notes a write, as far as it goes to watched pages, and opens them.
fn note(w: &mut Watch, addr: u64, len: u64) {
    let (pages, masks) = (pages(), masks());
    let target = list(w.list).map_or(0, |l| l.target);
    if target != 0 && (addr..addr.saturating_add(len)).contains(&target) {
        w.hit = (addr, len);
    }
    let mut at = addr;
    while at < addr.saturating_add(len) {
        let page = at & !(PAGE as u64 - 1);
        let to = (page + PAGE as u64).min(addr.saturating_add(len));
        if let Ok(i) = pages.binary_search(&page) {
            for byte in at - page..to - page {
                masks[i].0[byte as usize / 8] |= 1 << (byte % 8);
            }
            // Where it may not write it faults once more, for good.
            if permissions::allow(page as usize, PAGE, true) {
                touched::mark(page as usize);
                open(w, page as usize);
            }
        }
        at = to;
    }
}

/// Whether a step of one at `at` is that of a reference count, which counts by its value: the word
/// is one of the two at the head of a heap block, as an `Arc` has them, both are counts, and are
/// after the step. A lock is not: who takes it free finds a zero, or leaves one.
fn is_count(at: usize, step: i64) -> bool {
    let Some(block) = heap::block_of(at) else { return false };
    let place = at - block.start;
    if block.len < 16 || (place != 0 && place != 8) || !block.start.is_multiple_of(8) {
        return false;
    }
    // SAFETY: two words of a live block; the child that would write to one is interrupted.
    let word = |at: usize| unsafe { (at as *const i64).read_volatile() };
    let other = word(block.start + 8 - place);
    word(at) >= 1 && word(at).saturating_add(step) >= 1 && other >= 1
}

/// The trap flag of the processor.
const TRAP: i64 = 1 << 8;

/// A fault: where it is a write to a watched page that the child may write, notes it and lets
/// the instruction run, alone.
///
/// # Safety
/// The context must be the one that the kernel passed to the handler.
pub(crate) unsafe fn on_fault(info: &siginfo_t, context: &mut ucontext_t) -> bool {
    const WRITE: i64 = 2;
    let w = watch();
    let refused = context.uc_mcontext.gregs[libc::REG_ERR as usize] & WRITE != 0;
    let of_reads = is_of_reads();
    if !refused && !of_reads {
        return false;
    }
    // SAFETY: a page fault sets the address.
    let addr = unsafe { info.si_addr() } as u64;
    let page = addr & !(PAGE as u64 - 1);
    let copied = touched::refuses(page as usize);
    let watched = w.in_force != 0 && pages().binary_search(&page).is_ok();
    if !copied && !watched || !permissions::allow(page as usize, PAGE, refused) {
        return false;
    }
    if copied && refused {
        touched::mark(page as usize);
    }
    if !watched {
        allow_writing(page as usize);
        return true;
    }
    // SAFETY: the caller's contract.
    let machine = unsafe { Interrupted::new(context) };
    // The byte of a conflict is one whoever changed it.
    let exact = list(w.list).is_some_and(|l| l.target == 0);
    let kind = match counted(&machine) {
        _ if of_reads && !refused => {
            note_read(w, addr, loads::len(&machine));
            Kind::Plain
        }
        _ if of_reads => writes(&machine, &mut |_, _| ()),
        Some((at, step)) if exact && is_count(at as usize, step) => Kind::Plain,
        _ => writes(&machine, &mut |at, len| note(w, at, len)),
    };
    if kind == Kind::Unknown && !of_reads {
        note(w, addr, UNKNOWN);
    }
    if !exact || of_reads {
        spend(me(), 1);
    }
    // A masked store may be refused for a page of which it writes nothing. What is kept of the
    // stack may lie on this page.
    open(w, page as usize);
    let (start, len) = core::mem::take(&mut w.hit);
    if len != 0 {
        if of_reads {
            // One is enough.
            w.left = 0;
        }
        sight::keep(me(), registers(&context.uc_mcontext.gregs), start, len);
    }
    w.stepping = 1;
    w.flags |= u32::from(kind == Kind::Flags);
    context.uc_mcontext.gregs[libc::REG_EFL as usize] |= TRAP;
    true
}

/// The instruction has run: its pages are protected again.
///
/// # Safety
/// The context must be the one that the kernel passed to the handler.
pub(crate) unsafe fn on_step(context: &mut ucontext_t) -> bool {
    let w = watch();
    if w.stepping == 0 {
        return false;
    }
    if core::mem::take(&mut w.flags) != 0 {
        // It pushed the trap flag along.
        let top = context.uc_mcontext.gregs[libc::REG_RSP as usize] as *mut u16;
        // SAFETY: the instruction has just written there.
        unsafe { top.write_unaligned(top.read_unaligned() & !(TRAP as u16)) };
    }
    for &page in &w.open[..w.open_count as usize] {
        // SAFETY: `watch`.
        if unsafe { sys::protect(page, PAGE, rights(true)) }.is_err() {
            sys::exit(70);
        }
    }
    (w.stepping, w.open_count) = (0, 0);
    if w.left == 0 && w.in_force != 0 {
        // Enough was seen.
        set(false);
        permissions::enforce();
    }
    context.uc_mcontext.gregs[libc::REG_EFL as usize] &= !TRAP;
    true
}

const _: () = assert!(private::WATCH + size_of::<Watch>() <= private::FOUND);
