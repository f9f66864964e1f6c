//! What is left of a construct that fails: nothing. Large memory written by both children,
//! and drops counted one by one.
use detpar::JoinError;
use detpar_tests::program::{self, Shared, assert_alive, assert_same, change, pattern, shared};
use std::cell::RefCell;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

const PAGE: usize = 4096;
/// 64 MiB.
const PAGES: usize = 16_384;

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("conflict_on_one_byte", conflict_on_one_byte),
        ("conflict_on_the_first_byte", || conflict_at(0)),
        ("conflict_on_the_last_byte", || conflict_at(PAGES * PAGE - 1)),
        ("no_conflict", no_conflict),
        ("panic_in_the_first", || failing(0, |_| panic!("expected"))),
        ("panic_in_the_second", || failing(1, |_| panic!("expected"))),
        ("fault_in_the_first", || failing(0, null)),
        ("fault_in_the_second", || failing(1, null)),
        ("refused_call_in_the_first", || failing(0, open_file)),
        ("refused_call_in_the_second", || failing(1, open_file)),
        ("stack_of_the_parent", stack_of_the_parent),
        ("memory_freed_and_allocated", memory_freed_and_allocated),
        ("inside_a_child", inside_a_child),
        ("drops_on_success", drops_on_success),
        ("drops_on_failure", drops_on_failure),
        ("failing_again_and_again", failing_again_and_again),
    ])
}

fn null(_: usize) {
    // SAFETY: none: the access is meant to fault, in a child.
    unsafe { std::ptr::null_mut::<u32>().write_volatile(1) }
}

fn open_file(_: usize) {
    let _ = std::fs::File::open("/proc/self/stat");
}

/// Every child writes one byte in most pages, next to its sibling's, and whole pages of its own.
fn write_everywhere(memory: &Shared, child: usize) {
    let pages = memory.len() / PAGE;
    for page in 0..pages {
        let at = page * PAGE;
        match page % 4 {
            0 => change(memory, at + 2 * (page / 4 % 2000) + 1 + child, 0x55),
            1 | 2 if page % 4 == 1 + child => (at..at + PAGE).for_each(|i| change(memory, i, 0xff)),
            3 => change(memory, at + 17 + 1000 * child, 1 + child as u8),
            _ => {}
        }
    }
}

/// The expected result of both children's work.
fn written(pristine: &[u8]) -> Vec<u8> {
    let memory = shared(pristine);
    write_everywhere(&memory, 0);
    write_everywhere(&memory, 1);
    memory.iter().map(|b| b.load(Relaxed)).collect()
}

fn conflict_on_one_byte() {
    conflict_at(PAGES / 2 * PAGE + 3 * PAGE + 2017);
}

fn conflict_at(at: usize) {
    let pristine = pattern(PAGES * PAGE);
    let memory = shared(&pristine);
    let child = |i: usize| {
        let (memory, old) = (&memory, pristine[at]);
        move || {
            write_everywhere(memory, i);
            memory[at].store(old ^ (0x10 << i), Relaxed);
        }
    };
    // The byte is one that only its own write changes.
    match detpar::try_join(child(0), child(1)) {
        Err(JoinError::Conflict(c)) => {
            assert_eq!(c.address(), &raw const memory[at] as usize);
            assert_eq!(c.children(), (0, 1));
            let old = pristine[at];
            assert_eq!(c.values(), (old, old ^ 0x10, old ^ 0x20));
        }
        other => panic!("{other:?}"),
    }
    assert_same(&memory, &pristine);
    assert_alive();
    assert_same(&memory, &pristine);
}

fn no_conflict() {
    let pristine = pattern(PAGES * PAGE);
    let memory = shared(&pristine);
    detpar::try_join(|| write_everywhere(&memory, 0), || write_everywhere(&memory, 1)).unwrap();
    let expected = written(&pristine);
    assert!(expected != pristine);
    assert_same(&memory, &expected);
}

