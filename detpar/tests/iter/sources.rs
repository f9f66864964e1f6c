//! Sources: std's collections, generated ones, and what is taken out of collections.
use crate::cuts::split_everywhere;
use crate::drops::*;
use crate::{LENS, numbers, same};
use detpar::iter::{
    empty, once, repeat, repeat_n, split, walk_tree, walk_tree_postfix, walk_tree_prefix,
};
use detpar::prelude::*;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub fn collections_by_reference() {
    for len in LENS {
        let v = numbers(len);
        let pairs: Vec<(i64, usize)> = v.iter().copied().zip(0..).collect();
        macro_rules! same_as_std {
            ($($from:expr => $collection:ty, $change:expr;)*) => {$({
                let mut c: $collection = $from.iter().copied().collect();
                same(c.par_iter(), c.iter());
                let mut d = c.clone();
                c.par_iter_mut().for_each($change);
                d.iter_mut().for_each($change);
                same(c.into_par_iter(), d.into_iter());
            })*};
        }
        same_as_std! {
            pairs => HashMap<i64, usize>, |(k, n)| *n += *k as usize;
            pairs => BTreeMap<i64, usize>, |(k, n)| *n += *k as usize;
            v => LinkedList<i64>, |n| *n *= 2;
            v => VecDeque<i64>, |n| *n *= 2;
            v => Vec<i64>, |n| *n *= 2;
        }
        macro_rules! same_as_std {
            ($($collection:ty),*) => {$({
                let c: $collection = v.iter().copied().collect();
                same(c.par_iter(), c.iter());
                same(c.clone().into_par_iter(), c.into_iter());
            })*};
        }
        same_as_std!(HashSet<i64>, BTreeSet<i64>, BinaryHeap<i64>);
    }
    same(numbers(9).into_boxed_slice().into_par_iter(), numbers(9).into_iter());
    let mut ok: Result<i32, String> = Ok(1);
    ok.par_iter_mut().for_each(|n| *n += 1);
    same(ok.par_iter(), [2].iter());
    same(ok.into_par_iter(), [2].into_iter());
    same(Err::<i32, i32>(1).into_par_iter(), None.into_iter());
}

/// A queue whose items lie in two slices.
fn in_two_slices(len: usize) -> VecDeque<i64> {
    let v = numbers(len);
    let mut queue: VecDeque<i64> = v[len / 3..].iter().copied().collect();
    v[..len / 3].iter().rev().for_each(|n| queue.push_front(*n));
    assert!(len < 3 || !queue.as_slices().1.is_empty());
    queue
}

pub fn queues_in_two_slices() {
    let mut queue = in_two_slices(1000);
    let leaves = queue.par_iter().fold(|| 0, |n, _| n + 1).collect::<Vec<_>>();
    // Cut as one.
    assert_eq!(leaves, (0..1000).into_par_iter().fold(|| 0, |n, _| n + 1).collect::<Vec<_>>());
    queue.par_iter_mut().enumerate().for_each(|(i, n)| *n = i as i64);
    same(queue.par_iter().rev(), queue.iter().rev());
    same(queue.into_par_iter(), 0..1000);
    split_everywhere(in_two_slices(11).par_iter());
    split_everywhere(in_two_slices(11).into_par_iter());
}

pub fn generated() {
    same(empty::<i32>(), None.into_iter());
    same(once("a".to_string()), Some("a".to_string()).into_iter());
    for n in LENS {
        same(repeat_n("x".to_string(), n), std::iter::repeat_n("x".to_string(), n));
        same(repeat(7).take(n).rev(), std::iter::repeat_n(7, n));
        same(repeat(7).zip(0..n), std::iter::repeat(7).zip(0..n));
    }
    assert_eq!(repeat(3).find_any(|n| *n == 3), Some(3));
    split_everywhere(empty::<i32>());
    split_everywhere(once(1));
    split_everywhere(repeat_n("x".to_string(), 7));
}

