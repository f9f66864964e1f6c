//! Open children: scopes and forks beside a parent that goes on.
use detpar::prelude::*;
use detpar::{JoinError, MergeConflict, fork, join, try_scope};
use detpar_tests::program;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[detpar::main]
fn main() -> ExitCode {
    program::run(CASES)
}

const CASES: &[(&str, fn())] = &[
    ("snapshot_at_the_spawn", snapshot_at_the_spawn),
    ("unread_pages_stay", unread_pages_stay),
    ("forks_after_dirtying", forks_after_dirtying),
    ("results_and_memory", results_and_memory),
    ("parent_conflicts", parent_conflicts),
    ("sibling_conflicts", sibling_conflicts),
    ("scope_rolls_back", scope_rolls_back),
    ("frees", frees),
    ("closed_beside_open", closed_beside_open),
    ("nested_open", nested_open),
    ("names", names),
    ("unjoined", unjoined),
    ("grandchildren_share_a_static", grandchildren_share_a_static),
    ("rollback_three_deep", rollback_three_deep),
    ("handles_in_other_spaces", handles_in_other_spaces),
    ("loops", loops),
];

static SHARED: AtomicU64 = AtomicU64::new(0);

/// A child sees what was written before its spawn, and nothing later.
fn snapshot_at_the_spawn() {
    let mut seen = [0; 8];
    SHARED.store(100, Relaxed);
    scope(|s| {
        for (i, seen) in seen.iter_mut().enumerate() {
            SHARED.store(i as u64, Relaxed);
            s.spawn(move |_| *seen = SHARED.load(Relaxed));
        }
        SHARED.store(99, Relaxed);
    });
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(SHARED.load(Relaxed), 99);
}

/// The parent overwrites pages that the child has not read yet, between start and join.
fn unread_pages_stay() {
    let mut data = vec![1u64; 1 << 20];
    let at = data.as_ptr() as usize;
    let len = data.len();
    let child = fork(1, move || {
        // Gives the parent time to write first.
        for i in 0..20_000_000u64 {
            std::hint::black_box(i);
        }
        // SAFETY: the vector is alive in the snapshot.
        unsafe { std::slice::from_raw_parts(at as *const u64, len) }.iter().sum::<u64>()
    })
    .unwrap();
    data.iter_mut().for_each(|x| *x = 2);
    assert_eq!(child.join().unwrap(), len as u64);
    assert_eq!(data.iter().sum::<u64>(), 2 * len as u64);
}

/// Second and third forks after the parent changed pages, all alive at once.
fn forks_after_dirtying() {
    let mut data = vec![0u64; 100_000];
    let mut children = Vec::new();
    for round in 0..5u64 {
        for x in data.iter_mut().skip(round as usize * 37).step_by(513) {
            *x += round + 1;
        }
        data[..20_000].iter_mut().for_each(|x| *x ^= round);
        let now = data.clone();
        let at = data.as_ptr() as usize;
        children.push(
            fork(round as u32, move || {
                // SAFETY: the vector is alive in the snapshot.
                let seen = unsafe { std::slice::from_raw_parts(at as *const u64, now.len()) };
                seen == now.as_slice()
            })
            .unwrap(),
        );
    }
    data.fill(7);
    for c in children {
        assert!(c.join().unwrap());
    }
    assert!(data.iter().all(|&x| x == 7));
}

fn results_and_memory() {
    let mut parts = vec![Vec::new(); 20];
    let mut text = String::from("a");
    let r = scope(|s| {
        for (i, p) in parts.iter_mut().enumerate() {
            s.spawn(move |_| p.extend((0..i * 100).map(|x| x.to_string())));
        }
        text.push('b');
        text.repeat(1000)
    });
    assert_eq!(r.len(), 2000);
    assert_eq!(text, "ab");
    for (i, p) in parts.iter().enumerate() {
        assert_eq!(p.len(), i * 100);
        assert!(p.iter().enumerate().all(|(n, s)| s.parse::<usize>().unwrap() == n));
    }
}

fn conflict<T>(r: Result<T, JoinError>) -> ((usize, usize), (u8, u8, u8)) {
    match r {
        Err(JoinError::Conflict(c)) => (c.children(), c.values()),
        Err(e) => panic!("{e}"),
        Ok(_) => panic!("no conflict"),
    }
}

