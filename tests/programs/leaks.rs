//! Counts what the program holds of the system after many joins: nothing may grow.
//!
//! `leaks CASE ROUNDS` runs a case ROUNDS times and then ten times as often, and compares.
use detpar::prelude::*;
use detpar::try_join;
use detpar_tests::harness::children;
use detpar_tests::program::{assert_alive, change, pattern, shared};
use kernel::master::{image_fd, worker_pids};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;

type Round = fn(usize);

const LOOPS: &[(&str, Round)] = &[
    ("empty", empty),
    ("results", results),
    ("boxes_moved", boxes_moved),
    ("large_results", large_results),
    ("printing", printing),
    ("printing_through_c", printing_through_c),
    ("nested", nested),
    ("sorting", sorting),
    ("leaves", leaves),
    ("maps", maps),
    ("panics", panics),
    ("faults", faults),
    ("conflicts", conflicts),
    ("nested_failures", nested_failures),
    ("scopes", scopes),
    ("forks", forks),
    ("puts_and_gets", puts_and_gets),
    ("barriers", barriers),
    ("processes", processes),
    ("processes_beside_children", processes_beside_children),
];

#[detpar::main]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| args.get(i).and_then(|a| a.parse::<usize>().ok()).unwrap_or(100);
    match args.first().map(String::as_str) {
        Some("many_children") => many_children(number(1)),
        Some("freed_by_the_master") => freed(drop),
        Some("freed_by_a_child") => freed(free_in_a_child),
        Some("made_by_children") => made_by_children(),
        Some(name) => match LOOPS.iter().find(|(n, _)| *n == name) {
            Some((_, round)) => compare(name, *round, number(1)),
            None => return ExitCode::from(64),
        },
        None => LOOPS.iter().for_each(|(name, round)| compare(name, *round, 50)),
    }
    assert_alive();
    ExitCode::SUCCESS
}

/// What the program holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    image_blocks: u64,
    mappings: usize,
    /// Beside one for each worker: how many workers there are is a matter of timing.
    descriptors: usize,
    /// Processes that are no living workers.
    others: usize,
}

fn image_blocks() -> u64 {
    std::fs::metadata(format!("/proc/self/fd/{}", image_fd())).expect("the image file").blocks()
}

/// Blocks of all files in memory that the program has open, by name.
fn memory_files() -> BTreeMap<String, u64> {
    let fds = std::fs::read_dir("/proc/self/fd").expect("descriptors").flatten();
    let files = fds.filter_map(|fd| {
        let name = std::fs::read_link(fd.path()).ok()?.to_str()?.to_owned();
        Some((name, std::fs::metadata(fd.path()).ok()?.blocks()))
    });
    files.filter(|(name, _)| name.starts_with("/memfd:")).collect()
}

fn held() -> Held {
    let measure = || {
        let workers = worker_pids().len();
        Held {
            mappings: std::fs::read_to_string("/proc/self/maps").expect("mappings").lines().count(),
            descriptors: std::fs::read_dir("/proc/self/fd").expect("descriptors").count() - workers,
            others: children(std::process::id()).len() - workers,
            image_blocks: image_blocks(),
        }
    };
    // The first time makes room for the measurement itself, with lists of any number of workers.
    (0..=6).for_each(|n| drop(std::hint::black_box(vec![0u32; 1 << n])));
    measure();
    measure()
}

fn compare(name: &str, round: Round, rounds: usize) {
    (0..rounds).for_each(round);
    // Measuring allocates, too: the rounds after it find the heap otherwise than those before.
    held();
    (0..20).for_each(round);
    let before = held();
    (rounds..10 * rounds).for_each(round);
    let after = held();
    let workers = worker_pids().len();
    let files = memory_files();
    println!("{name}: {rounds} and {}: {after:?}, {workers} workers, {files:?}", 10 * rounds);
    let grown = after.image_blocks.saturating_sub(before.image_blocks);
    let but_for = Held { image_blocks: before.image_blocks, ..after.clone() };
    assert_eq!(before, but_for, "{name}: after {rounds} rounds and after {}", 10 * rounds);
    assert!(grown <= NOISE, "{name}: {grown} blocks more after {} rounds", 10 * rounds);
    assert_eq!(after.others, 0, "{name}: every process is a living worker");
    assert!(workers <= MOST_WORKERS, "{name}: {workers} workers");
    let image = image_blocks();
    let all: u64 = files.values().sum();
    assert!(all - image < EXCHANGE_BLOCKS, "{name}: {all} blocks, of which {image} in the image");
}

