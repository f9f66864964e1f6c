//! Reference counts of shared values, in production and in checking mode.
use detpar_tests::harness::{Program, at_any_number_of_workers, under_perturbed_schedules};
use std::time::Duration;

fn program(check: bool) -> Program {
    let program = Program::new(env!("CARGO_BIN_EXE_counts")).limit(Duration::from_secs(200));
    if check { program.env("DETPAR_CHECK", "1") } else { program }
}

#[test]
fn at_any_number() {
    at_any_number_of_workers(|| program(false));
}

#[test]
fn in_any_schedule() {
    under_perturbed_schedules(|| program(false));
}

#[test]
fn at_any_number_in_checking_mode() {
    at_any_number_of_workers(|| program(true));
}

#[test]
fn in_any_schedule_in_checking_mode() {
    under_perturbed_schedules(|| program(true));
}
