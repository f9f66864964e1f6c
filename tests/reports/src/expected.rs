//! What a report is expected to say, and whether it does, each time.
use detpar::{JoinError, MergeConflict};

/// What is expected of a report.
#[derive(Default)]
pub struct Expected {
    pub variable: Option<&'static str>,
    pub function: Option<&'static str>,
    pub field: Option<&'static str>,
    pub ty: Option<&'static str>,
    pub values: Option<[&'static str; 3]>,
    pub tasks: [&'static str; 2],
    /// Name of the marks of the two lines, where it is not that of the case.
    pub mark: &'static str,
}

/// The lines marked with this name, for the lower and the higher child.
fn lines(mark: &str) -> [usize; 2] {
    let text = include_str!("reports.rs");
    ["lower", "higher"].map(|side| {
        let mark = format!("// {mark}: {side}");
        1 + text.lines().position(|l| l.ends_with(&mark)).expect("a marked line")
    })
}

/// How often each conflict is made; each time all of it must be the same.
fn rounds() -> usize {
    std::env::var("ROUNDS").map_or(2, |n| n.parse().expect("a number"))
}

/// Whether the program knows the names of what it does.
pub fn is_stripped() -> bool {
    std::env::var_os("STRIPPED").is_some()
}

/// Makes a conflict several times and compares what is told of it.
#[track_caller]
pub fn expect<T>(expected: &Expected, run: impl Fn() -> Result<T, JoinError>) {
    let conflict = || match run() {
        Err(JoinError::Conflict(c)) => c,
        _ => panic!("no conflict"),
    };
    let first = conflict();
    // What `unwrap` would print, before anything is looked up.
    let known = format!("{first:?}");
    let told = [first.report(), first.json()];
    println!("{}", told[usize::from(std::env::var_os("JSON").is_some())]);
    assert_eq!(first.tasks().map(Option::unwrap), expected.tasks, "{}", told[0]);
    if is_stripped() {
        assert_eq!((first.lines(), first.field()), ([None, None], None));
    } else {
        compare(&first, expected);
    }
    for round in 1..rounds() {
        let c = conflict();
        assert_eq!(format!("{c:?}"), known, "round {round}");
        // To look everything up takes time.
        if round < 3 || round % 50 == 0 {
            assert_eq!([c.report(), c.json()], told, "round {round}");
        }
    }
}

#[track_caller]
fn compare(c: &MergeConflict, expected: &Expected) {
    let report = c.report();
    for (found, line) in c.lines().iter().zip(lines(expected.mark)) {
        let found = found.as_ref().expect("a line");
        assert!(found.contains(&format!("reports/src/reports.rs:{line}:")), "not {line}: {report}");
    }
    let told = (c.function(), c.variable(), c.field(), c.type_name());
    // An optimiser may keep a local variable elsewhere.
    if cfg!(debug_assertions) || expected.function.is_none() {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let wanted = (
            owned(expected.function),
            owned(expected.variable),
            owned(expected.field),
            owned(expected.ty),
        );
        assert_eq!(told, wanted, "{report}");
    }
    let values = expected.values.map(|v| v.map(String::from));
    assert_eq!(c.typed_values(), values, "{report}");
}
