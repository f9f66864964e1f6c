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

/// Children beside their parent, and between barriers: by workers and schedules.
fn siblings(seeds: std::ops::RangeInclusive<usize>) {
    let cases = ["once_where_nobody_met", "barriers", "barriers_below", "spawned", "forked"];
    let more = ["forked_beside_one_that_runs", "beside_the_parent", "raw", "open_below", "lines"];
    let all = || {
        let program = checked(env!("CARGO_BIN_EXE_siblings"));
        cases.iter().chain(&more).fold(program, |p, case| p.arg(case))
    };
    let reference = all().run().expect(0);
    for workers in WORKERS {
        assert_same(all().workers(workers).run(), &reference, &format!("{workers} workers"));
    }
    for seed in seeds {
        let run = all().workers(1 + seed % 4).env("DETPAR_CHAOS", &seed.to_string()).run();
        assert_same(run, &reference, &format!("seed {seed}"));
    }
}

#[test]
fn open_children_and_phases() {
    siblings(1..=5);
}

#[test]
#[ignore = "long"]
fn open_children_and_phases_by_more_schedules() {
    siblings(6..=30);
}

/// A child whose two runs differ.
#[test]
fn what_is_not_the_same_twice() {
    let run = checked(env!("CARGO_BIN_EXE_siblings")).arg("unrepeatable").run();
    run.expect(0);
}

/// The table of structures in docs/check.md says what becomes of each in either mode.
#[test]
fn structures_are_as_documented() {
    let docs = std::fs::read_to_string("../docs/check.md").unwrap();
    let table = docs.split("| structure | production | checking |").nth(1).unwrap();
    let rows = || table.lines().skip(2).take_while(|l| l.starts_with('|'));
    for (column, mode) in [(2, "0"), (3, "1")] {
        let run = Program::new(env!("CARGO_BIN_EXE_structures")).env("DETPAR_CHECK", mode).run();
        let cell = |row: &str, i: usize| row.split('|').nth(i).unwrap().trim().to_owned();
        let mut expected: String =
            rows().map(|r| format!("{}: {}\n", cell(r, 1), cell(r, column))).collect();
        expected.push_str("ends\n");
        assert_eq!(run.expect(0).text(), expected, "DETPAR_CHECK={mode}");
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
