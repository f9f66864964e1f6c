//! What conflicts and what does not, and which failure is reported.
use detpar::prelude::*;
use detpar::{JoinError, MergeConflict, try_join};
use detpar_tests::program::{self, assert_alive};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("same_value", same_value),
        ("adjacent_bytes", adjacent_bytes),
        ("restored_value", restored_value),
        ("one_writer", one_writer),
        ("lowest_byte_is_reported", lowest_byte_is_reported),
        ("free_against_write", free_against_write),
        ("write_against_free", write_against_free),
        ("both_free", both_free),
        ("free_alone", free_alone),
        ("vector_grown_by_both", vector_grown_by_both),
        ("static_behind_a_function", static_behind_a_function),
        ("statics_conflict", statics_conflict),
        ("thread_locals_stay", thread_locals_stay),
        ("locals_of_the_parent", locals_of_the_parent),
        ("nested_conflicts", nested_conflicts),
        ("grandchildren_against_a_sibling", grandchildren_against_a_sibling),
        ("lowest_failure_of_many", lowest_failure_of_many),
        ("own_failure_before_conflict", own_failure_before_conflict),
        ("conflict_before_a_higher_panic", conflict_before_a_higher_panic),
        ("failure_above_is_not_waited_for", failure_above_is_not_waited_for),
        ("a_thousand_times", a_thousand_times),
        ("a_thousand_times_nested", a_thousand_times_nested),
    ])
}

#[track_caller]
fn conflict<T>(result: Result<T, JoinError>) -> MergeConflict {
    match result {
        Err(JoinError::Conflict(c)) => c,
        Err(other) => panic!("another failure: {other:?}"),
        Ok(_) => panic!("no conflict"),
    }
}

fn same_value() {
    let n = AtomicU32::new(0);
    let c = conflict(try_join(|| n.store(7, Relaxed), || n.store(7, Relaxed)));
    assert_eq!((c.address(), c.children()), (&raw const n as usize, (0, 1)));
    assert_eq!(c.values(), (0, 7, 7));
    assert_eq!(n.load(Relaxed), 0);
}

fn adjacent_bytes() {
    let v: Vec<AtomicU8> = (0..100_000).map(|_| AtomicU8::new(0)).collect();
    let every_other = |from: usize| {
        let v = &v;
        move || v.iter().skip(from).step_by(2).for_each(|b| b.store(1 + from as u8, Relaxed))
    };
    try_join(every_other(0), every_other(1)).unwrap();
    assert!(v.chunks(2).all(|c| c[0].load(Relaxed) == 1 && c[1].load(Relaxed) == 2));
    let mut pair = (true, false);
    let (a, b) = (&mut pair.0, &mut pair.1);
    try_join(|| *a = false, || *b = true).unwrap();
    assert_eq!(pair, (false, true));
    let mut words = [1u16, 2, 3, 4];
    let (low, high) = words.split_at_mut(1);
    try_join(|| low[0] = 0xffff, || high.fill(0)).unwrap();
    assert_eq!(words, [0xffff, 0, 0, 0]);
}

/// A write that restores the old value is no change, documented so.
fn restored_value() {
    let n = AtomicU64::new(5);
    let restore = || {
        n.store(u64::MAX, Relaxed);
        n.store(5, Relaxed);
    };
    try_join(restore, || n.store(6, Relaxed)).unwrap();
    assert_eq!(n.load(Relaxed), 6);
}

fn one_writer() {
    let (n, m) = (AtomicU64::new(1), AtomicU64::new(1));
    let (a, b) =
        try_join(|| n.fetch_add(1, Relaxed) + m.load(Relaxed), || m.swap(9, Relaxed)).unwrap();
    assert_eq!((a, b, n.load(Relaxed), m.load(Relaxed)), (2, 1, 2, 9));
    // Each child reads what the parent had, not what its sibling did.
    let (a, b) = detpar::join(
        || n.load(Relaxed),
        || {
            m.store(3, Relaxed);
            n.load(Relaxed)
        },
    );
    assert_eq!((a, b), (2, 2));
}

