//! Reference counts that children raise and lower, in production and in checking mode.
use detpar::prelude::*;
use detpar::{JoinError, PerChild, try_join};
use detpar_tests::program::{self, assert_alive};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("kept", kept),
        ("let_go", let_go),
        ("undeclared", undeclared),
        ("every_layout", every_layout),
        ("nested", nested),
        ("declared_in_children", declared_in_children),
        ("weak", weak),
        ("ended", ended),
        ("the_last_reference", the_last_reference),
        ("uniqueness", uniqueness),
        ("beside_the_parent", beside_the_parent),
        ("forgotten", forgotten),
        ("many", many),
        ("clones_for_a_moment", clones_for_a_moment),
        ("per_child", per_child),
        ("per_child_moved", per_child_moved),
        ("alive", assert_alive),
    ])
}

#[track_caller]
fn conflict<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) {
    match try_join(a, b) {
        Err(JoinError::Conflict(c)) => assert_eq!(c.children(), (0, 1)),
        Err(e) => panic!("no conflict: {e}"),
        Ok(_) => panic!("no conflict"),
    }
}

/// Counts how often it is dropped.
struct Counted<'a>(&'a AtomicUsize, [u64; 5]);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Each child keeps clones beyond the join; the value is dropped once, by the last.
fn kept() {
    let drops = AtomicUsize::new(0);
    let shared = Arc::new(Counted(&drops, [7; 5]));
    let counts = detpar::counts(&shared);
    let (a, b) = try_join(|| shared.clone(), || vec![shared.clone(); 3]).unwrap();
    assert_eq!(Arc::strong_count(&shared), 6);
    let all: Vec<Arc<Counted<'_>>> = (0..8).into_par_iter().map(|_| shared.clone()).collect();
    assert_eq!((Arc::strong_count(&shared), a.1, b.len()), (14, [7; 5], 3));
    drop((counts, a, b, all));
    assert_eq!((Arc::strong_count(&shared), drops.load(Relaxed)), (1, 0));
    drop(shared);
    assert_eq!(drops.load(Relaxed), 1);
}

/// Children drop references that they were given.
fn let_go() {
    let shared = Arc::new(String::from("a string"));
    let counts = detpar::counts(&shared);
    let (a, b, c) = (shared.clone(), shared.clone(), shared.clone());
    let (kept, len) = try_join(
        move || {
            drop(b);
            vec![a.clone(), a]
        },
        move || c.len(),
    )
    .unwrap();
    assert_eq!((Arc::strong_count(&shared), kept.len(), len), (4, 2, 8));
    // One more, two less.
    let [a, b] = kept.try_into().unwrap();
    try_join(|| drop((a, b)), || std::mem::forget(shared.clone())).unwrap();
    drop(counts);
    assert_eq!(Arc::strong_count(&shared), 2);
}

fn undeclared() {
    let shared = Arc::new(5);
    conflict(|| shared.clone(), || shared.clone());
    drop(detpar::counts(&shared));
    conflict(|| shared.clone(), || shared.clone());
    // Declared twice, taken back once.
    let first = detpar::counts(&shared);
    drop(detpar::counts(&shared));
    try_join(|| shared.clone(), || shared.clone()).unwrap();
    drop(first);
    conflict(|| shared.clone(), || shared.clone());
    assert_eq!(Arc::strong_count(&shared), 1);
}

fn every_layout() {
    #[repr(align(256))]
    struct Wide(u8);
    fn works<T: ?Sized + Send + Sync>(shared: Arc<T>) -> Arc<T> {
        let _counts = detpar::counts(&shared);
        // Std has one for all empty strings, and keeps it.
        let before = Arc::strong_count(&shared);
        let (a, b) = try_join(|| shared.clone(), || shared.clone()).unwrap();
        assert_eq!(Arc::strong_count(&shared), before + 2);
        drop((a, b));
        shared
    }
    assert_eq!(works(Arc::new(Wide(3))).0, 3);
    assert_eq!(*works(Arc::<str>::from("hello")), *"hello");
    assert_eq!(works(Arc::<str>::default()).len(), 0);
    assert_eq!(works(Arc::<[u16]>::from([1, 2, 3])).len(), 3);
    assert_eq!(works::<dyn Fn() -> u8 + Send + Sync>(Arc::new(|| 3))(), 3);
    assert_eq!(works(Arc::new([1u8; 100_000]))[99_999], 1);
    works(Arc::new(()));
}