/// Blocks of six pages: lists of processes, read while measuring, differ in length, and the
/// master's front keeps a few small blocks of any age. Nothing that leaks in each of so many
/// rounds is that little.
const NOISE: u64 = 48;
/// More than any loop needs with eight running at a time and the others suspended.
const MOST_WORKERS: usize = 64;
/// Far more than what workers keep at hand for handing over, in blocks: 100 MB.
const EXCHANGE_BLOCKS: u64 = 200_000;

fn empty(_: usize) {
    detpar::join(|| (), || ());
}

fn results(i: usize) {
    let (a, b) = detpar::join(
        || "text ".repeat(i % 20 * 5),
        || (0..i % 20 * 50).map(|n| vec![n as u16; n % 10]).collect::<Vec<_>>(),
    );
    assert_eq!((a.len(), b.len()), (i % 20 * 25, i % 20 * 50));
}

/// Blocks of the parent that children free, and the other way round.
fn boxes_moved(i: usize) {
    let mine: Vec<Box<[u8]>> = (0..20).map(|n| vec![n; 10 + n as usize * 500].into()).collect();
    let other = vec![i; 100_000];
    let (a, b) = detpar::join(
        move || mine.into_iter().rev().step_by(3).collect::<Vec<_>>(),
        move || (other[99_999], Box::new(other.len())),
    );
    assert_eq!((a.len(), b.0, *b.1), (7, i, 100_000));
}

fn large_results(i: usize) {
    let size = [100, 300_000, 2 << 20, 5 << 20][i % 4];
    let (a, b) = detpar::join(|| vec![1u8; size], || vec![2u8; size / 2]);
    assert_eq!((a[size - 1], b[size / 2 - 1]), (1, 2));
}

fn printing(i: usize) {
    detpar::join(|| eprintln!("{}", "e".repeat(i % 20 * 15)), || eprint!("{i} "));
}

unsafe extern "C" {
    fn printf(format: *const libc::c_char, ...) -> libc::c_int;
}

/// C's output has a buffer of its own, which each child makes afresh.
fn printing_through_c(i: usize) {
    // SAFETY: the format is a C string that matches the argument.
    let print = |n: usize| move || unsafe { printf(c"%d ".as_ptr(), n as libc::c_int) };
    let (a, b) = detpar::join(print(i % 10), print(i % 10 + 10));
    assert_eq!((a, b), (2, 3));
}

fn nested(i: usize) {
    fn tree(level: u32, n: usize) -> Vec<String> {
        if level == 0 {
            return vec![n.to_string()];
        }
        let (mut a, b) = detpar::join(|| tree(level - 1, 2 * n), || tree(level - 1, 2 * n + 1));
        a.extend(b);
        a
    }
    assert_eq!(tree(1 + i as u32 % 4, i).len(), 2 << (i % 4));
}

/// Merge sort of lists: the shape of recursion depends on the data.
fn sorting(i: usize) {
    fn sort(v: Vec<u32>) -> Vec<u32> {
        if v.len() < 40 {
            let mut v = v;
            v.sort_unstable();
            return v;
        }
        let pivot = v[v.len() / 2];
        let (low, high): (Vec<u32>, Vec<u32>) = v.into_iter().partition(|n| *n < pivot);
        if low.is_empty() {
            let mut high = high;
            high.sort_unstable();
            return high;
        }
        let (mut low, high) = detpar::join(|| sort(low), || sort(high));
        low.extend(high);
        low
    }
    let v: Vec<u32> =
        (0..400u32).map(|n| (n + i as u32 % 20).wrapping_mul(2_654_435_761) >> 3).collect();
    assert!(sort(v).is_sorted());
}

fn leaves(i: usize) {
    let all: Vec<String> =
        (0..300).into_par_iter().map(|n| "x".repeat((n * 7 + i % 20) % 50)).collect();
    let mut lengths: Vec<usize> = all.par_iter().map(String::len).collect();
    lengths.par_iter_mut().for_each(|n| *n += 1);
    assert_eq!(lengths.len(), 300);
}

fn maps(i: usize) {
    let (a, b) = detpar::join(
        || {
            (0..i % 20 * 10)
                .map(|n| (n, n.to_string()))
                .collect::<std::collections::HashMap<_, _>>()
        },
        || (0..i % 20 * 15).map(|n| (n.to_string(), n)).collect::<BTreeMap<_, _>>(),
    );
    assert_eq!((a.len(), b.len()), (i % 20 * 10, i % 20 * 15));
}