fn lowest_byte_is_reported() {
    let v: Vec<AtomicU8> = (0..50_000).map(|_| AtomicU8::new(0)).collect();
    let mut places = [49_999, 12_288, 7_777, 30_000, 8_191];
    let write = |order: Vec<usize>| {
        let v = &v;
        move || order.iter().for_each(|i| v[*i].store(1, Relaxed))
    };
    let forth = places.to_vec();
    places.reverse();
    let c = conflict(try_join(write(forth), write(places.to_vec())));
    assert_eq!(c.address(), &raw const v[7_777] as usize);
}

/// An address that a closure may carry to a child.
#[derive(Clone, Copy)]
struct Place(*mut AtomicU8);
// SAFETY: each child uses its own copy of what lies there.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

impl Place {
    fn write(self, value: u8) {
        // SAFETY: in the writer's own memory the block is alive: its sibling's free is
        // another space's.
        unsafe { (*self.0).store(value, Relaxed) }
    }
}

/// Blocks of all kinds of sizes, with a place inside each.
fn blocks() -> impl Iterator<Item = (Vec<AtomicU8>, Place, usize)> {
    [1usize, 16, 100, 5000, 40_000, 300_000, 5 << 20].into_iter().map(|len| {
        let mut block: Vec<AtomicU8> = (0..len).map(|_| AtomicU8::new(1)).collect();
        let at = len / 2;
        let place = Place(&raw mut block[at]);
        (block, place, len)
    })
}

#[track_caller]
fn assert_in_block(c: &MergeConflict, at: Place, len: usize) {
    assert_eq!(c.children(), (0, 1));
    let distance = c.address().abs_diff(at.0 as usize);
    assert!(distance <= len, "{len}: reported {:#x}, written {:p}", c.address(), at.0);
}

fn free_against_write() {
    for (block, place, len) in blocks() {
        assert_in_block(
            &conflict(try_join(move || drop(block), move || place.write(2))),
            place,
            len,
        );
    }
    assert_alive();
}

fn write_against_free() {
    for (block, place, len) in blocks() {
        assert_in_block(
            &conflict(try_join(move || place.write(2), move || drop(block))),
            place,
            len,
        );
    }
    assert_alive();
}

/// A double free across two children.
fn both_free() {
    for (block, place, len) in blocks() {
        let block = std::mem::ManuallyDrop::new(block);
        let parts = (Place(block.as_ptr().cast_mut()), block.len(), block.capacity());
        let free = move || {
            let (start, len, capacity) = parts;
            // SAFETY: the parts of a vector that is forgotten; each child frees its own copy.
            drop(unsafe { Vec::from_raw_parts(start.0, len, capacity) });
        };
        assert_in_block(&conflict(try_join(free, free)), place, len);
        free();
    }
    assert_alive();
}

fn free_alone() {
    for round in 0..20 {
        for (block, _, len) in blocks() {
            let (n, m) = try_join(
                move || {
                    drop(block);
                    round
                },
                || len,
            )
            .unwrap();
            assert_eq!((n, m), (round, len));
        }
    }
    assert_alive();
}

/// The way of a program that adds results to a shared list.
fn vector_grown_by_both() {
    struct List(RefCell<Vec<u32>>);
    // SAFETY: each child uses its own copy.
    unsafe impl Sync for List {}
    let list = List(RefCell::new(Vec::with_capacity(8)));
    let push = |n: u32| {
        let list = &list;
        move || list.0.borrow_mut().push(n)
    };
    conflict(try_join(push(1), push(2)));
    assert_eq!(list.0.borrow().len(), 0);
    try_join(push(1), || ()).unwrap();
    assert_eq!(*list.0.borrow(), [1]);
}

static HIDDEN: AtomicU64 = AtomicU64::new(3);
static mut ZEROED: [u64; 2000] = [0; 2000];

#[inline(never)]
fn counter() -> &'static AtomicU64 {
    &HIDDEN
}

