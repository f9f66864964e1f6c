//! Reconcile beside a naive one, in children: the same outcome of each case at any number of workers,
//! in every engine.
use detpar_tests::harness::{Program, WORKERS};

fn run(first: u64, count: u64, around: impl Fn(Program) -> Program) -> String {
    let program = Program::new(env!("CARGO_BIN_EXE_reconciled"));
    let program = program.env("DETPAR_FS_SEED", &first.to_string());
    around(program.env("DETPAR_FS_CASES", &count.to_string())).run().expect(0).text()
}

fn the_same_everywhere(first: u64, count: u64) {
    let expected = run(first, count, |p| p.env("DETPAR_ENGINE", "serial"));
    assert_eq!(expected.lines().count() as u64, count);
    for engine in ["spaces", "threads"] {
        for workers in WORKERS {
            let found = run(first, count, |p| p.env("DETPAR_ENGINE", engine).workers(workers));
            assert!(found == expected, "{engine}, {workers} workers");
        }
    }
    for seed in [1, 2] {
        let found = run(first, count, |p| p.workers(3).chaos(seed));
        assert!(found == expected, "a perturbed schedule, {seed}");
    }
}

#[test]
fn at_any_number_of_workers_in_every_engine() {
    the_same_everywhere(1, 300);
}

#[test]
#[ignore = "long"]
fn a_hundred_thousand_cases() {
    for first in (1..=100_000).step_by(10_000) {
        the_same_everywhere(first, 10_000);
    }
}
