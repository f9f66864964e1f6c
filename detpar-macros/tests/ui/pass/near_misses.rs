//! What looks like a refused name and is none.
#![deny(warnings)]
use detpar::deterministic;
use std::collections::{HashMap, hash_map::RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

mod mine {
    pub struct Mutex<T>(pub T);

    impl<T> Mutex<T> {
        pub fn lock(&self) -> &T {
            &self.0
        }
    }

    pub mod thread {
        pub fn spawn() -> u32 {
            1
        }
    }

    pub mod fs {
        pub fn read() -> u32 {
            2
        }
    }
}

/// A command of a program's own, as those of an editor or of a parser of arguments.
struct Command(u32);

impl Command {
    fn new(n: u32) -> Self {
        Command(n)
    }
}

struct Pool(u32);

impl Pool {
    fn spawn(&self) -> u32 {
        self.0
    }

    fn store(&mut self, value: u32) {
        self.0 = value;
    }

    fn elapsed(&self) -> u32 {
        self.0
    }
}

static READ: AtomicU32 = AtomicU32::new(1);

/// A type of one's own by its path, imported, or defined in the body.
#[deterministic]
fn own_types() -> u32 {
    use mine::Mutex;
    struct RwLock(u32);
    let lock = RwLock(*Mutex(1).lock());
    lock.0 + mine::thread::spawn() + self::mine::fs::read()
}

#[deterministic]
fn own_command(first: Command) -> u32 {
    let more = self::Command::new(1);
    first.0 + more.0
}

#[deterministic]
fn renamed() -> u32 {
    use mine::{Mutex as Guard, fs, thread};
    Guard(1).0 + fs::read() + thread::spawn()
}

/// Methods and locals by such names.
#[deterministic]
fn methods(pool: &mut Pool) -> u32 {
    let (spawn, random, thread_rng) = (pool.spawn(), 1, [pool.elapsed()]);
    pool.store(spawn + random);
    thread_rng[0]
}

/// Closures and arguments that are called by such names.
#[deterministic]
fn called(exit: impl Fn() -> u32 + Sync) -> u32 {
    let sleep = |n: u32| n + 1;
    exit() + sleep(1)
}

#[deterministic]
fn generic<AtomicCell: Copy>(x: AtomicCell) -> AtomicCell {
    x
}

/// Deterministic in a child.
#[deterministic]
fn fine(start: Instant) -> usize {
    static ONCE: OnceLock<usize> = OnceLock::new();
    static LAZY: LazyLock<Vec<u8>> = LazyLock::new(|| vec![1]);
    let map: HashMap<u32, Arc<u8>, RandomState> = HashMap::new();
    let end = start + Duration::from_secs(1);
    let seen = READ.load(Ordering::Relaxed) as usize;
    let text = format!("{map:?} {{:p}} {:>1$}", seen, 4).len() as u64 as usize;
    let same = std::ptr::eq(&*LAZY, &*LAZY) && env!("CARGO_PKG_NAME") != (option_env!("X").unwrap_or(""));
    ONCE.get_or_init(|| 1) + text + LAZY.len() + usize::from(end > start && same)
}

/// Children of its own.
#[deterministic]
fn nested(values: &[u8]) -> (usize, usize) {
    let (a, b) = detpar::join(|| values.len(), || values.first().map_or(0, |v| *v as usize));
    detpar::scope(|s| {
        s.spawn(move |_| assert!(a < 9));
    });
    (a, b)
}

fn main() {
    let plain: (fn() -> u32, fn() -> u32, fn(&mut Pool) -> u32) = (own_types, renamed, methods);
    let more: (fn(u8) -> u8, fn(Instant) -> usize) = (generic, fine);
    let _ = (plain, more, |f: fn() -> u32| called(f), nested as fn(&[u8]) -> (usize, usize));
}
