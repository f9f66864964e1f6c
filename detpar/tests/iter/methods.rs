//! Methods of both traits against std's, on numbers without a pattern.
use crate::{numbers, same};
use detpar::iter::Either;
use detpar::prelude::*;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet, LinkedList};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Lengths on both sides of those at which the cut changes, and some that are in none's way.
pub fn lens() -> impl Iterator<Item = usize> {
    let random = numbers(4).into_iter().map(|n| n.unsigned_abs() as usize % 400);
    [0, 1, 2, 3, 16, 17, 257].into_iter().chain(random)
}

fn odd(n: &i64) -> bool {
    n % 2 != 0
}

pub fn parts_of_items() {
    for len in lens() {
        let v = numbers(len);
        same(v.clone().into_par_iter().update(|n| *n *= 2), v.iter().map(|n| n * 2));
        same(v.par_iter().panic_fuse(), v.iter());
        same(v.par_iter().positions(odd), (0..len).filter(|i| odd(&v[*i])));
        same(v.par_iter().update(|_| ()).panic_fuse().enumerate(), v.iter().enumerate());
        for list in
            [v.par_iter().collect_vec_list(), v.par_iter().filter(|_| true).collect_vec_list()]
        {
            assert!(list.iter().all(|part| !part.is_empty()));
            assert_eq!(
                list.into_iter().flatten().collect::<Vec<_>>(),
                v.iter().collect::<Vec<_>>()
            );
        }
        assert!(v.par_iter().filter(|_| false).collect_vec_list().is_empty());
    }
}

pub fn flat() {
    for len in [0, 1, 3, 20] {
        let v = numbers(len);
        let few = |n: i64| 0..(n & 3);
        same(v.clone().into_par_iter().flat_map(few), v.clone().into_iter().flat_map(few));
        let strings = |n: i64| vec![n.to_string(); (n & 3) as usize];
        same(v.clone().into_par_iter().flat_map(strings), v.clone().into_iter().flat_map(strings));
        let nested: Vec<Vec<i64>> = v.iter().map(|n| few(*n).collect()).collect();
        same(nested.clone().into_par_iter().flatten(), nested.iter().flatten().copied());
        same(nested.par_iter().flatten(), nested.iter().flatten());
        same(nested.par_iter().flatten_iter(), nested.iter().flatten());
        same(v.par_iter().flat_map(Some).filter(|n| odd(n)), v.iter().filter(|n| odd(n)));
    }
    // Long inner ones have leaves of their own.
    same((0..3).into_par_iter().flat_map(|n| n..300), (0..3).flat_map(|n| n..300));
    let leaves =
        (0..3).into_par_iter().flat_map(|_| (0..64).into_par_iter().fold(|| 0, |n, _| n + 1));
    same(leaves, vec![4; 48].into_iter());
    assert_eq!((0..3).into_par_iter().flat_map(|n| n..300).find_any(|n| *n == 1), Some(1));
}

pub fn pairs_of_collections() {
    for len in lens() {
        let v = numbers(len);
        let pairs = || v.par_iter().map(|n| (*n, n.to_string()));
        let expected: (Vec<i64>, Vec<String>) = v.iter().map(|n| (*n, n.to_string())).unzip();
        assert_eq!(pairs().unzip::<_, _, Vec<_>, Vec<_>>(), expected);
        assert_eq!(pairs().collect::<(Vec<_>, Vec<_>)>(), expected);
        let (set, text): (HashSet<i64>, String) = pairs().unzip();
        assert_eq!(set, expected.0.iter().copied().collect());
        assert_eq!(text, expected.1.concat());
        let (mut a, mut b) = (vec![1; 3], Vec::new());
        pairs().unzip_into_vecs(&mut a, &mut b);
        assert_eq!((a, b), expected);
        let (list, (a, b)): (LinkedList<i64>, (Vec<i64>, BTreeSet<usize>)) =
            v.par_iter().map(|n| (*n, (n + 1, len))).unzip();
        assert_eq!((list.len(), a.len(), b.len()), (len, len, len.min(1)));

        let expected: (Vec<i64>, Vec<i64>) = v.iter().partition(|n| odd(n));
        assert_eq!(v.par_iter().copied().partition::<Vec<_>, Vec<_>, _>(odd), expected);
        let either = |n: &i64| if odd(n) { Either::Left(*n) } else { Either::Right(n.to_string()) };
        let (left, right): (Vec<i64>, String) = v.par_iter().partition_map(either);
        assert_eq!(left, expected.0);
        assert_eq!(right, expected.1.iter().map(i64::to_string).collect::<String>());
        let (left, right): (Vec<i64>, Vec<String>) = v.par_iter().map(either).collect();
        assert_eq!((left, right.concat()), (expected.0, right.concat()));

        let mut one: Either<Vec<i64>, BTreeSet<i64>> = Either::Right(BTreeSet::new());
        one.par_extend(v.clone());
        assert_eq!(one, Either::Right(v.iter().copied().collect()));
        let mut both = (vec![7], HashMap::from([(0, 0)]));
        both.par_extend(v.par_iter().map(|n| (*n, (*n, 1))));
        assert_eq!(both.0.len(), len + 1);
        assert!(v.iter().all(|n| both.1[n] == 1));
    }
}

