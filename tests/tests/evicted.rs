//! Stopped children that leave their workers.
use detpar_tests::harness::{Program, Run, WORKERS};
use std::ops::RangeInclusive;
use std::time::Duration;

const CASES: [&str; 10] = [
    "met",
    "went_on",
    "new_computations",
    "new_snapshots",
    "permissions",
    "parents",
    "failed",
    "ended",
    "at_thread_exit",
    "workers_killed",
];

fn run(cases: &[&str], workers: usize, chaos: u32) -> Run {
    let path = env!("CARGO_BIN_EXE_evicted");
    let program = Program::new(path).limit(Duration::from_secs(240)).workers(workers);
    let program = if chaos > 0 { program.env("DETPAR_CHAOS", &chaos.to_string()) } else { program };
    cases.iter().fold(program, |p, case| p.arg(case)).run().expect(0)
}

/// The same bytes at any number of workers, and whoever is evicted.
fn same(workers: &[usize], seeds: RangeInclusive<u32>) {
    let first = run(&CASES, 2, 0).text();
    assert_eq!(first.matches(": ok").count(), CASES.len(), "{first}");
    for &workers in workers {
        assert_eq!(run(&CASES, workers, 0).text(), first, "{workers}");
    }
    for seed in seeds {
        assert_eq!(run(&CASES, 3, seed).text(), first, "chaos {seed}");
    }
}

#[test]
fn same_bytes() {
    same(&[1, 8], 1..=1);
}

#[test]
#[ignore = "long"]
fn same_bytes_at_any_number_of_workers_and_by_more_schedules() {
    same(&WORKERS, 2..=20);
}

#[test]
fn more_than_processes() {
    for workers in [2, 8] {
        run(&["thousands_meet", "thousands_stopped"], workers, 0);
    }
}
