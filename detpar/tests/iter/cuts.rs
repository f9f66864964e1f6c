//! Every adaptor, cut at every index of a short input.
use crate::numbers;
use detpar::iter::Either;
use detpar::iter::plumbing::{
    Folder, Producer, ProducerCallback, UnindexedConsumer, UnindexedProducer, bridge_unindexed,
};
use detpar::prelude::*;
use std::fmt::Debug;

/// Cuts the producer at every index, each half again, and reads the parts forwards, from both
/// ends, backwards, and into a folder.
#[track_caller]
pub fn split_everywhere<I>(iter: I)
where
    I: IndexedParallelIterator + Clone,
    I::Item: PartialEq + Debug,
{
    struct Parts {
        cuts: (usize, usize),
        folded: bool,
    }
    impl<T: Send> ProducerCallback<T> for Parts {
        type Output = (Vec<T>, Vec<usize>);
        fn callback<P: Producer<Item = T>>(self, producer: P) -> Self::Output {
            let (left, right) = producer.split_at(self.cuts.1);
            let (a, b) = left.split_at(self.cuts.0);
            let (mut all, mut lens) = (Vec::new(), Vec::new());
            for (i, part) in [a, b, right].into_iter().enumerate() {
                if self.folded {
                    let before = all.len();
                    all = part.fold_with(Push(all)).0;
                    lens.push(all.len() - before);
                    continue;
                }
                let (mut items, mut back) = (part.into_iter(), Vec::new());
                lens.push(items.len());
                for n in (0..items.len()).rev() {
                    if i == 2 || i == 1 && n % 2 == 0 {
                        back.push(items.next_back().expect("as many as it says"));
                    } else {
                        all.push(items.next().expect("as many as it says"));
                    }
                    assert_eq!(items.len(), n);
                }
                assert!(items.next().is_none() && items.next_back().is_none());
                all.extend(back.into_iter().rev());
            }
            (all, lens)
        }
    }
    let expected: Vec<I::Item> = iter.clone().collect();
    let len = iter.len();
    assert_eq!(expected.len(), len);
    for second in 0..=len {
        for first in 0..=second {
            for folded in [false, true] {
                let parts = Parts { cuts: (first, second), folded };
                let (all, lens) = iter.clone().with_producer(parts);
                assert_eq!(all, expected);
                assert_eq!(lens, [first, second - first, len - second]);
            }
        }
    }
}

struct Push<T>(Vec<T>);

impl<T> Folder<T> for Push<T> {
    type Result = ();

    fn consume(mut self, item: T) -> Self {
        self.0.push(item);
        self
    }

    fn complete(self) {}

    fn full(&self) -> bool {
        false
    }
}

pub fn of_the_usual() {
    let v = numbers(11);
    split_everywhere(v.par_iter());
    split_everywhere(v.clone().into_par_iter());
    split_everywhere([1, 2, 3, 4, 5].into_par_iter());
    split_everywhere((0..9u8).into_par_iter());
    split_everywhere((-3..=3i16).into_par_iter());
    split_everywhere(('\u{d7fc}'..='\u{e003}').into_par_iter());
    split_everywhere(Some(1).into_par_iter());
    split_everywhere(None::<i32>.into_par_iter());
    for size in [1, 2, 3, 11, 12] {
        split_everywhere(v.par_chunks(size));
    }
    split_everywhere(v.par_iter().map(|n| n + 1));
    split_everywhere(v.par_iter().inspect(|_| ()));
    split_everywhere(v.par_iter().copied());
    split_everywhere(v.par_iter().cloned());
    split_everywhere(v.par_iter().enumerate());
    split_everywhere(v.par_iter().rev());
    split_everywhere(v.par_iter().enumerate().rev().enumerate());
    split_everywhere(v.par_iter().take(7));
    split_everywhere(v.par_iter().skip(7));
    split_everywhere(v.par_iter().zip(0..7));
    split_everywhere((0..7).into_par_iter().zip(v.clone()));
    split_everywhere(v.par_iter().chain(&[1, 2, 3]));
    split_everywhere([].par_iter().chain(&v));
    split_everywhere(v.par_iter().with_min_len(3).with_max_len(4));
}

pub fn indexed() {
    let v = numbers(9);
    let w = || v.clone().into_par_iter();
    split_everywhere(v.par_iter().update(|_| ()));
    split_everywhere(w().update(|n| *n += 1));
    split_everywhere(v.par_iter().map_with(1, |m, n| *m + n));
    split_everywhere(v.par_iter().map_init(|| 1, |m, n| *m + n));
    split_everywhere(v.par_iter().panic_fuse());
    split_everywhere(v.par_iter().zip_eq(&v));
    for size in [1, 2, 3, 8, 9, 10, usize::MAX] {
        split_everywhere(w().chunks(size));
        split_everywhere(v.par_iter().fold_chunks(size, || 1, |a, n| 3 * a + n));
        split_everywhere(v.par_iter().fold_chunks_with(size, 1, |a, n| 3 * a + n));
        split_everywhere(v.par_iter().step_by(size));
        split_everywhere(w().rev().step_by(size));
    }
    for len in [0, 1, 2, 3, 8, 9, 10, 14] {
        let other = numbers(len);
        split_everywhere(v.par_iter().interleave(&other));
        split_everywhere(other.par_iter().interleave(&v));
        split_everywhere(v.par_iter().interleave_shortest(&other));
        split_everywhere(other.par_iter().interleave_shortest(&v));
        split_everywhere(other.par_iter().copied().intersperse(-1));
        split_everywhere(other.par_iter().copied().intersperse(-1).rev());
        split_everywhere(other.into_par_iter().intersperse(-1).intersperse(-2));
    }
    split_everywhere((&v, 0..8, v.par_iter().rev()).into_par_iter());
    let either =
        |left| if left { Either::Left(v.par_iter()) } else { Either::Right(v.par_iter().rev()) };
    split_everywhere(either(true));
    split_everywhere(either(false));
    split_everywhere(w().chunks(2).enumerate().rev().step_by(2));
    split_everywhere(v.par_iter().copied().chain(w().step_by(3)).intersperse(0).chunks(4));
}

