//! Children that meet at barriers.
use detpar_tests::program::{self, children};
use kernel::abi::Cause;
use kernel::call::{self, GetError};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[detpar::main]
fn main() -> ExitCode {
    program::run(CASES)
}

const CASES: &[(&str, fn())] = &[
    ("stencil", stencil),
    ("own_frames_stay", own_frames_stay),
    ("some_end_early", some_end_early),
    ("rolled_back_in_a_later_phase", rolled_back_in_a_later_phase),
    ("nested", nested),
    ("allocations", allocations),
    ("only_among_siblings", only_among_siblings),
];

const N: usize = 2048;
static CELLS: [AtomicU64; N] = [const { AtomicU64::new(0) }; N];
static NEXT: [AtomicU64; N] = [const { AtomicU64::new(0) }; N];
const PARTS: usize = 7;
const ROUNDS: usize = 12;

fn reset() {
    for (i, c) in CELLS.iter().enumerate() {
        c.store((i * i % 1009) as u64, Relaxed);
    }
}

fn values() -> Vec<u64> {
    CELLS.iter().map(|c| c.load(Relaxed)).collect()
}

/// Each part reads its neighbours' cells of the round before.
fn stencil() {
    fn part(i: usize) {
        let (from, to) = (i * N / PARTS, (i + 1) * N / PARTS);
        for _ in 0..ROUNDS {
            for (at, next) in NEXT.iter().enumerate().take(to).skip(from) {
                let around = [(at + N - 1) % N, at, (at + 1) % N];
                let sum: u64 = around.iter().map(|&a| CELLS[a].load(Relaxed)).sum();
                next.store(sum % 100_003, Relaxed);
            }
            call::barrier().unwrap();
            for (cell, next) in CELLS[from..to].iter().zip(&NEXT[from..to]) {
                cell.store(next.load(Relaxed), Relaxed);
            }
            call::barrier().unwrap();
        }
    }
    reset();
    let mut expected = values();
    for _ in 0..ROUNDS {
        let old = expected.clone();
        for at in 0..N {
            expected[at] = (old[(at + N - 1) % N] + old[at] + old[(at + 1) % N]) % 100_003;
        }
    }
    children(PARTS, part).unwrap();
    assert_eq!(values(), expected);
}

/// Locals and thread-locals of a child survive its barriers.
fn own_frames_stay() {
    use std::cell::Cell;
    thread_local!(static LOCAL: Cell<usize> = const { Cell::new(1) });
    fn body(i: usize) {
        let mut mine = [i; 3000];
        for round in 0..5 {
            LOCAL.set(LOCAL.get() * 10 + i);
            mine.iter_mut().for_each(|m| *m += round);
            call::barrier().unwrap();
        }
        assert!(mine.iter().all(|&m| m == i + 10));
        assert_eq!(LOCAL.get(), 100_000 + 11_111 * i);
        CELLS[i].store(i as u64, Relaxed);
    }
    reset();
    children(9, body).unwrap();
    assert_eq!(LOCAL.get(), 1);
    assert!(values()[..9].iter().enumerate().all(|(i, &v)| v == i as u64));
}

/// A child that ended does not hold up the others, which see what it did.
fn some_end_early() {
    fn body(i: usize) {
        CELLS[i].store(100 + i as u64, Relaxed);
        for round in 0..i {
            call::barrier().unwrap();
            assert_eq!(CELLS[0].load(Relaxed), 100);
            NEXT[i * 16 + round].store(CELLS[i - 1].load(Relaxed), Relaxed);
        }
    }
    reset();
    children(6, body).unwrap();
    for i in 1..6 {
        assert!((0..i).all(|r| NEXT[i * 16 + r].load(Relaxed) == 99 + i as u64));
    }
}

/// All or nothing, whatever the phase.
fn rolled_back_in_a_later_phase() {
    fn panics(i: usize) {
        for round in 0..4 {
            CELLS[i].store(7, Relaxed);
            CELLS[1000 + i].store(round, Relaxed);
            call::barrier().unwrap();
            assert!(i != 2 || round != 3, "later");
        }
    }
    fn conflicts(i: usize) {
        CELLS[i].store(8, Relaxed);
        call::barrier().unwrap();
        CELLS[if i == 3 { 1 } else { i }].store(9 + i as u64, Relaxed);
    }
    reset();
    let before = values();
    let mut list = vec![1u8; 100_000];
    match children(4, panics) {
        Err(GetError::Child(f)) => {
            assert_eq!((f.failure.child, f.failure.cause), (2, Cause::Panic))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(values(), before);
    match children(4, conflicts) {
        Err(GetError::Child(f)) => {
            let Cause::Conflict(c) = f.failure.cause else { panic!("{f:?}") };
            assert_eq!((c.lower, c.higher, c.lower_value[0], c.higher_value[0]), (1, 3, 10, 12));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(values(), before);
    list.push(2);
    program::assert_alive();
    children(PARTS, |i| CELLS[i].store(1, Relaxed)).unwrap();
    assert_eq!(values()[..PARTS], [1; PARTS]);
}

/// Barriers of children of children, with changes of their own before.
fn nested() {
    fn inner(i: usize) {
        CELLS[100 + i].fetch_add(1, Relaxed);
        call::barrier().unwrap();
        let sum: u64 = (0..3).map(|j| CELLS[100 + j].load(Relaxed)).sum();
        CELLS[200 + i].store(sum, Relaxed);
    }
    fn outer(i: usize) {
        if i == 0 {
            (0..3).for_each(|j| CELLS[100 + j].store(j as u64 * 10, Relaxed));
            let failed = children(3, |i| {
                CELLS[150 + i].store(1, Relaxed);
                call::barrier().unwrap();
                assert_ne!(i, 1);
            });
            assert!(failed.is_err());
            assert_eq!(CELLS[150].load(Relaxed), 150 * 150 % 1009);
            children(3, inner).unwrap();
        } else {
            CELLS[i].store(5, Relaxed);
        }
        call::barrier().unwrap();
        if i == 1 {
            CELLS[300].store(CELLS[201].load(Relaxed), Relaxed);
        }
    }
    reset();
    children(2, outer).unwrap();
    let v = values();
    assert_eq!((v[1], v[100..103].to_vec(), v[200..203].to_vec(), v[300]), {
        (5, vec![1, 11, 21], vec![33; 3], 33)
    });
}

/// What children allocate before a barrier, siblings use and free after it.
fn allocations() {
    static LISTS: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];
    fn body(i: usize) {
        for round in 0..6usize {
            let list: Vec<u64> = (0..1000 + round as u64).map(|x| x + i as u64).collect();
            let boxed = Box::into_raw(Box::new(list)) as u64;
            LISTS[i].store(boxed, Relaxed);
            call::barrier().unwrap();
            let other = LISTS[(i + 1) % 8].load(Relaxed) as *mut Vec<u64>;
            // SAFETY: the sibling's box, which this child alone frees.
            let list = unsafe { Box::from_raw(other) };
            assert_eq!((list.len(), list[1]), (1000 + round, 1 + ((i + 1) % 8) as u64));
            drop(list);
            call::barrier().unwrap();
        }
    }
    for _ in 0..3 {
        children(8, body).unwrap();
    }
    let mut v = vec![3u8; 1 << 20];
    v.push(4);
}

fn only_among_siblings() {
    assert!(call::barrier().is_err());
    let r = detpar::fork(1, || call::barrier().is_err()).unwrap().join().unwrap();
    assert!(r);
}
