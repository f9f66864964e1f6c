//! Slices that leaves change in place, wherever parents may be and however constructs end. Prints
//! what came out, so that runs can be compared.
use detpar::prelude::*;
use detpar_tests::program;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[detpar::main]
fn main() -> ExitCode {
    program::run(CASES)
}

const CASES: &[(&str, fn())] = &[
    ("lengths", lengths),
    ("adaptors", adaptors),
    ("owners_of_memory", owners_of_memory),
    ("neighbours_on_the_page", neighbours_on_the_page),
    ("joined", joined),
    ("a_join_that_fails", || join_fails(PARTED)),
    ("nested_joins_that_fail", || join_fails(MANY)),
    ("panics", panics),
    ("faults", faults),
    ("conflicts", conflicts),
    ("isolated_afterwards", isolated_afterwards),
    ("in_children", in_children),
    ("cut_again_by_leaves", cut_again_by_leaves),
    ("open_children_of_leaves", open_children_of_leaves),
    ("beside_open_children", beside_open_children),
    ("barriers_in_leaves", barriers_in_leaves),
    ("fails_after_a_barrier", fails_after_a_barrier),
];

/// Items of which every leaf has some whole pages.
const MANY: usize = 90_001;
/// Items of which the larger part of a join is granted in place, and no part of that.
const PARTED: usize = 30_001;