pub fn reductions() {
    for len in lens() {
        let v = numbers(len);
        let some = |limit: i64| move |n: &i64| (*n < limit).then_some(*n);
        for limit in [2000, 990, 0] {
            let add = |a: i64, b: i64| a.checked_add(b);
            let expected = v.iter().map(some(limit)).sum::<Option<i64>>();
            assert_eq!(v.par_iter().map(some(limit)).try_reduce(|| 0, add), expected);
            let expected = (len > 0).then_some(expected);
            assert_eq!(v.par_iter().map(some(limit)).try_reduce_with(add), expected);
            // The first failure, be it an item's or the operation's.
            let check = |n: &i64| if *n < limit { Ok(*n) } else { Err(*n) };
            let first = v.iter().find(|n| **n >= limit).map_or(Ok(0), |n| Err(*n));
            assert_eq!(v.par_iter().map(check).try_reduce(|| 0, |_, _| Ok(0)), first);
            let sum = |a: &str, b: &str| ControlFlow::<String, String>::Break(format!("{a}{b}"));
            let words = v.par_iter().map(|n| ControlFlow::Continue(n.to_string()));
            let broken = words.try_reduce_with(|a, b| sum(&a, &b));
            if len > 1 && len <= 16 {
                assert_eq!(broken, Some(sum(&v[0].to_string(), &v[1].to_string())));
            }
        }
        let unit = |limit| move |n: &i64| if *n < limit { Ok(()) } else { Err(*n) };
        for limit in [2000, 990, 0] {
            let expected = v.iter().try_for_each(unit(limit));
            let op = |_: &mut u8, n: &i64| unit(limit)(n);
            assert_eq!(v.par_iter().try_for_each_with(0, op), expected);
            assert_eq!(v.par_iter().try_for_each_init(|| 0, op), expected);
        }
    }
}

pub fn searches() {
    for len in lens() {
        let v = numbers(len);
        for rest in [0, 1, 17, 2000] {
            let hit = |n: &i64| (n % 100 == rest).then_some(n / 100);
            assert_eq!(v.par_iter().find_map_first(hit), v.iter().find_map(hit));
            assert_eq!(v.par_iter().find_map_any(hit), v.iter().find_map(hit));
            assert_eq!(v.par_iter().find_map_last(hit), v.iter().rev().find_map(hit));
            let hit = |n: &i64| n % 100 == rest;
            assert_eq!(v.par_iter().find(|n| hit(n)), v.iter().find(|n| hit(n)));
            assert_eq!(v.par_iter().position(hit), v.iter().position(hit));
            assert_eq!(v.par_iter().position_any(hit), v.iter().position(hit));
            assert_eq!(v.par_iter().position_last(hit), v.iter().rposition(hit));
        }
    }
}

pub fn comparisons() {
    for len in lens() {
        let v: Vec<f64> = numbers(len).into_iter().map(|n| n as f64).collect();
        for (at, value) in
            [(0, None), (0, Some(1e6)), (len / 2, Some(-1e6)), (len / 3, Some(f64::NAN))]
        {
            let mut w = v.clone();
            match (w.get_mut(at), value) {
                (Some(item), Some(value)) => *item = value,
                _ => w.push(0.0),
            }
            for (a, b) in [(&v, &w), (&w, &v), (&v, &v), (&w, &w)] {
                let (p, q) = (|| a.par_iter(), || b.par_iter());
                assert_eq!(p().partial_cmp(q()), a.iter().partial_cmp(b));
                assert_eq!(p().eq(q()), a.iter().eq(b));
                assert_eq!(p().ne(q()), a.iter().ne(b));
                assert_eq!(p().lt(q()), a.iter().lt(b));
                assert_eq!(p().le(q()), a.iter().le(b));
                assert_eq!(p().gt(q()), a.iter().gt(b));
                assert_eq!(p().ge(q()), a.iter().ge(b));
            }
        }
        let v = numbers(len);
        for w in
            [v.clone(), numbers(len + 1), v[..len / 2].to_vec(), v.iter().map(|n| n + 1).collect()]
        {
            assert_eq!(v.par_iter().cmp(&w), v.iter().cmp(&w));
            assert_eq!(w.par_iter().cmp(&v), w.iter().cmp(&v));
        }
        assert_eq!(v.par_iter().cmp(&v), Ordering::Equal);
    }
}