fn fail(i: usize, how: fn()) {
    let (text, list) = (String::from("text"), vec![1u8; 1000]);
    let result = try_join(
        move || (text, "made ".repeat(i % 20 * 50)),
        move || {
            let made = vec![list; 1 + i % 10];
            how();
            made
        },
    );
    assert!(result.is_err());
}

fn panics(i: usize) {
    fail(i, || panic!("expected"));
}

fn faults(i: usize) {
    fail(i, || drop(std::fs::File::open("/proc/self/stat")));
}

fn conflicts(i: usize) {
    let memory = shared(&[0; 10]);
    let result = try_join(
        || {
            change(&memory, 3, 1);
            vec![i; 3000]
        },
        || {
            change(&memory, 3, 1);
            vec![i; 5]
        },
    );
    assert!(result.is_err());
}

fn nested_failures(i: usize) {
    let inner = |n: usize| {
        let n = n % 20;
        move || {
            let both = || vec![n; 100];
            let fails = move || assert!(n.is_multiple_of(2), "expected");
            (try_join(both, fails).is_ok(), try_join(both, || std::process::exit(1)).is_ok())
        }
    };
    let (a, b) = detpar::join(inner(i), inner(i + 1));
    assert_eq!((a.0, a.1, b.0, b.1), (i.is_multiple_of(2), false, !i.is_multiple_of(2), false));
}

fn scopes(i: usize) {
    let mut lists: [Vec<String>; 3] = Default::default();
    let failed = detpar::try_scope(|s| {
        for (n, list) in lists.iter_mut().enumerate() {
            s.spawn(move |s| {
                s.spawn(move |_| list.extend((0..i % 20 * 10).map(|k| "y".repeat(k % 30 + n))));
            });
        }
        let _parent = vec![i; 500];
        if i % 4 == 3 {
            s.spawn(|_| panic!("expected"));
        }
    });
    assert_eq!(failed.is_err(), i % 4 == 3);
    let made = if i % 4 == 3 { 0 } else { i % 20 * 10 };
    assert!(lists.iter().all(|l| l.len() == made));
}

/// Joined in another order than forked, some not at all, one that never ends.
fn forks(i: usize) {
    let mut children: Vec<_> = (0..5u32)
        .map(|n| detpar::fork(n, move || vec![n; i % 20 * 300 + 1]).expect("a child"))
        .collect();
    let endless = detpar::fork(9, || {
        loop {
            std::hint::spin_loop();
        }
    });
    let own: Vec<String> = (0..i % 20 * 10).map(|n| n.to_string()).collect();
    let last = children.pop().map(|c| c.join().expect("a result")[0]);
    children.rotate_left(i % 4);
    children.truncate(3);
    for child in children {
        let id = child.id();
        assert_eq!(child.join().expect("a result"), vec![id; i % 20 * 300 + 1]);
    }
    drop(endless);
    assert_eq!((last, own.len()), (Some(4), i % 20 * 10));
}

static PLACES: [std::sync::atomic::AtomicU64; 4] =
    [const { std::sync::atomic::AtomicU64::new(0) }; 4];

/// Children that stop, get new snapshots, are given up or killed.
fn puts_and_gets(i: usize) {
    use kernel::abi::{ChildId, End, State};
    use kernel::call::{self, Get, Job, Put};
    /// # Safety
    /// Needs nothing; the type is that of an entry.
    unsafe extern "C" fn entry(_: *mut (), arg: usize, _: *mut u8) -> End {
        let (i, n) = (arg / 4, arg % 4);
        let kept = vec![i; 100 + i % 20 * 50];
        for turn in 0..2 {
            PLACES[n].fetch_add(1, Relaxed);
            if call::ret(turn).is_err() {
                return End::Panicked;
            }
        }
        PLACES[n].fetch_add(kept[99] as u64 - i as u64, Relaxed);
        End::Returned
    }
    PLACES.iter().for_each(|p| p.store(0, Relaxed));
    let id = |n: usize| ChildId(n as u32);
    // SAFETY: in all calls below: the entry needs nothing and does not unwind, the words may
    // hold anything, and no handle names these children.
    unsafe {
        for n in 0..4 {
            let job = Job { entry, data: std::ptr::null_mut(), arg: 4 * i + n, out_size: 0 };
            Put::new(id(n)).snap().regs(job).start().call().expect("a child");
        }
        for turn in 0..2 {
            for n in 0..4 {
                let found = Get::new(id(n)).merge().call().expect("a merge");
                assert_eq!(found.state, State::Ret(turn));
                Put::new(id(n)).snap().start().call().expect("it goes on");
            }
        }
        // Given up before it was merged: what it allocated vanishes.
        let job = Job { entry, data: std::ptr::null_mut(), arg: 4 * i, out_size: 0 };
        Put::new(id(4)).snap().regs(job).start().call().expect("a child");
        for n in 0..4 {
            let found = Get::new(id(n)).merge().call().expect("a merge");
            assert_eq!(found.state, State::Returned);
            call::kill(id(n)).expect("a child");
        }
        Get::new(id(4)).call().expect("it stops");
        call::kill(id(4)).expect("a child");
    }
    assert!(PLACES.iter().all(|p| p.load(Relaxed) == 2));
}

