//! What a conflict is told to be, for each kind of memory: names, fields, values, source lines.
mod expected;

use detpar::prelude::*;
use detpar::{JoinError, try_join, try_scope};
use detpar_tests::program;
use expected::{Expected, expect, is_stripped};
use std::cell::RefCell;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI16, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("a_static", a_static),
        ("an_element", an_element),
        ("a_field", a_field),
        ("in_a_mutex", in_a_mutex),
        ("in_an_enum", in_an_enum),
        ("a_local", a_local),
        ("a_field_of_a_local", a_field_of_a_local),
        ("a_local_further_up", a_local_further_up),
        ("a_heap_block", a_heap_block),
        ("a_thread_local", a_thread_local),
        ("a_grandchild", a_grandchild),
        ("in_a_child", in_a_child),
        ("in_a_grant", in_a_grant),
        ("spawned", spawned),
        ("many_children", many_children),
        ("many_writes", many_writes),
        ("by_a_library", by_a_library),
        ("a_free", a_free),
        ("allocated", allocated),
        ("unhandled", unhandled),
        ("unhandled_in_a_child", unhandled_in_a_child),
    ])
}

static TOTAL: AtomicU64 = AtomicU64::new(7);

fn a_static() {
    let expected = Expected {
        variable: Some("reports::TOTAL"),
        field: Some(""),
        ty: Some("u64"),
        values: Some(["7", "300", "9"]),
        tasks: ["0", "1"],
        mark: "a_static",
        ..Expected::default()
    };
    expect(&expected, || {
        try_join(
            || TOTAL.store(300, Relaxed), // a_static: lower
            || TOTAL.store(9, Relaxed),   // a_static: higher
        )
    });
}

fn an_element() {
    static MANY: [AtomicI16; 100] = [const { AtomicI16::new(-1) }; 100];
    let expected = Expected {
        variable: Some("reports::an_element::MANY"),
        field: Some("[77]"),
        ty: Some("i16"),
        values: Some(["-1", "-2", "1"]),
        tasks: ["0", "1"],
        mark: "an_element",
        ..Expected::default()
    };
    expect(&expected, || {
        try_join(
            || MANY.iter().skip(77).for_each(|n| n.store(-2, Relaxed)), // an_element: lower
            || MANY[77].store(1, Relaxed),                              // an_element: higher
        )
    });
}

#[repr(u8)]
#[derive(Clone, Copy)]
enum Colour {
    Red = 1,
    Blue = 4,
    Green = 9,
}

struct Item {
    id: u16,
    count: AtomicU32,
    ratio: f64,
}

struct State {
    name: &'static str,
    items: [Item; 5],
    flag: AtomicBool,
}

const fn item(id: u16) -> Item {
    Item { id, count: AtomicU32::new(7), ratio: 0.5 }
}

impl State {
    const fn new() -> State {
        let items = [item(0), item(1), item(2), item(3), item(4)];
        State { name: "state", items, flag: AtomicBool::new(true) }
    }
}

static STATE: State = State::new();

fn a_field() {
    let expected = Expected {
        variable: Some("reports::STATE"),
        field: Some(".items[3].count"),
        ty: Some("u32"),
        values: Some(["7", "8", "9"]),
        tasks: ["0", "1"],
        mark: "a_field",
        ..Expected::default()
    };
    let item = &STATE.items[3];
    expect(&expected, || {
        try_join(
            || item.count.store(8, Relaxed), // a_field: lower
            || item.count.store(9, Relaxed), // a_field: higher
        )
    });
    assert_eq!((item.id, item.ratio, STATE.name), (3, 0.5, "state"));
}

