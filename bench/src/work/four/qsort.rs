//! `qsort`: partition, then both parts at the same time.

use super::numbers;
use crate::measure::{self, Sample};
use crate::work::join::Join;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Sorts with `levels` of joins, and without any below.
fn sort<J: Join>(items: &mut [u64], levels: u32, how: &J) {
    if levels == 0 || items.len() < 3 {
        return items.sort_unstable();
    }
    let middle = partition(items);
    let (low, high) = items.split_at_mut(middle);
    let next = |part: &mut [u64]| sort(part, levels - 1, how);
    how.parts((low, &mut high[1..]), next, next);
}

/// Puts the median of the first, the middle and the last item where it belongs, what is smaller
/// before it, and returns its place.
fn partition(items: &mut [u64]) -> usize {
    let last = items.len() - 1;
    let mut three = [0, last / 2, last];
    three.sort_by_key(|i| items[*i]);
    items.swap(three[1], last);
    let (pivot, mut middle) = (items[last], 0);
    for i in 0..last {
        // Without a branch that nobody could foresee.
        let smaller = items[i] < pivot;
        items.swap(i, middle);
        middle += usize::from(smaller);
    }
    items.swap(middle, last);
    middle
}

/// Measures sorting so many numbers by so many levels of joins.
///
/// # Panics
/// Where the order is wrong.
pub fn run<J: Join>(n: usize, levels: u32, how: &J, budget: Duration) -> Sample {
    let given: Vec<u64> = numbers().take(n).collect();
    let mut expected = given.clone();
    expected.sort_unstable();
    let mut items = given.clone();
    sort(&mut items, levels, how);
    assert!(items == expected, "wrong order");
    measure::run_timed(budget, || {
        items.copy_from_slice(&given);
        let start = Instant::now();
        sort(black_box(&mut items), levels, how);
        (start.elapsed().as_secs_f64(), true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::join::InOrder;

    #[test]
    fn sorts() {
        for n in [0, 1, 2, 3, 4, 10, 1000] {
            for modulus in [1, 3, u64::MAX] {
                let mut items: Vec<u64> = numbers().map(|i| i % modulus).take(n).collect();
                let mut expected = items.clone();
                expected.sort_unstable();
                sort(&mut items, 3, &InOrder);
                assert_eq!(items, expected);
            }
        }
    }
}
