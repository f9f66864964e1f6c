//! Which numbers of the running space add when children are merged: reference counts, and sums.
//!
//! The list lies in the image, so that every space has its own, as of its snapshot: a child knows
//! what its parent declared, and what it declares itself ends with it. It does not merge. What is
//! on it is kept alive by who put it there, in the same space (invariant `counted`), so no region
//! is left behind for memory that was given back.

use super::regions;
use crate::abi::PAGE;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most places at a time.
pub(crate) const MAX: usize = 1000;

/// Bytes of a pair of counts: of references, and of weak references.
pub(crate) const PAIR: usize = 16;

/// Bytes of a sum.
pub(crate) const SUM: usize = 8;

/// Set in the place of a sum, whose address is a multiple of 8.
pub(crate) const IS_SUM: usize = 1;

struct Counts {
    /// For threads of the master.
    lock: Mutex<()>,
    len: AtomicUsize,
    places: [AtomicUsize; MAX],
    /// How often each was declared.
    times: [AtomicU32; MAX],
}

static COUNTS: Counts = Counts {
    lock: Mutex::new(()),
    len: AtomicUsize::new(0),
    places: [const { AtomicUsize::new(0) }; MAX],
    times: [const { AtomicU32::new(0) }; MAX],
};

/// Where the list lies.
pub(super) fn range() -> (usize, usize) {
    let start = (&raw const COUNTS).addr();
    (start, start + size_of::<Counts>())
}

/// The places, in no order; those of sums are marked.
pub(super) fn places() -> &'static [AtomicUsize] {
    COUNTS.places.get(..COUNTS.len.load(Relaxed)).unwrap_or(&[])
}

fn lock() -> MutexGuard<'static, ()> {
    COUNTS.lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn position(at: usize) -> Option<usize> {
    places().iter().position(|place| place.load(Relaxed) == at)
}

/// Adds a pair; whether it is one of the image and there was room.
pub(crate) fn add(at: usize) -> bool {
    declare(at, at, PAIR)
}

/// Adds a sum; as [`add`].
pub(crate) fn add_sum(at: usize) -> bool {
    declare(at, at | IS_SUM, SUM)
}

/// Takes back one [`add_sum`].
pub(crate) fn remove_sum(at: usize) {
    remove(at | IS_SUM);
}

fn declare(start: usize, at: usize, len: usize) -> bool {
    let page = |at: usize| regions::contains_page((at & !(PAGE - 1)) as u64);
    if !start.is_multiple_of(8) || !page(start) || !page(start + len - 1) {
        return false;
    }
    let _lock = lock();
    let place = position(at).unwrap_or_else(|| {
        let n = places().len();
        if let (Some(place), Some(times)) = (COUNTS.places.get(n), COUNTS.times.get(n)) {
            place.store(at, Relaxed);
            times.store(0, Relaxed);
            COUNTS.len.store(n + 1, Relaxed);
        }
        n
    });
    COUNTS.times.get(place).map(|times| times.fetch_add(1, Relaxed)).is_some()
}

/// Takes back one [`add`] of the pair.
pub(crate) fn remove(at: usize) {
    let _lock = lock();
    let Some(i) = position(at) else { return };
    if COUNTS.times[i].fetch_sub(1, Relaxed) > 1 {
        return;
    }
    let last = places().len() - 1;
    COUNTS.places[i].store(COUNTS.places[last].load(Relaxed), Relaxed);
    COUNTS.times[i].store(COUNTS.times[last].load(Relaxed), Relaxed);
    COUNTS.len.store(last, Relaxed);
}
