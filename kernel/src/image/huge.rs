//! Huge pages behind the image. `docs/memory.md` has the policy and what it costs.
//!
//! A worker that reads a large block faults it in by small pages, and scans visit each of them.
//! Where workers have paid for a zone what a huge page costs to make, the master makes one of
//! the zone's next 2 MiB, so in the end at most twice of what the better choice had cost is
//! spent. Contents and addresses stay as they are.

use crate::abi::PAGE;
use crate::exec::control::{control, private, private_item};
use crate::heap::class::{ZONE, ZONES, segment_addr};
use crate::heap::{self, Heap};
use crate::image::layout::IMAGE;
use crate::sys::{self, cpu};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};

/// Bytes of a huge page.
pub(crate) const UNIT: usize = 2 << 20;

/// Zones of large blocks, from 16 MiB on: others come and go, and are too small to matter.
pub(crate) const FROM: usize = 3;

/// Cycles that a page fault on a clean page costs, about: it maps up to 16 pages.
const FAULT: u64 = 5000;

/// What workers and the master tell each other about pages, in shared control memory.
#[repr(C)]
pub(crate) struct Pages {
    /// Cycles that workers spent on small pages, by zone, and that were not spent on huge ones.
    paid: [AtomicU64; ZONES],
    /// The same for all zones, a little late.
    some_paid: AtomicU32,
    /// Units that were made huge.
    made: AtomicU32,
    /// Addresses of the last ones, at `made` modulo the length.
    last: [AtomicU64; LAST],
}

/// Units that a worker may be behind; one that missed more drops everything.
const LAST: usize = 64;

impl Pages {
    /// Notes that a worker spent cycles on visiting small pages of a zone and on faults.
    pub fn pay(&self, zone: usize, cycles: u64, faults: u64) {
        if zone >= FROM {
            self.paid[zone].fetch_add(cycles.saturating_add(faults.saturating_mul(FAULT)), Relaxed);
            self.some_paid.store(1, Relaxed);
        }
    }

    /// Units made since `seen`, for a worker without changed pages: its small pages and their
    /// tables must go before it sees huge ones.
    pub fn follow(&self, seen: &mut u32, mut each: impl FnMut(usize, usize)) {
        let made = self.made.load(Acquire);
        let missed = made.wrapping_sub(*seen);
        if missed == 0 {
            return;
        }
        if missed as usize > LAST / 2 {
            let (first, end) = (segment_addr(FROM, 0), heap::class::HEAP_END);
            each(first, end - first);
        } else {
            for i in 0..missed {
                let at = self.last[(seen.wrapping_add(i)) as usize % LAST].load(Acquire) as usize;
                // Any worker can write there.
                if (segment_addr(FROM, 0)..heap::class::HEAP_END - UNIT).contains(&at) {
                    each(at & !(UNIT - 1), UNIT);
                }
            }
        }
        *seen = made;
    }
}

/// The master's side, in private memory; zero at first.
#[repr(C)]
struct Maker {
    off: u32,
    /// Constructs to pass before the next attempt, after one that failed.
    pause: u32,
    /// What a unit cost of late, in cycles.
    cost: u64,
    /// Where to go on in each zone: segment and unit.
    next: [(u32, u32); ZONES],
}

fn maker() -> &'static mut Maker {
    // SAFETY: `control` and `own`; the record fits (asserted below).
    unsafe { private_item::<Maker>(private::HUGE, 0) }
}

/// Switches huge pages off for this run.
pub(crate) fn switch_off() {
    maker().off = 1;
}

/// Makes the image's memory in `[from, to)` huge as far as it consists of whole units that are
/// in use throughout; returns the number of units. For the master's shared mapping.
pub(crate) fn collapse(fd: i32, from: usize, to: usize) -> Result<u32, i32> {
    let mut made = 0;
    let mut at = from.next_multiple_of(UNIT);
    while at + UNIT <= to {
        // A hole would be filled: memory that nobody asked for.
        let whole = sys::next_data(fd, at - IMAGE)
            .is_some_and(|(start, end)| start == at - IMAGE && end >= at - IMAGE + UNIT);
        if whole {
            sys::collapse(at, UNIT)?;
            made += 1;
        }
        at += UNIT;
    }
    Ok(made)
}

/// Cost of a unit before one was made, in cycles: a millisecond or less.
const FIRST: u64 = 2_000_000;
/// Units that are looked at in one step.
const LOOK: u32 = 64;
/// Constructs without an attempt after one that failed.
const PAUSE: u32 = 1000;

/// Between two constructs of the master: makes one unit huge where workers paid for it.
#[inline]
pub(crate) fn step(fd: i32, eager: bool) {
    if control().pages.some_paid.load(Relaxed) != 0 || eager {
        pay_back(fd, eager);
    }
}

#[cold]
fn pay_back(fd: i32, eager: bool) {
    let (m, pages) = (maker(), &control().pages);
    if m.off != 0 || m.pause > 0 {
        m.pause = m.pause.saturating_sub(1);
        return;
    }
    if m.cost == 0 {
        m.cost = FIRST;
    }
    pages.some_paid.store(0, Relaxed);
    for z in FROM..ZONES {
        let paid = pages.paid[z].load(Relaxed);
        if paid < m.cost && !(eager && Heap::ROOT.sequences()[z].next > 0) {
            continue;
        }
        let start = cpu::cycles();
        let made = m.make_next(fd, z);
        let took = cpu::cycles().saturating_sub(start);
        let _ = pages.paid[z].fetch_update(Relaxed, Relaxed, |p| Some(p.saturating_sub(took)));
        match made {
            Ok(true) => m.cost = (m.cost * 3 + took) / 4,
            // All of the zone was looked at: what was paid is lost.
            Ok(false) => pages.paid[z].store(0, Relaxed),
            Err(_) => m.pause = PAUSE,
        }
        return;
    }
}

impl Maker {
    /// Makes the next unit of a zone huge; whether there was one.
    fn make_next(&mut self, fd: i32, z: usize) -> Result<bool, i32> {
        let below = Heap::ROOT.sequences()[z].next.min(u64::from(ZONE[z].count)) as u32;
        let (mut n, mut unit) = self.next[z];
        for _ in 0..LOOK {
            if n >= below {
                self.next[z] = (0, 0);
                return Ok(false);
            }
            let start = segment_addr(z, n);
            let at = start + unit as usize * UNIT;
            match heap::block_of(start) {
                Some(b) if at + UNIT <= b.start + b.len => {
                    unit += 1;
                    self.next[z] = (n, unit);
                    if collapse(fd, at, at + UNIT)? > 0 {
                        announce(at);
                        return Ok(true);
                    }
                }
                _ => {
                    (n, unit) = (n + 1, 0);
                    self.next[z] = (n, unit);
                }
            }
        }
        // More the next time.
        Ok(true)
    }
}

fn announce(at: usize) {
    let pages = &control().pages;
    let made = pages.made.load(Relaxed);
    pages.last[made as usize % LAST].store(at as u64, Release);
    pages.made.store(made.wrapping_add(1), Release);
}

/// Units that were made huge in this run, for tests.
pub(crate) fn made() -> u32 {
    control().pages.made.load(Acquire)
}

const _: () = assert!(private::HUGE + size_of::<Maker>() <= private::SCANS);
const _: () = assert!(UNIT.is_multiple_of(PAGE) && 1 << ZONE[FROM].shift >= 16 * UNIT);
