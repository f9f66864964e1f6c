//! C's streams and what else libc remembers, in children.
use detpar_tests::harness::{Program, Run, WORKERS};
use std::time::Duration;

fn program(case: &str) -> Program {
    Program::new(env!("CARGO_BIN_EXE_stdio")).arg(case)
}

/// Standard output, and standard error, at every number of workers and under perturbed schedules.
#[track_caller]
fn always(case: &str) -> Run {
    let first = program(case).workers(1).run().expect(0);
    let others = WORKERS.map(|workers| program(case).workers(workers));
    let perturbed = (1..=4).map(|seed| program(case).workers(3).chaos(seed));
    for other in others.into_iter().chain(perturbed) {
        let run = other.run().expect(0);
        assert_eq!(run.text(), first.text(), "{case}");
        assert_eq!(run.err_text(), first.err_text(), "{case}");
    }
    first
}

#[track_caller]
fn prints(case: &str, out: &str) {
    assert_eq!(always(case).text(), format!("{out}{case}: ok\n"));
}

#[test]
fn operations_as_on_the_host() {
    program("operations").workers(2).run().expect(0);
}

#[test]
#[ignore = "long"]
fn many_operations_as_on_the_host() {
    program("operations_long").limit(Duration::from_secs(900)).workers(2).run().expect(0);
}

#[test]
fn formats_as_in_the_master() {
    program("formats").workers(2).run().expect(0);
}

#[test]
#[ignore = "long"]
fn many_formats_as_in_the_master() {
    program("formats_long").limit(Duration::from_secs(900)).workers(2).run().expect(0);
}

#[test]
fn what_libc_remembers() {
    let run = always("hidden_state");
    assert_eq!(run.err_text().lines().count(), 6);
    assert!(run.err_text().lines().all(|l| l == "told: No such file or directory"));
}

#[test]
fn streams_that_a_child_leaves_open() {
    prints("left_open", "");
}

#[test]
fn buffers_of_the_parent() {
    prints("nothing_twice", "[x(xx)]\n");
}

#[test]
fn inherited_streams_that_are_closed() {
    prints("closed_in_children", "child\nchild\nparent\n");
}

#[test]
fn streams_that_are_moved() {
    prints("redirected", "seen\nnested\nsibling\n");
}

#[test]
fn output_up_to_a_fault() {
    prints("faulting", "up to the fault\n");
}

#[test]
fn a_buffer_of_the_program() {
    prints("own_buffer", "one two\n");
}
