//! Allocation for whatever space runs in this process.

use crate::check::allocated;
use crate::exec::control::{Role, area, brief, control, exchange, me, private, private_item};
use crate::exec::master::master;
use crate::exec::{grants, worker};
use crate::heap::class::ZONES;
use crate::heap::open::Freed;
use crate::heap::state::Sequence;
use crate::heap::{Env, Heap};
use crate::image::early;
use crate::image::layout::{EXCHANGE_SIZE, IMAGE, PRIVATE};
use crate::merge::Block;
use crate::sys::{self, cpu};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::*};

use super::private as view;

/// The running space as its heap sees it.
pub(crate) struct Space;

impl Env for Space {
    #[inline]
    fn heap(&self) -> Heap {
        Heap(me().heap)
    }

    #[inline]
    fn session(&self) -> u64 {
        let me = me();
        if me.role == Role::Child { me.session } else { 0 }
    }

    #[inline]
    fn depth(&self) -> u32 {
        let me = me();
        if me.role == Role::Child { me.depth } else { 0 }
    }

    fn parent(&self) -> Heap {
        brief(me().construct).map_or(Heap::ROOT, |b| Heap(b.request.heap))
    }

    fn sequences(&self) -> &[Sequence; ZONES] {
        let me = me();
        me.opened = me.session;
        &me.sequences
    }

    fn granted(&mut self, addr: usize, _len: usize) {
        if me().role != Role::Child {
            return;
        }
        if let Some((z, n)) = crate::heap::class::locate(addr)
            && let Some(mail) = control().mail.get(me().slot as usize)
        {
            mail.granted[z].fetch_max(n + 1, Relaxed);
            grants::take(z, n);
        }
    }

    fn took_tail(&mut self, addr: usize, len: usize, pages: usize) {
        if me().role == Role::Child {
            grants::take_tail(addr, len, pages);
        }
    }

    fn defer_free(&mut self, addr: usize, len: usize) {
        let me = me();
        if me.role != Role::Child || me.free_count >= area::FREES_MAX {
            if me.role == Role::Child {
                worker::end_child(crate::abi::Cause::Limit(crate::abi::Limit::Frees));
            }
            return;
        }
        let to = (exchange(me.slot) + area::FREES) as *mut Block;
        // SAFETY: `control`: this worker's area has room for FREES_MAX records.
        unsafe { to.add(me.free_count).write(Block { addr: addr as u64, len: len as u64 }) };
        me.free_count += 1;
    }

    fn freed(&mut self, f: Freed) {
        let me = me();
        if me.freed_count >= private::FREED_MAX {
            if me.role == Role::Child {
                worker::end_child(crate::abi::Cause::Limit(crate::abi::Limit::Frees));
            }
            // The block stays allocated; children that could conflict with its free must fail.
            me.freed_lost = 1;
            return;
        }
        // SAFETY: `own`: the table has room for FREED_MAX records, and any bytes are one.
        unsafe { *private_item(private::FREED, me.freed_count) = f };
        me.freed_count += 1;
    }

    fn release(&mut self, addr: usize, len: usize) -> bool {
        let me = me();
        let may = match me.role {
            // A private view keeps the file as it is, and shows it where its own pages are gone.
            Role::Plain | Role::Master => !view::is_private(),
            Role::Child => grants::covers(addr, len),
            Role::Worker => false,
        };
        // SAFETY: the heap gives up the contents of a range that belongs to it alone.
        may && unsafe { sys::punch(me.image_fd, addr - IMAGE, len) }.is_ok()
    }

    fn may_be_dirty(&self, zone: usize, number: u32) -> bool {
        if me().role == Role::Plain {
            return view::may_be_dirty(zone, number);
        }
        number < control().dirty_below[zone].load(Relaxed)
    }
}

/// Guards the master's heap against its other threads.
static LOCK: AtomicU32 = AtomicU32::new(0);

struct Guard(bool);

/// Whether other threads may call: there were some, and this is no child.
#[inline]
fn is_shared() -> bool {
    super::threads::ever() && me().role != Role::Child
}

/// Whether blocks are handed out and taken back by the usual paths.
#[inline(always)]
fn is_usual() -> bool {
    early::is_plainly_ready() && !is_shared()
}

impl Guard {
    #[inline]
    fn lock() -> Guard {
        if !is_shared() {
            return Guard(false);
        }
        while LOCK.swap(1, Acquire) != 0 {
            if FORKING.load(Relaxed) == cpu::thread_pointer() {
                return Guard(false);
            }
            // SAFETY: has no operands.
            let _ = unsafe { sys::call(libc::SYS_sched_yield, [0; 6]) };
        }
        Guard(true)
    }
}

/// Thread pointer of the thread that holds the lock to fork; its fork handlers may allocate.
static FORKING: AtomicUsize = AtomicUsize::new(0);

/// Holds the lock over a fork: the new process must find a heap that nobody was changing.
pub(crate) struct ForkLock(bool);

/// Locks the heap, and out other threads that fork.
pub(crate) fn lock_for_fork() -> ForkLock {
    let Guard(held) = *core::mem::ManuallyDrop::new(Guard::lock());
    if held {
        FORKING.store(cpu::thread_pointer(), Relaxed);
    }
    ForkLock(held)
}

