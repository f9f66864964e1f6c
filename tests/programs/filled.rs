//! Vectors that leaves fill in place, collected wherever parents may be. Prints what came out and
//! where, so that runs can be compared.
use detpar::iter::plumbing::{Consumer, ProducerCallback, UnindexedConsumer, bridge};
use detpar::prelude::*;
use detpar_tests::program;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

#[detpar::main]
fn main() -> ExitCode {
    program::run(CASES)
}

const CASES: &[(&str, fn())] = &[
    ("lengths", lengths),
    ("types", types),
    ("used_again", used_again),
    ("two_in_turn", two_in_turn),
    ("neighbours_on_the_page", neighbours_on_the_page),
    ("panics", panics),
    ("in_children", in_children),
    ("beside_open_children", beside_open_children),
    ("barriers_in_leaves", barriers_in_leaves),
    ("open_children_of_leaves", open_children_of_leaves),
    ("cut_again_by_a_child", cut_again_by_a_child),
    ("not_in_place", not_in_place),
];

fn numbers(n: usize) -> Vec<u64> {
    (0..n as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
}

fn half(n: &u64) -> u64 {
    n / 2 + 1
}

#[track_caller]
fn check(from: &[u64], to: &[u64]) {
    assert!(to.len() == from.len() && from.iter().map(half).eq(to.iter().copied()));
    println!("{} at {:p}", to.len(), to.as_ptr());
}

fn lengths() {
    for n in [0, 1, 15, 16, 17, 255, 511, 513, 1000, 4096, 5000, 70_001, 600_000] {
        let from = numbers(n);
        check(&from, &from.par_iter().map(half).collect::<Vec<_>>());
    }
}

fn types() {
    let from = numbers(9001);
    let bytes: Vec<[u8; 3]> = from.par_iter().map(|n| [*n as u8, (n >> 8) as u8, 7]).collect();
    assert!(from.iter().map(|n| [*n as u8, (n >> 8) as u8, 7]).eq(bytes));
    let texts: Vec<String> = from.par_iter().map(|n| n.to_string()).collect();
    assert!(from.iter().map(|n| n.to_string()).eq(texts));
    let nothing: Vec<()> = from.par_iter().map(|_| ()).collect();
    assert_eq!(nothing.len(), 9001);
    let large: Vec<[u64; 700]> = from[..40].par_iter().map(|n| [*n; 700]).collect();
    assert!(from[..40].iter().map(|n| [*n; 700]).eq(large));
}

/// A vector is filled, changed and read by children, and filled again.
fn used_again() {
    let from = numbers(50_000);
    let mut to = Vec::new();
    for round in 0..5 {
        from.par_iter().map(half).collect_into_vec(&mut to);
        check(&from, &to);
        let (a, b) = to.split_at_mut(20_001);
        detpar::join(|| a.iter_mut().for_each(|n| *n ^= 1), || b[0] = round);
        let high = |n: &u64| n >> 20;
        assert_eq!(to.par_iter().map(high).sum::<u64>(), to.iter().map(high).sum());
        assert_eq!((to[0], to[20_001]), (half(&from[0]) ^ 1, round));
    }
}

fn two_in_turn() {
    let (few, many) = (numbers(5000), numbers(30_000));
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        few.par_iter().map(half).collect_into_vec(&mut a);
        many.par_iter().map(half).collect_into_vec(&mut b);
        assert!(few.iter().map(half).eq(a.iter().copied()));
        assert!(many.iter().map(half).eq(b.iter().copied()));
    }
    check(&few, &a);
    check(&many, &b);
}

/// What leaves write to other memory is merged beside what they fill.
fn neighbours_on_the_page() {
    let from = numbers(6000);
    let mut seen = vec![0u8; 6000];
    let to: Vec<u64> = from
        .par_iter()
        .zip(seen.par_iter_mut())
        .map(|(n, seen)| {
            *seen += 1;
            half(n)
        })
        .collect();
    check(&from, &to);
    assert!(seen.iter().all(|&n| n == 1));
}

/// Nothing is kept, and the memory goes on to serve.
fn panics() {
    let from = numbers(40_000);
    let mut kept = vec![String::from("kept"); 3];
    for bad in [0, 17_000, 39_999] {
        let r = catch_unwind(AssertUnwindSafe(|| {
            let item = |(i, n): (usize, &u64)| {
                assert!(i != bad, "item {i}");
                vec![half(n)]
            };
            from.par_iter().enumerate().map(item).collect_into_vec(&mut Vec::new());
        }));
        assert!(r.is_err());
        kept.push(format!("after {bad}"));
        check(&from, &from.par_iter().map(half).collect::<Vec<_>>());
    }
    assert_eq!(kept[5], "after 39999");
}