fn numbers(n: usize) -> Vec<u64> {
    (0..n as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
}

fn changed(n: u64) -> u64 {
    n / 2 + 1
}

/// What remains of a construct that fails: nothing.
#[track_caller]
fn fails_without_a_trace<T: Clone + PartialEq + Debug>(items: &mut [T], f: impl FnOnce(&mut [T])) {
    let before = items.to_vec();
    let failed = catch_unwind(AssertUnwindSafe(|| f(items)));
    assert!(failed.is_err(), "it was to fail");
    let differs = items.iter().zip(&before).position(|(a, b)| a != b);
    assert_eq!(differs, None, "of {}", before.len());
}

fn lengths() {
    for n in [0, 1, 17, 600, 1024, 5000, 33_000, 70_001, 600_000] {
        let mut items = numbers(n);
        for round in 0..3 {
            let expected: Vec<u64> = items.iter().map(|n| changed(*n)).collect();
            items.par_iter_mut().for_each(|n| *n = changed(*n));
            assert!(items == expected, "{n} in round {round}");
        }
        println!("{n}: {:x}", items.iter().fold(0, |a: u64, n| a.rotate_left(5) ^ n));
    }
}

fn adaptors() {
    let check = |what: &str, f: &dyn Fn(&mut Vec<u64>, &mut Vec<u64>)| {
        let (mut a, mut b) = (numbers(MANY), vec![0; MANY]);
        f(&mut a, &mut b);
        let sum = |v: &[u64]| {
            v.iter().enumerate().fold(0, |s: u64, (i, n)| s.wrapping_mul(31) ^ n ^ i as u64)
        };
        println!("{what}: {:x} {:x}", sum(&a), sum(&b));
    };
    check("enumerate", &|a, _| a.par_iter_mut().enumerate().for_each(|(i, n)| *n = i as u64));
    check("rev", &|a, _| a.par_iter_mut().rev().enumerate().for_each(|(i, n)| *n = i as u64));
    check("zip", &|a, b| {
        let half = b.len() / 2;
        a.par_iter_mut().zip(&mut b[..half]).for_each(|(a, b)| std::mem::swap(a, b));
    });
    check("map", &|a, b| *b = a.par_iter_mut().map(|n| std::mem::replace(n, 3)).collect());
    check("limits", &|a, _| {
        a.par_iter_mut().with_min_len(20_000).for_each(|n| *n %= 1000);
        a.par_iter_mut().with_max_len(600).for_each(|n| *n += 1);
    });
    check("chunks", &|a, b| {
        a.par_chunks_mut(700).for_each(|c| c.reverse());
        b.par_rchunks_exact_mut(900).enumerate().for_each(|(i, c)| c.fill(i as u64));
    });
    check("chain", &|a, b| a.par_iter_mut().chain(b).for_each(|n| *n = changed(*n)));
}

/// Items with memory of their own: freed, allocated and moved by leaves.
fn owners_of_memory() {
    let mut texts: Vec<String> = numbers(MANY / 4).iter().map(u64::to_string).collect();
    fails_without_a_trace(&mut texts, |texts| {
        texts.par_iter_mut().enumerate().for_each(|(i, t)| {
            *t = format!("{t}, once");
            assert!(i != MANY / 5, "enough");
        });
    });
    texts.par_iter_mut().for_each(|t| *t = format!("{t}, twice"));
    assert!(texts.iter().zip(numbers(MANY / 4)).all(|(t, n)| *t == format!("{n}, twice")));
}

/// A slice that begins and ends in the middle of pages, whose rest belongs to others.
fn neighbours_on_the_page() {
    let mut items = numbers(MANY);
    let expected: Vec<u64> = items.iter().map(|n| changed(*n)).collect();
    let (first, rest) = items.split_at_mut(10_001);
    let (middle, last) = rest.split_at_mut(60_000);
    detpar::join(
        || first.par_iter_mut().for_each(|n| *n = changed(*n)),
        || last.iter_mut().for_each(|n| *n = changed(*n)),
    );
    middle.par_iter_mut().for_each(|n| *n = changed(*n));
    assert!(items == expected);
}

/// Partitions, then both parts at the same time, each a level below in place of its parent.
fn sorted_by_joins<T: Ord + Copy + Send>(items: &mut [T], levels: u32) {
    if levels == 0 || items.len() < 3 {
        return items.sort_unstable();
    }
    let middle = items.len() / 3;
    let (low, _, high) = items.select_nth_unstable(middle);
    let next = |part: &mut [T]| sorted_by_joins(part, levels - 1);
    detpar::join_mut(low, high, next, next);
}

fn joined() {
    for n in [0, 1, 3, 700, 5000, PARTED, MANY] {
        let mut items = numbers(n);
        let mut bytes: Vec<u8> = numbers(n / 7).iter().map(|n| *n as u8).collect();
        let expected = |mut items: Vec<u64>| {
            items.sort_unstable();
            items
        };
        let sorted = expected(items.clone());
        let sum: u64 = bytes.iter().map(|b| u64::from(*b)).sum();
        for levels in [1, 4] {
            sorted_by_joins(&mut items, levels);
            assert!(items == sorted, "{n} by {levels}");
            items.reverse();
        }
        // Slices of different types, of which a closure gives something back.
        let (least, now) = detpar::join_mut(
            &mut items,
            &mut bytes,
            |items: &mut [u64]| {
                items.reverse();
                items.first().copied()
            },
            |bytes: &mut [u8]| {
                bytes.sort_unstable();
                bytes.iter().map(|b| u64::from(*b)).sum::<u64>()
            },
        );
        assert_eq!((least, now), (sorted.first().copied(), sum));
        assert!(items == sorted && bytes.is_sorted());
        println!("{n}: {least:?} {now}");
    }
}

/// Joins in place of so many items, with more of them below, leave no trace where they fail.
fn join_fails(count: usize) {
    let mut items = numbers(count);
    for bad in [0, 1] {
        fails_without_a_trace(&mut items, |items| {
            let (low, high) = items.split_at_mut(count / 3);
            let fill = |part: &mut [u64], i: usize| {
                // Levels below are merged, and taken back with the rest.
                sorted_by_joins(part, 2);
                part.fill(7);
                assert!(i != bad, "part {i}");
            };
            detpar::join_mut(low, high, |p| fill(p, 0), |p| fill(p, 1));
        });
    }
    let (low, high) = items.split_at_mut(count / 2);
    let (first, second) = (low.to_vec(), high.to_vec());
    // The closures are dropped with what they own, once.
    let counts = [(); 2].map(|()| std::sync::Arc::new(()));
    let [a, b] = counts.clone();
    let failed = detpar::try_join_mut(
        low,
        high,
        move |p| (p.fill(1), a).0,
        move |p| {
            p.fill(2);
            drop(b);
            panic!("second")
        },
    );
    assert!(matches!(failed, Err(detpar::JoinError::Panic(p)) if p.child() == 1));
    assert!(low == first && high == second);
    assert_eq!(counts.map(|c| std::sync::Arc::strong_count(&c)), [1; 2]);
}

fn panics() {
    let mut items = numbers(MANY);
    for bad in [0, 1, MANY / 2, MANY - 1] {
        fails_without_a_trace(&mut items, |items| {
            items.par_iter_mut().enumerate().for_each(|(i, n)| {
                *n = 7;
                assert!(i != bad, "item {i}");
            });
        });
    }
    items.par_iter_mut().for_each(|n| *n = changed(*n));
    assert!(items.iter().copied().eq(numbers(MANY).into_iter().map(changed)));
}

/// The worker of the child that failed is no more, and those of others were killed as they wrote.
fn faults() {
    let mut items = numbers(MANY);
    for bad in [3, MANY / 3] {
        fails_without_a_trace(&mut items, |items| {
            items.par_iter_mut().enumerate().for_each(|(i, n)| {
                *n = !*n;
                if i == bad {
                    // SAFETY: none: it is to fault, and ends the child.
                    unsafe { std::ptr::null_mut::<u64>().write_volatile(1) };
                }
                if (bad + MANY / 32..bad + MANY / 8).contains(&i) {
                    loop {
                        *n = n.wrapping_add(1);
                        std::hint::black_box(&n);
                    }
                }
            });
        });
    }
}

/// What leaves change beside their parts still conflicts, and undoes the parts.
fn conflicts() {
    let mut items = numbers(MANY);
    let count = AtomicU64::new(0);
    fails_without_a_trace(&mut items, |items| {
        items.par_iter_mut().for_each(|n| {
            *n += count.fetch_add(1, Relaxed) + 1;
        });
    });
    assert_eq!(count.into_inner(), 0);
}

/// Memory that was changed in place is each child's own again.
fn isolated_afterwards() {
    let mut items = numbers(MANY);
    items.par_iter_mut().for_each(|n| *n = changed(*n));
    fails_without_a_trace(&mut items, |items| {
        let (a, b) = items.split_at_mut(MANY / 2);
        detpar::join(
            || a.fill(1),
            || {
                b.fill(2);
                panic!("after it wrote");
            },
        );
    });
    let before: Vec<u64> = numbers(MANY).into_iter().map(changed).collect();
    // Each child has its own copy: nobody sees what the others wrote.
    detpar::workspace(&mut items, 4, |i, items| {
        assert!(*items == before);
        items[i * 20_000..][..20_000].fill(8);
    });
    assert!(items[..80_000].iter().all(|n| *n == 8) && items[80_000..] == before[80_000..]);
}

/// In children, whose memory is fresh; and where that of their parent is theirs to change.
fn in_children() {
    let work = |seed: u64| {
        let mut items = numbers(MANY);
        items.par_iter_mut().for_each(|n| *n = changed(*n) ^ seed);
        fails_without_a_trace(&mut items, |items| {
            items.par_iter_mut().rev().enumerate().for_each(|(i, n)| {
                *n = 1;
                assert!(i != 500);
            });
        });
        items.iter().fold(seed, |a, n| a.rotate_left(7) ^ n)
    };
    println!("{:x?}", detpar::join(|| work(1), || work(2)));
    let mut inherited = numbers(MANY);
    detpar::join(|| inherited.par_iter_mut().for_each(|n| *n = changed(*n)), || ());
    assert!(inherited.iter().copied().eq(numbers(MANY).into_iter().map(changed)));
    fails_without_a_trace(&mut inherited, |items| {
        detpar::join(|| items.par_iter_mut().for_each(|n| *n = 5), || panic!("the other one"));
    });
}

/// Leaves give what they have to children of their own, which fail in some.
fn cut_again_by_leaves() {
    let mut items = numbers(MANY);
    let expected: Vec<u64> = items.iter().map(|n| changed(!*n)).collect();
    items.par_chunks_mut(9000).for_each(|part| {
        part.iter_mut().for_each(|n| *n = !*n);
        let last = part.len() - 1;
        fails_without_a_trace(part, |part| {
            part.par_iter_mut().enumerate().for_each(|(i, n)| {
                *n = 0;
                assert!(i != last, "the child of a leaf");
            });
        });
        part.par_iter_mut().for_each(|n| *n = changed(*n));
    });
    assert!(items == expected);
    fails_without_a_trace(&mut items, |items| {
        items.par_chunks_mut(9000).enumerate().for_each(|(i, part)| {
            part.par_iter_mut().for_each(|n| *n = 4);
            assert!(i != 7, "the leaf");
        });
    });
}

/// A child that runs beside a leaf sees what was when it started.
fn open_children_of_leaves() {
    let mut items = numbers(MANY);
    let mut expected: Vec<u64> = items.iter().map(|n| !*n).collect();
    expected[90_000] = items[90_000];
    items[..90_000].par_chunks_mut(6000).for_each(|part| {
        let was: Vec<u64> = part.to_vec();
        part[..3000].iter_mut().for_each(|n| *n = !*n);
        let at = part.as_ptr().addr();
        let child = detpar::fork(0, move || {
            // SAFETY: the part outlives the child, which has its snapshot of it.
            unsafe { std::slice::from_raw_parts(at as *const u64, 2000) }
                .iter()
                .fold(0, |a: u64, n| a.rotate_left(3) ^ n)
        })
        .unwrap();
        part[3000..].iter_mut().for_each(|n| *n = !*n);
        part[..1000].fill(1);
        let seen = child.join().unwrap();
        assert_eq!(seen, was[..2000].iter().fold(0, |a: u64, n| a.rotate_left(3) ^ !n));
        part[..1000].iter_mut().zip(&was).for_each(|(n, was)| *n = !*was);
    });
    assert!(items == expected);
}

fn beside_open_children() {
    let mut items = numbers(MANY);
    let at = items.as_ptr().addr();
    let child = detpar::fork(7, move || {
        // SAFETY: the vector outlives the child, which has its snapshot of it.
        unsafe { std::slice::from_raw_parts(at as *const u64, MANY) }.iter().max().copied()
    })
    .unwrap();
    items.par_iter_mut().for_each(|n| *n = 9);
    assert_eq!(child.join().unwrap(), numbers(MANY).into_iter().max());
    assert!(items.iter().all(|n| *n == 9));
}

fn stop_at(i: usize) {
    if i % 3000 == 1500 {
        kernel::call::barrier().unwrap();
    }
}

/// Leaves stop in the middle, and may go on elsewhere.
fn barriers_in_leaves() {
    let mut items = numbers(MANY);
    items.par_iter_mut().enumerate().for_each(|(i, n)| {
        stop_at(i);
        *n = changed(*n);
    });
    assert!(items.iter().copied().eq(numbers(MANY).into_iter().map(changed)));
}

fn fails_after_a_barrier() {
    let mut items = numbers(MANY);
    fails_without_a_trace(&mut items, |items| {
        items.par_iter_mut().enumerate().for_each(|(i, n)| {
            stop_at(i);
            *n = changed(*n);
            assert!(i != 80_000, "after a barrier");
        });
    });
}
