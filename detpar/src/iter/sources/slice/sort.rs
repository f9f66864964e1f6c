//! Sorting in two steps, each of them one construct: children sort runs, then children merge
//! them, each a part of the result. Both cuts are functions of the length and of the items
//! alone, so that the result is one too, whatever the comparison does.
//!
//! Children move items into memory of their own, which costs no copy of inherited pages. Who has
//! the items is known at every moment, see [`Moved`]: a comparison may panic.
use crate::iter::width::Width;
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator, leaf};
use std::cmp::Ordering;
use std::mem;
use std::ops::Range;
use std::ptr;

/// Fewest items of a run. A run of small items costs about as much as the child that sorts it
/// from here on.
const RUN: usize = 16384;

/// Shorter slices are sorted by the caller.
const LEAST: usize = 2 * RUN;

/// Sorts; equal items keep their order.
pub(super) fn stable<T, C>(items: &mut [T], compare: &C)
where
    T: Send,
    C: Fn(&T, &T) -> Ordering + Sync,
{
    sort(items, compare, |run| run.sort_by(compare));
}

/// Sorts; equal items may change places.
pub(super) fn unstable<T, C>(items: &mut [T], compare: &C)
where
    T: Send,
    C: Fn(&T, &T) -> Ordering + Sync,
{
    sort(items, compare, |run| run.sort_unstable_by(compare));
}