fn in_a_mutex() {
    static CELL: Mutex<(bool, f32, char)> = Mutex::new((true, 1.5, 'x'));
    let expected = Expected {
        variable: Some("reports::in_a_mutex::CELL"),
        field: Some(".data.1"),
        ty: Some("f32"),
        values: Some(["1.5", "-0.25", "3.0"]),
        tasks: ["0", "1"],
        mark: "in_a_mutex",
        ..Expected::default()
    };
    expect(&expected, || {
        try_join(
            || CELL.lock().unwrap().1 = -0.25, // in_a_mutex: lower
            || CELL.lock().unwrap().1 = 3.0,   // in_a_mutex: higher
        )
    });
}

fn in_an_enum() {
    static COLOUR: Mutex<(u8, Colour, Option<u32>)> = Mutex::new((0, Colour::Red, Some(5)));
    let expected = Expected {
        variable: Some("reports::in_an_enum::COLOUR"),
        field: Some(".data.1"),
        ty: Some("Colour"),
        values: Some(["Red", "Blue", "Green"]),
        tasks: ["0", "1"],
        mark: "in_an_enum",
        ..Expected::default()
    };
    expect(&expected, || {
        try_join(
            || COLOUR.lock().unwrap().1 = black_box(Colour::Blue), // in_an_enum: lower
            || COLOUR.lock().unwrap().1 = black_box(Colour::Green), // in_an_enum: higher
        )
    });
    let expected = Expected {
        field: Some(".data.2.Some.0"),
        ty: Some("u32"),
        values: Some(["5", "6", "70000"]),
        mark: "in_an_enum 2",
        ..expected
    };
    expect(&expected, || {
        try_join(
            || COLOUR.lock().unwrap().2 = black_box(Some(6)), // in_an_enum 2: lower
            || COLOUR.lock().unwrap().2 = black_box(Some(70000)), // in_an_enum 2: higher
        )
    });
}

fn a_local() {
    let expected = Expected {
        variable: Some("count"),
        function: Some("reports::a_local"),
        field: Some(""),
        ty: Some("u32"),
        values: Some(["5", "6", "7"]),
        tasks: ["0", "1"],
        mark: "a_local",
    };
    let count = AtomicU32::new(5);
    expect(&expected, || {
        try_join(
            || count.store(6, Relaxed), // a_local: lower
            || count.store(7, Relaxed), // a_local: higher
        )
    });
}

fn a_field_of_a_local() {
    let expected = Expected {
        variable: Some("state"),
        function: Some("reports::a_field_of_a_local"),
        field: Some(".flag"),
        ty: Some("bool"),
        values: Some(["true", "false", "false"]),
        tasks: ["0", "1"],
        mark: "a_field_of_a_local",
    };
    let state = black_box(State::new());
    expect(&expected, || {
        try_join(
            || state.flag.store(false, Relaxed), // a_field_of_a_local: lower
            || state.flag.store(false, Relaxed), // a_field_of_a_local: higher
        )
    });
}

/// The variable is in the frame of a caller of who forks.
fn a_local_further_up() {
    #[inline(never)]
    fn deeper(n: usize, place: &AtomicU8) -> Result<((), ()), JoinError> {
        let own = [black_box(n as u8); 300];
        if n > 0 {
            let run = deeper(n - 1, place);
            assert_eq!(own[299], n as u8);
            return run;
        }
        try_join(
            || place.store(1, Relaxed), // a_local_further_up: lower
            || place.store(2, Relaxed), // a_local_further_up: higher
        )
    }
    let expected = Expected {
        variable: Some("bytes"),
        function: Some("reports::a_local_further_up"),
        field: Some("[2]"),
        ty: Some("u8"),
        values: Some(["0", "1", "2"]),
        tasks: ["0", "1"],
        mark: "a_local_further_up",
    };
    let bytes = [const { AtomicU8::new(0) }; 4];
    expect(&expected, || deeper(5, &bytes[2]));
}

fn a_heap_block() {
    let expected = Expected {
        values: Some(["50", "1000", "2"]),
        tasks: ["0", "1"],
        mark: "a_heap_block",
        ..Expected::default()
    };
    let block: Vec<AtomicU32> = (0..100).map(AtomicU32::new).collect();
    expect(&expected, || {
        try_join(
            || (50..100).for_each(|i| block[i].store(1000, Relaxed)), // a_heap_block: lower
            || block[50].store(2, Relaxed),                           // a_heap_block: higher
        )
    });
}

