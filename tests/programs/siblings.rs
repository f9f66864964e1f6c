//! Checking mode where children run beside their parent, meet at barriers, or did not meet at
//! all: who runs twice, and what conflicts.
use detpar::{JoinError, MergeConflict, fork, try_join, try_scope};
use detpar_tests::program::{self, children};
use kernel::abi::{Cause, ChildId, End};
use kernel::call::{self, Get, GetError, Job, Put};
use kernel::master::second_runs;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("once_where_nobody_met", once_where_nobody_met),
        ("barriers", barriers),
        ("barriers_below", barriers_below),
        ("spawned", spawned),
        ("forked", forked),
        ("forked_beside_one_that_runs", forked_beside_one_that_runs),
        ("beside_the_parent", beside_the_parent),
        ("raw", raw),
        ("open_below", open_below),
        ("lines", lines),
        ("unrepeatable", unrepeatable),
        ("alive", program::assert_alive),
    ])
}

static WORDS: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

/// Writes a word and puts back what it was.
fn restore(word: usize) {
    WORDS[word].fetch_add(1, Relaxed);
    WORDS[word].fetch_sub(1, Relaxed);
}

/// Pages that were brought into a worker for a nested child are not written by that.
fn once_where_nobody_met() {
    let before = second_runs();
    let mut numbers = vec![1u64; 5000];
    let mut local = [0; 2];
    let nested = |numbers: &mut [u64], local: &mut u64| {
        numbers.iter_mut().for_each(|n| *n += 1);
        let (a, b) = numbers.split_at_mut(2048);
        let (x, y) = detpar::join(|| a.iter().sum::<u64>(), || b.iter().sum::<u64>());
        *local = x + y;
        detpar::join(|| x, || y)
    };
    nested(&mut numbers, &mut local[0]);
    assert_eq!(second_runs(), before);
    let (a, b) = numbers.split_at_mut(2048 + 512);
    let [first, second] = &mut local;
    detpar::join(|| nested(a, first), || nested(b, second));
    assert_eq!(local.iter().sum::<u64>(), 3 * 5000);
    // The locals lie on one page, and a page of the vector has two owners.
    assert_eq!(second_runs(), before + 1);
    detpar::join(|| detpar::join(|| restore(1), || restore(2)), || ());
    assert_eq!(second_runs(), before + 2);
}

#[track_caller]
fn conflict_at(run: Result<(), GetError>, word: usize, between: (u32, u32)) {
    let Err(GetError::Child(f)) = run else { panic!("no conflict: {run:?}") };
    let Cause::Conflict(c) = f.failure.cause else { panic!("{f:?}") };
    assert_eq!(c.address as usize, WORDS[word].as_ptr() as usize);
    assert_eq!((c.lower, c.higher), between);
}

/// Meets the siblings `n` times; what is written in a phase is the sum of what all wrote before.
fn phases(i: usize, n: usize, mut each: impl FnMut(usize)) {
    let mut own = vec![i as u64 + 1; 700];
    for phase in 0..n {
        each(phase);
        own[phase] = WORDS[..8].iter().map(|w| w.load(Relaxed)).sum();
        WORDS[i].store(own[phase] + own[699], Relaxed);
        call::barrier().unwrap();
    }
    each(n);
}

/// Every phase is checked by itself: what was written before a barrier is nobody's any more.
fn barriers() {
    let before: Vec<u64> = WORDS.iter().map(|w| w.load(Relaxed)).collect();
    let now = || WORDS.iter().map(|w| w.load(Relaxed)).collect::<Vec<_>>();
    let fresh = || WORDS.iter().for_each(|w| w.store(0, Relaxed));
    conflict_at(
        children(3, |i| {
            phases(i, 3, |_| {
                if i > 0 {
                    restore(20)
                }
            })
        }),
        20,
        (1, 2),
    );
    conflict_at(
        children(3, |i| {
            phases(i, 5, |p| {
                if p == 3 && i != 1 {
                    restore(21)
                }
            })
        }),
        21,
        (0, 2),
    );
    conflict_at(
        children(2, |i| {
            phases(i, 5, |p| {
                if p == 5 {
                    restore(22)
                }
            })
        }),
        22,
        (0, 1),
    );
    assert_eq!(now(), before);
    // In turns.
    children(4, |i| {
        phases(i, 9, |p| {
            if p % 4 == i {
                restore(23)
            }
        })
    })
    .unwrap();
    let sums = now();
    fresh();
    children(4, |i| phases(i, 9, |_| ())).unwrap();
    assert_eq!(now(), sums);
    fresh();
}