/// Parent and child wrote the same byte; also by the merge of another child.
fn parent_conflicts() {
    static N: AtomicU64 = AtomicU64::new(5);
    let c = fork(0, || N.store(6, Relaxed)).unwrap();
    N.store(7, Relaxed);
    assert_eq!(conflict(c.join()), ((MergeConflict::PARENT, 0), (5, 7, 6)));
    assert_eq!(N.load(Relaxed), 7);
    // Before the start is no conflict, nor is a value that was restored.
    N.store(8, Relaxed);
    let c = fork(0, || N.store(9, Relaxed)).unwrap();
    N.store(10, Relaxed);
    N.store(8, Relaxed);
    c.join().unwrap();
    assert_eq!(N.load(Relaxed), 9);
    let (a, b) =
        (fork(0, || N.store(1, Relaxed)).unwrap(), fork(1, || N.store(2, Relaxed)).unwrap());
    a.join().unwrap();
    assert_eq!(conflict(b.join()), ((MergeConflict::PARENT, 0), (9, 1, 2)));
    assert_eq!(N.load(Relaxed), 1);
}

fn sibling_conflicts() {
    let mut words = [0u64; 4];
    let at = words.as_mut_ptr() as usize;
    let r = try_scope(|s| {
        for i in 0..4usize {
            s.spawn(move |_| {
                // SAFETY: the array is alive; the race is what is tested.
                unsafe { *(at as *mut u64).add(if i == 3 { 1 } else { i }) = i as u64 + 1 };
            });
        }
    });
    assert_eq!(conflict(r), ((1, 3), (0, 2, 4)));
    assert_eq!(words, [0; 4]);
}

/// All or nothing, with what the body did kept; closures and payloads dropped once.
fn scope_rolls_back() {
    let mut big = vec![1u8; 3 << 20];
    let mut own = 0;
    let counter = std::sync::Arc::new(());
    let r = try_scope(|s| {
        let (a, b) = big.split_at_mut(1 << 20);
        let (first, second) = (counter.clone(), counter.clone());
        s.spawn(move |_| {
            a.fill(2);
            drop(first);
        });
        s.spawn(move |_| {
            b.fill(3);
            let _held = second;
            panic!("three");
        });
        s.spawn(|_| {
            for i in 0..u64::MAX {
                std::hint::black_box(i);
            }
        });
        own = 1;
    });
    let Err(JoinError::Panic(p)) = r else { panic!("{r:?}") };
    assert_eq!((p.child(), p.message()), (1, Some("three")));
    assert!(big.iter().all(|&x| x == 1));
    assert_eq!((own, std::sync::Arc::strong_count(&counter)), (1, 1));
}

/// Blocks freed by the parent, by children, and by both.
fn frees() {
    let mut lists: Vec<Vec<String>> =
        (0..6).map(|i| (0..500).map(|n| format!("{i} {n}")).collect()).collect();
    scope(|s| {
        let (first, rest) = lists.split_at_mut(1);
        for l in rest.iter_mut() {
            s.spawn(move |_| {
                l.retain(|x| x.len() % 2 == 0);
                l.push("new".into());
            });
        }
        first[0].clear();
        first[0].extend((0..1000).map(|n| n.to_string()));
    });
    assert_eq!(lists[0].len(), 1000);
    assert!(lists[1..].iter().all(|l| l.last().unwrap() == "new"));
    // The parent frees what the child writes.
    let b = Box::new([1u64; 64]);
    let at = &raw const *b as usize;
    // SAFETY: the block is alive in the snapshot.
    let c = fork(3, move || unsafe { *(at as *mut u64).add(9) = 5 }).unwrap();
    drop(b);
    let kept: Vec<Box<[u64; 64]>> = (0..100).map(|i| Box::new([i; 64])).collect();
    assert_eq!(conflict(c.join()).0, (MergeConflict::PARENT, 0));
    assert!(kept.iter().enumerate().all(|(i, b)| b.iter().all(|&x| x == i as u64)));
    // Both free it.
    let b = std::mem::ManuallyDrop::new(vec![1u8; 5000]);
    let at = b.as_ptr() as usize;
    // SAFETY: each space frees its own copy once; that both do is what is tested.
    let free = move || drop(unsafe { Vec::from_raw_parts(at as *mut u8, 5000, 5000) });
    let c = fork(3, free).unwrap();
    free();
    assert_eq!(conflict(c.join()).0, (MergeConflict::PARENT, 0));
}

/// Closed constructs of the parent while open children run.
fn closed_beside_open() {
    let mut sums = [0u64; 3];
    let mut total = 0;
    scope(|s| {
        for (i, sum) in sums.iter_mut().enumerate() {
            s.spawn(move |_| {
                let v: Vec<u64> = (0..1000u64).into_par_iter().map(|x| x * i as u64).collect();
                *sum = v.iter().sum();
            });
            let (a, b) = join(|| vec![i as u64; 100], || vec![1u64; 50]);
            total += a.iter().sum::<u64>() + b.iter().sum::<u64>();
        }
    });
    assert_eq!(sums, [0, 499_500, 999_000]);
    assert_eq!(total, 300 + 150);
}

