//! Parallel iterators against std's. Without the standard harness, which starts threads: the
//! tests run one after another in the master space.
use detpar::iter::width::Width;
use detpar::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::ops::ControlFlow;
use std::panic::catch_unwind;
use std::process::ExitCode;

#[path = "iter/drops.rs"]
mod drops;
use drops::*;
#[path = "iter/engines.rs"]
mod engines;
#[path = "iter/pool.rs"]
mod pool;
#[path = "iter/slices.rs"]
mod slices;
#[path = "iter/sorts.rs"]
mod sorts;
#[path = "iter/sources.rs"]
mod sources;
#[path = "iter/text.rs"]
mod text;

#[path = "iter/cuts.rs"]
mod cuts;
#[path = "iter/foreign.rs"]
mod foreign;
#[path = "iter/forks.rs"]
mod forks;
#[path = "iter/methods.rs"]
mod methods;
#[path = "iter/panics.rs"]
mod panics;
#[path = "iter/states.rs"]
mod states;

const LENS: [usize; 13] = [0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 255, 256, 1000];

fn main() -> ExitCode {
    // Before there are workers.
    if !engines::others() {
        return ExitCode::FAILURE;
    }
    detpar::__private::main(run)
}

macro_rules! tests {
    ($($name:path)*) => { [$((stringify!($name), $name as fn())),*] };
}

