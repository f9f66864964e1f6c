//! Recursion of joins far deeper than address space can be divided: what it returns, where it
//! allocates, what it leaves behind, what it says where something fails.
//!
//! Arguments: cases. Each prints its name and what it found.
use detpar::prelude::*;
use detpar::{JoinError, join, scope, try_join};
use detpar_tests::program::{assert_alive, children, digest};
use kernel::call::barrier;
use kernel::master::{image_fd, second_runs};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

type Case = (&'static str, fn() -> String);

#[detpar::main]
fn main() -> ExitCode {
    let cases: &[Case] = &[
        ("chain", || chain(60)),
        ("far", || chain(120)),
        ("forks", || forks(40)),
        ("scopes", || scopes(40)),
        ("deepest_forks", || forks(255)),
        ("deepest_scopes", || scopes(255)),
        ("too_deep", too_deep),
        ("bad_pivots", bad_pivots),
        ("kept", kept),
        ("fib", || fib_twice(15)),
        ("fib_20", || fib_twice(20)),
        ("balanced", balanced),
        ("wide", wide),
        ("frugal", frugal),
        ("no_room", no_room),
        ("conflict", || at_the_bottom(conflict)),
        ("panic", || at_the_bottom(panicking)),
        ("killed", || at_the_bottom(killed)),
        ("barrier", at_a_barrier),
        ("spawned", || at_the_bottom(spawned)),
        ("rolled_back", rolled_back),
        ("met", met),
        ("stopped", stopped),
        ("writers", writers),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for (name, case) in cases {
        if wanted.iter().any(|w| w == name) {
            println!("{name}: {}", case());
            assert_alive();
        }
    }
    ExitCode::SUCCESS
}

fn address<T: ?Sized>(b: &T) -> usize {
    std::ptr::from_ref(b).cast::<u8>() as usize
}

/// Addresses as a line: how many, and which.
fn told(all: &[usize]) -> String {
    let bytes: Vec<u8> = all.iter().flat_map(|a| a.to_le_bytes()).collect();
    format!("{} {:016x}", all.len(), digest(&bytes))
}

/// Joins a leaf and the rest of the way, `levels` deep. All that was allocated on the way is
/// alive at the end, and no two blocks are one.
fn chain(levels: u32) -> String {
    #[expect(clippy::vec_box, reason = "each space allocates")]
    fn go(level: u32) -> Vec<Box<u32>> {
        if level == 0 {
            return Vec::new();
        }
        let own = Box::new(1000 + level);
        let (mut rest, leaf) = join(|| go(level - 1), || Box::new(level));
        rest.push(leaf);
        rest.push(own);
        rest
    }
    told_pairs(&go(levels), levels)
}

/// Each level forks the next one and goes on beside it; all allocate, and keep what they made.
fn forks(levels: u32) -> String {
    #[expect(clippy::vec_box, reason = "each space allocates")]
    fn go(level: u32) -> Vec<Box<u32>> {
        if level == 0 {
            return Vec::new();
        }
        let own = Box::new(1000 + level);
        let child = detpar::fork(1, move || go(level - 1)).expect("a child");
        let beside = Box::new(level);
        let mut rest = child.join().expect("its result");
        rest.push(beside);
        rest.push(own);
        rest
    }
    told_pairs(&go(levels), levels)
}

/// The same with scopes of two children: the leaf starts after the rest of the way.
fn scopes(levels: u32) -> String {
    #[expect(clippy::vec_box, reason = "each space allocates")]
    fn go(level: u32) -> Vec<Box<u32>> {
        let (mut rest, mut leaf) = (Vec::new(), None);
        if level == 0 {
            return rest;
        }
        let mut own = Box::new(level);
        scope(|s| {
            s.spawn(|_| rest = go(level - 1));
            *own += 1000;
            s.spawn(|_| leaf = Some(Box::new(level)));
        });
        rest.extend(leaf);
        rest.push(own);
        rest
    }
    told_pairs(&go(levels), levels)
}

/// Two blocks of each level, all alive and none the same.
fn told_pairs(all: &[Box<u32>], levels: u32) -> String {
    assert!(all.chunks(2).zip(1..).all(|(c, i)| (*c[0], *c[1]) == (i, 1000 + i)));
    let addresses: Vec<usize> = all.iter().map(|b| address(&**b)).collect();
    assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), 2 * levels as usize);
    told(&addresses)
}

/// Deeper than spaces can be nested.
fn too_deep() -> String {
    fn go(level: u32) -> Result<u32, JoinError> {
        try_join(|| level, || go(level + 1))?.1
    }
    match go(1) {
        Err(e @ JoinError::Limit(_)) => format!("{e}"),
        other => panic!("{other:?}"),
    }
}