pub fn cut_short() {
    for len in lens() {
        let v = numbers(len);
        for limit in [0, 700, 990, 2000] {
            let some = |n: &i64| (*n < limit).then_some(*n);
            same(v.par_iter().map(some).while_some(), v.iter().map_while(some));
            let low = |n: &&i64| **n < limit;
            same(v.par_iter().take_any_while(low), v.iter().take_while(low));
            same(v.par_iter().skip_any_while(low), v.iter().skip_while(low));
            same(
                v.par_iter().filter(|n| odd(n)).skip_any_while(low).map(|n| n + 1),
                v.iter().filter(|n| odd(n)).skip_while(low).map(|n| n + 1),
            );
        }
        for n in [0, 1, 5, len / 2, len, len + 1] {
            same(v.par_iter().take_any(n), v.iter().take(n));
            same(v.par_iter().skip_any(n), v.iter().skip(n));
            let filtered = || v.par_iter().filter(|n| odd(n));
            same(filtered().take_any(n), v.iter().filter(|n| odd(n)).take(n));
            let expected = v.iter().filter(|n| odd(n)).skip(n).chain(v.iter().take(n));
            same(filtered().skip_any(n).chain(v.par_iter().take_any(n)), expected);
        }
    }
    // A leaf takes no more than it needs.
    same((0..u64::MAX).into_par_iter().take_any(3), 0..3);
    let some = |n: usize| (n < 1000).then_some(n);
    let one_leaf = (0..usize::MAX).into_par_iter().with_min_len(usize::MAX);
    same(one_leaf.map(some).while_some(), 0..1000);
}

type Items = Vec<(usize, bool)>;

/// What follows is run for the items that are meant, and for no others.
pub fn behind_a_cut_nothing_is_seen() {
    for len in lens() {
        let seen = |run: &dyn Fn(&mut Items)| {
            let mut v: Items = (0..len).map(|i| (i, false)).collect();
            run(&mut v);
            v.into_iter().filter(|(_, seen)| *seen).map(|(i, _)| i).collect::<Vec<_>>()
        };
        let see = |p: &mut (usize, bool)| p.1 = true;
        let low = |p: &&mut (usize, bool)| p.0 != 7;
        assert_eq!(seen(&|v| v.par_iter_mut().take_any_while(low).for_each(see)).len(), len.min(7));
        assert_eq!(seen(&|v| v.par_iter_mut().take_any(7).for_each(see)).len(), len.min(7));
        let rest: Vec<usize> = (7..len).collect();
        assert_eq!(seen(&|v| v.par_iter_mut().skip_any(7).for_each(see)), rest);
        assert_eq!(seen(&|v| v.par_iter_mut().skip_any_while(low).for_each(see)), rest);
        let while_some = seen(&|v| {
            v.par_iter_mut().map(|p| low(&p).then_some(p)).while_some().for_each(see);
        });
        assert_eq!(while_some.len(), len.min(7));
    }
}

pub fn reordered() {
    for len in lens() {
        let v = numbers(len);
        for other in [0, 1, len / 2, len, len + 1, 2 * len] {
            let w = numbers(other);
            // In turn, as long as both have some; then the rest of one.
            let both = len.min(other);
            let turns = |n: usize| (0..n).flat_map(|i| [&v[i], &w[i]]);
            let all = || turns(both).chain(&v[both..]).chain(&w[both..]);
            same(v.par_iter().interleave(&w), all());
            same(v.par_iter().interleave(&w).rev(), all().collect::<Vec<_>>().into_iter().rev());
            let shortest = turns(both).chain(v.get(both).filter(|_| len > other));
            same(v.par_iter().interleave_shortest(&w), shortest);
        }
        let between = |v: &[i64]| {
            let mut all: Vec<i64> = v.iter().flat_map(|n| [*n, -1]).collect();
            all.pop();
            all.into_iter()
        };
        same(v.par_iter().copied().intersperse(-1), between(&v));
        same(v.par_iter().copied().intersperse(-1).rev(), between(&v).rev());
        let some: Vec<i64> = v.iter().copied().filter(odd).collect();
        same(v.par_iter().copied().filter(odd).intersperse(-1), between(&some));
        let chained = v.clone().into_par_iter().filter(odd).intersperse(-1).chain(v.clone());
        same(chained, between(&some).chain(v.clone()));
        let chain = || [].par_iter().chain(&v).copied().intersperse(-1);
        same(chain(), between(&v));
        same(chain().enumerate(), between(&v).enumerate());
        for size in [1, 2, 7, 64, 5000] {
            same(v.par_iter().copied().chunks(size), v.chunks(size).map(<[i64]>::to_vec));
            same(v.par_iter().step_by(size), v.iter().step_by(size));
            same(v.par_iter().step_by(size).rev(), v.iter().step_by(size).rev());
            same(
                v.clone().into_par_iter().chunks(size).rev(),
                v.chunks(size).map(<[i64]>::to_vec).rev(),
            );
        }
        let (left, right) = (Either::Left(v.par_iter()), Either::Right(v.par_iter().rev()));
        let either = |first| if first { left.clone() } else { right.clone() };
        same(either(true), v.iter());
        same(either(false).enumerate(), v.iter().rev().enumerate());
        same(either(false).chain(either(true)), v.iter().rev().chain(&v));
    }
}

