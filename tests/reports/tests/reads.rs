//! `DETPAR_WARN=reads`: a child read what a sibling wrote. Told once of a pair of places, the same
//! in every run, and not of programs in which that does not happen.
use detpar_tests::harness::{Program, Run};
use serde_json::Value;
use std::time::Duration;

const SOURCE: &str = include_str!("../src/reads.rs");

/// Cases with such a read, what was read, by whom, and who wrote it.
const READS: [(&str, &str, &str, &str); 9] = [
    ("a_static", "`reads::TOTAL`", "1", "0"),
    ("the_higher_wrote", "`reads::TOTAL`", "0", "1"),
    ("a_heap_block", "byte 200 of a heap block of 448 bytes", "1", "0"),
    ("a_local", "`count` of `reads::a_local`", "1", "0"),
    ("a_field", "`reads::STATE.items[3].count`", "1", "0"),
    ("by_a_grandchild", "`reads::by_a_grandchild::DEEP`", "1", "0"),
    ("one_of_many", "`reads::one_of_many::CHOSEN`", "4", "11"),
    ("copied", "byte 160 of a heap block of 1024 bytes", "1", "0"),
    ("again_and_again", "`reads::again_and_again::ROUND`", "1", "0"),
];

/// Cases without.
const NONE: [&str; 4] = ["neighbours", "after_the_join", "own_writes", "much_work"];

fn program() -> Program {
    let program = Program::new(env!("CARGO_BIN_EXE_reads")).limit(Duration::from_secs(180));
    program.without("NO_COLOR").env("DETPAR_WARN", "reads")
}

fn all(program: Program) -> Run {
    program.run().expect(0)
}

fn line_of(case: &str, who: &str) -> usize {
    let mark = format!("// {case}: {who}");
    1 + SOURCE.lines().position(|l| l.ends_with(&mark)).expect("a marked line")
}

#[test]
fn each_kind_of_memory_is_told_with_both_lines() {
    for (case, what, reader, writer) in READS {
        let err = all(program().arg(case)).err_text();
        let title =
            format!("warning[read]: child {reader} read {what}, which child {writer} wrote\n");
        assert!(err.starts_with(&title), "{title}{err}");
        assert_eq!(err.matches("warning[read]").count(), 1, "{case}\n{err}");
        for (who, did, child) in [("reader", "read", reader), ("writer", "wrote", writer)] {
            let line = line_of(case, who);
            let mut rest = err.lines().skip_while(|l| !l.starts_with(&format!("{line} |")));
            assert!(rest.next().is_some(), "{case}: no line {line}\n{err}");
            let label = rest.next().unwrap_or_default();
            // Of a grandchild by its own way.
            let by = |path: &str| label.ends_with(&format!("child {path} {did} it here"));
            assert!(by(child) || by(&format!("{child}.1")), "{case}: {label}\n{err}");
        }
    }
}

#[test]
fn nothing_is_told_of_programs_without() {
    for check in ["0", "1"] {
        let run = all(program().args(&NONE).env("DETPAR_CHECK", check));
        assert_eq!(run.err_text(), "", "checking mode {check}");
    }
}

#[test]
fn the_same_everywhere() {
    let told = |p: Program| {
        let run = all(p);
        (run.text(), run.err_text())
    };
    let first = told(program().workers(2));
    assert_eq!(first.1.matches("warning[read]").count(), READS.len(), "{}", first.1);
    for workers in [1, 3, 8, 64] {
        assert_eq!(told(program().workers(workers)), first, "{workers} workers");
    }
    for seed in 1..=3 {
        assert_eq!(told(program().workers(3).chaos(seed)), first, "seed {seed}");
    }
    assert_eq!(told(program().env("DETPAR_ASLR", "keep")), first, "with randomised addresses");
    assert_eq!(told(program().env("DETPAR_CHECK", "1")), first, "in checking mode");
}

/// The program does what it does, and prints what it prints.
#[test]
fn off_unless_asked_for() {
    let plain = all(program().without("DETPAR_WARN"));
    assert_eq!(plain.err_text(), "");
    assert_eq!(plain.text(), all(program()).text());
    let quiet = all(program().env("DETPAR_REPORT", "off"));
    assert_eq!((quiet.text(), quiet.err_text()), (plain.text(), String::new()));
    let wrong = program().env("DETPAR_WARN", "writes").run().expect(78);
    assert!(wrong.err_text().contains("DETPAR_WARN=writes: give reads or off"));
}

#[test]
fn objects_for_programs() {
    let run = all(program().env("DETPAR_REPORT", "json"));
    let told = run.err_text();
    assert_eq!(told.lines().count(), READS.len(), "{told}");
    for (line, (case, _, reader, writer)) in told.lines().zip(READS) {
        let object: Value = serde_json::from_str(line).expect("an object");
        assert_eq!(object["kind"], "read", "{line}");
        let writers = object["writers"].as_array().expect("two places");
        let by_higher = object["reader"] == 1;
        let places = [("writer", usize::from(!by_higher)), ("reader", usize::from(by_higher))];
        for (who, at) in places {
            assert_eq!(writers[at]["line"], line_of(case, who), "{case}: {line}");
        }
        let children = object["children"].as_array().expect("two children");
        let of = |i: usize| children[i].to_string();
        assert_eq!((&*of(usize::from(by_higher)), &*of(usize::from(!by_higher))), (reader, writer));
    }
}

#[test]
fn without_lines_nobody_runs_a_third_time() {
    let err = all(program().arg("a_static").env("DETPAR_LINES", "off")).err_text();
    assert!(err.contains("no source line is known for child 1"), "{err}");
}
