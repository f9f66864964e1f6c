//! Every item is dropped once, whatever becomes of the call.
//!
//! Counters of drops are arrays with a byte for each item: a single counter that several
//! leaves change would be a conflict.
use crate::{LENS, numbers};
use detpar::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

static DROPS: [AtomicU8; 1000] = [const { AtomicU8::new(0) }; 1000];

/// Counts its drops, and has memory to free.
#[derive(Debug)]
pub struct Counted(pub usize, #[expect(dead_code)] pub Option<Box<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        DROPS[self.0].fetch_add(1, Relaxed);
    }
}

pub fn counted(len: usize, boxed: bool) -> Vec<Counted> {
    DROPS.iter().for_each(|n| n.store(0, Relaxed));
    (0..len).map(|i| Counted(i, boxed.then(|| Box::new(i)))).collect()
}

/// All of the first `len` items, and no others, were dropped so many times.
#[track_caller]
pub fn assert_drops(len: usize, times: u8) {
    for (i, n) in DROPS.iter().enumerate() {
        let expected = if i < len { times } else { 0 };
        assert_eq!(n.load(Relaxed), expected, "item {i} of {len}");
    }
}

pub fn dropped_once() {
    for len in LENS {
        let v = counted(len, true);
        v.par_iter().for_each(|_| ());
        assert_drops(len, 0);
        v.into_par_iter().for_each(drop);
        assert_drops(len, 1);

        let kept: Vec<Counted> = counted(len, true).into_par_iter().collect();
        assert_drops(len, 0);
        drop(kept);
        assert_drops(len, 1);

        let last = counted(len, true).into_par_iter().reduce_with(|_, b| b);
        assert_drops(len.saturating_sub(1), 1);
        drop(last);
        assert_drops(len, 1);

        drop(counted(len, true).into_par_iter());
        assert_drops(len, 1);
    }
    DROPS.iter().for_each(|n| n.store(0, Relaxed));
    [0, 1, 2].map(|i| Counted(i, None)).into_par_iter().for_each(drop);
    assert_drops(3, 1);
}

pub fn dropped_once_when_cut_short() {
    for len in LENS {
        counted(len, true).into_par_iter().take(5).for_each(drop);
        assert_drops(len, 1);
        counted(len, true).into_par_iter().skip(5).rev().for_each(drop);
        assert_drops(len, 1);
        counted(len, true).into_par_iter().zip(0..3).for_each(drop);
        assert_drops(len, 1);
        (0..3).into_par_iter().zip(counted(len, true)).for_each(drop);
        assert_drops(len, 1);
        let mut first = counted(len, true);
        let second = first.split_off(len / 3);
        first.into_par_iter().chain(second).filter(|c| c.0 % 2 == 0).for_each(drop);
        assert_drops(len, 1);
        drop(counted(len, true).into_par_iter().find_any(|c| c.0 % 10 == 9));
        assert_drops(len, 1);
        let check = |c: Counted| if c.0 % 10 == 3 { Err(c) } else { Ok(c) };
        drop(counted(len, true).into_par_iter().map(check).collect::<Result<Vec<_>, _>>());
        assert_drops(len, 1);
    }
}

/// Whether the kernel takes back what a failed child wrote. The serial stub does not: there
/// the child's drops are the parent's.
pub fn rolls_back() -> bool {
    static TOUCHED: AtomicU8 = AtomicU8::new(0);
    let failed = catch_unwind(|| {
        (0..1).into_par_iter().for_each(|_| {
            TOUCHED.store(1, Relaxed);
            panic!("expected: probes whether a failed child is rolled back");
        })
    });
    assert!(failed.is_err());
    TOUCHED.load(Relaxed) == 0
}

pub fn panics() {
    for len in [1, 2, 17, 1000] {
        let failed = catch_unwind(|| {
            (0..len).into_par_iter().for_each(|i| {
                if i == len / 2 || i == len - 1 {
                    panic!("expected: item {i}");
                }
            })
        });
        let payload = failed.expect_err("a child's panic is continued");
        let message = payload.downcast_ref::<String>().expect("a message");
        assert_eq!(*message, format!("expected: item {}", len / 2));
    }
}

pub fn dropped_once_on_panic() {
    if !rolls_back() {
        println!("  (skipped: this kernel does not roll back failed children)");
        return;
    }
    for len in LENS.into_iter().filter(|len| *len > 0) {
        for bad in [0, len / 2, len - 1] {
            let v = counted(len, true);
            let call = AssertUnwindSafe(|| {
                v.into_par_iter().for_each(|c| assert_ne!(c.0, bad, "expected"));
            });
            assert!(catch_unwind(call).is_err());
            assert_drops(len, 1);

            let mut first = counted(len, true);
            let second = first.split_off(len / 3);
            let call = AssertUnwindSafe(|| {
                first.into_par_iter().chain(second).for_each(|c| assert_ne!(c.0, bad, "expected"));
            });
            assert!(catch_unwind(call).is_err());
            assert_drops(len, 1);

            let v = counted(len, true);
            let call = AssertUnwindSafe(|| {
                let pass = |c: Counted| if c.0 == bad { panic!("expected") } else { c };
                v.into_par_iter().map(pass).collect::<Vec<_>>()
            });
            assert!(catch_unwind(call).is_err());
            assert_drops(len, 1);
        }
    }
}

pub fn nothing_kept_on_panic() {
    if !rolls_back() {
        println!("  (skipped: this kernel does not roll back failed children)");
        return;
    }
    let mut v = numbers(300);
    let call = AssertUnwindSafe(|| {
        v.par_iter_mut().enumerate().for_each(|(i, n)| {
            *n = -1;
            assert_ne!(i, 299, "expected");
        })
    });
    assert!(catch_unwind(call).is_err());
    assert_eq!(v, numbers(300));
}
