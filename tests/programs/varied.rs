//! Varied work whose every output byte must be the same in every run: hash maps, floats,
//! printing from children, nesting, addresses, identifiers, panics.
//!
//! With the argument `code` it prints addresses of functions and statics as well, which are
//! the same only where the program may restart itself without address randomisation.
use detpar::prelude::*;
use detpar::{JoinError, try_join};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static COUNTS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
static NAME: &str = "a static";

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static SCRATCH: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

#[detpar::main]
fn main() {
    println!("main runs as {:?}", std::thread::current().id());
    maps();
    floats();
    printing();
    println!("nested: {}", nest(3, 1));
    println!("in a child: {:?}", in_a_child(&numbers(2000)));
    vectors();
    addresses();
    identity();
    failures();
    many();
    if std::env::args().nth(1).is_some_and(|a| a == "code") {
        println!("function {:p}, statics {:p} {:p}", main as fn(), &COUNTS, NAME.as_ptr());
    }
    println!("counts: {:?}", COUNTS.each_ref().map(|n| n.load(Relaxed)));
}

fn numbers(n: u32) -> Vec<u32> {
    (0..n).map(|i| i.wrapping_mul(2_654_435_761) >> 7).collect()
}

/// The order of a map's entries depends on its keys, which are random elsewhere.
fn maps() {
    let words = ["ash", "beech", "cedar", "elm", "fir", "hazel", "larch", "oak", "pine", "yew"];
    let own: HashMap<&str, usize> = words.iter().map(|w| (*w, w.len())).collect();
    println!("map of the master: {own:?}");
    let (a, b) = join(
        || words.iter().map(|w| (w.to_uppercase(), w.len())).collect::<HashMap<_, _>>(),
        || words.iter().map(|w| w.len()).collect::<HashSet<_>>(),
    );
    println!("maps of children: {a:?} {b:?}");
    let lines: Vec<String> = (0..6)
        .into_par_iter()
        .map(|i| format!("{:?}", (0..i + 3).map(|k| (k, i)).collect::<HashMap<_, _>>()))
        .collect();
    println!("maps of leaves: {lines:?}");
    let again: HashMap<&str, usize> = own.into_iter().collect();
    println!("map of the master again: {again:?}");
}

/// Rounding shows how sums were cut and combined.
fn floats() {
    let v: Vec<f64> = (1..20_000).map(|i| 1.0 / f64::from(i).powf(1.3)).collect();
    let sum: f64 = v.par_iter().sum();
    let folded: f64 = v.par_iter().fold(|| 0.5, |a, x| a * 0.999 + x).reduce(|| 0.0, |a, b| a - b);
    let tiny: f32 = (0..777u16).into_par_iter().map(|i| f32::from(i).sqrt().sin()).sum();
    println!("sums: {sum:?} {:016x} {folded:?} {tiny:?}", sum.to_bits());
}

/// The parent's prints come before, each child's at the join, in index order.
fn printing() {
    print!("the parent starts a line; ");
    join(
        || {
            println!("child 0 ends it");
            eprintln!("child 0 complains");
            print!("child 0 leaves this open, ");
        },
        || {
            println!("child 1 ends that");
            join(|| print!("grandchild 1.0 "), || println!("and 1.1"));
            println!("child 1 is done");
        },
    );
    (0..20).into_par_iter().for_each(|i| print!("<{i}>"));
    println!();
}

fn nest(levels: u32, path: u32) -> String {
    DEPTH.with(|d| d.set(d.get() + 1));
    if levels == 0 {
        return format!("{path}@{}", DEPTH.with(Cell::get));
    }
    let (a, b) = join(|| nest(levels - 1, path * 2), || nest(levels - 1, path * 2 + 1));
    println!("level {levels} of {path}");
    format!("({a} {b})")
}

#[deterministic(allow(atomics))]
fn in_a_child(v: &[u32]) -> BTreeMap<u32, f64> {
    let (low, high) = join(
        || v.par_iter().filter(|n| **n < 1 << 24).map(|n| f64::from(*n).ln_1p()).sum::<f64>(),
        || {
            let sorted: Vec<u32> = v.par_iter().map(|n| n.rotate_left(9)).collect();
            sorted.par_iter().fold(|| 0.0, |a, n| a / 2.0 + f64::from(*n)).sum::<f64>()
        },
    );
    COUNTS[0].fetch_add(v.len() as u64, Relaxed);
    BTreeMap::from([(1, low), (2, high)])
}