/// In children, whose memory is fresh at first and used again later; and in theirs.
fn in_children() {
    let from = numbers(20_000);
    let collect = |seed: u64| {
        let mut sums = Vec::new();
        for _ in 0..3 {
            let to: Vec<u64> = from.par_iter().map(|n| half(n) ^ seed).collect();
            let (a, b) = detpar::join(
                || to.par_iter().map(half).collect::<Vec<_>>(),
                || to.par_iter().rev().map(half).collect::<Vec<_>>(),
            );
            assert!(a.iter().eq(b.iter().rev()));
            assert!(to.iter().map(half).eq(a.iter().copied()));
            sums.push((to.as_ptr() as usize, a.as_ptr() as usize, b.as_ptr() as usize));
        }
        sums
    };
    println!("{:x?}", detpar::join(|| collect(1), || collect(2)));
    println!("{:x?}", detpar::join(|| collect(3), || collect(4)));
    let mut inherited = Vec::with_capacity(20_000);
    detpar::join(|| from.par_iter().map(half).collect_into_vec(&mut inherited), || ());
    check(&from, &inherited);
}

fn beside_open_children() {
    let from = numbers(20_000);
    let child = detpar::fork(7, || 5).unwrap();
    let to: Vec<u64> = from.par_iter().map(half).collect();
    assert_eq!(child.join().unwrap(), 5);
    check(&from, &to);
    let sum = detpar::scope(|s| {
        s.spawn(|_| ());
        from.par_iter().map(half).collect::<Vec<u64>>()
    });
    check(&from, &sum);
}

/// Leaves stop in the middle, and may go on elsewhere.
fn barriers_in_leaves() {
    let from = numbers(4000);
    let to: Vec<u64> = from
        .par_iter()
        .enumerate()
        .map(|(i, n)| {
            if i % 500 == 250 {
                kernel::call::barrier().unwrap();
            }
            half(n)
        })
        .collect();
    check(&from, &to);
}

fn open_children_of_leaves() {
    let from = numbers(5000);
    let to: Vec<u64> = from
        .par_iter()
        .map(|n| match n % 512 {
            0 => detpar::fork(0, {
                let n = *n;
                move || half(&n)
            })
            .unwrap()
            .join()
            .unwrap(),
            _ => half(n),
        })
        .collect();
    check(&from, &to);
}

/// An iterator that gives the halves of itself to two children before it is cut into leaves.
struct Twice<'a>(&'a [u64]);

impl ParallelIterator for Twice<'_> {
    type Item = u64;

    fn drive_unindexed<C: UnindexedConsumer<u64>>(self, consumer: C) -> C::Result {
        self.drive(consumer)
    }

    fn opt_len(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

impl IndexedParallelIterator for Twice<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn drive<C: Consumer<u64>>(self, consumer: C) -> C::Result {
        use detpar::iter::plumbing::Reducer;
        let (a, b) = self.0.split_at(self.0.len() / 3);
        let (first, second, reducer) = consumer.split_at(a.len());
        let (a, b) = (a.par_iter().map(half), b.par_iter().map(half));
        let (a, b) = detpar::join(|| bridge(a, first), || bridge(b, second));
        reducer.reduce(a, b)
    }

    fn with_producer<CB: ProducerCallback<u64>>(self, callback: CB) -> CB::Output {
        self.0.par_iter().map(half).with_producer(callback)
    }
}

fn cut_again_by_a_child() {
    let from = numbers(9000);
    check(&from, &Twice(&from).collect::<Vec<u64>>());
}

/// An iterator that knows its length, and yet says that the first items are any number.
struct Unsure<'a>(&'a [u64], usize);

impl ParallelIterator for Unsure<'_> {
    type Item = String;

    fn drive_unindexed<C: UnindexedConsumer<String>>(self, consumer: C) -> C::Result {
        use detpar::iter::plumbing::Reducer;
        let (a, b) = self.0.split_at(self.1);
        let (first, reducer) = (consumer.split_off_left(), consumer.to_reducer());
        let text = |n: &u64| half(n).to_string();
        reducer
            .reduce(bridge(a.par_iter().map(text), first), bridge(b.par_iter().map(text), consumer))
    }

    fn opt_len(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Items that leaves filled, but not where they belong, come to their place without a loss.
fn not_in_place() {
    let from = numbers(9000);
    let expected: Vec<String> = from.iter().map(|n| half(n).to_string()).collect();
    for cut in [1, 100, 4500, 8999] {
        assert_eq!(Unsure(&from, cut).collect::<Vec<_>>(), expected);
        for room in [0, 9000, 20_000] {
            let mut to = Vec::with_capacity(room);
            to.par_extend(Unsure(&from, cut));
            assert!(to == expected, "{cut} {room}");
        }
    }
}