/// The same inside of a child that runs twice itself.
fn barriers_below() {
    let inner = |word: usize| {
        let run = children(2, |i| {
            phases(i, 2, |p| {
                if p == 1 {
                    restore(30)
                }
            })
        });
        conflict_at(run, 30, (0, 1));
        children(2, |i| phases(i, 2, |_| restore(31 + i))).unwrap();
        let e = try_join(|| restore(33), || restore(33));
        assert!(matches!(e, Err(JoinError::Conflict(_))));
        WORDS[word].store(1, Relaxed);
    };
    try_join(|| inner(40), || restore(41)).unwrap();
    assert_eq!(WORDS[40].load(Relaxed), 1);
    match try_join(|| inner(42), || restore(32)) {
        Err(JoinError::Conflict(c)) => {
            assert_eq!(c.address(), WORDS[32].as_ptr() as usize);
        }
        other => panic!("{other:?}"),
    }
    WORDS.iter().for_each(|w| w.store(0, Relaxed));
}

#[track_caller]
fn conflict_of<T>(run: Result<T, JoinError>, word: usize, between: (usize, usize)) {
    match run {
        Err(JoinError::Conflict(c)) => {
            assert_eq!(c.address(), WORDS[word].as_ptr() as usize);
            assert_eq!(c.children(), between);
        }
        Err(e) => panic!("{e}"),
        Ok(_) => panic!("no conflict"),
    }
}

/// Children of a scope, which its end merges in order.
fn spawned() {
    let run = |words: &[usize]| {
        try_scope(|s| {
            for &word in words {
                s.spawn(move |_| restore(word));
            }
        })
    };
    run(&[1, 2, 3, 4]).unwrap();
    conflict_of(run(&[1, 2, 3, 2, 1]), 2, (1, 3));
    conflict_of(run(&[7, 7, 7]), 7, (0, 1));
    // Of some, and of memory that is in nobody's file.
    let shared: Mutex<Vec<String>> = Mutex::new(vec!["a".repeat(100), "b".repeat(100)]);
    let inner = try_scope(|s| {
        s.spawn(|_| drop(shared.lock().unwrap().pop()));
        s.spawn(|_| restore(3));
        s.spawn(|_| drop(std::mem::take(shared.lock().unwrap().last_mut().unwrap())));
    });
    assert!(matches!(inner, Err(JoinError::Conflict(c)) if c.children() == (0, 2)));
    assert_eq!(shared.into_inner().unwrap().len(), 2);
    // A child that failed conflicts with nobody.
    let failed = try_scope(|s| {
        s.spawn(|_| restore(5));
        s.spawn(|_| panic!("on purpose"));
        s.spawn(|_| restore(5));
    });
    assert!(matches!(failed, Err(JoinError::Panic(p)) if p.child() == 1));
    run(&[5, 6]).unwrap();
}

/// Siblings conflict if one was merged while the other was there already, in whatever order.
fn forked() {
    let start = |id: u32, word: usize| fork(id, move || restore(word)).unwrap();
    let (a, b, c) = (start(1, 10), start(2, 10), start(3, 11));
    c.join().unwrap();
    b.join().unwrap();
    conflict_of(a.join(), 10, (MergeConflict::PARENT, 0));
    // One that is there through many others.
    let long = start(1, 12);
    for round in 0..20 {
        start(2, 13).join().unwrap();
        let (a, b) = (start(3, 14 + round % 3), start(4, 17));
        b.join().unwrap();
        a.join().unwrap();
    }
    start(2, 12).join().unwrap();
    start(2, 12).join().unwrap();
    conflict_of(long.join(), 12, (MergeConflict::PARENT, 0));
    // What ended before the snapshot is nobody's any more.
    start(1, 12).join().unwrap();
    start(1, 12).join().unwrap();
}

/// What a child wrote is kept exactly also for one of which nothing is known yet.
fn forked_beside_one_that_runs() {
    fn slow(word: usize) {
        restore(word);
        for i in 0..5_000_000u64 {
            std::hint::black_box(i);
        }
    }
    let long = fork(1, || slow(20)).unwrap();
    fork(2, || restore(21)).unwrap().join().unwrap();
    fork(2, || restore(20)).unwrap().join().unwrap();
    conflict_of(long.join(), 20, (MergeConflict::PARENT, 0));
    let long = fork(1, || slow(20)).unwrap();
    fork(2, || restore(21)).unwrap().join().unwrap();
    long.join().unwrap();
}

/// Of the parent's own code what counts is what it changed.
fn beside_the_parent() {
    let child = fork(1, || WORDS[30].store(WORDS[30].load(Relaxed), Relaxed)).unwrap();
    WORDS[30].store(9, Relaxed);
    conflict_of(child.join(), 30, (MergeConflict::PARENT, 0));
    let child = fork(1, || restore(31)).unwrap();
    WORDS[32].store(9, Relaxed);
    child.join().unwrap();
    WORDS.iter().for_each(|w| w.store(0, Relaxed));
}

