//! Sorts, below and above the length from which they are parallel.
use crate::drops::*;
use crate::numbers;
use detpar::prelude::*;
use std::cmp::{Ordering, Reverse};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;

const LENS: [usize; 7] = [0, 1, 100, 32_767, 32_768, 33_000, 100_001];

/// Inputs of all the shapes that sorts treat apart.
fn inputs(len: usize) -> [Vec<i64>; 6] {
    let v = numbers(len);
    let wide = v.iter().enumerate().map(|(i, n)| n * 1_000_003 + i as i64 % 97).collect();
    let few = v.iter().map(|n| n % 3).collect();
    let mut almost: Vec<i64> = (0..len as i64).collect();
    (1..len / 100).for_each(|i| almost.swap(i, len - i));
    let (up, down) = ((0..len as i64).collect(), (0..len as i64).rev().collect());
    [wide, few, almost, up, down, vec![7; len]]
}

pub fn sorted() {
    for len in LENS {
        for v in inputs(len) {
            let mut expected = v.clone();
            expected.sort();
            macro_rules! sorted {
                ($(|$w:ident| $sort:expr;)*) => {$({
                    let mut $w = v.clone();
                    $sort;
                    assert_eq!($w, expected);
                })*};
            }
            sorted! {
                |w| w.par_sort();
                |w| w.par_sort_unstable();
                |w| w.par_sort_by(|a, b| a.cmp(b));
                |w| w.par_sort_unstable_by(|a, b| a.cmp(b));
            }
            expected.reverse();
            sorted! {
                |w| w.par_sort_by_key(|n| Reverse(*n));
                |w| w.par_sort_unstable_by_key(|n| Reverse(*n));
                |w| w.par_sort_by_cached_key(|n| Reverse(*n));
            }
        }
    }
    // Items with memory, of an odd size, and without any.
    let mut words: Vec<(String, u8)> =
        numbers(40_000).into_iter().map(|n| (n.to_string(), n as u8)).collect();
    let mut expected = words.clone();
    expected.sort();
    words.par_sort();
    assert_eq!(words, expected);
    [(); 40_000].par_sort();
}

pub fn sorted_stably() {
    for len in LENS {
        for v in inputs(len) {
            let v: Vec<(i64, usize)> = v.into_iter().map(|n| n % 50).zip(0..).collect();
            let mut expected = v.clone();
            expected.sort_by_key(|p| p.0);
            let mut w = v.clone();
            w.par_sort_by_key(|p| p.0);
            assert_eq!(w, expected);
            let mut w = v.clone();
            w.par_sort_by(|a, b| a.0.cmp(&b.0));
            assert_eq!(w, expected);
            let mut w = v;
            w.par_sort_by_cached_key(|p| p.0);
            assert_eq!(w, expected);
        }
    }
}

/// No order at all: the result has all items and is the same each time.
pub fn sorted_by_nonsense() {
    let nonsense = |a: &i64, b: &i64| match (a.wrapping_mul(31) ^ b.wrapping_mul(17)) % 5 {
        0 => Ordering::Equal,
        1 | -2 | 3 => Ordering::Less,
        _ => Ordering::Greater,
    };
    for len in [33_000, 50_000] {
        let v = numbers(len);
        let mut expected = v.clone();
        expected.sort();
        let sort = |stable: bool| {
            let mut w = v.clone();
            let call = AssertUnwindSafe(|| match stable {
                true => w.par_sort_by(nonsense),
                false => w.par_sort_unstable_by(nonsense),
            });
            // std's sorts may panic where there is no order.
            let failed = catch_unwind(call).is_err();
            let mut all = w.clone();
            all.sort();
            assert_eq!(all, expected);
            (w, failed)
        };
        assert_eq!(sort(true), sort(true));
        assert_eq!(sort(false), sort(false));
    }
}

/// A key is made once for each item, by the child that has it.
pub fn sorted_by_cached_keys() {
    let calls = [const { AtomicU8::new(0) }; 6000];
    let mut v: Vec<(i64, usize)> = numbers(6000).into_iter().zip(0..).collect();
    let mut expected = v.clone();
    expected.sort_by_key(|p| p.0.to_string());
    v.par_sort_by_cached_key(|p| {
        calls[p.1].fetch_add(1, Relaxed);
        p.0.to_string()
    });
    assert_eq!(v, expected);
    assert!(calls.iter().all(|n| n.load(Relaxed) == 1));
}

/// A comparison that panics in the sort of a run or in a merge loses and doubles no item.
pub fn dropped_once_by_sorts() {
    if !rolls_back() {
        println!("  (skipped: this kernel does not roll back failed children)");
        return;
    }
    let order = numbers(1000);
    // Each number forty times, so that the slice is long enough; the first one has memory.
    for bad in [0, 500, 999] {
        for stable in [true, false] {
            let mut v: Vec<(usize, Option<Counted>)> =
                (0..40_000).map(|i| (i % 1000, None)).collect();
            v.iter_mut().zip(counted(1000, true)).for_each(|(p, c)| p.1 = Some(c));
            let compare = |a: &(usize, Option<Counted>), b: &(usize, Option<Counted>)| {
                assert!(a.0 != bad || b.0 != (bad + 1) % 1000, "expected");
                order[a.0].cmp(&order[b.0])
            };
            let call = AssertUnwindSafe(|| match stable {
                true => v.par_sort_by(compare),
                false => v.par_sort_unstable_by(compare),
            });
            drop(catch_unwind(call));
            assert_drops(1000, 0);
            let mut kept: Vec<usize> = v.iter().map(|p| p.0).collect();
            kept.sort();
            assert!(kept.iter().enumerate().all(|(i, n)| *n == i / 40));
            drop(v);
            assert_drops(1000, 1);
        }
    }
}
