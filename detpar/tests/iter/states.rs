//! States of leaves, and folds: made once for each leaf, whose borders are known.
use crate::methods::lens;
use crate::{numbers, same};
use detpar::iter::width::Width;
use detpar::prelude::*;

/// Cloned where work is cut, and not to be shared.
#[derive(Clone)]
struct Count(std::cell::Cell<usize>);

impl Count {
    fn next(&self) -> usize {
        self.0.replace(self.0.get() + 1)
    }
}

/// Index of each item in its leaf.
fn in_leaves(len: usize) -> Vec<usize> {
    let width = Width::of(len);
    (0..width.leaves()).flat_map(|i| 0..width.start(i + 1) - width.start(i)).collect()
}

pub fn one_for_each_leaf() {
    for len in lens() {
        let v = numbers(len);
        let count = Count(0.into());
        let map = |count: &mut Count, n: &i64| (count.next(), *n);
        let expected = || in_leaves(len).into_iter().zip(v.iter().copied());
        same(v.par_iter().map_with(count.clone(), map), expected());
        same(v.par_iter().map_init(|| Count(0.into()), map), expected());
        same(v.par_iter().filter(|_| true).map_with(count.clone(), map), expected());
        same(v.par_iter().map_with(count.clone(), map).enumerate(), expected().enumerate());
        // Both parts of a leaf that a chain puts together have the same state.
        let twice =
            v.par_iter().chain(&v).with_max_len(usize::MAX).map_init(|| Count(0.into()), map);
        same(twice.enumerate().map(|(_, (i, _))| i), in_leaves(2 * len).into_iter());
        // Backwards a state goes from the end of a leaf to its begin.
        let items: Vec<_> = v.par_iter().map_init(|| Count(0.into()), map).rev().collect();
        assert_eq!(
            items,
            in_leaves(len).into_iter().zip(v.iter().rev().copied()).collect::<Vec<_>>()
        );

        let mut places = vec![0; len];
        places.par_iter_mut().for_each_with(count.clone(), |count, place| *place = count.next());
        assert_eq!(places, in_leaves(len));
        let mut places = vec![0; len];
        places
            .par_iter_mut()
            .for_each_init(|| Count(0.into()), |count, place| *place = count.next());
        assert_eq!(places, in_leaves(len));
        let mut places = vec![0; len];
        let done: Option<()> =
            places.par_iter_mut().try_for_each_with(count.clone(), |count, place| {
                *place = count.next();
                Some(())
            });
        assert_eq!((done, places), (Some(()), in_leaves(len)));
    }
}

pub fn folds() {
    for len in lens() {
        let v = numbers(len);
        let push = |mut text: String, n: &i64| {
            text += &n.to_string();
            text
        };
        let folded: Vec<String> = v.par_iter().fold(String::new, push).collect();
        assert_eq!(v.par_iter().fold_with(String::new(), push).collect::<Vec<_>>(), folded);
        assert_eq!(folded.len(), Width::of(len).leaves().max(1));
        assert_eq!(folded.concat(), v.iter().map(i64::to_string).collect::<String>());
        let counts = v.par_iter().fold_with(Count(0.into()), |count, _| {
            count.next();
            count
        });
        let counts: Vec<usize> = counts.map(|count| count.0.get()).collect();
        assert_eq!(counts.iter().sum::<usize>(), len);
    }
}

pub fn folds_that_fail() {
    for len in lens() {
        let v = numbers(len);
        for limit in [0, 900, 2000] {
            let add = |sum: i64, n: &i64| if *n < limit { Ok(sum + n) } else { Err(*n) };
            let width = Width::of(len);
            let leaves = (0..width.leaves()).map(|i| &v[width.start(i)..width.start(i + 1)]);
            let mut expected: Vec<_> = leaves.map(|leaf| leaf.iter().try_fold(0, add)).collect();
            if len == 0 {
                expected.push(Ok(0));
            }
            assert_eq!(v.par_iter().try_fold(|| 0, add).collect::<Vec<_>>(), expected);
            assert_eq!(v.par_iter().try_fold_with(0, add).collect::<Vec<_>>(), expected);
            let all = v.par_iter().try_fold(|| 0, add).try_reduce(|| 0, |a, b| Ok(a + b));
            assert_eq!(all, v.iter().try_fold(0, add));
        }
        // A leaf stops at its failure.
        let stop = |_: (), i: usize| {
            assert!(i == 0 || Width::of(len).start(1) > i, "went on");
            None::<()>
        };
        if len > 0 {
            let first = (0..len).into_par_iter().take(Width::of(len).start(1)).with_min_len(len);
            assert_eq!(first.try_fold(|| (), stop).collect::<Vec<_>>(), [None]);
        }
    }
    let asked = |_: (), i: usize| (i < 9).then_some(());
    assert_eq!(
        (0..usize::MAX).into_par_iter().with_min_len(usize::MAX).try_fold_with((), asked).count(),
        1
    );
}

pub fn chunks() {
    for len in lens() {
        let v = numbers(len);
        for size in [1, 2, 7, 5000] {
            let add = |sum: i64, n: &i64| sum.wrapping_mul(3) + n;
            let expected = || v.chunks(size).map(|chunk| chunk.iter().fold(1, add));
            same(v.par_iter().fold_chunks(size, || 1, add), expected());
            same(v.par_iter().fold_chunks_with(size, 1, add), expected());
            same(v.par_iter().fold_chunks(size, || 1, add).rev(), expected().rev());
            let count = |count: Count, _: &i64| {
                count.next();
                count
            };
            let counts = v.par_iter().fold_chunks_with(size, Count(0.into()), count);
            same(counts.map(|count| count.0.get()), v.chunks(size).map(<[i64]>::len));
        }
    }
}
