//! What holds in which engine: the matrix of `docs/engines.md` as cases.
//!
//! The program starts itself on each engine that it was built with, at several numbers of workers.
//! There each case prints what it saw. Where a rule holds in all engines the lines must be the
//! same as those of the first; where it holds in some, each has what is expected of it.
use detpar::digest;
use detpar::prelude::*;
use detpar::{JoinError, try_join, try_scope};
use std::collections::HashMap;
use std::panic::catch_unwind;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

const WORKERS: [&str; 4] = ["1", "2", "3", "8"];

/// Who starts the program on an engine asks for what.
const CASES: &str = "--cases";
const OUTPUT: &str = "--output";
const NOTHING: &str = "--nothing";

/// In which engines a case gives one and the same answer.
enum Holds {
    /// In all.
    Everywhere,
    /// This in `spaces`, that in the others.
    Else(&'static str, &'static str),
}
use Holds::*;

/// Rules, name, what it sees, where that is expected.
type Case = (&'static str, &'static str, fn() -> String, Holds);

const TABLE: &[Case] = &[
    // The first: children that run in this process may make maps of their own.
    ("R7", "order_of_a_map", order_of_a_map, Everywhere),
    ("R1 R8", "float_sums", float_sums, Everywhere),
    ("R1 R8 R9", "nested_iterators", nested_iterators, Everywhere),
    ("R1 R2", "order_of_reduction", order_of_reduction, Everywhere),
    ("R1 R9", "joins_in_joins", joins_in_joins, Everywhere),
    ("R1 R2", "scopes", scopes, Everywhere),
    ("R1 R9", "scopes_in_scopes", scopes_in_scopes, Everywhere),
    ("R1", "deterministic_functions", deterministic_functions, Everywhere),
    ("R1 R9", "forks", forks, Everywhere),
    ("R1", "ids", ids, Everywhere),
    ("R2 R3 R10", "lowest_index", lowest_index, Everywhere),
    ("R2 R3 R10", "lowest_index_of_a_scope", lowest_index_of_a_scope, Everywhere),
    ("R3", "closures_dropped_once", closures_dropped_once, Everywhere),
    ("R3", "rollback", rollback, Else("nothing kept", "kept")),
    ("R4", "conflict", conflict, Else("conflict", "none")),
    ("R6", "clock", clock, Else("virtual", "the system's")),
    ("R3 R4", "files", files, Else("files", "refused")),
    ("R10", "panics", panics, Everywhere),
    ("R10", "panics_cross_constructs", panics_cross_constructs, Everywhere),
    ("R11", "foreign_threads", foreign_threads, Everywhere),
    ("R11", "commands", commands, Everywhere),
    ("R13", "counts", counts, Everywhere),
];

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some(CASES) => return detpar::__private::main(cases),
        Some(OUTPUT) => return detpar::__private::main(output),
        Some(NOTHING) => return ExitCode::from(3),
        _ => {}
    }
    let engines = ["spaces", "threads", "serial"];
    let built = |name: &&str| match *name {
        "spaces" => cfg!(feature = "spaces"),
        "threads" => cfg!(feature = "threads"),
        _ => true,
    };
    let (engines, missing): (Vec<_>, Vec<_>) = engines.into_iter().partition(built);
    let mut failures = Failures(0);
    for name in missing {
        let run = Run::of(name, "1", CASES);
        failures.unless(run.code == Some(78) && run.err.contains("DETPAR_ENGINE="), name);
    }
    let reference = Run::of(engines[0], "2", CASES);
    for engine in engines.iter().copied() {
        for workers in WORKERS {
            let run = Run::of(engine, workers, CASES);
            let what = format!("{engine} at {workers} workers");
            if run.code != Some(0) {
                println!("{}\n{}", run.out, run.err);
            }
            failures.unless(run.code == Some(0), &format!("{what}: exit code {:?}", run.code));
            for (rules, name, _, holds) in TABLE {
                let answer = run.answer(name);
                let expected = match holds {
                    Everywhere => reference.answer(name),
                    Else(spaces, _) if engine == "spaces" => Some(*spaces),
                    Else(_, others) => Some(*others),
                };
                let fine = answer.is_some() && answer == expected;
                let difference = format!("{answer:?} instead of {expected:?}");
                let what = format!("{rules} {name}, {what}");
                failures.unless(fine, &if fine { what } else { format!("{what}: {difference}") });
            }
            let run = Run::of(engine, workers, OUTPUT);
            let lines: Vec<&str> = run.out.lines().collect();
            let expected: Vec<String> = (0..100).map(|i| format!("line {i}")).collect();
            let mut sorted = lines.clone();
            sorted.sort_by_key(|l| l.trim_start_matches("line ").parse::<u32>().ok());
            // The threads of `threads` print when they do.
            let ordered = engine != "threads" || workers == "1";
            let fine = sorted == expected && (!ordered || lines == expected);
            failures.unless(fine, &format!("R2 output, {what}"));
        }
    }
    if failures.0 == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Failures(usize);

