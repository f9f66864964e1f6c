//! The suite `sort`: numbers without a pattern.

use super::four::numbers;
use super::join::InOrder;
use crate::measure::{self, Sample};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A way to sort a slice.
pub trait Sort {
    /// Equal items keep their order.
    fn stable(&self, items: &mut [u64]);
    /// Equal items need not keep it.
    fn unstable(&self, items: &mut [u64]);
    /// By [`key`]; equal ones keep their order.
    fn by_key(&self, items: &mut [u64]);
}

impl Sort for InOrder {
    fn stable(&self, items: &mut [u64]) {
        items.sort();
    }

    fn unstable(&self, items: &mut [u64]) {
        items.sort_unstable();
    }

    fn by_key(&self, items: &mut [u64]) {
        items.sort_by_key(key);
    }
}

/// One of 65536 values, so that many items have the same.
pub fn key(item: &u64) -> u64 {
    item & 0xffff
}

/// Measures a case of so many items; `None` where there is none of this name.
///
/// # Panics
/// Where the order is wrong.
pub fn run<S: Sort>(case: &str, items: u64, how: &S, budget: Duration) -> Option<Sample> {
    match case {
        "stable" => Some(timed(items, budget, |items| how.stable(items), <[u64]>::sort)),
        "unstable" => Some(timed(items, budget, |items| how.unstable(items), <[u64]>::sort)),
        "by_key" => {
            let expected = |items: &mut [u64]| items.sort_by_key(key);
            Some(timed(items, budget, |items| how.by_key(items), expected))
        }
        _ => None,
    }
}

fn timed(
    items: u64,
    budget: Duration,
    sort: impl Fn(&mut [u64]),
    expected: impl Fn(&mut [u64]),
) -> Sample {
    let given: Vec<u64> = numbers().take(items as usize).collect();
    let mut items = given.clone();
    sort(&mut items);
    let mut right = given.clone();
    expected(&mut right);
    assert!(items == right, "wrong order");
    drop(right);
    measure::run_timed(budget, || {
        items.copy_from_slice(&given);
        let start = Instant::now();
        sort(black_box(&mut items));
        (start.elapsed().as_secs_f64(), true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[test]
    fn every_case_has_work() {
        for case in suite::find("sort").unwrap().cases {
            let sample = run(case.name, 1000, &InOrder, Duration::ZERO);
            assert!(sample.is_some(), "{}", case.name);
        }
        assert!(run("nonesuch", 1, &InOrder, Duration::ZERO).is_none());
    }

    /// Sorts by all of an item where equal keys should keep their order, and not at all else.
    struct Wrong;

    impl Sort for Wrong {
        fn stable(&self, _: &mut [u64]) {}
        fn unstable(&self, _: &mut [u64]) {}
        fn by_key(&self, items: &mut [u64]) {
            items.sort_by_key(|n| (key(n), *n));
        }
    }

    #[test]
    fn wrong_orders_are_noticed() {
        for case in ["stable", "unstable", "by_key"] {
            let wrong = std::panic::catch_unwind(|| run(case, 10_000, &Wrong, Duration::ZERO));
            assert!(wrong.is_err(), "{case}");
        }
    }
}