impl Drop for ForkLock {
    fn drop(&mut self) {
        if self.0 {
            FORKING.store(0, Relaxed);
            drop(Guard(true));
        }
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        if self.0 {
            LOCK.store(0, Release);
        }
    }
}

fn exhausted(p: *mut u8, size: usize) -> *mut u8 {
    // What no address space could ever hold is the program's own error, answered by null.
    if p.is_null() && me().role == Role::Child && size < 1 << 40 {
        worker::end_child(crate::abi::Cause::Limit(crate::abi::Limit::Heap));
    }
    p
}

/// What [`allocate`] does as a rule, for blocks aligned to 16 bytes: one path without a call.
/// Null, and nothing done, for all else.
#[inline(always)]
pub(crate) fn allocate_usual(size: usize) -> *mut u8 {
    if !is_usual() {
        return core::ptr::null_mut();
    }
    Heap(me().heap).alloc_usual(&Space, size)
}

/// What [`free`] does as a rule. False, and nothing done, for all else.
#[inline(always)]
pub(crate) fn free_usual(p: *mut u8) -> bool {
    is_usual() && Heap::free_usual(&Space, p as usize)
}

/// Allocates `size` bytes aligned to `align`, a power of two.
#[inline(never)]
pub(crate) fn allocate(size: usize, align: usize) -> *mut u8 {
    fresh(size, |size| Heap(me().heap).alloc(&mut Space, size, align))
}

/// A block, by what takes it from the heap; longer by its record where blocks have one.
#[inline]
fn fresh(size: usize, take: impl Fn(usize) -> *mut u8) -> *mut u8 {
    early::ensure();
    let recorded = early::is_recording();
    let p = {
        let _guard = Guard::lock();
        take(if recorded { size.saturating_add(allocated::ROOM) } else { size })
    };
    if p.is_null() {
        return exhausted(p, size);
    }
    if recorded {
        allocated::note(p);
    }
    p
}

/// The same, zeroed.
pub(crate) fn allocate_zeroed(size: usize, align: usize) -> *mut u8 {
    fresh(size, |size| Heap(me().heap).alloc_zeroed(&mut Space, size, align))
}

/// Frees a block; addresses that are none are ignored.
#[inline(never)]
pub(crate) fn free(p: *mut u8) {
    if p.is_null() || !early::is_ready() {
        return;
    }
    let _guard = Guard::lock();
    Heap::free(&mut Space, p as usize);
}

/// Bytes usable at a block.
pub(crate) fn usable(p: *const u8) -> usize {
    if p.is_null() || !early::is_ready() {
        return 0;
    }
    allocated::usable(p as usize, Heap::usable(p as usize))
}

/// Whether a block starts there that the running space did not inherit.
pub(crate) fn is_own(p: *const u8) -> bool {
    early::is_ready() && Heap::is_own(&Space, p as usize)
}

/// Resizes a block, moving it where needed; null leaves the old block as it is.
pub(crate) fn resize(p: *mut u8, size: usize) -> *mut u8 {
    if p.is_null() {
        return allocate(size, 16);
    }
    {
        let _guard = Guard::lock();
        if resize_in_place(p, size) {
            return p;
        }
    }
    let new = allocate(size, 16);
    if !new.is_null() {
        let len = usable(p).min(size);
        // SAFETY: both blocks hold at least `len` bytes and are distinct.
        unsafe { core::ptr::copy_nonoverlapping(p, new, len) };
        free(p);
    }
    new
}

fn resize_in_place(p: *mut u8, size: usize) -> bool {
    if !early::is_recording() {
        return Heap::resize_in_place(&Space, p as usize, size);
    }
    // The record stays where it is, so the block must.
    let len = usable(p);
    size <= len && (size > len / 2 || len <= 64)
}

/// What this space freed while open children held it, in any order.
pub(crate) fn freed_log() -> &'static mut [Freed] {
    let at = (PRIVATE + private::FREED) as *mut Freed;
    // SAFETY: `own`: `Env::freed` wrote so many records; callers keep no two of these.
    unsafe { core::slice::from_raw_parts_mut(at, me().freed_count) }
}

/// Carries out recorded frees; to be called when an open child ended and its lane is back.
pub(crate) fn settle() {
    let left = Heap(me().heap).settle(&mut Space, freed_log());
    let me = me();
    (me.freed_count, me.freed_lost) = (left, me.freed_lost * u32::from(left > 0));
}

/// Segments of each zone below which the file may hold what children of this master wrote and
/// nobody merged.
pub(crate) fn dirty_below() -> [u32; crate::heap::class::ZONES] {
    core::array::from_fn(|z| {
        let c = control();
        let granted = c.mail.iter().take(master().slots()).map(|m| m.granted[z].load(Relaxed));
        granted.max().unwrap_or(0).max(c.dirty_below[z].load(Relaxed))
    })
}

/// Notes which fresh segments a failed construct may have written.
pub(crate) fn note_failed_grants() {
    let c = control();
    for (z, below) in c.dirty_below.iter().enumerate() {
        let high = c.mail.iter().map(|m| m.granted[z].load(Relaxed)).max().unwrap_or(0);
        below.fetch_max(high, Relaxed);
    }
}

const _: () = assert!(area::MESSAGE + area::MESSAGE_SIZE <= EXCHANGE_SIZE);