pub fn split_data() {
    let halves = |(a, b): (u32, u32)| {
        let middle = a + (b - a) / 3;
        if b - a < 5 { ((a, b), None) } else { ((a, middle), Some((middle, b))) }
    };
    /// The number of parts, by the rule.
    fn count(len: u32, levels: u32) -> usize {
        let left = len / 3;
        if len < 5 || levels == 0 {
            1
        } else {
            count(left, levels - 1) + count(len - left, levels - 1)
        }
    }
    for end in 0..200 {
        let parts: Vec<(u32, u32)> = split((0, end), halves).collect();
        assert_eq!(parts.len(), count(end, 6));
        assert!(parts.windows(2).all(|w| w[0].1 == w[1].0), "{parts:?}");
        assert_eq!((parts[0].0, parts[parts.len() - 1].1), (0, end));
    }
}

/// The nodes below a node: a tree that is neither full nor regular.
fn below(n: &u64) -> Vec<u64> {
    let children = if *n > 100_000 { 0 } else { (n * 7 + 3) % 5 };
    (1..=children).map(|i| 3 * n + i).collect()
}

pub fn trees() {
    fn walk(n: u64, parents_first: bool, to: &mut Vec<u64>) {
        to.extend(Some(n).filter(|_| parents_first));
        below(&n).into_iter().for_each(|child| walk(child, parents_first, to));
        to.extend(Some(n).filter(|_| !parents_first));
    }
    let (mut longest, list) = (0, |n: &u32| (*n < 500).then_some(n + 1));
    for root in 0..40 {
        let (mut prefix, mut postfix) = (Vec::new(), Vec::new());
        walk(root, true, &mut prefix);
        walk(root, false, &mut postfix);
        longest = longest.max(prefix.len());
        same(walk_tree(root, below), prefix.clone().into_iter());
        same(walk_tree_prefix(root, below), prefix.into_iter());
        same(walk_tree_postfix(root, below), postfix.into_iter());
    }
    assert!(longest > 1000);
    same(walk_tree_prefix(0, list), 0..=500);
    same(walk_tree_postfix(0, list), (0..=500).rev());
}

pub fn bridges() {
    for len in LENS {
        let v = numbers(len);
        same(v.iter().par_bridge().map(|n| n * 2), v.iter().map(|n| n * 2));
        let words = v.iter().map(i64::to_string).par_bridge();
        same(words.chain(None), v.iter().map(i64::to_string));
    }
    // The caller takes the items: what the iterator keeps is changed for good.
    let mut taken = 0;
    let counting = (0..100).inspect(|_| taken += 1);
    assert_eq!(counting.par_bridge().sum::<i32>(), 4950);
    assert_eq!(taken, 100);
}

pub fn extended() {
    let v = numbers(300);
    macro_rules! extended {
        ($($collection:ty),*) => {$({
            let mut c: $collection = v[..3].iter().copied().collect();
            let mut d = c.clone();
            c.par_extend(v.par_iter());
            c.par_extend(v.par_iter().map(|n| n + 1));
            d.extend(v.iter());
            d.extend(v.iter().map(|n| n + 1));
            assert_eq!(c.into_iter().collect::<Vec<_>>(), d.into_iter().collect::<Vec<_>>());
        })*};
    }
    extended!(
        Vec<i64>,
        VecDeque<i64>,
        LinkedList<i64>,
        BinaryHeap<i64>,
        BTreeSet<i64>,
        HashSet<i64>
    );
    let pairs: Vec<(i64, i64)> = v.iter().map(|n| (n % 50, *n)).collect();
    macro_rules! extended {
        ($($map:ident),*) => {$({
            let (mut c, mut d) = ($map::new(), $map::new());
            c.par_extend(pairs.par_iter().map(|(k, n)| (k, n)));
            c.par_extend(pairs.par_iter().map(|(k, n)| (*k + 25, *n)));
            d.extend(pairs.iter().map(|(k, n)| (k, n)));
            d.extend(pairs.iter().map(|(k, n)| (*k + 25, *n)));
            assert_eq!(c, d);
        })*};
    }
    extended!(HashMap, BTreeMap);
    let mut text = std::ffi::OsString::from("a");
    text.par_extend(["b", "c"].par_iter().map(std::ffi::OsStr::new));
    assert_eq!(text, "abc");
    let boxed: Box<str> = ["b", "c"].into_par_iter().collect();
    let cow: std::borrow::Cow<'_, [i64]> = v.par_iter().copied().collect();
    assert_eq!((&*boxed, &*cow), ("bc", &*v));
    ().par_extend([(), ()].into_par_iter());
}