/// What grandchildren keep.
fn nested() {
    let shared = Arc::new(5);
    let _counts = detpar::counts(&shared);
    let pair = || join(|| shared.clone(), || shared.clone());
    let (a, (b, c)) = try_join(pair, || join(pair, || shared.clone())).unwrap();
    assert_eq!(Arc::strong_count(&shared), 7);
    drop((a, b, c));
    assert_eq!(Arc::strong_count(&shared), 2);
}

/// What children declare holds in their own constructs, and is over at their ends.
fn declared_in_children() {
    let shared = Arc::new(5);
    let child = || {
        let own = Arc::new(6);
        let _counts = (detpar::counts(&own), detpar::counts(&shared));
        let ((a, x), b) = join(|| (own.clone(), shared.clone()), || own.clone());
        assert_eq!((Arc::strong_count(&own), Arc::strong_count(&shared)), (4, 3));
        drop(x);
        [a, b]
    };
    let ([a, b], [c, _]) = try_join(child, child).unwrap();
    assert_eq!((Arc::strong_count(&a), Arc::strong_count(&shared)), (2, 1));
    assert!(Arc::ptr_eq(&a, &b) && !Arc::ptr_eq(&a, &c));
    conflict(|| a.clone(), || a.clone());
    conflict(|| shared.clone(), || shared.clone());
}

fn weak() {
    let shared = Arc::new(5);
    let counts = detpar::counts(&shared);
    let handle = Arc::downgrade(&shared);
    let (a, b) = try_join(|| handle.clone(), || handle.clone()).unwrap();
    let (c, d) = try_join(|| a.upgrade(), || b.upgrade()).unwrap();
    assert_eq!((Arc::strong_count(&shared), Arc::weak_count(&shared)), (4, 3));
    try_join(|| drop(a), || drop((b, c))).unwrap();
    assert_eq!((Arc::strong_count(&shared), Arc::weak_count(&shared)), (3, 1));
    drop((counts, shared, d));
    assert!(handle.upgrade().is_none());
}

/// Memory that held counts before merges as all memory does.
fn ended() {
    let place = |at: &Arc<[u64; 8]>| Arc::as_ptr(at).addr() - 16;
    let shared = Arc::new([1u64; 8]);
    let at = place(&shared);
    let counts = detpar::counts(&shared);
    let (a, b) = try_join(|| shared.clone(), || shared.clone()).unwrap();
    drop((a, b, counts, shared));
    // The next block of this size is the same one.
    let numbers: Box<[AtomicU64; 10]> = Box::new([const { AtomicU64::new(1) }; 10]);
    assert_eq!((&raw const *numbers).addr(), at);
    for i in [0, 1, 2] {
        let up = || numbers[i].fetch_add(1, Relaxed);
        conflict(up, up);
    }
}

/// One child sees the last reference go, another one makes one more of it.
fn the_last_reference() {
    let drops = AtomicUsize::new(0);
    let fresh = || Arc::new(Counted(&drops, [0; 5]));
    let shared = fresh();
    let handle = Arc::downgrade(&shared);
    conflict(move || drop(shared), || handle.upgrade());
    let shared = fresh();
    let more = shared.clone();
    conflict(move || drop(shared), move || drop(more));
    // The closures that failed were dropped, and with them what they owned.
    assert_eq!(drops.load(Relaxed), 2);
    let shared = fresh();
    let counts = detpar::counts(&shared);
    let handle = Arc::downgrade(&shared);
    let (_, kept) = try_join(move || drop(shared), || handle.upgrade()).unwrap();
    drop(counts);
    assert_eq!((Weak::strong_count(&handle), drops.load(Relaxed)), (1, 2));
    drop(kept);
    assert_eq!((Weak::strong_count(&handle), drops.load(Relaxed)), (0, 3));
}