/// Sorts by keys that are made once.
pub(super) fn by_cached_key<T, K, F>(items: &mut [T], f: &F)
where
    T: Send,
    K: Ord + Send,
    F: Fn(&T) -> K + Sync,
{
    let keys = items.into_par_iter().enumerate().map(|(i, item)| (f(item), i));
    let mut keys: Vec<(K, usize)> = keys.collect();
    // With the index no two are equal.
    unstable(&mut keys, &Ord::cmp);
    // Each cycle of the permutation: place `at` gets what lies at `from`.
    for start in 0..keys.len() {
        let mut at = start;
        loop {
            let from = mem::replace(&mut keys[at].1, at);
            if from == start {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

fn sort<T, C>(items: &mut [T], compare: &C, sort_run: impl Fn(&mut [T]) + Sync)
where
    T: Send,
    C: Fn(&T, &T) -> Ordering + Sync,
{
    if items.len() < LEAST || size_of::<T>() == 0 {
        return sort_run(items);
    }
    let width = Width::limited(items.len(), RUN, usize::MAX);
    let mut rest = &mut *items;
    let cut = |leaf| {
        let run = rest.split_off_mut(..width.start(leaf + 1) - width.start(leaf));
        vec![Place::of(run.expect("runs are in bounds"))]
    };
    let mut runs = Moved::new((0..width.leaves()).map(cut).collect());
    runs.fill(sort_run);
    let mut merged = Moved::new(parts(&mut runs.to, compare));
    // std's stable sort finds the runs and merges them.
    merged.fill(|part| part.sort_by(compare));
    let mut to = items.as_mut_ptr();
    for part in &mut merged.to {
        // SAFETY: the parts have all items of the runs and those all of the slice, so that
        // there is room; `forget_items` below leaves the slice as the only one that has them.
        unsafe {
            ptr::copy_nonoverlapping(part.as_ptr(), to, part.len());
            to = to.add(part.len());
        }
    }
    merged.forget_items();
    runs.forget_items();
}

/// A stretch of items that may be moved out.
struct Place<T> {
    first: *mut T,
    len: usize,
}

// SAFETY: a place is exclusive, as the mutable slice that it is made of.
unsafe impl<T: Send> Send for Place<T> {}
// SAFETY: by reference it only tells its address and length.
unsafe impl<T: Send> Sync for Place<T> {}

impl<T> Place<T> {
    fn of(items: &mut [T]) -> Self {
        Place { first: items.as_mut_ptr(), len: items.len() }
    }
}

/// Items on their way: those of `from[i]` are in `to[i]` if that is not empty, and must not be
/// used where they came from. Dropped, it puts them back, in the order they have by then.
struct Moved<T> {
    /// Places nobody else uses while this value lives.
    from: Vec<Vec<Place<T>>>,
    /// Of the same length; a vector is empty or has as many items as its places.
    to: Vec<Vec<T>>,
}

impl<T> Moved<T> {
    fn new(from: Vec<Vec<Place<T>>>) -> Self {
        Moved { to: from.iter().map(|_| Vec::new()).collect(), from }
    }

    /// Moves all items, each vector in a child of its own, and sorts them there.
    fn fill(&mut self, sort: impl Fn(&mut [T]) + Sync)
    where
        T: Send,
    {
        let leaves: Vec<_> = self.from.iter().zip(&mut self.to).collect();
        let moved = leaf::run(leaves, &[], |(from, to): (&Vec<Place<T>>, &mut Vec<T>)| {
            to.reserve_exact(from.iter().map(|place| place.len).sum());
            for place in from {
                // SAFETY: there is room. From here on the vector has the items, by the
                // invariant of the type; nobody looks at the place.
                unsafe {
                    let end = to.as_mut_ptr().add(to.len());
                    ptr::copy_nonoverlapping(place.first, end, place.len);
                    to.set_len(to.len() + place.len);
                }
            }
            // A sort that panics leaves all items in the vector.
            sort(to);
        });
        if let Err(e) = moved {
            e.unwind();
        }
    }

    /// The items are where somebody else has them.
    fn forget_items(&mut self) {
        for to in &mut self.to {
            // SAFETY: shorter is always in bounds.
            unsafe { to.set_len(0) };
        }
    }
}

impl<T> Drop for Moved<T> {
    fn drop(&mut self) {
        for (from, to) in self.from.iter().zip(&self.to).filter(|(_, to)| !to.is_empty()) {
            let mut at = to.as_ptr();
            for place in from {
                // SAFETY: the invariant of the type; `forget_items` below ends what the
                // vectors have.
                unsafe {
                    ptr::copy_nonoverlapping(at, place.first, place.len);
                    at = at.add(place.len);
                }
            }
        }
        self.forget_items();
    }
}

/// Cuts the result: each part is made of a stretch of each run, in the order of the runs; parts
/// of lower index come before it. Every item is in one part, whatever the comparison says.
fn parts<T, C>(runs: &mut [Vec<T>], compare: &C) -> Vec<Vec<Place<T>>>
where
    C: Fn(&T, &T) -> Ordering,
{
    // As many samples of every run as there are parts, at equal distances: a part has at most
    // twice its share. Sorted by item, run and place, so that equal items are cut as well.
    let count = runs.len();
    let mut samples = Vec::with_capacity(count * count);
    for (run, items) in runs.iter().enumerate() {
        samples.extend((0..count).map(|i| (run, i * items.len() / count)));
    }
    samples.sort_by(|a, b| compare(&runs[a.0][a.1], &runs[b.0][b.1]));
    let mut ends: Vec<Vec<usize>> = vec![vec![0; count]];
    for part in 1..count {
        ends.push(ends_before(runs, &ends[part - 1], samples[part * count], compare));
    }
    ends.push(runs.iter().map(Vec::len).collect());
    let mut rests: Vec<&mut [T]> = runs.iter_mut().map(Vec::as_mut_slice).collect();
    let mut stretch = |run: usize, range: Range<usize>| {
        Place::of(rests[run].split_off_mut(..range.len()).expect("in bounds of the run"))
    };
    let part = |ends: &[Vec<usize>]| {
        (0..count).map(|run| stretch(run, ends[0][run]..ends[1][run])).collect()
    };
    ends.windows(2).map(part).collect()
}

/// Where the items before the splitter end in each run, at `begins` at least.
fn ends_before<T, C>(
    runs: &[Vec<T>],
    begins: &[usize],
    (its_run, its_place): (usize, usize),
    compare: &C,
) -> Vec<usize>
where
    C: Fn(&T, &T) -> Ordering,
{
    let splitter = &runs[its_run][its_place];
    let end = |run: usize| {
        // Of equal items those of earlier runs are before.
        let before = |item: &T| match compare(item, splitter) {
            Ordering::Less => true,
            Ordering::Equal => run < its_run,
            Ordering::Greater => false,
        };
        match run == its_run {
            true => its_place.max(begins[run]),
            false => begins[run] + runs[run][begins[run]..].partition_point(before),
        }
    };
    (0..runs.len()).map(end).collect()
}
