//! Checking mode: what two siblings wrote conflicts whatever the values, what they wrote side
//! by side does not.
//!
//! With `production` as the first argument it says of each shared structure what production
//! mode makes of it.
use detpar::prelude::*;
use detpar::{JoinError, try_join};
use detpar_tests::program::{self, assert_alive};
use std::cell::Cell;
use std::process::ExitCode;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Mutex, OnceLock, RwLock};

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("mutex_of_strings", mutex_of_strings),
        ("rwlock", rwlock),
        ("atomics", atomics),
        ("lock_free_stack", lock_free_stack),
        ("once_lock", once_lock),
        ("flags", flags),
        ("read_only", read_only),
        ("side_by_side", side_by_side),
        ("nested", nested),
        ("nested_restored", nested_restored),
        ("frees", frees),
        ("many", many),
        ("printing", printing),
        ("alive", assert_alive),
    ])
}

/// Two children that must conflict, in either order.
#[track_caller]
fn conflict(a: impl Fn() + Sync, b: impl Fn() + Sync) {
    for flip in [false, true] {
        let run = |first: bool| if first { a() } else { b() };
        match try_join(|| run(!flip), || run(flip)) {
            Err(JoinError::Conflict(c)) => assert_eq!(c.children(), (0, 1)),
            other => panic!("no conflict: {other:?}"),
        }
    }
}

/// Two children that must not.
#[track_caller]
fn fine(a: impl Fn() + Sync, b: impl Fn() + Sync) {
    if let Err(e) = try_join(&a, &b) {
        panic!("{e}");
    }
}

fn names() -> Mutex<Vec<String>> {
    Mutex::new((0..4).map(|i| format!("a string that lies in the heap, {i}")).collect())
}

/// One pops, one takes the last element: a clean merge of bytes gives it two owners.
fn mutex_of_strings() {
    let shared = names();
    let pop = || drop(shared.lock().unwrap().pop());
    let take = || drop(std::mem::take(shared.lock().unwrap().last_mut().unwrap()));
    let look = || assert_eq!(shared.lock().unwrap().len(), 4);
    conflict(pop, take);
    conflict(take, take);
    conflict(look, look);
    conflict(pop, look);
    assert_eq!(shared.into_inner().unwrap().len(), 4);
}

fn rwlock() {
    let shared = RwLock::new(1u64);
    let write = || *shared.write().unwrap() = 1;
    let read = || assert_eq!(*shared.read().unwrap(), 1);
    conflict(write, write);
    conflict(read, read);
    conflict(write, read);
}

fn atomics() {
    let n = AtomicUsize::new(5);
    let up_and_down = || {
        n.fetch_add(1, Relaxed);
        n.fetch_sub(1, Relaxed);
    };
    let same = || n.store(5, Relaxed);
    let fails = || assert!(n.compare_exchange(6, 7, SeqCst, SeqCst).is_err());
    let swap = || assert_eq!(n.swap(5, SeqCst), 5);
    let all: [&(dyn Fn() + Sync); 4] = [&up_and_down, &same, &fails, &swap];
    for a in all {
        for b in all {
            conflict(a, b);
        }
    }
}

struct Node {
    next: *mut Node,
}

/// A stack of nodes linked by atomics: one child pops and pushes back, the other pushes and
/// pops.
fn lock_free_stack() {
    let mut nodes = [const { Node { next: ptr::null_mut() } }; 3];
    let head = AtomicPtr::new(ptr::null_mut::<Node>());
    let push = |n: *mut Node| {
        // SAFETY: the nodes live as long as the stack.
        unsafe { (*n).next = head.load(Acquire) };
        head.store(n, Release);
    };
    let pop = || {
        let n = head.load(Acquire);
        // SAFETY: as above.
        head.store(unsafe { (*n).next }, Release);
        n
    };
    let third = AtomicPtr::new(&raw mut nodes[2]);
    push(&raw mut nodes[0]);
    push(&raw mut nodes[1]);
    let before = head.load(Relaxed);
    let back = || push(pop());
    let forth = || {
        push(third.load(Relaxed));
        pop();
    };
    conflict(back, back);
    conflict(back, forth);
    conflict(forth, forth);
    assert_eq!(head.load(Relaxed), before);
}

fn once_lock() {
    let shared: OnceLock<u64> = OnceLock::new();
    let set = || assert!(shared.set(7).is_ok());
    conflict(set, set);
    shared.set(7).unwrap();
    let get = || assert_eq!(shared.get(), Some(&7));
    fine(get, get);
    fine(get, || assert!(shared.set(8).is_err()));
}

/// A flag that is set while something is borrowed, and cleared.
fn flags() {
    struct Shared<T>(T);
    // SAFETY: each child has a copy of its own.
    unsafe impl<T> Sync for Shared<T> {}
    let cell = Shared(Cell::new(0isize));
    let borrow = || {
        let cell = &cell;
        cell.0.set(-1);
        std::hint::black_box(&cell.0);
        cell.0.set(0);
    };
    conflict(borrow, borrow);
    let busy = AtomicBool::new(false);
    let enter = || {
        assert!(!busy.swap(true, Acquire));
        busy.store(false, Release);
    };
    conflict(enter, enter);
    fine(enter, || assert!(!busy.load(Relaxed)));
}