/// No child may take for its own what another one keeps.
fn uniqueness() {
    let tries = |declared: bool| {
        let mut own = Arc::new(5);
        let counts = declared.then(|| detpar::counts(&own));
        let other = own.clone();
        let take = || {
            let changed = Arc::get_mut(&mut own).map(|n| *n = 9).is_some();
            drop(own);
            changed
        };
        let (taken, kept) = try_join(take, || vec![other.clone(); 2]).unwrap();
        drop(counts);
        assert_eq!((taken, *kept[0], *other), (false, 5, 5));
        assert_eq!(Arc::strong_count(&other), 3);
    };
    tries(true);
    // Undeclared the counts conflict, and nothing is merged.
    let own = Arc::new(5);
    let other = own.clone();
    let unwrap = || {
        let unwrapped = Arc::try_unwrap(own);
        assert!(unwrapped.is_err());
        drop(unwrapped);
    };
    conflict(unwrap, || vec![other.clone(); 2]);
    assert_eq!((*other, Arc::strong_count(&other)), (5, 1));
    // A copy that a child writes to is its own.
    let mut own = Arc::new([5; 100]);
    let counts = detpar::counts(&own);
    let other = own.clone();
    let write = || Arc::make_mut(&mut own)[0] = 9;
    let ((), kept) = try_join(write, || other.clone()).unwrap();
    assert_eq!((own[0], other[0], kept[0]), (9, 5, 5));
    drop(counts);
    assert_eq!((Arc::strong_count(&own), Arc::strong_count(&other)), (1, 2));
}

/// The parent goes on, and clones as well.
fn beside_the_parent() {
    let shared = Arc::new(5);
    let counts = detpar::counts(&shared);
    let kept = Mutex::new(Vec::new());
    detpar::scope(|s| {
        s.spawn(|_| std::mem::forget(shared.clone()));
        s.spawn(|_| std::mem::forget([shared.clone(), shared.clone()]));
        kept.lock().unwrap().push(shared.clone());
    });
    assert_eq!((Arc::strong_count(&shared), kept.lock().unwrap().len()), (6, 1));
    let given = shared.clone();
    let child = detpar::fork(0, move || [given.clone(), given]).unwrap();
    let own = shared.clone();
    let [a, b] = child.join().unwrap();
    drop((counts, own));
    assert_eq!((Arc::strong_count(&shared), *a + *b), (7, 10));
}

/// A declaration that is never taken back keeps its counts alive.
fn forgotten() {
    let shared = Arc::new(5);
    let child = || {
        let own = Arc::new(6);
        std::mem::forget(detpar::counts(&own));
        own
    };
    let (own, other) = try_join(child, child).unwrap();
    std::mem::forget(detpar::counts(&shared));
    try_join(|| shared.clone(), || shared.clone()).unwrap();
    drop(shared);
    assert_eq!((Arc::strong_count(&own), Arc::strong_count(&other)), (2, 2));
    conflict(|| own.clone(), || own.clone());
}

/// More than there is room for: those beyond conflict as if they were not declared.
fn many() {
    let all: Vec<Arc<usize>> = (0..1100).map(Arc::new).collect();
    let mut counts: Vec<_> = all.iter().map(detpar::counts).collect();
    let pair = |i: usize| try_join(|| all[i].clone(), || all[i].clone());
    let works: Vec<bool> = (0..1100).step_by(50).map(|i| pair(i).is_ok()).collect();
    assert!(works[..19].iter().all(|w| *w) && !works[20..].iter().any(|w| *w), "{works:?}");
    drop(counts.drain(..800));
    counts.push(detpar::counts(&all[1099]));
    assert!(pair(1099).is_ok() && pair(850).is_ok() && pair(1).is_err());
    let up = |i: usize| (all[1099].clone(), i);
    let kept: Vec<(Arc<usize>, usize)> = (0..300).into_par_iter().with_max_len(1).map(up).collect();
    assert_eq!((Arc::strong_count(&all[1099]), kept[299].1), (303, 299));
}