fn barriers(i: usize) {
    PLACES.iter().for_each(|p| p.store(0, Relaxed));
    let child = |n: usize| {
        move || {
            let mut made = Vec::new();
            for phase in 1..4 {
                PLACES[n].store(phase, Relaxed);
                made.push(vec![n; i % 20 * 30 + 1]);
                kernel::call::barrier().expect("a sibling");
                assert_eq!(PLACES[1 - n].load(Relaxed), phase);
            }
            assert!(i % 3 != 2 || n == 0, "expected");
            made
        }
    };
    assert_eq!(try_join(child(0), child(1)).is_ok(), i % 3 != 2);
}

/// Forks of the program itself, on demand.
fn processes(i: usize) {
    let mut mine = vec![i; 20_000];
    match detpar::odf::fork().expect("a process") {
        detpar::odf::Fork::Child => {
            mine.fill(0);
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(i32::from(mine[19_999] != 0)) };
        }
        detpar::odf::Fork::Parent { child } => {
            mine[10_000] = i + 1;
            let mut status = -1;
            // SAFETY: waits for the process just made.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!((status, mine[9_999], mine[10_000]), (0, i, i + 1));
        }
    }
}

fn processes_beside_children(i: usize) {
    let child = detpar::fork(3, move || vec![i; 3000]).expect("a child");
    processes(i);
    assert_eq!(child.join().expect("a result").len(), 3000);
    processes(i);
}

/// A thousand children in one construct, each with pages of a shared array.
fn many_children(rounds: usize) {
    const PAGE: usize = 4096;
    let mut expected = pattern(16_000 * PAGE);
    let memory = shared(&expected);
    let mut before = None;
    for round in 0..rounds {
        (0..1000usize).into_par_iter().with_max_len(1).for_each(|child| {
            for page in 0..16 {
                change(&memory, (page * 1000 + child) * PAGE + 2000 + round, 0x11);
                change(&memory, page * PAGE + child, 0x22);
            }
        });
        for page in 0..16 {
            for child in 0..1000 {
                expected[(page * 1000 + child) * PAGE + 2000 + round] ^= 0x11;
                expected[page * PAGE + child] ^= 0x22;
            }
        }
        assert!(memory.iter().zip(&expected).all(|(m, e)| m.load(Relaxed) == *e), "round {round}");
        let now = held();
        println!("round {round}: {now:?}");
        // The first rounds make room for what the later ones use again.
        if round >= 2 {
            assert_eq!(*before.get_or_insert(now.clone()), now, "round {round}");
        }
    }
    println!("many_children: {:?}, {:?}", held(), memory_files());
}

const LARGE: usize = 256 << 20;
/// Blocks of 512 bytes of so much memory.
const LARGE_BLOCKS: u64 = (LARGE / 512) as u64;
/// What a heap may keep for reuse, in blocks.
const RESERVE: u64 = (64 << 20) / 512;

/// Freed memory goes back to the system, whoever frees it.
fn freed(free: fn(Vec<u8>)) {
    free(vec![1; 100]);
    let before = image_blocks();
    for _ in 0..3 {
        let block = vec![1u8; LARGE];
        let full = image_blocks();
        assert!(full >= before + LARGE_BLOCKS, "{before} blocks, then {full}");
        free(block);
        let after = image_blocks();
        println!("blocks: {before}, {full}, {after}");
        assert!(after <= before + RESERVE + 1000, "{before} blocks, {full}, {after} at the end");
    }
}

fn free_in_a_child(block: Vec<u8>) {
    detpar::join(|| (), move || drop(block));
}

fn made_by_children() {
    let make = || drop(detpar::join(|| vec![1u8; LARGE / 2], || vec![2u8; LARGE / 2]));
    detpar::join(|| vec![1u8; 100], || vec![2u8; 100]);
    let before = image_blocks();
    for _ in 0..5 {
        make();
        let after = image_blocks();
        println!("blocks: {before}, {after}");
        assert!(after <= before + 3 * RESERVE + 1000, "{before} blocks, then {after}");
    }
}
