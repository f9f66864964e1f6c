//! What becomes of structures that siblings share, one line for each: `merged`, or `conflict`. The
//! test compares the lines with the table in docs/check.md, for either mode.
use detpar::{JoinError, try_join};
use std::mem::forget;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

/// Prints what becomes of two children.
fn tell(name: &str, a: impl Fn() + Sync, b: impl Fn() + Sync) {
    match try_join(&a, &b) {
        Ok(_) => println!("{name}: merged"),
        Err(JoinError::Conflict(_)) => println!("{name}: conflict"),
        Err(e) => println!("{name}: {e}"),
    }
}

/// A node of a queue that is linked by atomics.
struct Node {
    next: AtomicPtr<Node>,
}

fn queue() {
    let nodes = [const { Node { next: AtomicPtr::new(std::ptr::null_mut()) } }; 3];
    let at = |i: usize| (&raw const nodes[i]).cast_mut();
    nodes[0].next.store(at(1), Release);
    let (head, tail) = (AtomicPtr::new(at(0)), AtomicPtr::new(at(1)));
    let pop = || {
        let first = head.load(Acquire);
        // SAFETY: the nodes live as long as the queue.
        head.store(unsafe { (*first).next.load(Acquire) }, Release);
        first
    };
    let push = |node: *mut Node| {
        // SAFETY: as above.
        unsafe { (*tail.load(Acquire)).next.store(node, Release) };
        tail.store(node, Release);
    };
    let pop_one = || assert_eq!(pop(), at(0));
    tell("queue of nodes, a pop in each", pop_one, pop_one);
    let third = AtomicPtr::new(at(2));
    let there_and_back = || {
        let (first, last) = (head.load(Acquire), tail.load(Acquire));
        push(third.load(Acquire));
        pop();
        head.store(first, Release);
        tail.store(last, Release);
        // SAFETY: as above.
        unsafe { (*last).next.store(std::ptr::null_mut(), Release) };
    };
    tell("queue of nodes, used and put back", there_and_back, there_and_back);
}

#[detpar::main]
fn main() {
    let names = Mutex::new(vec!["a".repeat(100), "b".repeat(100)]);
    tell(
        "`Mutex<Vec<String>>`, one pops, one takes the last; both keep it",
        || forget(names.lock().unwrap().pop()),
        || forget(std::mem::take(names.lock().unwrap().last_mut().unwrap())),
    );
    tell(
        "`Mutex<Vec<String>>`, one pops, one takes the last; both drop it",
        || drop(names.lock().unwrap().pop()),
        || drop(std::mem::take(names.lock().unwrap().last_mut().unwrap())),
    );
    // Where that was merged the lock and the strings are nobody's to use.
    forget(names);
    let number = Mutex::new(1);
    let look = || assert_eq!(*number.lock().unwrap(), 1);
    tell("`Mutex`, locked in each", look, look);
    let lock = RwLock::new(1);
    let read = || assert_eq!(*lock.read().unwrap(), 1);
    tell("`RwLock`, read in each", read, read);
    tell("`RwLock`, the same value written in each", || *lock.write().unwrap() = 1, read);
    let n = AtomicUsize::new(5);
    let add = || assert_eq!(n.fetch_add(1, Relaxed), 5);
    tell("`AtomicUsize`, an add in each", add, add);
    let there_and_back = || {
        n.fetch_add(1, Relaxed);
        n.fetch_sub(1, Relaxed);
    };
    tell("`AtomicUsize`, an add and a sub in each", there_and_back, there_and_back);
    let word = AtomicU64::new(0);
    let bytes = "`AtomicU64` of 0, 256 stored in one and 1 in the other";
    tell(bytes, || word.store(256, Relaxed), || word.store(1, Relaxed));
    let load = || assert_eq!(n.load(Relaxed), 5);
    tell("`AtomicUsize`, loaded in one", load, there_and_back);
    queue();
    let once: OnceLock<u64> = OnceLock::new();
    let set = || assert!(once.set(7).is_ok());
    tell("`OnceLock`, set in each", set, set);
    once.set(7).unwrap();
    let get = || assert_eq!(once.get(), Some(&7));
    tell("`OnceLock` that is full, read in each", get, get);
    let shared = Arc::new(1u64);
    let clone = || drop(Arc::clone(&shared));
    tell("`Arc`, cloned and dropped in each", clone, clone);
    println!("ends");
}