/// Spaces that are put and got, each from its snapshot to its first stop.
fn raw() {
    /// # Safety
    /// Needs nothing; the type is that of an entry.
    unsafe extern "C" fn entry(_: *mut (), word: usize, _: *mut u8) -> End {
        restore(word);
        if call::ret(7).is_err() {
            return End::Panicked;
        }
        End::Returned
    }
    let start = |id: u32, word: usize| {
        let job = Job { entry, data: std::ptr::null_mut(), arg: word, out_size: 0 };
        // SAFETY: the entry needs nothing and does not unwind; words may hold anything.
        unsafe { Put::new(ChildId(id)).snap().regs(job).start().call() }.unwrap();
    };
    // SAFETY: as above.
    let merge = |id: u32| unsafe { Get::new(ChildId(id)).merge().call() }.map(drop);
    // SAFETY: no handle names them.
    let end = |id: u32| unsafe { call::kill(ChildId(id)) }.unwrap();
    for (id, word) in [(1, 40), (2, 40), (3, 41)] {
        start(id, word);
    }
    merge(1).unwrap();
    merge(3).unwrap();
    conflict_at(merge(2), 40, (kernel::abi::PARENT, 0));
    (1..=3).for_each(end);
}

/// The same below children that run twice themselves.
fn open_below() {
    let inner = |word: usize| {
        let run = |a: usize, b: usize| {
            try_scope(|s| {
                s.spawn(move |_| restore(a));
                s.spawn(move |_| restore(b));
            })
        };
        run(word, word + 1).unwrap();
        conflict_of(run(44, 44), 44, (0, 1));
        let child = fork(1, move || conflict_of(run(45, 45), 45, (0, 1))).unwrap();
        run(46, 47).unwrap();
        child.join().unwrap();
    };
    try_join(|| inner(48), || restore(55)).unwrap();
    conflict_of(try_join(|| inner(48), || restore(49)), 49, (0, 1));
    conflict_of(try_join(|| inner(48), || restore(46)), 46, (0, 1));
}

/// Both source lines of a conflict, however often the byte was written before.
fn lines() {
    #[track_caller]
    fn check<T>(run: Result<T, JoinError>, lines: [Option<u32>; 2]) {
        let Err(JoinError::Conflict(c)) = run else { panic!("no conflict") };
        for (found, line) in c.lines().iter().zip(lines) {
            let wanted = line.map(|l| format!("siblings.rs:{l}:"));
            match (found, wanted) {
                (Some(found), Some(wanted)) => {
                    assert!(found.contains(&wanted), "{found}, not {wanted}");
                    let (number, report) = (line.expect("wanted"), c.report());
                    assert!(report.contains(&format!("\n{number} | ")), "{report}");
                }
                (None, None) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    fn often() {
        (0..5).for_each(|_| restore(56));
        WORDS[56].store(3, Relaxed);
    }
    let stores = line!() - 2;
    check(try_join(often, || WORDS[56].store(0, Relaxed)), [Some(stores), Some(line!())]);
    // Another value: equal closures may become one, with one line.
    check(try_join(|| WORDS[56].store(9, Relaxed), often), [Some(line!()), Some(stores)]);
    let mut bytes = vec![1u8; 5000];
    let at = bytes.as_mut_ptr() as usize;
    let fill = |n: usize| {
        // SAFETY: the child's own copy.
        let bytes = unsafe { std::slice::from_raw_parts_mut(at as *mut u8, 5000) };
        bytes[..n].fill(7);
    };
    let fills = line!() - 2;
    check(try_join(|| fill(4000), || fill(3000)), [Some(fills); 2]);
    let spawned = try_scope(|s| {
        s.spawn(|_| often());
        s.spawn(|_| restore(57));
        s.spawn(|_| WORDS[56].store(0, Relaxed));
    });
    check(spawned, [Some(stores), Some(line!() - 2)]);
    let child = fork(1, often).unwrap();
    WORDS[56].store(9, Relaxed);
    check(child.join(), [None, Some(stores)]);
    WORDS[56].store(0, Relaxed);
}

/// An instruction that no confinement can catch.
fn unrepeatable() {
    #[target_feature(enable = "rdrand")]
    fn random() -> u64 {
        let mut n = 0;
        while core::arch::x86_64::_rdrand64_step(&mut n) == 0 {}
        n
    }
    if !is_x86_feature_detected!("rdrand") {
        return;
    }
    // SAFETY: the processor has it.
    let random = || unsafe { random() };
    let e = try_join(|| restore(50), || WORDS[51].store(random(), Relaxed)).unwrap_err();
    let JoinError::Differs(d) = &e else { panic!("{e}") };
    assert_eq!((d.child(), d.address().map(|a| a & !7)), (1, Some(WORDS[51].as_ptr() as usize)));
    assert!(e.to_string().contains("WORDS"), "{e}");
    let e = try_join(|| restore(50), || (restore(51), random()).1).unwrap_err();
    assert!(matches!(&e, JoinError::Differs(d) if d.address().is_none()), "{e}");
    let e = try_join(
        || {
            restore(50);
            println!("{}", random())
        },
        || restore(51),
    )
    .unwrap_err();
    assert!(e.to_string().contains("printed something else"), "{e}");
}