fn run() -> ExitCode {
    let tests = tests! {
        adaptors_one_by_one
        adaptors_of_indices
        chains
        consumers
        ties
        finding
        fold_has_one_item_for_each_leaf
        limits_of_leaves
        float_sums
        slices_and_chunks
        vec_by_value
        ranges
        long_ranges
        collections
        results_and_options
        try_for_each
        extend
        cuts::of_the_usual
        sources::collections_by_reference
        sources::queues_in_two_slices
        sources::generated
        sources::split_data
        sources::trees
        sources::bridges
        sources::extended
        sources::drained
        slices::pieces_of_slices
        slices::splits_of_pieces
        slices::parts_of_slices
        text::characters
        text::parts_of_text
        text::long_text
        sorts::sorted
        sorts::sorted_stably
        sorts::sorted_by_nonsense
        sorts::sorted_by_cached_keys
        pool::pools
        pool::spawned
        pool::broadcasts
        dropped_once
        dropped_once_when_cut_short
        panics
        dropped_once_on_panic
        nothing_kept_on_panic
        sources::dropped_once_by_drains
        sorts::dropped_once_by_sorts
        methods::parts_of_items
        methods::flat
        methods::pairs_of_collections
        methods::reductions
        methods::searches
        methods::comparisons
        methods::cut_short
        methods::behind_a_cut_nothing_is_seen
        methods::reordered
        methods::blocks
        methods::tuples
        methods::misuse
        states::one_for_each_leaf
        states::folds
        states::folds_that_fail
        states::chunks
        cuts::indexed
        cuts::unindexed
        foreign::in_blocks
        foreign::wrongly_counted
        foreign::of_wrong_length
        forks::every_adaptor
        forks::every_method
        panics::all_dropped_once
        panics::first_reported_and_all_dropped_once
    };
    let (mut passed, mut failed) = (0, 0);
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    for (name, test) in tests.into_iter().filter(|(name, _)| name.contains(&only)) {
        let ok = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
        *if ok { &mut passed } else { &mut failed } += 1;
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Numbers without a pattern, the same in every run.
fn numbers(len: usize) -> Vec<i64> {
    let mut state = 42u64;
    let next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as i64 % 1000
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Compares a parallel with a sequential iterator.
#[track_caller]
fn same<T, P, S>(parallel: P, sequential: S)
where
    T: Send + PartialEq + Debug,
    P: ParallelIterator<Item = T>,
    S: Iterator<Item = T>,
{
    let parallel: Vec<T> = parallel.collect();
    assert_eq!(parallel, sequential.collect::<Vec<T>>());
}

fn adaptors_one_by_one() {
    for len in LENS {
        let v = numbers(len);
        same(v.par_iter(), v.iter());
        same(v.par_iter().map(|n| n * 2), v.iter().map(|n| n * 2));
        same(v.par_iter().copied(), v.iter().copied());
        let strings: Vec<String> = v.iter().map(i64::to_string).collect();
        same(strings.par_iter().cloned(), strings.iter().cloned());
        same(v.par_iter().filter(|n| **n > 0), v.iter().filter(|n| **n > 0));
        let some = |n: &i64| (n % 3 == 0).then_some(n / 3);
        same(v.par_iter().filter_map(some), v.iter().filter_map(some));
        let few = |n: &i64| 0..(n & 3);
        same(v.par_iter().flat_map_iter(few), v.iter().flat_map(few));
        same(v.par_iter().inspect(|_| ()), v.iter());
        let odd = |n: &&i64| **n % 2 != 0;
        same(v.par_iter().filter(odd).map(|n| n + 1), v.iter().filter(odd).map(|n| n + 1));
    }
}

fn adaptors_of_indices() {
    for len in LENS {
        let v = numbers(len);
        same(v.par_iter().enumerate(), v.iter().enumerate());
        same(v.par_iter().rev(), v.iter().rev());
        same(v.par_iter().enumerate().rev(), v.iter().enumerate().rev());
        same(v.par_iter().rev().enumerate(), v.iter().rev().enumerate());
        for other in [0, 1, len / 2, len, len + 1, 2 * len] {
            let w = numbers(other);
            same(v.par_iter().zip(&w), v.iter().zip(&w));
            same(v.par_iter().zip(w.clone()), v.iter().zip(w.clone()));
            same(v.par_iter().zip(&w).rev(), v.iter().zip(&w).rev());
            same(v.par_iter().take(other), v.iter().take(other));
            same(v.par_iter().skip(other), v.iter().skip(other));
            same(v.par_iter().rev().skip(other), v.iter().rev().skip(other));
            same(v.par_iter().chain(&w), v.iter().chain(&w));
            same(v.par_iter().chain(&w).enumerate(), v.iter().chain(&w).enumerate());
            same(v.par_iter().chain(&w).rev(), v.iter().chain(&w).rev());
            let odd = |n: &&i64| **n % 2 != 0;
            same(v.par_iter().filter(odd).chain(&w), v.iter().filter(odd).chain(&w));
        }
        same(v.par_iter().zip_eq(&v).map(|(a, b)| a + b), v.iter().map(|n| 2 * n));
        same(v.par_iter().map(|n| n + 1).zip(0..len), v.iter().map(|n| n + 1).zip(0..len));
        assert_eq!(v.par_iter().skip(3).take(5).len(), v.iter().skip(3).take(5).len());
    }
    assert!(catch_unwind(|| [1].par_iter().zip_eq(&[1, 2])).is_err());
}

fn chains() {
    let leaves = |iter: detpar::iter::Chain<_, _>| iter.fold(|| 0, |n, _: usize| n + 1).count();
    let range = |len: usize| (0..len).into_par_iter().with_max_len(1);
    assert_eq!(leaves(range(100).chain(range(0))), 101);
    // More leaves than a construct has children.
    assert_eq!(leaves(range(1000).chain(range(900))), 1900);
    same(range(1000).chain(range(900)).map(|n| n + 1), (0..1000).chain(0..900).map(|n| n + 1));
    let (v, w, odd) = (numbers(100), numbers(50), |n: &&i64| **n % 2 != 0);
    let strings = || v.par_iter().filter(odd).chain(w.par_iter().rev()).map(i64::to_string);
    let chain = strings().chain(vec![String::new(); 30]).chain(None).chain(strings());
    let strings = || v.iter().filter(odd).chain(w.iter().rev()).map(i64::to_string);
    same(chain, strings().chain(vec![String::new(); 30]).chain(strings()));
    let folded = (0..20u8).into_par_iter().fold(|| 0, |a, b| a + b).chain(0..=u8::MAX);
    same(folded, [1, 5, 9, 13].into_iter().chain(8..20).chain(0..=u8::MAX));
    let v: Vec<f64> = v.into_iter().map(|n| n as f64 / 3.0).collect();
    let sum: f64 = v.par_iter().chain(&v[..50]).sum();
    assert_eq!(sum.to_bits(), (sum_by_the_book(&v) + sum_by_the_book(&v[..50])).to_bits());
    let failed: Result<Vec<u64>, u64> =
        (0..9).into_par_iter().chain(9..=20).map(|n| if n < 8 { Ok(n) } else { Err(n) }).collect();
    assert_eq!(failed, Err(8));
}

fn consumers() {
    for len in LENS {
        let v = numbers(len);
        assert_eq!(v.par_iter().sum::<i64>(), v.iter().sum::<i64>());
        assert_eq!(v.par_iter().map(|n| n & 1 | 1).product::<i64>(), 1);
        assert_eq!(v.par_iter().count(), len);
        assert_eq!(v.par_iter().filter(|n| **n < 0).count(), 0);
        assert_eq!(v.par_iter().copied().reduce(|| 0, |a, b| a + b), v.iter().sum::<i64>());
        // Not commutative: the order shows.
        let text = v.par_iter().map(i64::to_string).reduce(String::new, |a, b| a + &b);
        assert_eq!(text, v.iter().map(i64::to_string).collect::<String>());
        let text = v.par_iter().map(i64::to_string).reduce_with(|a, b| a + "," + &b);
        let words: Vec<String> = v.iter().map(i64::to_string).collect();
        assert_eq!(text.unwrap_or_default(), words.join(","));
        assert_eq!(v.par_iter().min(), v.iter().min());
        assert_eq!(v.par_iter().max(), v.iter().max());
    }
}

fn ties() {
    for len in LENS {
        let v: Vec<(usize, i64)> = numbers(len).into_iter().map(|n| n % 7).enumerate().collect();
        assert_eq!(v.par_iter().min_by_key(|p| p.1), v.iter().min_by_key(|p| p.1));
        assert_eq!(v.par_iter().max_by_key(|p| p.1), v.iter().max_by_key(|p| p.1));
        let by = |a: &&(usize, i64), b: &&(usize, i64)| a.1.cmp(&b.1);
        assert_eq!(v.par_iter().min_by(by), v.iter().min_by(by));
        assert_eq!(v.par_iter().max_by(by), v.iter().max_by(by));
    }
}

fn finding() {
    for len in LENS {
        let v = numbers(len);
        for rest in [0, 1, 17, 2000] {
            let hit = |n: &&i64| **n % 100 == rest;
            assert_eq!(v.par_iter().find_first(hit), v.iter().find(hit));
            assert_eq!(v.par_iter().find_any(hit), v.iter().find(hit));
            assert_eq!(v.par_iter().find_last(hit), v.iter().rfind(hit));
            let hit = |n: &i64| *n % 100 == rest;
            assert_eq!(v.par_iter().any(hit), v.iter().any(hit));
            assert_eq!(v.par_iter().all(|n| !hit(n)), v.iter().all(|n| !hit(n)));
            assert_eq!(v.par_iter().position_first(hit), v.iter().position(hit));
        }
    }
}

fn fold_has_one_item_for_each_leaf() {
    for len in LENS {
        let leaves: Vec<Vec<usize>> = (0..len)
            .into_par_iter()
            .fold(Vec::new, |mut v, i| {
                v.push(i);
                v
            })
            .collect();
        // Of nothing there is one: the identity.
        assert_eq!(leaves.len(), Width::of(len).leaves().max(1));
        assert_eq!(leaves.concat(), (0..len).collect::<Vec<_>>());
        for (i, leaf) in leaves.iter().enumerate().filter(|_| len > 0) {
            assert_eq!(leaf[0], Width::of(len).start(i));
        }
    }
}

fn limits_of_leaves() {
    let leaves = |iter: detpar::iter::MaxLen<_>| iter.fold(|| 0, |n, _: usize| n + 1).count();
    let range = |len: usize| (0..len).into_par_iter();
    assert_eq!(leaves(range(100).with_min_len(40).with_max_len(1000)), 2);
    assert_eq!(leaves(range(100).with_min_len(1000).with_max_len(1000)), 1);
    assert_eq!(leaves(range(100).with_min_len(1).with_max_len(1)), 100);
    assert_eq!(leaves(range(100).with_min_len(10).with_max_len(1)), 10);
    assert_eq!(leaves(range(2000).with_min_len(1).with_max_len(1)), 1024);
    let v = numbers(300);
    same(v.par_iter().with_max_len(2).map(|n| n + 1), v.iter().map(|n| n + 1));
    same(v.par_iter().with_min_len(99).enumerate(), v.iter().enumerate());
}

/// The documented shape, written down a second time.
fn sum_by_the_book(v: &[f64]) -> f64 {
    fn tree(leaves: &[f64]) -> f64 {
        match leaves {
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().div_ceil(2));
                tree(left) + tree(right)
            }
        }
    }
    let leaves = match v.len() {
        0 => return v.iter().sum(),
        1..=16 => v.len(),
        17..=255 => 16,
        256..=1023 => 32,
        _ => 64,
    };
    let (mut rest, mut sums) = (v, Vec::new());
    for i in 0..leaves {
        let (leaf, after) = rest.split_at(v.len() / leaves + usize::from(i < v.len() % leaves));
        sums.push(leaf.iter().fold(-0.0, |sum, x| sum + x));
        rest = after;
    }
    assert!(rest.is_empty());
    tree(&sums)
}

fn float_sums() {
    let mut differs = false;
    for len in LENS.into_iter().chain([1024, 5000]) {
        let scale = |(i, n): (usize, i64)| n as f64 * 10f64.powi(i as i32 % 31 - 15) / 3.0;
        let v: Vec<f64> = numbers(len).into_iter().enumerate().map(scale).collect();
        let expected = sum_by_the_book(&v).to_bits();
        for _ in 0..3 {
            assert_eq!(v.par_iter().sum::<f64>().to_bits(), expected);
            let sum = v.par_iter().copied().filter(|_| true).sum::<f64>();
            assert_eq!(sum.to_bits(), expected);
            let sum = v.par_iter().copied().reduce(|| -0.0, |a, b| a + b);
            assert_eq!(sum.to_bits(), expected);
            let sum = v.clone().into_par_iter().map(|x| x).sum::<f64>();
            assert_eq!(sum.to_bits(), expected);
        }
        differs |= v.iter().sum::<f64>().to_bits() != expected;
    }
    assert!(differs, "the numbers do not tell one order of additions from another");
    let thirds: Vec<f64> = (1..=1000).map(|i| 1.0 / i as f64).collect();
    assert_eq!(thirds.par_iter().sum::<f64>().to_bits(), 0x401d_f11f_45f4_e619);
}

fn slices_and_chunks() {
    for len in LENS {
        let v = numbers(len);
        let mut w = v.clone();
        w.par_iter_mut().for_each(|n| *n += 1);
        assert_eq!(w, v.iter().map(|n| n + 1).collect::<Vec<_>>());
        // Neighbouring bytes written by different leaves.
        let mut bytes = vec![0u8; len];
        bytes.par_iter_mut().enumerate().for_each(|(i, b)| *b = i as u8 ^ 0x5a);
        assert!(bytes.iter().enumerate().all(|(i, b)| *b == i as u8 ^ 0x5a));
        for size in [1, 2, 7, 64, 5000] {
            same(v.par_chunks(size), v.chunks(size));
            same(v.par_chunks(size).rev(), v.chunks(size).rev());
            w.par_chunks_mut(size).enumerate().for_each(|(i, c)| c.fill(i as i64));
            assert!(w.iter().enumerate().all(|(i, n)| *n == (i / size) as i64));
        }
    }
    let mut pairs = [(1, 'a'), (2, 'b')];
    pairs.par_iter_mut().for_each(|(n, _)| *n *= 2);
    assert_eq!(pairs, [(2, 'a'), (4, 'b')]);
    let mut option = Some(3);
    option.par_iter_mut().for_each(|n| *n += 1);
    same(option.into_par_iter().chain(None), [4].into_iter());
    assert!(catch_unwind(|| [1].par_chunks(0)).is_err());
}

fn vec_by_value() {
    for len in LENS {
        let v: Vec<String> = numbers(len).iter().map(i64::to_string).collect();
        same(v.clone().into_par_iter(), v.clone().into_iter());
        same(v.clone().into_par_iter().rev(), v.clone().into_iter().rev());
        same(v.clone().into_par_iter().map(|s| s + "!"), v.iter().map(|s| s.clone() + "!"));
        same(vec![(); len].into_par_iter(), vec![(); len].into_iter());
    }
    same(
        ["a", "b", "c"].map(String::from).into_par_iter(),
        ["a", "b", "c"].map(String::from).into_iter(),
    );
}

fn ranges() {
    macro_rules! range {
        ($($t:ty),*) => {$(
            let (min, max) = (<$t>::MIN, <$t>::MAX);
            for (a, b) in [(0, 0), (0, 100), (3, 1), (min, min + 20), (max - 20, max), (5, 6)] {
                same((a..b).into_par_iter(), a..b);
                same((a..=b).into_par_iter(), a..=b);
                assert_eq!((a..=b).into_par_iter().opt_len(), Some((a..=b).count()));
            }
        )*};
    }
    range!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
    same((-100..100i8).into_par_iter().rev().enumerate(), (-100..100i8).rev().enumerate());
    same((i8::MIN..=i8::MAX).into_par_iter().enumerate(), (i8::MIN..=i8::MAX).enumerate());
    for (a, b) in [('a', 'z'), ('\u{d7f0}', '\u{e010}'), ('z', 'a'), ('\u{d7ff}', '\u{e000}')] {
        same((a..b).into_par_iter(), a..b);
        same((a..=b).into_par_iter().rev(), (a..=b).rev());
    }
    same(('\0'..=char::MAX).into_par_iter(), '\0'..=char::MAX);
    let mut used = 0..=1u64;
    assert_eq!(used.by_ref().count(), 2);
    assert_eq!(used.into_par_iter().count(), 0);
    assert_eq!((0..1_000_000u64).into_par_iter().sum::<u64>(), 499_999_500_000);
}

fn long_ranges() {
    // Each leaf stops at its first item, so that the length does not matter.
    assert_eq!((0..=u64::MAX).into_par_iter().opt_len(), None);
    assert_eq!((0..=u64::MAX).into_par_iter().find_any(|_| true), Some(0));
    assert_eq!((0..=u128::MAX).into_par_iter().find_any(|_| true), Some(0));
    assert_eq!((i128::MIN..i128::MAX).into_par_iter().find_any(|_| true), Some(i128::MIN));
    let failed: Result<(), u64> = (0..=u64::MAX).into_par_iter().map(Err::<(), _>).collect();
    assert_eq!(failed, Err(0));
}

fn collections() {
    for len in LENS {
        let v = numbers(len);
        let pairs = || v.par_iter().copied().enumerate().map(|(i, n)| (n, i));
        let std_pairs = || v.iter().copied().enumerate().map(|(i, n)| (n, i));
        // The last of equal keys stays: the order shows.
        assert_eq!(pairs().collect::<HashMap<_, _>>(), std_pairs().collect());
        assert_eq!(pairs().collect::<BTreeMap<_, _>>(), std_pairs().collect());
        assert_eq!(v.par_iter().collect::<HashSet<_>>(), v.iter().collect());
        assert_eq!(v.par_iter().collect::<BTreeSet<_>>(), v.iter().collect());
        assert_eq!(v.par_iter().collect::<VecDeque<_>>(), v.iter().collect::<VecDeque<_>>());
        assert_eq!(*v.par_iter().copied().collect::<Box<[i64]>>(), *v);
        let collected: Vec<i64> = v.par_iter().copied().collect();
        assert_eq!(collected.capacity(), len);
        let collected: Vec<i64> = v.par_iter().copied().filter(|n| *n < 10).collect();
        assert!(collected.capacity() <= collected.len().max(4));

        let words: Vec<String> = v.iter().map(i64::to_string).collect();
        let text = words.concat();
        assert_eq!(words.par_iter().map(String::as_str).collect::<String>(), text);
        assert_eq!(words.par_iter().cloned().collect::<String>(), text);
        let chars: Vec<char> = text.chars().collect();
        assert_eq!(chars.par_iter().collect::<String>(), text);
        assert_eq!(chars.par_iter().copied().collect::<String>(), text);
    }
}

fn results_and_options() {
    for len in LENS {
        let v = numbers(len);
        for limit in [0, 500, 990, 1000] {
            let check = |n: &i64| if *n < limit { Ok(*n) } else { Err(*n) };
            let expected: Result<Vec<i64>, i64> = v.iter().map(check).collect();
            assert_eq!(v.par_iter().map(check).collect::<Result<Vec<_>, _>>(), expected);
            let some = |n: &i64| check(n).ok();
            assert_eq!(v.par_iter().map(some).collect::<Option<Vec<_>>>(), expected.clone().ok());
            let set: Result<BTreeSet<i64>, i64> = v.par_iter().map(check).collect();
            assert_eq!(set, expected.map(|v| v.into_iter().collect()));
            let unit = |n: &i64| check(n).map(drop);
            let nothing: Result<(), i64> = v.par_iter().map(unit).collect();
            assert_eq!(nothing, v.iter().try_for_each(unit));
        }
    }
}

fn try_for_each() {
    for len in LENS {
        let v = numbers(len);
        let check = |n: &i64| if *n < 900 { Ok(()) } else { Err(*n) };
        assert_eq!(v.par_iter().try_for_each(check), v.iter().try_for_each(check));
        let check = |n: &i64| check(n).ok();
        assert_eq!(v.par_iter().try_for_each(check), v.iter().try_for_each(check));
        let check =
            |n: &i64| if *n < 5 { ControlFlow::Break(*n) } else { ControlFlow::Continue(()) };
        assert_eq!(v.par_iter().try_for_each(check), v.iter().try_for_each(check));
    }
}

fn extend() {
    let mut v = vec![1, 2];
    v.par_extend(vec![3, 4]);
    v.par_extend((5..7).into_par_iter().filter(|n| n % 2 == 1));
    assert_eq!(v, [1, 2, 3, 4, 5]);
    let mut s = String::from("a");
    s.par_extend(vec!['b', 'c']);
    assert_eq!(s, "abc");
    let mut m = HashMap::from([(1, 'a')]);
    m.par_extend(vec![(1, 'b'), (2, 'c')]);
    assert_eq!(m, HashMap::from([(1, 'b'), (2, 'c')]));
    let mut reused = Vec::with_capacity(100);
    (0..9).into_par_iter().collect_into_vec(&mut reused);
    assert_eq!((reused.len(), reused.capacity()), (9, 100));
}