impl Failures {
    fn unless(&mut self, fine: bool, what: &str) {
        println!("{what} ... {}", if fine { "ok" } else { "FAILED" });
        self.0 += usize::from(!fine);
    }
}

/// A run of this program.
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    fn of(engine: &str, workers: &str, what: &str) -> Run {
        let me = std::env::current_exe().expect("this program");
        let mut command = Command::new(me);
        command.arg(what).env("DETPAR_ENGINE", engine).env("DETPAR_WORKERS", workers);
        let done = command.env("DETPAR_SEED", "5").output().expect("a run of this program");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Run { code: done.status.code(), out: text(&done.stdout), err: text(&done.stderr) }
    }

    fn answer(&self, case: &str) -> Option<&str> {
        self.out.lines().find_map(|l| l.strip_prefix(case)?.strip_prefix(": "))
    }
}

fn cases() -> ExitCode {
    assert_eq!(std::env::var("DETPAR_ENGINE").as_deref(), Ok(detpar::engine().name()));
    for (_, name, see, _) in TABLE {
        println!("{name}: {}", see());
    }
    ExitCode::SUCCESS
}

fn output() -> ExitCode {
    (0..100).into_par_iter().for_each(|i| println!("line {i}"));
    ExitCode::SUCCESS
}

fn floats(len: u32) -> Vec<f64> {
    (0..len).map(|i| f64::from(i.wrapping_mul(2_654_435_761)) / 1e3 + 0.1).collect()
}

fn digest_of(value: &impl detpar::Digest) -> String {
    format!("{:032x}", digest::of(value))
}

fn float_sums() -> String {
    let sums: Vec<u64> = [0, 1, 17, 255, 1000, 100_003]
        .iter()
        .map(|&len| floats(len).par_iter().map(|x| x.sqrt()).sum::<f64>().to_bits())
        .collect();
    digest_of(&sums)
}

fn nested_iterators() -> String {
    let inner = |i: u32| (0..500 + i).into_par_iter().map(move |k| f64::from(i) / f64::from(k + 1));
    let sums: Vec<u64> =
        (0..100).into_par_iter().map(|i| inner(i).sum::<f64>().to_bits()).collect();
    digest_of(&sums)
}

/// Putting texts together does not commute, and halving does not even associate.
fn order_of_reduction() -> String {
    let text = (0..2000u32).into_par_iter().map(|i| i.to_string());
    let text = text.reduce(String::new, |a, b| a + &b);
    let halves = (1..3000u32).into_par_iter().map(f64::from).reduce(|| 0.0, |a, b| a / 2.0 + b);
    let leaves = (0..3000u32).into_par_iter().fold(|| 0, |n, _| n + 1).count() as u64;
    digest_of(&(text, halves.to_bits(), leaves))
}

fn joins_in_joins() -> String {
    fn fib(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let (a, b) = detpar::join(|| fib(n - 1), || fib(n - 2));
        a + b
    }
    fib(9).to_string()
}