fn a_thread_local() {
    thread_local!(static OWN: AtomicU64 = const { AtomicU64::new(1) });
    let expected = Expected {
        variable: Some("reports::a_thread_local::OWN"),
        field: Some(""),
        ty: Some("u64"),
        values: Some(["1", "3", "4"]),
        tasks: ["0", "1"],
        mark: "a_thread_local",
        ..Expected::default()
    };
    OWN.with(|own| {
        expect(&expected, || {
            try_join(
                || own.store(3, Relaxed), // a_thread_local: lower
                || own.store(4, Relaxed), // a_thread_local: higher
            )
        });
    });
}

/// It was not the child itself that wrote, but one below it.
fn a_grandchild() {
    let expected = Expected {
        variable: Some("reports::TOTAL"),
        field: Some(""),
        ty: Some("u64"),
        values: Some(["7", "300", "9"]),
        tasks: ["0.1.0", "1"],
        mark: "a_grandchild",
        ..Expected::default()
    };
    expect(&expected, || {
        let deep = || {
            let leaf = || {
                let write = || TOTAL.store(300, Relaxed); // a_grandchild: lower
                detpar::join(write, || ())
            };
            TOTAL.store(5, Relaxed);
            detpar::join(|| (), leaf);
        };
        let last = || TOTAL.store(9, Relaxed); // a_grandchild: higher
        try_join(deep, last)
    });
    // Another line: the child itself, after its own children.
    let expected = Expected { tasks: ["0", "1"], mark: "a_grandchild 2", ..expected };
    expect(&expected, || {
        let deep = || {
            detpar::join(|| (), || TOTAL.store(5, Relaxed));
            TOTAL.store(300, Relaxed); // a_grandchild 2: lower
        };
        let last = || TOTAL.store(9, Relaxed); // a_grandchild 2: higher
        try_join(deep, last)
    });
}

/// The children of a child conflict, and the child handles it.
fn in_a_child() {
    let expected = Expected {
        variable: Some("reports::TOTAL"),
        field: Some(""),
        ty: Some("u64"),
        values: Some(["7", "8", "9"]),
        tasks: ["1.0", "1.1"],
        mark: "in_a_child",
        ..Expected::default()
    };
    expect(&expected, || {
        let inner = || {
            let kept = Box::new(1);
            let run = try_join(
                || TOTAL.store(8, Relaxed), // in_a_child: lower
                || TOTAL.store(9, Relaxed), // in_a_child: higher
            );
            (run, kept)
        };
        let ((), (run, _)) = detpar::join(|| (), inner);
        run
    });
    // And then one of them conflicts with the child's sibling, at memory that it got afterwards.
    let expected = Expected {
        values: Some(["7", "10", "11"]),
        tasks: ["0", "1"],
        mark: "in_a_child 2",
        ..expected
    };
    let fails = || try_join(|| TOTAL.store(8, Relaxed), || TOTAL.store(9, Relaxed)).unwrap_err();
    let write = |e: JoinError, n| {
        let boxed = Box::new((e, n));
        TOTAL.store(boxed.1, Relaxed); // in_a_child 2: lower
    };
    expect(&expected, || {
        let other = || TOTAL.store(11, Relaxed); // in_a_child 2: higher
        try_join(|| write(fails(), 10), other)
    });
}

