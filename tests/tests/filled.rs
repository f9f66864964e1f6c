//! Vectors that leaves fill in place: the same items at the same addresses, however they get there.
use detpar_tests::harness::{self, Program};

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_filled"))
}

#[test]
fn at_any_number_of_workers_and_schedule() {
    let text = harness::the_same_everywhere(program);
    assert!(text.ends_with("not_in_place: ok\n"));
}

/// There everything is merged.
#[test]
fn in_checking_mode() {
    harness::the_same_in_checking_mode(program);
}