pub fn drained() {
    for len in LENS {
        let (v, text) = (numbers(len), "aéb𝄞".chars().cycle().take(len).collect::<String>());
        for (from, to) in [(0, len), (0, 0), (len, len), (len / 3, len / 2), (1.min(len), len)] {
            let (mut a, mut b) = (v.clone(), v.clone());
            same(a.par_drain(from..to), b.drain(from..to));
            assert_eq!(a, b);
            // Dropped unused.
            drop(a.par_drain(..a.len() / 2));
            assert_eq!(a, b[b.len() / 2..]);
            let (mut a, mut b) = (in_two_slices(len), in_two_slices(len));
            same(a.par_drain(from..to).rev(), b.drain(from..to).rev());
            assert_eq!(a, b);
            drop(a.par_drain(a.len() / 2..));
            assert_eq!(a, b.range(..b.len() / 2).copied().collect::<VecDeque<_>>());
            let (from, to) = (text.ceil_char_boundary(from), text.ceil_char_boundary(to));
            let (mut a, mut b) = (text.clone(), text.clone());
            same(a.par_drain(from..to), b.drain(from..to));
            assert_eq!(a, b);
        }
        macro_rules! drained {
            ($($collection:ty: $items:expr;)*) => {$({
                let mut a: $collection = $items.collect();
                let mut b = a.clone();
                same(a.par_drain(), b.drain());
                assert!(a.is_empty());
            })*};
        }
        drained! {
            HashSet<i64>: v.iter().copied();
            HashMap<i64, usize>: v.iter().copied().zip(0..);
            BinaryHeap<i64>: v.iter().copied();
        }
    }
    let v = vec![1, 2, 3];
    for range in [2..4, 4..4] {
        assert!(catch_unwind(|| v.clone().par_drain(range.clone()).count()).is_err());
    }
    #[expect(clippy::reversed_empty_ranges, reason = "is to be refused")]
    let reversed = catch_unwind(|| v.clone().par_drain(2..1).count());
    assert!(reversed.is_err());
    assert!(catch_unwind(|| String::from("é").par_drain(1..).count()).is_err());
}

/// Whatever a drain ends in, items of the range are dropped once and the others not at all.
pub fn dropped_once_by_drains() {
    let part = |len: usize| len / 4..len / 2;
    let rest_of = |len: usize, rest: Vec<usize>| {
        let expected: Vec<usize> = (0..len).filter(|i| !part(len).contains(i)).collect();
        assert_eq!(rest, expected);
        assert_drops(len, 1);
    };
    for len in LENS {
        let mut v = counted(len, true);
        v.par_drain(part(len)).take(2).for_each(drop);
        let left: Vec<usize> = v.iter().map(|c| c.0).collect();
        drop(v);
        rest_of(len, left);

        let mut v = counted(len, true);
        let bad = part(len).start;
        let call = AssertUnwindSafe(|| {
            v.par_drain(part(len)).for_each(|c| assert_ne!(c.0, bad, "expected"));
        });
        assert_eq!(catch_unwind(call).is_err(), !part(len).is_empty());
        let left: Vec<usize> = v.iter().map(|c| c.0).collect();
        drop(v);
        rest_of(len, left);

        let mut queue: VecDeque<Counted> = counted(len, true).into();
        let call = AssertUnwindSafe(|| {
            queue.par_drain(part(len)).for_each(|c| assert_ne!(c.0, bad, "expected"));
        });
        assert_eq!(catch_unwind(call).is_err(), !part(len).is_empty());
        let left: Vec<usize> = queue.iter().map(|c| c.0).collect();
        drop(queue);
        rest_of(len, left);

        let mut map: HashMap<usize, Counted> = counted(len, true).into_iter().enumerate().collect();
        let call = AssertUnwindSafe(|| {
            map.par_drain().for_each(|(i, _)| assert_ne!(i, len / 2, "expected"));
        });
        assert_eq!(catch_unwind(call).is_err(), len > 0);
        assert!(map.is_empty());
        assert_drops(len, 1);
    }
}
