//! Timelines by `DETPAR_TRACE`: what they say, and that nothing else changes.
use detpar_tests::harness::{Program, Run};
use serde_json::Value;
use std::path::PathBuf;

/// A file that is gone after its test.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> File {
        let name = format!("detpar-timeline-{name}-{}.json", std::process::id());
        File(std::env::temp_dir().join(name))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }

    #[track_caller]
    fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.0).expect("the trace");
        let all = serde_json::from_str(&text);
        all.unwrap_or_else(|e| panic!("{e} in\n{}", &text[text.len().saturating_sub(500)..]))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_timeline")).workers(2)
}

/// Runs a case and reads its timeline.
#[track_caller]
fn traced(case: &str, code: i32) -> (Vec<Value>, Run) {
    let file = File::new(case);
    let program = if case == "tree" { program() } else { program().arg(case) };
    let run = program.env("DETPAR_TRACE", file.path()).run().expect(code);
    (file.events(), run)
}

fn of<'e>(events: &'e [Value], category: &str) -> Vec<&'e Value> {
    events.iter().filter(|e| e["cat"] == category).collect()
}

fn space(e: &Value) -> &str {
    e["args"]["space"].as_str().expect("the space")
}

/// The names of spaces that ran, sorted.
fn spaces(events: &[Value]) -> Vec<&str> {
    let mut names: Vec<_> = of(events, "space").into_iter().map(space).collect();
    names.sort_unstable();
    names
}

const TREE: [&str; 8] = [
    "main",
    "main/1.0",
    "main/1.0/1.0",
    "main/1.0/1.1",
    "main/1.1",
    "main/2.0",
    "main/3.0",
    "main/3.1",
];

#[test]
fn the_tree_and_its_numbers() {
    let (events, _) = traced("tree", 0);
    assert_eq!(spaces(&events), TREE);
    let writer = of(&events, "space").into_iter().find(|e| space(e) == "main/1.1").unwrap();
    let number = |e: &Value, name: &str| e["args"][name].as_u64().expect("a number");
    let (pages, faults) = (number(writer, "dirty_pages"), number(writer, "page_faults"));
    assert!((5..10).contains(&pages) && faults >= 5, "{writer}");
    let merged = of(&events, "merged").into_iter().find(|e| space(e) == "main/1.1").unwrap();
    assert_eq!(number(merged, "merged_pages"), pages, "{merged}");
    assert!((15..200).contains(&number(merged, "merged_bytes")), "{merged}");
    let mut children: Vec<_> = of(&events, "construct").into_iter().map(space).collect();
    children.sort_unstable();
    assert_eq!(children, ["main", "main", "main/1.0"]);
    for step in ["seal", "snapshot", "run", "stage", "start", "wait"] {
        assert!(of(&events, "step").iter().any(|e| e["name"] == step), "no {step}");
    }
    assert_eq!(of(&events, "merge").len(), 4);
    assert_eq!(of(&events, "fault").len() + of(&events, "lost").len(), 0);
}

/// In each track, what lasts lies within something else or beside it.
#[test]
fn events_nest() {
    let (events, _) = traced("tree", 0);
    let nanos = |v: &Value| (v.as_f64().expect("a time") * 1000.0).round() as u64;
    let lasting: Vec<(u64, u64, u64)> = events
        .iter()
        .filter(|e| e["ph"] == "X")
        .map(|e| {
            let from = nanos(&e["ts"]);
            (e["tid"].as_u64().expect("a track"), from, from + nanos(&e["dur"]))
        })
        .collect();
    assert!(lasting.len() > 20);
    for a in &lasting {
        for b in lasting.iter().filter(|b| b.0 == a.0) {
            // A rounding of both ends.
            let crosses = a.1 + 2 < b.1 && b.1 + 2 < a.2 && a.2 + 2 < b.2;
            assert!(!crosses, "{a:?} and {b:?}");
        }
    }
}

#[test]
fn ends_of_all_kinds() {
    let (events, _) = traced("ends", 0);
    let names: Vec<_> = of(&events, "fault").iter().filter_map(|e| e["name"].as_str()).collect();
    for end in ["panic", "fault", "refused call", "conflict"] {
        assert!(names.contains(&end), "no {end} in {names:?}");
    }
}

/// The file is whole however the program ends.
#[test]
fn ends_of_the_program() {
    for (case, code) in [("panic", 101), ("exit", 3)] {
        assert_eq!(spaces(&traced(case, code).0), TREE, "{case}");
    }
    // What it writes and what it starts are its own affair.
    let (events, run) = traced("becomes", 3);
    assert_eq!(spaces(&events), TREE);
    assert!(run.text().contains("exit status: 0"), "{}", run.text());
    let file = File::new("abort");
    let run = program().arg("abort").env("DETPAR_TRACE", file.path()).run();
    assert_eq!(run.code(), None);
    assert!(!file.events().is_empty());
}

/// What the ring cannot hold is written in time.
#[test]
fn many_records() {
    let (events, run) = traced("many", 0);
    assert!(run.text().contains("40504500\n"), "{}", run.text());
    assert_eq!(of(&events, "lost").len(), 0);
    assert_eq!(spaces(&events).len(), TREE.len() + 2 * (9000 + 1 + 4000));
}

fn assert_equal(a: &Run, b: &Run, what: &str) {
    assert_eq!(a.text(), b.text(), "{what}");
    assert_eq!(a.err_text(), b.err_text(), "{what}");
}

#[test]
fn results_are_the_same() {
    let file = File::new("same");
    for path in [env!("CARGO_BIN_EXE_timeline"), env!("CARGO_BIN_EXE_varied")] {
        let plain = Program::new(path).workers(2).run().expect(0);
        for (workers, chaos) in [(1, 0), (2, 0), (8, 0), (3, 1), (2, 2), (1, 3), (8, 4)] {
            let program = Program::new(path).workers(workers).chaos(chaos);
            let run = program.env("DETPAR_TRACE", file.path()).run().expect(0);
            assert_equal(&run, &plain, &format!("{path}, {workers} workers, chaos {chaos}"));
            assert!(file.events().len() > 20);
        }
    }
}

/// Neither the variable nor the descriptor shows.
#[test]
fn the_program_does_not_see_it() {
    let (_, run) = traced("environment", 0);
    assert_equal(&run, &program().arg("environment").run().expect(0), "the environment");
}

#[test]
fn where_it_cannot_be_written() {
    let missing = std::env::temp_dir().join("no/such/directory/trace.json");
    let missing = missing.to_str().expect("a path in UTF-8");
    let none = "give the name of a file; this is none";
    let table = [
        (missing, "No such file or directory"),
        ("/", "Is a directory"),
        ("/dev/null", none),
        ("/dev/full", none),
    ];
    for (path, why) in table {
        let run = program().env("DETPAR_TRACE", path).run().expect(78);
        let said = run.err_text();
        assert!(said.starts_with(&format!("detpar: DETPAR_TRACE={path}: {why}")), "{said}");
        assert!(run.out.is_empty(), "main ran");
    }
    let file = File::new("trapped");
    let program = program().env("DETPAR_TRACE", file.path()).env("DETPAR_TSC", "trap");
    let said = program.run().expect(78).err_text();
    assert!(said.contains("a timeline needs the time stamp counter"), "{said}");
}