fn scopes() -> String {
    let mut parts = vec![String::new(); 20];
    let mut seen = 0;
    scope(|s| {
        for (i, part) in parts.iter_mut().enumerate() {
            s.spawn(move |_| *part = format!("part {i}"));
        }
        seen += 1;
    });
    format!("{} after {seen}", parts.concat())
}

fn scopes_in_scopes() -> String {
    let mut parts = [[0u32; 4]; 4];
    scope(|s| {
        for (i, row) in (1..).zip(&mut parts) {
            s.spawn(move |s| {
                for (k, cell) in (1..).zip(row) {
                    s.spawn(move |_| *cell = i * k);
                }
            });
        }
    });
    format!("{parts:?}")
}

fn deterministic_functions() -> String {
    #[deterministic]
    fn mean(values: &[f64]) -> f64 {
        values.par_iter().sum::<f64>() / values.len() as f64
    }
    #[deterministic]
    fn double(values: &mut [f64]) -> Result<usize, JoinError> {
        values.iter_mut().for_each(|v| *v *= 2.0);
        Ok(values.len())
    }
    let mut values = floats(1000);
    let len = double(&mut values).expect("a result");
    format!("{} of {len}", mean(&values).to_bits())
}

fn forks() -> String {
    let start = |i: u32| detpar::fork(i, move || detpar::join(|| i * i, || i + 1)).expect("new");
    let children: Vec<_> = (0..20).map(start).collect();
    let mut results: Vec<_> = children.into_iter().rev().map(|c| c.join().unwrap()).collect();
    results.push(detpar::fork(3, || (0, 0)).unwrap().join().unwrap());
    format!("{results:?}")
}

fn ids() -> String {
    let kind = |e: JoinError| match e {
        JoinError::Unsupported(why) => why.to_string(),
        e => panic!("{e}"),
    };
    let seven = detpar::fork(7, || 1).unwrap();
    let twice = kind(detpar::fork(7, || 2).map(|_| ()).unwrap_err());
    let large = kind(detpar::fork(1 << 31, || 2).map(|_| ()).unwrap_err());
    // Another space, another namespace.
    let inside = try_join(|| detpar::fork(7, || 3).unwrap().join().unwrap(), || 0).unwrap().0;
    let own = seven.join().unwrap();
    drop(detpar::fork(7, || 4).unwrap());
    let again = detpar::fork(7, || 5).unwrap().join().unwrap();
    format!("{twice}; {large}; {inside} {own} {again}")
}

fn describe(e: &JoinError) -> String {
    match e {
        JoinError::Panic(p) => {
            format!("child {}: {:?} at {:?}", p.child(), p.message(), p.location())
        }
        e => panic!("{e}"),
    }
}

fn lowest_index() -> String {
    let fail = |i: u32| {
        assert!(![700, 705, 5000, 9999].contains(&i), "item {i}");
        i
    };
    let payload = catch_unwind(|| (0..10_000).into_par_iter().map(fail).sum::<u32>()).unwrap_err();
    let both = try_join(|| panic!("left"), || panic!("right"));
    let first = payload.downcast_ref::<String>().expect("a message");
    format!("{first}; {}", describe(&both.map(|((), ())| ()).unwrap_err()))
}

fn lowest_index_of_a_scope() -> String {
    let failed = try_scope(|s| {
        for i in 0..10 {
            s.spawn(move |_| assert!(i < 4 || i == 6, "child {i}"));
        }
    });
    describe(&failed.unwrap_err())
}

/// Counts its drops.
struct Counted(Arc<[AtomicU32; 2]>, usize);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0[self.1].fetch_add(1, Relaxed);
    }
}