/// Child `who` fails after it has written.
fn failing(who: usize, how: fn(usize)) {
    let pristine = pattern(PAGES * PAGE);
    let memory = shared(&pristine);
    let child = |i: usize| {
        let memory = &memory;
        move || {
            write_everywhere(memory, i);
            if i == who {
                how(i);
            }
        }
    };
    let failed = detpar::try_join(child(0), child(1)).expect_err("a failure");
    assert!(!matches!(failed, JoinError::Conflict(_)), "{failed}");
    assert_eq!(failed.child(), Some(who), "{failed}");
    assert_same(&memory, &pristine);
    assert_alive();
    assert_same(&memory, &pristine);
}

fn stack_of_the_parent() {
    let mut large = [7u8; 40_000];
    let (mut a, mut b) = (String::from("a"), vec![1, 2, 3]);
    let result = detpar::try_join(
        || {
            large.fill(8);
            a.push_str(&"long ".repeat(1000));
        },
        || {
            b.extend(0..100_000);
            panic!("expected");
        },
    );
    assert!(matches!(result, Err(JoinError::Panic(_))));
    assert!(large.iter().all(|n| *n == 7));
    assert_eq!((a.as_str(), b.as_slice()), ("a", [1, 2, 3].as_slice()));
    a.push('b');
    b.push(4);
    assert_eq!((a.as_str(), b.len()), ("ab", 4));
}

/// What failed children freed lives on, and what they allocated is free again.
fn memory_freed_and_allocated() {
    let keep: Vec<RefCell<Option<Vec<u8>>>> =
        (0..200).map(|i| RefCell::new(Some(vec![i as u8; 1 + i * 97]))).collect();
    // Each cell belongs to one of the children, so that no two touch the same.
    struct Cells<'a>(&'a [RefCell<Option<Vec<u8>>>]);
    // SAFETY: a child has its own copy of every cell, and no two use the same cell.
    unsafe impl Send for Cells<'_> {}
    let (low, high) = (Cells(&keep[..100]), Cells(&keep[100..]));
    for round in 0..50 {
        let (low, high) = (Cells(low.0), Cells(high.0));
        let result = detpar::try_join(
            move || {
                let low = low;
                low.0.iter().for_each(|c| *c.borrow_mut() = None);
                vec![1u8; 300_000]
            },
            move || {
                let high = high;
                high.0.iter().for_each(|c| *c.borrow_mut() = Some(vec![9; 5000]));
                assert!(round == usize::MAX, "expected");
            },
        );
        assert!(matches!(result, Err(JoinError::Panic(_))));
        let other = vec![0xee_u8; 50_000];
        for (i, cell) in keep.iter().enumerate() {
            let v = cell.borrow();
            let v = v.as_ref().expect("a vector");
            assert!(v.len() == 1 + i * 97 && v.iter().all(|b| *b == i as u8), "vector {i}");
        }
        assert!(other.iter().all(|b| *b == 0xee));
    }
}

/// The same with a child as the parent: it goes on after the failure, and what it wrote
/// before and after reaches the master.
fn inside_a_child() {
    let pristine = pattern(1000 * PAGE);
    let memory = shared(&pristine);
    detpar::try_join(
        || {
            let own: Vec<u8> = pristine.iter().map(|b| b.wrapping_add(1)).collect();
            memory.iter().zip(&own).for_each(|(m, o)| m.store(*o, Relaxed));
            let fresh = shared(&own);
            for how in [|_| panic!("expected"), null, open_file] {
                let child = |i: usize| {
                    let (memory, fresh) = (&memory, &fresh);
                    move || {
                        write_everywhere(memory, i);
                        write_everywhere(fresh, i);
                        if i == 1 {
                            how(i);
                        }
                    }
                };
                assert!(detpar::try_join(child(0), child(1)).is_err());
                assert_same(&memory, &own);
                assert_same(&fresh, &own);
            }
            change(&memory, 12_345, 0xff);
        },
        assert_alive,
    )
    .unwrap();
    let mut expected: Vec<u8> = pristine.iter().map(|b| b.wrapping_add(1)).collect();
    expected[12_345] ^= 0xff;
    assert_same(&memory, &expected);
}

