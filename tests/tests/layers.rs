//! What a child's memory is made of.
use detpar_tests::harness::{Program, WORKERS};
use std::time::Duration;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_layers")).limit(Duration::from_secs(120))
}

#[test]
fn at_any_number_of_workers() {
    for workers in WORKERS {
        program().workers(workers).run().expect(0);
    }
}

#[test]
fn under_perturbed_schedules() {
    for seed in 1..=8 {
        program().workers(3).env("DETPAR_CHAOS", &seed.to_string()).run().expect(0);
    }
}
