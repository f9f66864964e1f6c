//! Two children that changed the same byte: reported every time, and always in the same words.
use detpar_tests::harness::{Load, Program, WORKERS};
use std::time::Duration;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_conflicts")).limit(Duration::from_secs(90))
}

fn all(names: &[&str]) {
    for workers in [1, 2, 8] {
        let run = program().workers(workers).args(names).run().expect(0);
        let text = run.text();
        names.iter().for_each(|n| assert!(text.contains(&format!("{n}: ok\n")), "{n}\n{text}"));
    }
}

#[test]
fn bytes() {
    all(&["same_value", "adjacent_bytes", "restored_value", "one_writer"]);
    all(&["lowest_byte_is_reported", "vector_grown_by_both"]);
}

#[test]
fn frees() {
    all(&["free_against_write", "write_against_free", "both_free", "free_alone"]);
}

#[test]
fn statics_and_thread_locals() {
    all(&["static_behind_a_function", "statics_conflict", "thread_locals_stay"]);
}

#[test]
fn locals() {
    all(&["locals_of_the_parent", "nested_conflicts", "grandchildren_against_a_sibling"]);
}

#[test]
fn the_failure_of_lowest_index_is_reported() {
    all(&["lowest_failure_of_many", "own_failure_before_conflict"]);
    all(&["conflict_before_a_higher_panic", "failure_above_is_not_waited_for"]);
}

/// A thousand races in one process, and in every other process the same report again.
#[test]
fn a_race_is_reported_in_the_same_words_a_thousand_times() {
    let report = |workers| {
        let run = program().workers(workers).arg("a_thousand_times").run().expect(0);
        let text = run.text();
        assert!(text.starts_with("1000 times: "), "{text}");
        text
    };
    let first = report(2);
    let _load = Load::new(2);
    for workers in WORKERS {
        assert_eq!(report(workers), first, "{workers} workers");
    }
    all(&["a_thousand_times_nested"]);
}

/// All cases in one process, in which each leaves the next what it should.
#[test]
fn one_after_another() {
    program().run().expect(0);
}