static DROPS: [AtomicU8; 64] = [const { AtomicU8::new(0) }; 64];

/// Counts its drops in a slot of its own.
struct Counted(usize, #[expect(dead_code)] Box<[u8; 40]>);

fn counted(slot: usize) -> Counted {
    Counted(slot, Box::new([1; 40]))
}

impl Drop for Counted {
    fn drop(&mut self) {
        DROPS[self.0].fetch_add(1, Relaxed);
    }
}

#[track_caller]
fn assert_drops(expected: &[(usize, u8)]) {
    for (slot, n) in DROPS.iter().enumerate() {
        let times = expected.iter().find(|(s, _)| *s == slot).map_or(0, |(_, times)| *times);
        assert_eq!(n.load(Relaxed), times, "slot {slot}");
        n.store(0, Relaxed);
    }
}

/// Captures are dropped in the children, results where the program drops them.
fn drops_on_success() {
    let (a, b) = (counted(0), counted(1));
    let (x, y) = detpar::join(
        move || {
            let a = a;
            drop(counted(2));
            (a, vec![counted(3), counted(4)])
        },
        move || {
            let _moved = b;
            counted(5)
        },
    );
    assert_drops(&[(1, 1), (2, 1)]);
    drop(x);
    assert_drops(&[(0, 1), (3, 1), (4, 1)]);
    drop(y);
    assert_drops(&[(5, 1)]);
    // Never called through a reference, dropped by the parent alone.
    let kept = counted(6);
    detpar::join(|| assert_eq!(kept.0, 6), || assert_eq!(kept.0, 6));
    assert_drops(&[]);
    drop(kept);
    assert_drops(&[(6, 1)]);
}

fn drops_on_failure() {
    let conflict: &'static AtomicU8 = Box::leak(Box::new(AtomicU8::new(0)));
    type Way = (&'static str, fn(&AtomicU8));
    let ways: [Way; 5] = [
        ("panic", |_| panic!("expected")),
        ("fault", |_| null(0)),
        ("refused call", |_| open_file(0)),
        ("abort", |_| std::process::abort()),
        ("conflict", |c| c.store(1, Relaxed)),
    ];
    for (name, how) in ways {
        for who in 0..2 {
            let (a, b) = (counted(0), counted(1));
            let run = |c: Counted, i: usize| {
                let _local = counted(10 + i);
                let result = (c, counted(20 + i));
                if i == who || name == "conflict" {
                    how(conflict);
                }
                result
            };
            let failed = detpar::try_join(move || run(a, 0), move || run(b, 1)).err();
            let failed = failed.unwrap_or_else(|| panic!("{name} in child {who} went well"));
            println!("{name}: {}", format!("{failed:?}").split(['(', ' ']).next().unwrap_or(""));
            assert_drops(&[(0, 1), (1, 1)]);
        }
    }
    assert_eq!(conflict.load(Relaxed), 0);
}

/// Five hundred failures of all kinds leave a counter, a list and a text as they were.
fn failing_again_and_again() {
    let pristine = pattern(300 * PAGE);
    let memory = shared(&pristine);
    let ways: [fn(usize); 4] = [|_| panic!("expected"), null, open_file, |_| {}];
    for round in 0..500 {
        let child = |i: usize| {
            let memory = &memory;
            move || {
                (0..300).for_each(|p| change(memory, p * PAGE + (round + p + i) % PAGE, 7));
                change(memory, 5, 1);
                if round % 2 == i {
                    ways[round % 4](i);
                }
            }
        };
        assert!(detpar::try_join(child(0), child(1)).is_err(), "round {round}");
        if round % 50 == 0 {
            assert_same(&memory, &pristine);
        }
    }
    assert_same(&memory, &pristine);
}