/// Memory that a child alone may use is the file itself, and its children conflict there.
fn in_a_grant() {
    const HALF: usize = 1 << 16;
    let expected = Expected {
        values: Some(["3", "4", "5"]),
        tasks: ["1.0", "1.1"],
        mark: "in_a_grant",
        ..Expected::default()
    };
    let all: RefCell<Vec<_>> = RefCell::new((0..2 * HALF).map(|_| AtomicU32::new(3)).collect());
    let in_place = || {
        let mut all = all.borrow_mut();
        let (left, right) = all.split_at_mut(HALF);
        let inner = |part: &mut [AtomicU32]| {
            part[0] = AtomicU32::new(9);
            let (middle, rest) = (&part[HALF / 2], &part[HALF / 2 + 1..]);
            try_join(
                || middle.store(4, Relaxed), // in_a_grant: lower
                || {
                    rest[0].store(6, Relaxed);
                    middle.store(5, Relaxed); // in_a_grant: higher
                },
            )
        };
        let (_, run) = detpar::join_mut(left, right, |part| part[1] = AtomicU32::new(8), inner);
        // The conflict was the children's: what the child itself wrote is there.
        let values = [1, HALF, HALF + HALF / 2, HALF + HALF / 2 + 1].map(|i| all[i].load(Relaxed));
        assert_eq!(values, [8, 9, 3, 3]);
        run
    };
    expect(&expected, in_place);
    let expected = Expected { mark: "in_a_grant 2", ..expected };
    let fresh = || {
        let inner = || {
            let all: Vec<AtomicU32> = (0..HALF).map(|_| AtomicU32::new(3)).collect();
            let run = try_join(
                || all[HALF / 2].store(4, Relaxed), // in_a_grant 2: lower
                || all[HALF / 2].store(5, Relaxed), // in_a_grant 2: higher
            );
            (run, all)
        };
        let ((), (run, all)) = detpar::join(|| (), inner);
        assert_eq!(all[HALF / 2].load(Relaxed), 3);
        run
    };
    expect(&expected, fresh);
}

fn spawned() {
    let expected = Expected {
        variable: Some("reports::TOTAL"),
        field: Some(""),
        ty: Some("u64"),
        values: Some(["7", "8", "9"]),
        tasks: ["0", "2"],
        mark: "spawned",
        ..Expected::default()
    };
    expect(&expected, || {
        try_scope(|s| {
            s.spawn(|_| TOTAL.store(8, Relaxed)); // spawned: lower
            s.spawn(|_| ());
            s.spawn(|_| TOTAL.store(9, Relaxed)); // spawned: higher
        })
    });
}

/// Of many children the lowest two.
fn many_children() {
    let caught = detpar::testing::expect_conflict(
        || {
            (0..64usize).into_par_iter().with_max_len(1).for_each(|i| {
                if i % 7 == 5 {
                    TOTAL.store(i as u64, Relaxed);
                }
            });
        },
        Some("both wrote"),
    );
    if !is_stripped() {
        let line = format!("reports.rs:{}:", line!() - 7);
        assert!(caught.lines().iter().flatten().all(|l| l.contains(&line)), "{}", caught.report());
        assert_eq!(caught.lines().iter().flatten().count(), 2);
    }
    println!("{}", caught.report());
}

/// More writes than are watched: a line, but not for certain the last.
fn many_writes() {
    let count = AtomicU32::new(0);
    let often = || (0..100_000).for_each(|_| _ = count.fetch_add(1, Relaxed));
    let line = line!() - 1;
    let Err(JoinError::Conflict(c)) = try_join(often, || count.store(2, Relaxed)) else {
        panic!("no conflict")
    };
    let report = c.report();
    if !is_stripped() {
        assert!(
            c.lines()[0].as_ref().unwrap().contains(&format!("reports.rs:{line}:")),
            "{report}"
        );
        assert!(
            report.contains("child 0 wrote it here, perhaps not for the last time"),
            "{report}"
        );
        assert!(report.contains("child 1 wrote 2 here"), "{report}");
    }
}