fn nested_open() {
    fn tree(depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let (mut a, mut b) = (0, 0);
        let mut list = vec![depth as u64; 300];
        scope(|s| {
            s.spawn(|_| a = tree(depth - 1));
            list.push(1);
            s.spawn(|_| b = tree(depth - 1));
            list.push(2);
        });
        assert_eq!(list.len(), 302);
        a + b + list[300]
    }
    assert_eq!(tree(4), 31);
    let mut out = [0; 3];
    scope(|s| {
        let [a, b, c] = &mut out;
        s.spawn(|s| {
            *a = 1;
            s.spawn(|s| {
                *b = 2;
                s.spawn(|_| *c = 3);
            });
        });
    });
    assert_eq!(out, [1, 2, 3]);
}

fn names() {
    let a = fork(1, || 1).unwrap();
    assert!(matches!(fork(1, || 2), Err(JoinError::Unsupported(_))));
    assert!(matches!(fork(1 << 31, || 2), Err(JoinError::Unsupported(_))));
    let b = fork(2, || 2).unwrap();
    assert_eq!((b.join().unwrap(), a.join().unwrap()), (2, 1));
    assert_eq!(fork(1, || 3).unwrap().join().unwrap(), 3);
}

/// Children that nobody joins end, and everything goes on.
fn unjoined() {
    static M: AtomicU64 = AtomicU64::new(0);
    for i in 0..20u32 {
        let c = fork(i, move || {
            M.store(1, Relaxed);
            for i in 0..u64::MAX {
                std::hint::black_box(i);
            }
        })
        .unwrap();
        drop(c);
    }
    let outer = fork(0, || {
        let inner = fork(0, || std::thread::sleep(std::time::Duration::ZERO));
        std::mem::forget(inner);
        M.store(2, Relaxed);
    });
    outer.unwrap().join().unwrap();
    assert_eq!(M.load(Relaxed), 2);
}

fn grandchildren_share_a_static() {
    static G: AtomicU64 = AtomicU64::new(0);
    let r = detpar::try_join(
        || {
            let e = detpar::try_join(|| G.store(1, Relaxed), || G.store(2, Relaxed)).unwrap_err();
            assert!(matches!(e, JoinError::Conflict(_)));
            let (mut a, mut b) = (0, 0);
            scope(|s| {
                s.spawn(|_| a = G.load(Relaxed));
                G.store(3, Relaxed);
                s.spawn(|_| b = G.load(Relaxed));
            });
            (a, b)
        },
        || 0,
    );
    assert_eq!(r.unwrap(), ((0, 3), 0));
    assert_eq!(G.load(Relaxed), 3);
}

fn rollback_three_deep() {
    let mut v = vec![0u64; 5000];
    let r = try_scope(|s| {
        s.spawn(|_| {
            v[0] = 1;
            let inner = try_scope(|s| {
                let (a, b) = v.split_at_mut(2500);
                s.spawn(move |_| {
                    a.fill(2);
                    let innermost = try_scope(|s| {
                        let (c, d) = a.split_at_mut(1000);
                        s.spawn(move |_| c.fill(3));
                        s.spawn(move |_| {
                            d.fill(4);
                            panic!("deep");
                        });
                    });
                    assert!(innermost.is_err());
                    assert!(a.iter().all(|&x| x == 2));
                });
                s.spawn(move |_| {
                    b.fill(5);
                    panic!("middle");
                });
            });
            assert!(inner.is_err());
            assert_eq!((v[0], v[1], v[4999]), (1, 0, 0));
            v[1] = 6;
        });
    });
    r.unwrap();
    assert_eq!((v[0], v[1], v[2], v[4999]), (1, 6, 0, 0));
}

/// A name means another child in another space: handles that got there find none.
fn handles_in_other_spaces() {
    #[deterministic]
    fn join_there(c: detpar::Child<String>) -> bool {
        std::mem::forget(fork(7, || [1u64, 2, 3]));
        matches!(c.join(), Err(JoinError::Unsupported(_)))
    }
    #[deterministic]
    fn spawn_there(s: &detpar::Scope<'_>) {
        s.spawn(|_| ());
    }
    assert!(join_there(fork(7, || "text".to_string()).unwrap()));
    let mut done = 0;
    scope(|s| {
        s.spawn(|_| done = 1);
        let inner = try_scope(|s| spawn_there(s));
        assert!(matches!(inner, Err(JoinError::Unsupported(_))));
    });
    assert_eq!(done, 1);
}

/// Many rounds stay where they are.
fn loops() {
    let mut total = 0u64;
    let mut log = Vec::new();
    for i in 0..300u64 {
        let c = fork(0, move || vec![i; 100]).unwrap();
        log.push(i);
        total += c.join().unwrap().iter().sum::<u64>();
    }
    assert_eq!(total, 100 * (299 * 300 / 2));
    assert_eq!(log.len(), 300);
}