fn closures_dropped_once() -> String {
    let drops = Arc::new([const { AtomicU32::new(0) }; 2]);
    let counts = detpar::counts(&drops);
    let (a, b) = (Counted(drops.clone(), 0), Counted(drops.clone(), 1));
    let failed = try_join(
        move || {
            let _whole = &a;
            panic!("first");
        },
        move || {
            let _whole = &b;
        },
    );
    let failed = describe(&failed.map(|((), ())| ()).unwrap_err());
    drop(counts);
    format!("{drops:?}, {} left; {failed}", Arc::strong_count(&drops))
}

fn rollback() -> String {
    let (mut a, mut b) = (1, 1);
    let failed = try_join(
        || a = 2,
        || {
            b = 2;
            assert_ne!(b, 2, "no");
        },
    );
    assert!(failed.is_err());
    match (a, b) {
        (1, 1) => "nothing kept".into(),
        (2, 2) => "kept".into(),
        other => format!("{other:?}"),
    }
}

fn conflict() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let add = || COUNT.fetch_add(1, Relaxed);
    match try_join(add, add) {
        Err(JoinError::Conflict(_)) => "conflict".into(),
        Ok(_) if COUNT.load(Relaxed) == 2 => "none".into(),
        other => format!("{other:?}"),
    }
}

fn clock() -> String {
    let now = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let (then, _) = detpar::join(now, || ());
    if then + 3600 < now() { "virtual".into() } else { "the system's".into() }
}

/// Files of children are memory of their own.
fn files() -> String {
    #[cfg(feature = "spaces")]
    match detpar::fs::write("/a", "text") {
        Ok(()) => return "files".into(),
        Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::Unsupported),
    }
    "refused".into()
}

fn panics() -> String {
    let text = try_join(|| (), || std::panic::panic_any("no string of its own"));
    let other = try_join(|| std::panic::panic_any(7), || ());
    [text.map(|((), ())| ()), other.map(|((), ())| ())]
        .map(|r| describe(&r.unwrap_err()))
        .join("; ")
}

/// Where a panic goes on through several constructs, the message does; not so the place.
fn panics_cross_constructs() -> String {
    let inner = || (0..5).into_par_iter().for_each(|i| assert_ne!(i, 3, "deep"));
    let caught = || {
        let _ = catch_unwind(|| panic!("caught"));
        std::panic::resume_unwind(Box::new("not caught"));
    };
    let results = [try_join(inner, || ()), try_join(|| (), caught)];
    let of = |e: JoinError| match e {
        JoinError::Panic(p) => format!("child {}: {:?}", p.child(), p.message()),
        e => panic!("{e}"),
    };
    results.map(|r| of(r.map(|((), ())| ()).unwrap_err())).join("; ")
}

fn foreign_threads() -> String {
    let seen = std::thread::scope(|s| {
        s.spawn(|| match try_join(|| (), || ()) {
            Err(JoinError::Unsupported(_)) => "refused".to_owned(),
            other => format!("{other:?}"),
        })
        .join()
        .expect("no panic")
    });
    assert_eq!(detpar::join(|| 1, || 2), (1, 2));
    seen
}

/// Programs are started beside workers.
fn commands() -> String {
    let me = std::env::current_exe().expect("this program");
    let run = || Command::new(&me).arg(NOTHING).env("SOME", "value").status().unwrap().code();
    let sum = || (0..1000u64).into_par_iter().sum::<u64>();
    let codes: Vec<_> = (0..5).map(|_| (run(), sum())).collect();
    format!("{codes:?}")
}

fn counts() -> String {
    let table = Arc::new([2, 3, 5]);
    let counts = detpar::counts(&table);
    let (a, b) = detpar::join(|| table.clone(), || vec![table.clone(); 2]);
    drop(counts);
    format!("{} {}", Arc::strong_count(&table), a[0] + b[1][2])
}

/// Of the master's own map, as the seed has it. Without the kernel std's keys are random.
fn order_of_a_map() -> String {
    if !cfg!(feature = "spaces") {
        return "not seeded".into();
    }
    let map: HashMap<u32, u32> = (0..100).map(|i| (i, i)).collect();
    digest_of(&map.into_keys().collect::<Vec<_>>())
}
