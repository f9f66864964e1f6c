//! Files that children close, signals, threads, and memory that the master maps.
use detpar_tests::harness::{self, Program};

fn program(names: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_around")).args(names)
}

#[track_caller]
fn all(names: &[&str]) {
    harness::at_any_number_of_workers(|| program(names));
    harness::under_perturbed_schedules(1..=3, || program(names));
}

#[test]
fn closed_descriptors() {
    all(&["dropped_file", "dropped_in_grandchild", "closed_and_failed", "closed_twice"]);
    all(&["closed_by_many", "closed_by_open_children", "our_own_descriptors"]);
    all(&["used_after_close"]);
}

#[test]
fn handlers() {
    all(&["handler_while_children_run"]);
    all(&["handler_taken_away"]);
}

#[test]
fn threads() {
    // Each refusal waits a second for threads that may be about to end.
    for workers in [1, 3] {
        let names = ["scoped_threads", "parked_thread", "threads_that_just_ended"];
        program(&names).workers(workers).run().expect(0);
    }
    program(&["threads_of_the_c_library"]).run().expect(0);
}

#[test]
fn mappings() {
    all(&["mapped_later", "file_mapped_later", "remapped", "changed_behind_protection"]);
    all(&["large_block"]);
}

#[test]
fn libraries() {
    all(&["loaded_later"]);
}

#[test]
fn protected_heap() {
    all(&["protected_heap"]);
}