/// A quicksort that takes the first for its pivot sorts what is sorted: each level has one
/// side with everything.
fn bad_pivots() -> String {
    fn sort(v: &mut [u32]) {
        if v.len() < 2 {
            return;
        }
        let (pivot, rest) = v.split_first_mut().unwrap();
        let mut low = 0;
        for i in 0..rest.len() {
            if rest[i] < *pivot {
                rest.swap(i, low);
                low += 1;
            }
        }
        v.swap(0, low);
        let (a, b) = v.split_at_mut(low);
        join(|| sort(a), || sort(&mut b[1..]));
    }
    let mut v: Vec<u32> = (0..100).collect();
    v[90..].reverse();
    sort(&mut v);
    assert!(v.iter().zip(0..).all(|(a, b)| *a == b));
    format!("{}", v.len())
}

/// Leaves that keep what they made, at the end of a chain that has used up what is divided.
fn kept() -> String {
    fn leaves(levels: u32) -> Vec<Vec<u32>> {
        if levels == 0 {
            return vec![(0..5000).collect()];
        }
        let (mut a, b) = join(|| leaves(levels - 1), || leaves(levels - 1));
        a.extend(b);
        a
    }
    fn go(level: u32) -> Vec<Vec<u32>> {
        if level == 0 { leaves(6) } else { join(|| 0, || go(level - 1)).1 }
    }
    let all = go(30);
    assert!(all.iter().all(|v| v.iter().zip(0..).all(|(a, b)| *a == b)));
    told(&all.iter().map(|v| address(v.as_slice())).collect::<Vec<_>>())
}

/// A tree of very different depths. Returns the number, and the addresses that leaves see mixed
/// to one.
fn fib(n: u64) -> (u64, u64) {
    if n < 2 {
        return (n, address(&*Box::new(n)) as u64);
    }
    let own = vec![n; 100];
    let (a, b) = join(|| fib(n - 1), || fib(n - 2));
    let mix = a.1.rotate_left(7) ^ b.1.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (a.0 + b.0, mix ^ address(own.as_slice()) as u64)
}

fn fib_twice(n: u64) -> String {
    let ((number, seen), again) = (fib(n), fib(n));
    assert_eq!(again.0, number);
    format!("{number} {seen:016x} {:016x}", again.1)
}

/// As many leaves as fit a tree of equal branches of this depth.
fn balanced() -> String {
    fn go(levels: u32) -> u64 {
        if levels == 0 {
            return 1;
        }
        let (a, b) = join(|| go(levels - 1), || go(levels - 1));
        a + b
    }
    format!("{}", go(16))
}

/// Loops in loops, and recursion in them.
fn wide() -> String {
    fn go(level: u32) -> usize {
        if level == 0 { address(&*Box::new(level)) } else { join(|| 0, || go(level - 1)).1 }
    }
    let inner = |i: usize| -> Vec<usize> {
        let all = (0..33usize).into_par_iter().with_max_len(1);
        all.map(|j| if (i + j).is_multiple_of(199) { go(20) } else { address(&*Box::new(j)) })
            .collect()
    };
    let all: Vec<Vec<usize>> = (0..200usize).into_par_iter().with_max_len(1).map(inner).collect();
    told(&all.concat())
}

/// Below `levels` levels of joins.
fn below<R: Send>(levels: u32, f: &(impl Fn() -> R + Sync)) -> R {
    if levels == 0 { f() } else { join(|| levels, || below(levels - 1, f)).1 }
}

fn image_pages() -> u64 {
    let file = std::fs::metadata(format!("/proc/self/fd/{}", image_fd())).expect("the image file");
    file.blocks() / 8
}

/// What children made and freed is nowhere when they have ended, however many there were.
fn frugal() -> String {
    let round = || below(14, &|| (0..3).map(|_| fib(10).0).sum::<u64>());
    assert_eq!(round(), 3 * 55);
    let before = image_pages();
    for _ in 0..3 {
        assert_eq!(round(), 3 * 55);
    }
    let grown = image_pages().saturating_sub(before);
    // A round has more than five hundred spaces that allocate.
    assert!(grown < 64, "{grown} pages");
    String::from("nothing left")
}