pub fn blocks() {
    for len in lens().chain([1000]) {
        let v = numbers(len);
        same(v.par_iter().by_exponential_blocks(), v.iter());
        same(v.par_iter().by_exponential_blocks().map(|n| n + 1), v.iter().map(|n| n + 1));
        for size in [1, 7, 300, 5000].into_iter().filter(|size| len / size < 50) {
            same(v.par_iter().by_uniform_blocks(size), v.iter());
            same(v.par_iter().by_uniform_blocks(size).chain(&v), v.iter().chain(&v));
            let sum: String = v.par_iter().by_uniform_blocks(size).map(i64::to_string).collect();
            assert_eq!(sum, v.iter().map(i64::to_string).collect::<String>());
        }
    }
    // Blocks behind one that decides are not run.
    let range = || (0..usize::MAX).into_par_iter().inspect(|n| assert!(*n < 200));
    assert_eq!(range().by_uniform_blocks(50).find_first(|n| *n == 33), Some(33));
    assert_eq!(range().by_exponential_blocks().map(|n| n + 1).position_of(60), Some(60));
    assert_eq!(
        range().by_exponential_blocks().try_for_each(|n| if n < 99 { Ok(()) } else { Err(n) }),
        Err(99)
    );
    let results = || range().by_uniform_blocks(50).map(|n| if n < 99 { Ok(n) } else { Err(n) });
    assert_eq!(results().collect::<Result<Vec<_>, _>>(), Err(99));
    assert_eq!(results().try_reduce_with(|a, b| Ok(a.max(b))), Some(Err(99)));
    assert_eq!(range().by_uniform_blocks(50).take_any(60).count(), 60);
    assert_eq!(
        range().by_uniform_blocks(50).map(|n| (n < 99).then_some(n)).while_some().count(),
        99
    );
    assert!(range().by_uniform_blocks(50).flat_map_iter(|n| [n]).any(|n| n == 60));
}

trait PositionOf: ParallelIterator<Item = usize> {
    fn position_of(self, item: usize) -> Option<usize> {
        self.find_any(|n| *n == item)
    }
}

impl<I: ParallelIterator<Item = usize>> PositionOf for I {}

pub fn tuples() {
    for len in lens() {
        let (v, w) = (numbers(len), numbers(len / 2));
        same((&v, &w).into_par_iter(), v.iter().zip(&w));
        same((&v,).into_par_iter(), v.iter().map(|n| (n,)));
        let three = v.iter().zip(0..).zip(w.iter().rev()).map(|((a, b), c)| (a, b, c));
        same((&v, 0..len, w.par_iter().rev()).into_par_iter(), three.clone());
        same((&v, 0..len, w.par_iter().rev()).into_par_iter().enumerate(), three.enumerate());
        let mut both = (v.clone(), w.clone());
        same(both.par_iter(), v.iter().zip(&w));
        both.par_iter_mut().for_each(|(a, b)| std::mem::swap(a, b));
        assert_eq!(both.0[..len / 2], w);
        assert_eq!(both.1, v[..len / 2]);
        let t = || (0..len).into_par_iter();
        let twelve = (t(), t(), t(), t(), t(), t(), t(), t(), t(), t(), t(), t()).into_par_iter();
        assert_eq!(twelve.len(), len);
        same(twelve.map(|t| (t.0, t.6, t.11)), (0..len).map(|i| (i, i, i)));
    }
}

pub fn misuse() {
    let v = [1, 2];
    let panics: [(&str, &dyn Fn()); 5] = [
        ("chunks", &|| drop(v.par_iter().chunks(0))),
        ("chunks", &|| drop(v.par_iter().fold_chunks(0, || 0, |a, n| a + n))),
        ("chunks", &|| drop(v.par_iter().fold_chunks_with(0, 0, |a, n| a + n))),
        ("blocks", &|| drop(v.par_iter().by_uniform_blocks(0))),
        ("step", &|| drop(v.par_iter().step_by(0))),
    ];
    for (what, call) in panics {
        let payload = catch_unwind(AssertUnwindSafe(call)).expect_err("nothing of no length");
        let message = payload.downcast_ref::<String>().expect("a message");
        assert!(message.contains(what) && message.contains("at least one item"), "{message}");
    }
}