/// Reading is no write, whatever lies on the same page.
fn read_only() {
    let shared = names();
    let all = shared.lock().unwrap();
    let (mut a, mut b) = (0, 0);
    try_join(|| a = all.iter().map(String::len).sum(), || b = all.len()).unwrap();
    assert_eq!((a, b), (all.iter().map(String::len).sum(), 4));
}

/// Neighbouring bytes of one page, of a word, restored and not.
fn side_by_side() {
    let bytes = program::shared(&program::pattern(4096 + 100));
    let before: Vec<u8> = bytes.iter().map(|b| b.load(Relaxed)).collect();
    let every = |from: usize, step: usize| {
        let bytes = &bytes;
        move || {
            for b in bytes.iter().skip(from).step_by(step) {
                b.fetch_xor(0xff, Relaxed);
                b.fetch_xor(0xff, Relaxed);
            }
        }
    };
    fine(every(0, 12), every(1, 12));
    conflict(every(0, 12), every(8, 20));
    program::assert_same(&bytes, &before);
    let mut numbers = [0u16; 100];
    let (low, high) = numbers.split_at_mut(33);
    try_join(|| low.fill(1), || high.fill(2)).unwrap();
    assert_eq!(numbers.iter().map(|n| u32::from(*n)).sum::<u32>(), 33 + 2 * 67);
    let mut v: Vec<u64> = (0..2000).collect();
    v.par_iter_mut().for_each(|x| *x = *x * 2 - *x);
    assert!(v.iter().copied().eq(0..2000));
}

/// What grandchildren wrote counts as their parent's.
fn nested() {
    let n = AtomicUsize::new(5);
    let other = AtomicUsize::new(0);
    let same = || n.store(5, Relaxed);
    let below = |f: &(dyn Fn() + Sync)| {
        detpar::join(f, || other.load(Relaxed));
    };
    conflict(|| below(&same), same);
    conflict(|| below(&same), || below(&same));
    conflict(|| below(&|| below(&same)), same);
    fine(|| below(&|| below(&same)), || assert_eq!(n.load(Relaxed), 5));
    // Two grandchildren, inside one child.
    let inner = || {
        let e = try_join(same, same);
        assert!(matches!(e, Err(JoinError::Conflict(_))));
    };
    fine(inner, || {});
    // Of memory that the parent of both has just written.
    let fresh = || {
        let m = AtomicU64::new(1);
        m.store(2, Relaxed);
        let same = || m.store(2, Relaxed);
        let up = || m.fetch_add(0, Relaxed);
        assert!(matches!(try_join(same, up), Err(JoinError::Conflict(_))));
        assert!(try_join(same, || m.load(Relaxed)).is_ok());
    };
    fine(fresh, fresh);
}

/// A child that changes memory and has children that write the new value again.
fn nested_restored() {
    let bytes: Vec<AtomicU8> = (0..8000).map(|_| AtomicU8::new(0)).collect();
    let work = |from: usize| {
        let bytes = &bytes;
        move || {
            let own = || bytes.iter().skip(from).step_by(16);
            own().for_each(|b| b.store(1, Relaxed));
            let again = |half: usize| own().skip(half).step_by(2).for_each(|b| b.store(1, Relaxed));
            try_join(|| again(0), || again(1)).unwrap();
            let e = try_join(|| again(0), || again(0));
            assert!(matches!(e, Err(JoinError::Conflict(_))));
        }
    };
    fine(work(0), work(1));
    assert_eq!(bytes.iter().filter(|b| b.load(Relaxed) == 1).count(), 1000);
}

/// A free is a write of the block, also against a write that changed nothing.
fn frees() {
    let block = Mutex::new(Some(Box::new(AtomicU64::new(3))));
    let at = AtomicPtr::new(&raw mut **block.lock().unwrap().as_mut().unwrap());
    // SAFETY: the block is live in each child until that child frees it.
    let store = || unsafe { (*at.load(Relaxed)).store(3, Relaxed) };
    let free = || drop(block.lock().unwrap().take());
    conflict(store, free);
}

/// Many children, one of which meets a lower one.
fn many() {
    let bytes = program::shared(&[0; 300]);
    let body = |i: usize| {
        bytes[i].store(0, Relaxed);
        if i == 77 {
            bytes[70].store(0, Relaxed);
        }
        i
    };
    let all = |n: usize| (0..n).into_par_iter().with_max_len(1).map(body).collect::<Vec<_>>();
    assert_eq!(all(70).len(), 70);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| all(100)));
    let message = *caught.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("both wrote"), "{message}");
}

fn printing() {
    let (a, b) = join(
        || {
            println!("from the first");
            format!("{:?}", std::thread::current().id())
        },
        || {
            println!("from the second");
            eprintln!("on standard error");
            String::from("b")
        },
    );
    println!("{a} {b}");
}