/// More spaces that keep memory than there is room for below one.
fn no_room() -> String {
    #[expect(clippy::vec_box, reason = "each space allocates")]
    fn leaves(levels: u32) -> Result<Vec<Box<u32>>, JoinError> {
        if levels == 0 {
            return Ok(vec![Box::new(levels)]);
        }
        let (a, b) = try_join(|| leaves(levels - 1), || leaves(levels - 1))?;
        let mut all = a?;
        all.extend(b?);
        Ok(all)
    }
    let keep = |levels| below(14, &|| leaves(levels).unwrap_or_else(|e| panic!("{e}")).len());
    assert_eq!(keep(7), 128);
    match try_join(|| keep(10), || ()) {
        Err(JoinError::Panic(e)) => e.message().unwrap_or_default().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn at_the_bottom(f: fn() -> Result<(), JoinError>) -> String {
    let text = below(40, &|| match f() {
        Err(e) => e.to_string(),
        Ok(()) => panic!("it succeeded"),
    });
    text.lines().next().unwrap_or_default().to_owned()
}

/// Memory that children may write, wherever it is read from.
static CELLS: [AtomicU8; 4] = [const { AtomicU8::new(0) }; 4];

fn conflict() -> Result<(), JoinError> {
    try_join(|| CELLS[0].store(1, Relaxed), || CELLS[0].store(2, Relaxed)).map(drop)
}

fn panicking() -> Result<(), JoinError> {
    try_join(|| drop(vec![1; 1000]), || panic!("far below")).map(drop)
}

fn killed() -> Result<(), JoinError> {
    try_join(
        || std::process::abort(),
        || loop {
            std::hint::spin_loop()
        },
    )
    .map(drop)
}

/// Open children below: one of them fails.
fn spawned() -> Result<(), JoinError> {
    let mut sum = 0;
    scope(|s| {
        s.spawn(|_| CELLS[1].store(7, Relaxed));
        sum = join(|| 1, || 2).1;
    });
    assert_eq!((sum, CELLS[1].load(Relaxed)), (2, 7));
    detpar::try_scope(|s| s.spawn(|_| panic!("spawned far below")))
}

/// Children in turn meet all the same; behind the barrier they run beside each other.
fn at_a_barrier() -> String {
    let seen = below(20, &|| {
        let done = children(3, |i| {
            let mut kept = vec![i as u8 + 1; 2000];
            CELLS[i].store(kept[i], Relaxed);
            barrier().expect("siblings");
            let sum: u8 = CELLS.iter().take(3).map(|c| c.load(Relaxed)).sum();
            kept.push(sum);
            barrier().expect("siblings");
            CELLS[i].store(kept[2000] * 10 + i as u8, Relaxed);
        });
        done.expect("no conflict");
        CELLS.iter().take(3).map(|c| c.load(Relaxed)).collect::<Vec<_>>()
    });
    format!("{seen:?}")
}

/// A construct that fails leaves nothing behind, and the next begins where it began.
fn rolled_back() -> String {
    let seen = below(40, &|| {
        let mut seen = Vec::new();
        for fails in [true, false, true, false] {
            let mut cells = [0u8; 2];
            let [a, b] = &mut cells;
            let first = || {
                *a = 1;
                let kept = Box::new(5u64);
                (address(&*kept), kept)
            };
            let second = || {
                *b = 2;
                let kept = Box::new(6u64);
                assert!(!fails, "the second one");
                (address(&*kept), kept)
            };
            match try_join(first, second) {
                Ok((x, y)) => {
                    assert_eq!((cells, *x.1, *y.1), ([1, 2], 5, 6));
                    seen.extend([x.0, y.0]);
                }
                Err(JoinError::Panic(_)) if fails => assert_eq!(cells, [0, 0]),
                Err(e) => panic!("{e}"),
            }
        }
        assert_eq!(seen[..2], seen[2..], "the same work, elsewhere");
        seen
    });
    told(&seen)
}

/// Only the last two of three children in turn write to a page that they share, and in checking
/// mode run a second time.
fn met() -> String {
    let all = below(16, &|| -> Vec<Box<u8>> {
        let three = (0..3usize).into_par_iter().with_max_len(1);
        let each = |i: usize| {
            if i > 0 {
                CELLS[i].store(i as u8, Relaxed);
            }
            Box::new(i as u8)
        };
        three.map(each).collect()
    });
    assert!(CELLS[1..3].iter().map(|c| c.load(Relaxed)).eq(1..3));
    assert!(all.iter().map(|b| **b).eq(0..3));
    told(&all.iter().map(|b| address(&**b)).collect::<Vec<_>>())
}

/// More than fits the memory that a space begins with.
fn large(of: usize) -> Vec<Vec<u8>> {
    (0..8).map(|_| vec![of as u8 + 1; 200_000]).collect()
}

/// The first of three in turn keeps nothing and stops: those after it find what it left, also
/// where checking lets all run a second time, once from the start and once from the barrier.
fn stopped() -> String {
    let (seen, runs) = below(20, &|| {
        let before = second_runs();
        let done = children(3, |i| {
            let kept = large(i);
            CELLS[i].store(kept[i][i], Relaxed);
            let kept = (i > 0).then_some(kept);
            barrier().expect("siblings");
            CELLS[i].fetch_add(kept.map_or(0, |k| 10 * k[i][i]), Relaxed);
        });
        done.expect("no conflict");
        let seen: Vec<_> = CELLS.iter().take(3).map(|c| c.load(Relaxed)).collect();
        (seen, second_runs() - before)
    });
    assert!(runs <= 2, "{runs} runs");
    format!("{seen:?}")
}

/// Where the last two of three in turn stood when they wrote the same byte.
fn writers() -> String {
    below(16, &|| {
        let done = children(3, |i| {
            let kept = large(i);
            if i > 0 {
                CELLS[3].store(kept[i][i], Relaxed);
            }
            std::mem::forget(kept);
        });
        format!("{done:?}")
    })
}