/// What the library of C writes for a child was written where the child called it.
fn by_a_library() {
    let expected = Expected { tasks: ["0", "1"], mark: "by_a_library", ..Expected::default() };
    let block = vec![0u8; 5000];
    let at = block.as_ptr().addr();
    // SAFETY: each child's own copy of the block.
    let bytes = || unsafe { std::slice::from_raw_parts_mut(at as *mut u8, 5000) };
    expect(&expected, || {
        try_join(
            || bytes()[..black_box(4000)].fill(7), // by_a_library: lower
            || bytes()[..black_box(3000)].copy_from_slice(&[9; 3000]), // by_a_library: higher
        )
    });
}

fn a_free() {
    let block = vec![1u8; 5000];
    let at = block.as_ptr().addr();
    let write = || {
        // SAFETY: the writer's own copy of the block.
        unsafe { (at as *mut u8).add(9).write(2) }
    };
    let Err(JoinError::Conflict(c)) = try_join(write, move || drop(block)) else {
        panic!("no conflict")
    };
    let report = c.report();
    assert!(report.contains("child 1 freed a heap block of "), "{report}");
    assert!(report.contains("= note: child 1 freed the block\n"), "{report}");
    assert_eq!(c.lines()[0].is_some(), !is_stripped(), "{report}");
    println!("{report}");
}

/// Where blocks of the heap come from: known where that is asked for.
fn allocated() {
    let at = |of: &str| {
        let text = include_str!("reports.rs");
        1 + text.lines().position(|l| l.ends_with(&format!("// {of}"))).expect("a marked line")
    };
    let check = |of: &str, origin: Option<String>, report: &str| {
        let known = std::env::var_os("DETPAR_ORIGINS").is_some() && !is_stripped();
        let wanted = format!("tests/reports/src/reports.rs:{}:", at(of));
        assert_eq!(known, report.contains("the block was allocated here"), "{of}: {report}");
        assert_eq!(known, origin.is_some_and(|l| l.starts_with(&wanted)), "{of}: {report}");
        println!("{report}");
    };
    let of = |name: &str, block: &[AtomicU32]| {
        let run = try_join(|| block[0].store(10, Relaxed), || block[0].store(20, Relaxed));
        let Err(JoinError::Conflict(c)) = run else { panic!("no conflict") };
        check(name, c.allocated(), &c.report());
    };
    of("a box", &*Box::new([const { AtomicU32::new(0) }; 3])); // a box
    of("a collection", &(0..9).map(AtomicU32::new).collect::<Vec<_>>()); // a collection
    let mut grown = vec![AtomicU32::new(1)];
    grown.extend((0..3000).map(AtomicU32::new)); // a growth
    of("a growth", &grown);
    let mut map = std::collections::HashMap::new();
    map.insert(1, [const { AtomicU32::new(0) }; 4]); // a map
    of("a map", &map[&1]);
    let aligned = Box::new(Aligned([const { AtomicU32::new(0) }; 4])); // an alignment
    of("an alignment", &aligned.0);
    let of_child = try_join(|| vec![AtomicU32::new(1), AtomicU32::new(2)], || ()).unwrap().0; // a child
    of("a child", &of_child);
    // SAFETY: has no memory operands.
    let of_c = unsafe { libc::calloc(16, 4) }; // of C
    // SAFETY: a block of 64 zeroed bytes that nobody frees.
    of("of C", unsafe { std::slice::from_raw_parts(of_c.cast(), 16) });
}

#[repr(align(256))]
struct Aligned([AtomicU32; 4]);

/// Ends the program where it is asked for.
fn unhandled() {
    if std::env::var_os("UNHANDLED").is_some() {
        detpar::join(|| TOTAL.store(8, Relaxed), || TOTAL.store(9, Relaxed));
    }
}

/// The same where the children are those of a child of a child.
fn unhandled_in_a_child() {
    if std::env::var_os("UNHANDLED").is_some() {
        let inner = || detpar::join(|| TOTAL.store(8, Relaxed), || TOTAL.store(9, Relaxed));
        let outer = || detpar::join(|| (), inner);
        detpar::join(|| (), outer);
    }
}
