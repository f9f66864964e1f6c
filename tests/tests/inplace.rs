//! Slices that leaves change in place: the same results, whoever runs the leaves, and nothing left of
//! constructs that fail.
use detpar_tests::harness::{self, Program};

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_inplace"))
}

#[test]
fn at_any_number_of_workers_and_schedule() {
    let text = harness::the_same_everywhere(program);
    assert!(text.ends_with("fails_after_a_barrier: ok\n"));
}

/// There everything is merged. Children that catch panics beside each other are left out: they all
/// write std's count of panics.
#[test]
fn in_checking_mode() {
    const CASES: &[&str] = &[
        "lengths",
        "adaptors",
        "owners_of_memory",
        "neighbours_on_the_page",
        "a_join_that_fails",
        "panics",
        "conflicts",
        "isolated_afterwards",
        "open_children_of_leaves",
        "barriers_in_leaves",
        "fails_after_a_barrier",
    ];
    harness::the_same_in_checking_mode(|| program().args(CASES));
}