/// Clones that are dropped again, without a word; what only looks like them counts.
fn clones_for_a_moment() {
    let shared = Arc::new([5u64; 4]);
    let handle = Arc::downgrade(&shared);
    let look = || shared.clone()[0] + handle.clone().strong_count() as u64;
    assert_eq!(try_join(look, look).unwrap(), (7, 7));
    let (kept, n) = try_join(|| shared.clone(), look).unwrap();
    assert_eq!((Arc::strong_count(&shared), n), (2, 7));
    drop(kept);
    let checked = std::env::var_os("DETPAR_CHECK").is_some();
    let up_and_down = |n: &AtomicU64| {
        n.fetch_add(1, Relaxed);
        n.fetch_sub(1, Relaxed);
    };
    let seen = |n: &AtomicU64| try_join(|| up_and_down(n), || up_and_down(n)).is_err();
    // Not at the head of a block; beside a zero; from zero on, as a lock is taken.
    let rows: [Box<[AtomicU64; 4]>; 3] = Default::default();
    let numbers = &rows[1];
    rows.iter().flat_map(|row| row.iter()).for_each(|n| n.store(1, Relaxed));
    assert_eq!(seen(&numbers[2]), checked);
    numbers[0].store(0, Relaxed);
    assert_eq!((seen(&numbers[0]), seen(&numbers[1])), (checked, checked));
    // In steps of two, and by other instructions.
    let numbers: Box<[AtomicU64; 2]> = Box::new([const { AtomicU64::new(5) }; 2]);
    let two = || numbers[0].fetch_add(2, Relaxed) + numbers[0].fetch_sub(2, Relaxed);
    assert_eq!(try_join(two, two).is_err(), checked);
    let swap = || numbers[0].swap(5, Relaxed);
    assert_eq!(try_join(swap, swap).is_err(), checked);
    let on = Arc::new(AtomicU64::new(5));
    assert_eq!(seen(&on), checked);
}

/// Remembers what it was asked, and how often clones were asked.
struct Memory {
    last: Mutex<(u64, u64)>,
    asked: AtomicU64,
    name: Arc<str>,
}

impl Memory {
    fn new(name: &str) -> Memory {
        Memory { last: Mutex::default(), asked: AtomicU64::new(0), name: name.into() }
    }

    fn square(&self, n: u64) -> (u64, u64) {
        let mut last = self.last.lock().unwrap();
        if last.0 != n {
            *last = (n, n * n);
        }
        (last.1, self.asked.fetch_add(1, Relaxed))
    }
}

impl Clone for Memory {
    fn clone(&self) -> Memory {
        Memory { name: self.name.clone(), ..Memory::new("") }
    }
}

/// Each child asks a clone of its own, and always the same one.
fn per_child() {
    let memory = Memory::new("a");
    conflict(|| memory.square(3), || memory.square(4));
    let memory = PerChild::new(memory);
    let ask = |n: u64| memory.with(|m| m.square(n));
    let twice = |n: u64| (ask(n), ask(n));
    assert_eq!(try_join(|| twice(3), || twice(4)).unwrap(), (((9, 0), (9, 1)), ((16, 0), (16, 1))));
    // A child of a child, too; and its parent's is still its parent's.
    let nested = |n: u64| (ask(n), join(|| ask(n), || ask(n + 1)), ask(n));
    let of = |n: u64| ((n * n, 0), ((n * n, 0), ((n + 1) * (n + 1), 0)), (n * n, 1));
    assert_eq!(try_join(|| nested(3), || nested(4)).unwrap(), (of(3), of(4)));
    let all: Vec<u64> = (0..100).into_par_iter().map(|n| ask(n).0).collect();
    assert!(all.iter().zip(0..).all(|(n, i)| *n == i * i));
    // The master asks the value itself, and keeps what that remembers.
    assert_eq!((ask(5), ask(5)), ((25, 0), (25, 1)));
    assert_eq!(memory.with(|m| Arc::strong_count(&m.name)), 1);
}

/// Values that come and go in one place.
fn per_child_moved() {
    let name = |memory: &PerChild<Memory>| memory.with(|m| m.name.to_string());
    let child = |first: &'static str| {
        move || {
            let mut all = Vec::new();
            for i in 0..3 {
                let memory = PerChild::new(Memory::new(&format!("{first}{i}")));
                all.push(name(&memory));
                let moved = Box::new(memory);
                all.push(name(&moved));
            }
            all
        }
    };
    let (a, b) = try_join(child("a"), child("b")).unwrap();
    assert_eq!(a, ["a0", "a0", "a1", "a1", "a2", "a2"]);
    assert_eq!(b.concat(), a.concat().replace('a', "b"));
    // Dropped by a child that was given it, after it asked.
    let given = PerChild::new(Memory::new("given"));
    let (a, _) = try_join(move || (name(&given), drop(given)).0, || ()).unwrap();
    assert_eq!(a, "given");
}
