//! Children that read what siblings write, in each kind of memory; and children that do not.
use detpar::prelude::*;
use detpar_tests::program;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("a_static", a_static),
        ("the_higher_wrote", the_higher_wrote),
        ("a_heap_block", a_heap_block),
        ("a_local", a_local),
        ("a_field", a_field),
        ("by_a_grandchild", by_a_grandchild),
        ("one_of_many", one_of_many),
        ("copied", copied),
        ("again_and_again", again_and_again),
        ("neighbours", neighbours),
        ("after_the_join", after_the_join),
        ("own_writes", own_writes),
        ("much_work", much_work),
    ])
}

static TOTAL: AtomicU64 = AtomicU64::new(7);

fn a_static() {
    let seen = detpar::join(
        || TOTAL.store(8, Relaxed), // a_static: writer
        || TOTAL.load(Relaxed),     // a_static: reader
    );
    assert_eq!((seen.1, TOTAL.load(Relaxed)), (7, 8));
}

fn the_higher_wrote() {
    let seen = detpar::join(
        || TOTAL.load(Relaxed),     // the_higher_wrote: reader
        || TOTAL.store(9, Relaxed), // the_higher_wrote: writer
    );
    assert_eq!(TOTAL.load(Relaxed), 9);
    assert_ne!(seen.0, 9);
}

fn a_heap_block() {
    let numbers: Vec<AtomicU32> = (0..100).map(AtomicU32::new).collect();
    let seen = detpar::join(
        || numbers[50].store(1000, Relaxed), // a_heap_block: writer
        || numbers[50].load(Relaxed),        // a_heap_block: reader
    );
    assert_eq!((seen.1, numbers[50].load(Relaxed)), (50, 1000));
}

fn a_local() {
    let count = AtomicU32::new(7);
    let seen = detpar::join(
        || count.store(8, Relaxed), // a_local: writer
        || count.load(Relaxed),     // a_local: reader
    );
    assert_eq!((seen.1, count.load(Relaxed)), (7, 8));
}

struct State {
    items: [Item; 4],
}

struct Item {
    count: AtomicU32,
    id: u32,
}

static STATE: State = State { items: [const { Item { count: AtomicU32::new(7), id: 3 } }; 4] };

fn a_field() {
    let item = &STATE.items[3];
    let seen = detpar::join(
        || item.count.store(8, Relaxed), // a_field: writer
        // The identity is read as well, which nobody writes.
        || item.id + item.count.load(Relaxed), // a_field: reader
    );
    assert_eq!(seen.1, 10);
}

fn by_a_grandchild() {
    static DEEP: AtomicU64 = AtomicU64::new(1);
    let look = || DEEP.load(Relaxed); // by_a_grandchild: reader
    let seen = detpar::join(
        || DEEP.store(2, Relaxed), // by_a_grandchild: writer
        || detpar::join(|| 0, look).1,
    );
    assert_eq!((seen.1, DEEP.load(Relaxed)), (1, 2));
}

fn one_of_many() {
    static CHOSEN: AtomicU64 = AtomicU64::new(0);
    let all: Vec<u64> = (0..20usize)
        .into_par_iter()
        .with_max_len(1)
        .map(|i| {
            if i == 11 {
                CHOSEN.store(5, Relaxed); // one_of_many: writer
            }
            if i == 4 || i == 17 {
                return CHOSEN.load(Relaxed); // one_of_many: reader
            }
            i as u64
        })
        .collect();
    assert_eq!((all[4], all[17], CHOSEN.load(Relaxed)), (0, 0, 5));
}

/// Vector registers, and libc's code.
fn copied() {
    let bytes: Vec<AtomicU32> = (0..256).map(AtomicU32::new).collect();
    let copy = || {
        let mut to = [0u32; 64];
        // SAFETY: 64 numbers of the block, which no other thread can write.
        unsafe { to.as_mut_ptr().copy_from(black_box(bytes.as_ptr().cast()), 64) }; // copied: reader
        to[black_box(40)]
    };
    let seen = detpar::join(
        || bytes[40].store(7, Relaxed), // copied: writer
        copy,
    );
    assert_eq!(seen.1, 40);
}

fn again_and_again() {
    static ROUND: AtomicU64 = AtomicU64::new(0);
    for round in 0..3 {
        let seen = detpar::join(
            || ROUND.store(round + 1, Relaxed), // again_and_again: writer
            || ROUND.load(Relaxed),             // again_and_again: reader
        );
        assert_eq!(seen.1, round);
    }
}

// From here on nobody reads what a sibling writes.

fn neighbours() {
    static PAIR: [AtomicU32; 2] = [AtomicU32::new(1), AtomicU32::new(2)];
    let step = |n: &AtomicU32| n.store(n.load(Relaxed) + 1, Relaxed);
    detpar::join(|| step(&PAIR[0]), || step(&PAIR[1]));
    let mut numbers = [1u32, 2, 3, 4];
    let (a, b) = numbers.split_at_mut(2);
    detpar::join(|| a.iter_mut().for_each(|n| *n += 1), || b.iter_mut().for_each(|n| *n += 1));
    assert_eq!((PAIR[1].load(Relaxed), numbers), (3, [2, 3, 4, 5]));
}

fn after_the_join() {
    static DONE: AtomicU64 = AtomicU64::new(0);
    detpar::join(|| DONE.store(1, Relaxed), || ());
    assert_eq!(detpar::join(|| DONE.load(Relaxed), || DONE.load(Relaxed)), (1, 1));
}

fn own_writes() {
    let sums: Vec<AtomicU64> = (0..8).map(AtomicU64::new).collect();
    let all: Vec<u64> = (0..8usize)
        .into_par_iter()
        .with_max_len(1)
        .map(|i| {
            (0..100).for_each(|n| sums[i].store(sums[i].load(Relaxed) + n, Relaxed));
            sums[i].load(Relaxed)
        })
        .collect();
    assert_eq!(all[7], 4957);
}

fn much_work() {
    let words: Vec<String> = (0..300u32).into_par_iter().map(|i| format!("word {i}")).collect();
    let mut sorted = words.clone();
    sorted.par_sort();
    let total: usize = sorted.par_iter().map(|w| w.clone().len()).sum();
    let (a, b) = detpar::join(|| words.concat(), || sorted.concat());
    assert_eq!((a.len(), b.len()), (total, total));
    println!("{total}");
}
