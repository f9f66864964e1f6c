//! Checking mode: what siblings wrote conflicts whatever the values; programs that are right do
//! what they always do.
use detpar_tests::harness::{Program, Run, WORKERS};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(200);

fn checked(path: &str) -> Program {
    Program::new(path).env("DETPAR_CHECK", "1").limit(LIMIT)
}

fn program() -> Program {
    checked(env!("CARGO_BIN_EXE_check"))
}

#[track_caller]
fn assert_same(run: Run, reference: &Run, what: &str) {
    assert_eq!(run.text(), reference.text(), "{what}");
    assert_eq!(run.code(), reference.code(), "{what}");
}

/// Locks, atomics and flags that siblings share, by workers and schedules.
#[test]
fn shared_structures_conflict() {
    let reference = program().run().expect(0);
    for workers in WORKERS {
        assert_same(program().workers(workers).run(), &reference, &format!("{workers} workers"));
    }
}

fn schedules(seeds: std::ops::RangeInclusive<usize>) {
    let reference = program().run().expect(0);
    for seed in seeds {
        let run = program().workers(1 + seed % 4).env("DETPAR_CHAOS", &seed.to_string()).run();
        assert_same(run, &reference, &format!("seed {seed}"));
    }
}

#[test]
fn schedules_do_not_matter() {
    schedules(1..=5);
}

#[test]
#[ignore = "long"]
fn more_schedules() {
    schedules(6..=20);
}

#[test]
#[ignore = "long"]
fn a_hundred_times() {
    let reference = program().run().expect(0);
    for run in 0..100 {
        let workers = WORKERS[run % WORKERS.len()];
        assert_same(program().workers(workers).run(), &reference, &format!("run {run}"));
    }
}

/// Production mode does not see what was restored: the case fails there.
#[test]
fn production_mode_does_not_see_it() {
    let run = Program::new(env!("CARGO_BIN_EXE_check")).arg("mutex_of_strings").run();
    let run = run.expect(101);
    assert!(run.err_text().contains("no conflict"), "{}", run.err_text());
}

#[test]
fn stores_of_every_kind() {
    checked(env!("CARGO_BIN_EXE_stores")).run().expect(0);
}

/// Programs without shared writes: output and exit code are those of production mode.
#[test]
fn programs_stay_as_they_are() {
    for path in [env!("CARGO_BIN_EXE_varied"), env!("CARGO_BIN_EXE_nested")] {
        let reference = Program::new(path).workers(2).run();
        for workers in [1, 3] {
            assert_same(checked(path).workers(workers).run(), &reference, path);
        }
    }
}
