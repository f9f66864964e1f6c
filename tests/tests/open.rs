//! Open children: scopes and forks beside a parent that goes on.
use detpar_tests::harness::{self, Program};
use std::time::Duration;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_open")).limit(Duration::from_secs(120))
}

#[test]
fn at_any_number_of_workers() {
    harness::at_any_number_of_workers(program);
}

#[test]
fn under_perturbed_schedules() {
    harness::under_perturbed_schedules(program);
}
