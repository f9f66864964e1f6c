//! After many joins a program holds no more of the system than after some.
use detpar_tests::harness::Program;
use std::time::Duration;

#[track_caller]
fn same(case: &str, rounds: usize, workers: usize) {
    let program = Program::new(env!("CARGO_BIN_EXE_leaks")).limit(Duration::from_secs(280));
    let run = program.workers(workers).arg(case).arg(rounds.to_string()).run().expect(0);
    println!("{}", run.text());
}

#[test]
fn results_that_are_dropped() {
    same("empty", 1000, 2);
    same("results", 1000, 2);
    same("results", 300, 1);
    same("results", 300, 8);
}

#[test]
fn blocks_that_change_hands() {
    same("boxes_moved", 500, 2);
    same("boxes_moved", 100, 1);
    same("boxes_moved", 100, 8);
}

#[test]
fn large_results() {
    same("large_results", 40, 2);
}

#[test]
fn nested_joins() {
    same("nested", 200, 2);
    same("nested", 100, 1);
    same("nested", 100, 8);
}

#[test]
fn recursion_shaped_by_data() {
    same("sorting", 100, 2);
    same("sorting", 60, 8);
}

#[test]
fn parallel_iterators_and_maps() {
    same("leaves", 100, 2);
    same("leaves", 50, 8);
    same("maps", 500, 2);
}

#[test]
fn failures() {
    for workers in [1, 2, 8] {
        same("panics", 100, workers);
        same("faults", 100, workers);
        same("conflicts", 100, workers);
        same("nested_failures", 20, workers);
    }
}

#[test]
fn open_children() {
    same("scopes", 40, 1);
    same("scopes", 40, 8);
    same("forks", FORKS, 2);
    same("puts_and_gets", 40, 1);
}

/// Which pages the endless child is ended on is a matter of timing: all are used in time.
const FORKS: usize = 100;

#[test]
#[ignore = "long"]
fn open_children_of_any_number_of_workers() {
    for workers in [1, 2, 3, 8] {
        same("scopes", 200, workers);
        same("forks", 3 * FORKS, workers);
        same("puts_and_gets", 200, workers);
    }
}

#[test]
fn children_that_wait_for_each_other() {
    for workers in [1, 2, 8] {
        same("barriers", 60, workers);
    }
}

#[test]
fn forks_of_the_program() {
    same("processes", 20, 2);
    same("processes_beside_children", 20, 2);
}

#[test]
fn output_of_children() {
    same("printing", 500, 2);
}

#[test]
fn output_of_children_through_c() {
    same("printing_through_c", 300, 2);
}

#[test]
fn a_thousand_children_in_one_construct() {
    same("many_children", 6, 2);
    same("many_children", 5, 8);
}

#[test]
fn freed_memory_goes_back_to_the_system() {
    same("freed_by_the_master", 1, 2);
    same("freed_by_a_child", 1, 2);
    same("made_by_children", 1, 2);
}

#[test]
#[ignore = "long"]
fn a_hundred_thousand_joins() {
    for case in ["empty", "results", "boxes_moved", "maps"] {
        same(case, 10_000, 2);
    }
    same("nested", 3000, 2);
    same("sorting", 2000, 2);
    same("leaves", 3000, 3);
    same("panics", 3000, 2);
    same("many_children", 50, 3);
}