/// Numbers whose middle is where the test says.
#[derive(Clone)]
struct CutAt {
    items: Vec<i64>,
    cuts: Vec<usize>,
}

impl ParallelIterator for CutAt {
    type Item = i64;

    fn drive_unindexed<C: UnindexedConsumer<i64>>(self, consumer: C) -> C::Result {
        bridge_unindexed(Piece(self), consumer)
    }
}

/// The same as a producer, whose methods have names of the iterator's.
struct Piece(CutAt);

impl UnindexedProducer for Piece {
    type Item = i64;

    fn split(mut self) -> (Self, Option<Self>) {
        let right = self.0.cuts.pop().map(|at| self.0.items.split_off(at));
        (self, right.map(|items| Piece(CutAt { items, cuts: Vec::new() })))
    }

    fn fold_with<F: Folder<i64>>(self, folder: F) -> F {
        folder.consume_iter(self.0.items)
    }
}

/// Runs with all cuts into three, and compares with what comes of one piece.
#[track_caller]
fn cut_everywhere<R: PartialEq + Debug>(expected: R, run: impl Fn(CutAt) -> R) {
    let items = numbers(5);
    for second in 0..=items.len() {
        for first in 0..=second {
            let cut = CutAt { items: items.clone(), cuts: vec![first, second] };
            assert_eq!(run(cut), expected, "cut at {first} and {second}");
        }
    }
}

pub fn unindexed() {
    let v = numbers(5);
    let odd = |n: &i64| n % 2 != 0;
    let std = || v.iter().copied();
    macro_rules! same {
        ($(|$iter:ident| $parallel:expr => $sequential:expr;)*) => {$({
            let expected: Vec<_> = { let $iter = std(); $sequential.collect() };
            cut_everywhere(expected, |$iter| $parallel.collect());
        })*};
    }
    same! {
        |iter| iter => iter;
        |iter| iter.filter(odd) => iter.filter(odd);
        |iter| iter.update(|n| *n += 1) => iter.map(|n| n + 1);
        |iter| iter.map_with(1, |m, n| *m + n) => iter.map(|n| n + 1);
        |iter| iter.map_init(|| 1, |m, n| *m + n) => iter.map(|n| n + 1);
        |iter| iter.flat_map(|n| 0..n & 3) => iter.flat_map(|n| 0..n & 3);
        |iter| iter.flat_map_iter(|n| 0..n & 3) => iter.flat_map(|n| 0..n & 3);
        |iter| iter.map(|n| vec![n; 2]).flatten() => iter.flat_map(|n| [n, n]);
        |iter| iter.map(|n| [n, n]).flatten_iter() => iter.flat_map(|n| [n, n]);
        |iter| iter.panic_fuse() => iter;
        |iter| iter.intersperse(0) => iter.flat_map(|n| [0, n]).skip(1);
        |iter| iter.filter(odd).intersperse(0) => iter.filter(odd).flat_map(|n| [0, n]).skip(1);
        |iter| iter.take_any(3) => iter.take(3);
        |iter| iter.skip_any(3) => iter.skip(3);
        |iter| iter.take_any_while(|n| *n != v[3]) => iter.take(3);
        |iter| iter.skip_any_while(|n| *n != v[3]) => iter.skip(3);
        |iter| iter.map(|n| (n != v[3]).then_some(n)).while_some() => iter.take(3);
        |iter| iter.clone().chain(iter) => iter.clone().chain(iter);
        |iter| Either::<_, CutAt>::Left(iter) => iter;
    }
    let text: String = std().map(|n| n.to_string()).collect();
    let push = |text: String, n: i64| text + &n.to_string();
    cut_everywhere(text.clone(), |iter| iter.fold(String::new, push).collect());
    cut_everywhere(text.clone(), |iter| iter.fold_with(String::new(), push).collect());
    let push = |text: String, n: i64| Some(push(text, n));
    cut_everywhere(Some(text.clone()), |iter| iter.try_fold(String::new, push).collect());
    cut_everywhere(Some(text.clone()), |iter| iter.try_fold_with(String::new(), push).collect());
    let words = |iter: CutAt| iter.map(|n| Ok::<_, ()>(n.to_string()));
    cut_everywhere(Ok(text.clone()), |iter| words(iter).try_reduce(String::new, |a, b| Ok(a + &b)));
    cut_everywhere(Some(Ok(text)), |iter| words(iter).try_reduce_with(|a, b| Ok(a + &b)));
    let halves: (Vec<i64>, Vec<i64>) = std().partition(odd);
    cut_everywhere(halves, |iter| iter.partition(odd));
    let halves: (Vec<i64>, String) = (v.clone(), std().map(|n| n.to_string()).collect());
    cut_everywhere(halves, |iter| iter.map(|n| (n, n.to_string())).unzip());
    cut_everywhere(v.clone(), |iter| iter.collect_vec_list().into_iter().flatten().collect());
    cut_everywhere(std().find(odd), |iter| iter.find_map_first(|n| odd(&n).then_some(n)));
    cut_everywhere(std().rfind(odd), |iter| iter.find_map_last(|n| odd(&n).then_some(n)));
}