/// Statics that no closure mentions are memory like any other.
fn static_behind_a_function() {
    fn fill(from: usize) {
        for i in (from..2000).step_by(2) {
            // SAFETY: one thread in each space.
            unsafe { ZEROED[i] = i as u64 };
        }
    }
    try_join(|| counter().store(40, Relaxed), || fill(1)).unwrap();
    assert_eq!(HIDDEN.load(Relaxed), 40);
    try_join(|| fill(0), || ()).unwrap();
    // SAFETY: no child runs.
    assert!((0..2000).all(|i| unsafe { ZEROED[i] } == i as u64));
}

fn statics_conflict() {
    let before = HIDDEN.load(Relaxed);
    let add = || counter().fetch_add(1, Relaxed);
    let c = conflict(try_join(add, add));
    assert_eq!(c.address(), &raw const HIDDEN as usize);
    assert_eq!(HIDDEN.load(Relaxed), before);
}

thread_local! {
    static PLAIN: Cell<u32> = const { Cell::new(1) };
    static LIST: RefCell<Vec<String>> = RefCell::new(vec!["initial".into()]);
}

/// Every child has thread-locals of its own, fresh; the parent's are neither merged nor lost.
fn thread_locals_stay() {
    PLAIN.set(10);
    LIST.with_borrow_mut(|l| l.push("parent".into()));
    let child = || {
        let seen = (PLAIN.get(), LIST.with_borrow(|l| l.join(",")));
        PLAIN.set(99);
        LIST.with_borrow_mut(|l| l.push("child".into()));
        (seen, PLAIN.get(), LIST.with_borrow(Vec::len))
    };
    for _ in 0..10 {
        let (a, b) = detpar::join(child, || detpar::join(child, child));
        for seen in [a, b.0, b.1] {
            assert_eq!(seen, ((1, "initial".to_string()), 99, 2));
        }
        assert_eq!(PLAIN.get(), 10);
        assert_eq!(LIST.with_borrow(|l| l.join(",")), "initial,parent");
    }
    // A reference to the parent's value is readable, and is the parent's.
    LIST.with_borrow(|list| {
        let list: &Vec<String> = list;
        let (a, b) = detpar::join(|| list.len(), || (LIST.with_borrow(Vec::len), list[1].clone()));
        assert_eq!((a, b.0, b.1.as_str()), (2, 1, "parent"));
    });
}

fn locals_of_the_parent() {
    let shared = AtomicU8::new(0);
    let (mut a, mut b) = ([0u8; 3], [0u8; 5]);
    conflict(try_join(
        || {
            a.fill(1);
            shared.store(1, Relaxed);
        },
        || {
            b.fill(2);
            shared.store(1, Relaxed);
        },
    ));
    assert_eq!((a, b), ([0; 3], [0; 5]));
    try_join(|| a.fill(1), || b.fill(2)).unwrap();
    assert_eq!((a, b), ([1; 3], [2; 5]));
}

/// In a child: locals that its own children change, and what those conflict on.
fn nested_conflicts() {
    let (result, told) = detpar::join(
        || {
            let (mut left, mut right) = (1u64, [2u8; 3]);
            let both = AtomicU32::new(0);
            try_join(|| left += 1, || right.fill(9)).unwrap();
            assert_eq!((left, right), (2, [9; 3]));
            let inner = try_join(
                || {
                    left += 1;
                    both.store(1, Relaxed);
                },
                || {
                    right.fill(10);
                    both.store(2, Relaxed);
                },
            );
            let c = conflict(inner);
            assert_eq!((left, right), (2, [9; 3]));
            assert_eq!(c.address(), &raw const both as usize);
            (c.children(), c.values())
        },
        || {
            let count = Cell::new(0);
            for i in 0..20 {
                let mut a = [i; 10];
                let (x, y) = a.split_at_mut(5);
                detpar::join(|| x[0] += 1, || y[0] += 2);
                count.set(count.get() + a.iter().sum::<i32>() - 10 * i);
            }
            count.get()
        },
    );
    assert_eq!((result, told), (((0, 1), (0, 1, 2)), 60));
}

