//! Iterators as other crates may write them, with lengths that are not true: what they yield may
//! be nonsense, but it is whole and everything is dropped once.
use crate::drops::{assert_drops, counted};
use detpar::iter::plumbing::{Consumer, Producer, ProducerCallback, UnindexedConsumer, bridge};
use detpar::prelude::*;
use std::panic::{RefUnwindSafe, catch_unwind};

fn strings(len: usize) -> Vec<String> {
    (0..len).map(|i| i.to_string()).collect()
}

/// Several parallel calls one after another, of a length that is known.
struct InBlocks<T> {
    items: Vec<T>,
    says: usize,
}

impl<T: Send> ParallelIterator for InBlocks<T> {
    type Item = T;

    fn drive_unindexed<C: UnindexedConsumer<T>>(self, consumer: C) -> C::Result {
        self.items.into_par_iter().by_uniform_blocks(500).drive_unindexed(consumer)
    }

    fn opt_len(&self) -> Option<usize> {
        Some(self.says)
    }
}

pub fn in_blocks() {
    let items = strings(5000);
    let iter = || InBlocks { items: items.clone(), says: 5000 };
    assert!(iter().collect::<Vec<_>>() == items);
    for capacity in [0, 5000, 20_000] {
        let mut extended = Vec::with_capacity(capacity);
        extended.par_extend(iter());
        assert!(extended == items, "{capacity}");
    }
}

/// Yields `yields` items for each that it says it has.
#[derive(Clone)]
struct Liar {
    says: usize,
    yields: fn(usize) -> usize,
    /// Whether what it is iterated by lies as well.
    hides_it: bool,
}

impl ParallelIterator for Liar {
    type Item = String;

    fn drive_unindexed<C: UnindexedConsumer<String>>(self, consumer: C) -> C::Result {
        bridge(self, consumer)
    }

    fn opt_len(&self) -> Option<usize> {
        Some(self.says)
    }
}

impl IndexedParallelIterator for Liar {
    fn len(&self) -> usize {
        self.says
    }

    fn drive<C: Consumer<String>>(self, consumer: C) -> C::Result {
        bridge(self, consumer)
    }

    fn with_producer<CB: ProducerCallback<String>>(self, callback: CB) -> CB::Output {
        callback.callback(self)
    }
}

impl Producer for Liar {
    type Item = String;
    type IntoIter = Items;

    fn into_iter(self) -> Items {
        let left = (self.yields)(self.says);
        Items { says: self.hides_it.then_some(self.says), left }
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let rest = self.says.saturating_sub(index);
        (Liar { says: index, ..self }, Liar { says: rest, ..self })
    }
}

struct Items {
    says: Option<usize>,
    left: usize,
}

impl Iterator for Items {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.left = self.left.checked_sub(1)?;
        Some(self.left.to_string())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.says.unwrap_or(self.left);
        (len, Some(len))
    }
}

impl DoubleEndedIterator for Items {
    fn next_back(&mut self) -> Option<String> {
        self.next()
    }
}

impl ExactSizeIterator for Items {}

/// Collecting tells both numbers, where no part of the iterator has more than its room, and keeps
/// nothing.
pub fn wrongly_counted() {
    for (says, to_come) in [(400, 1000), (1700, 1000), (999, 1000), (1, 900), (5, 3), (3, 5)] {
        let into_new =
            || drop(InBlocks { items: counted(to_come, true), says }.collect::<Vec<_>>());
        let extended = || {
            let mut items = Vec::with_capacity(2000);
            items.par_extend(InBlocks { items: counted(to_come, true), says });
        };
        let calls: [&(dyn Fn() + RefUnwindSafe); 2] = [&into_new, &extended];
        for call in calls {
            let why = catch_unwind(call).expect_err("a wrong length");
            let why = why.downcast_ref::<String>().expect("a message");
            let in_all = why.ends_with(&format!("has {says} items had {to_come}"));
            assert!(in_all || (to_come > says && why.ends_with("had more")), "{says}: {why}");
            assert_drops(to_come, 1);
        }
    }
}

pub fn of_wrong_length() {
    let yields: [fn(usize) -> usize; 4] = [|_| 0, |n| n / 2, |n| n + 1, |n| 3 * n];
    for (says, yields) in [3, 3000].into_iter().flat_map(|n| yields.map(|y| (n, y))) {
        let iter = || Liar { says, yields, hides_it: false };
        let honest = || strings(says).into_par_iter();
        let calls: [&(dyn Fn() + RefUnwindSafe); 4] = [
            &|| drop(iter().collect::<Vec<_>>()),
            &|| drop(iter().rev().step_by(1).collect::<Vec<_>>()),
            &|| iter().collect_into_vec(&mut strings(10)),
            &|| {
                let (mut a, mut b) = (Vec::new(), strings(2));
                iter().map(|n| (n.clone(), n)).unzip_into_vecs(&mut a, &mut b);
            },
        ];
        for (i, call) in calls.into_iter().enumerate() {
            assert!(catch_unwind(call).is_err(), "{i}: {says} and {}", yields(says));
        }
        // Where another iterator has what is missing, or what is too much is not asked for, nobody
        // can tell.
        let hidden = || Liar { says, yields, hides_it: true };
        let whole = |items: &[String]| items.iter().all(|n| n.parse::<usize>().is_ok());
        let others: [&(dyn Fn() -> Vec<String> + RefUnwindSafe); 4] = [
            &|| hidden().collect(),
            &|| honest().zip(iter()).flat_map_iter(|(a, b)| [a, b]).collect(),
            &|| iter().zip_eq(honest()).map(|(a, _)| a).collect(),
            &|| iter().interleave(honest()).collect(),
        ];
        for call in others {
            if let Ok(items) = catch_unwind(call) {
                assert!(whole(&items));
            }
        }
    }
}