fn vectors() {
    let mut rows: Vec<Vec<String>> =
        (0..40).map(|i| (0..i % 7).map(|k| format!("{i}.{k}")).collect()).collect();
    rows.par_iter_mut().enumerate().for_each(|(i, row)| {
        row.push("x".repeat(i));
        row.reverse();
        if i % 3 == 0 {
            row.clear();
            row.shrink_to_fit();
        }
    });
    println!("rows: {rows:?}");
    let joined: String = rows.into_par_iter().flat_map_iter(|r| r.into_iter()).collect();
    println!("{} bytes: {joined}", joined.len());
}

/// Heap and stack addresses follow from the task path alone.
fn addresses() {
    let local = 1;
    let boxed = Box::new(2);
    println!("master: local {:p}, box {:p}", &local, &*boxed);
    let place = |path: &'static str| {
        move || {
            let local = path.len();
            let (small, large) = (Box::new(local), vec![1u8; 3 << 20]);
            let inner = join(|| format!("{:p}", Box::new(3).as_ref()), || vec![4u8; 70_000]);
            println!("{path}: local {:p}, tls {:p}", &local, DEPTH.with(|d| d as *const _));
            (small, large, inner)
        }
    };
    let (a, b) = join(place("first"), place("second"));
    for (small, large, (text, vector)) in [&a, &b] {
        println!("blocks {:p} {:p} {:p} {:p} {text}", *small, &large[0], text.as_ptr(), &vector[0]);
    }
    drop(a);
    let blocks: Vec<Box<usize>> = (0..100usize).into_par_iter().map(Box::new).collect();
    println!("leaves: {:?}", blocks.iter().map(|b| format!("{b:p}")).collect::<Vec<_>>());
    let next = [Box::new(7u64), Box::new(8)];
    println!("afterwards: {:p} {:p}", next[0], next[1]);
}

fn identity() {
    let who = || {
        let thread = std::thread::current();
        let name = thread.name().map(str::to_owned);
        SCRATCH.with_borrow_mut(|s| s.extend([1, 2, 3]));
        let scratch = SCRATCH.with_borrow(Vec::len);
        (format!("{:?}", thread.id()), name, std::process::id(), scratch)
    };
    println!("children: {:?}", join(who, who));
    println!("grandchildren: {:?}", join(|| join(who, who), who));
    println!("scratch of the master: {}", SCRATCH.with_borrow(Vec::len));
}

fn failures() {
    let told = |r: Result<((), ()), JoinError>| match r {
        Ok(_) => println!("no failure"),
        Err(e) => println!("failure: {e}"),
    };
    told(try_join(|| panic!("a text"), || println!("never seen")));
    told(try_join(|| println!("seen"), || panic!("the {}nd child", 2)));
    let parse = |text: &'static str| move || assert!(text.parse::<u8>().unwrap() > 0);
    told(try_join(parse("5"), parse("x")));
    let shared: Box<[AtomicU64; 9]> = Default::default();
    let write = |at: usize, value| {
        let shared = &shared;
        move || shared[at].store(value, Relaxed)
    };
    told(try_join(write(5, 0x0101), write(5, 0x0102)));
    told(try_join(write(5, 0x0101), write(6, 0x0102)));
    println!("shared: {shared:?}");
}

/// More children than workers, each with output, memory and a hash map of its own.
fn many() {
    let texts: Vec<String> = (0..300u32)
        .into_par_iter()
        .with_max_len(1)
        .map(|i| {
            let set: HashSet<u32> = (0..i % 9).collect();
            if i % 50 == 0 {
                println!("leaf {i} {set:?}");
            }
            set.iter().map(u32::to_string).collect::<Vec<_>>().join("-")
        })
        .collect();
    println!("many: {}", texts.join(" "));
    COUNTS[1].store(texts.len() as u64, Relaxed);
}