fn grandchildren_against_a_sibling() {
    let n = AtomicU32::new(0);
    let deep = || {
        detpar::join(|| (), || detpar::join(|| n.store(1, Relaxed), || ()));
    };
    let c = conflict(try_join(deep, || n.store(1, Relaxed)));
    assert_eq!((c.address(), c.children()), (&raw const n as usize, (0, 1)));
    let c = conflict(try_join(|| n.store(1, Relaxed), deep));
    assert_eq!(c.children(), (0, 1));
    assert_eq!(n.load(Relaxed), 0);
}

/// Runs `n` children; the message they fail with.
#[track_caller]
fn message(n: usize, child: impl Fn(usize) + Sync + Send) -> String {
    let run = || (0..n).into_par_iter().with_max_len(1).for_each(child);
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("a failure");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().expect("a text").to_string(),
    }
}

/// Takes time, so that a higher child fails first.
fn dawdle(turns: u64) {
    for i in 0..turns {
        std::hint::black_box(i);
    }
}

fn lowest_failure_of_many() {
    for lowest in [0, 1, 5, 30, 62] {
        let told = message(64, |i| {
            if i >= lowest {
                dawdle((64 - i as u64) * 50_000);
                panic!("child {i}");
            }
        });
        assert_eq!(told, format!("child {lowest}"));
    }
}

fn own_failure_before_conflict() {
    let n = AtomicU32::new(0);
    let told = message(3, |i| {
        n.store(1, Relaxed);
        assert!(i != 1, "child 1 by itself");
    });
    assert_eq!(told, "child 1 by itself");
    let both = try_join(
        || n.store(1, Relaxed),
        || {
            n.store(2, Relaxed);
            panic!("itself")
        },
    );
    assert!(matches!(both, Err(JoinError::Panic(_))), "{both:?}");
}

/// A conflict belongs to the higher of its two children.
fn conflict_before_a_higher_panic() {
    let n = AtomicU32::new(0);
    let told = message(8, |i| match i {
        2 | 4 => {
            dawdle(20_000_000);
            n.store(1, Relaxed);
        }
        5 => panic!("child 5"),
        _ => {}
    });
    assert!(told.contains("children 2 and 4 both wrote"), "{told}");
    let told = message(8, |i| match i {
        2 | 5 => n.store(1, Relaxed),
        4 => {
            dawdle(20_000_000);
            panic!("child 4");
        }
        _ => {}
    });
    assert_eq!(told, "child 4");
}

/// Children above the failing one are killed, even those that would never end.
fn failure_above_is_not_waited_for() {
    let told = message(4, |i| match i {
        1 => panic!("child 1"),
        2.. => loop {
            std::hint::spin_loop();
        },
        _ => dawdle(10_000_000),
    });
    assert_eq!(told, "child 1");
    let result: Result<((), ()), _> = try_join(
        || panic!("first"),
        || loop {
            detpar::join(|| (), || ());
        },
    );
    assert!(matches!(result, Err(JoinError::Panic(_))));
    assert_alive();
}

fn a_thousand_times() {
    let total = AtomicU64::new(1000);
    let mut reports: Vec<String> = Vec::new();
    for _ in 0..1000 {
        let result = try_join(|| total.fetch_add(1, Relaxed), || total.fetch_add(2, Relaxed));
        reports.push(conflict(result).to_string());
        assert_eq!(total.load(Relaxed), 1000);
    }
    assert!(reports.iter().all(|r| *r == reports[0]));
    println!("{} times: {}", reports.len(), reports[0]);
}

fn a_thousand_times_nested() {
    let total = AtomicU64::new(1000);
    let add = |n: u64| {
        let total = &total;
        move || {
            let (a, b) = detpar::join(move || n, move || Box::new(n));
            total.fetch_add(a + *b, Relaxed)
        }
    };
    for round in 0..1000 {
        let c = conflict(try_join(add(1), add(2)));
        assert_eq!(c.address(), &raw const total as usize, "round {round}");
        assert_eq!((c.children(), c.values()), ((0, 1), (0xe8, 0xea, 0xec)), "round {round}");
    }
    assert_eq!(total.load(Relaxed), 1000);
}
