//! The calls' conformance table and random programs, on the model and on the engine.
use detpar_tests::conformance::interpreter::{interpret, interpret_with};
use detpar_tests::conformance::random::Level;
use detpar_tests::conformance::table::rows;
use detpar_tests::conformance::{planted, random};
use detpar_tests::harness::{Program, Run};
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn the_model_does_what_the_table_says() {
    let mut wrong = 0;
    for row in rows() {
        let shown = interpret(&row.program());
        if shown.ended && shown.seen == row.shows() {
            continue;
        }
        wrong += 1;
        println!("{}: ended {}", row.name, shown.ended);
        for (i, (op, expected)) in row.steps.iter().enumerate() {
            let seen = shown.seen.get(i);
            if seen != Some(expected) {
                println!("  step {i} {op:?}: {seen:?}, not {expected:?}");
                break;
            }
        }
    }
    assert_eq!(wrong, 0);
}

/// Rules that `docs/calls.md` names in bold at the head of an item.
fn documented() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/calls.md");
    let text = std::fs::read_to_string(path).expect("the document of the calls");
    let heads = text.lines().filter_map(|l| l.strip_prefix("- **"));
    heads
        .flat_map(|l| l.split("**").step_by(2).take_while(|w| !w.contains(' ')))
        .map(String::from)
        .collect()
}

#[test]
fn each_rule_has_a_row_and_each_row_a_rule() {
    let documented = documented();
    assert!(documented.len() > 50, "{documented:?}");
    let tested: BTreeSet<String> =
        rows().iter().flat_map(|r| r.rules).map(|r| r.to_string()).collect();
    let missing: Vec<_> = documented.difference(&tested).collect();
    let unknown: Vec<_> = tested.difference(&documented).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "untested {missing:?}, unknown {unknown:?}");
    let mut names: Vec<_> = rows().iter().map(|r| r.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|w| w[0] != w[1]), "two rows of one name");
}

/// Random programs tell the model from one with an error, whichever is planted.
#[test]
fn planted_errors_are_found() {
    let with_outcome = |seed| {
        let program = random::program(seed, Level::Calls, random::SIZE);
        let shown = interpret(&program);
        (program, shown)
    };
    let programs: Vec<_> = (0..PLANTED_SEEDS).map(with_outcome).collect();
    let mut survivors = Vec::new();
    for planted in planted::ALL {
        let found = programs
            .iter()
            .position(|(program, shown)| interpret_with(program, Some(planted)) != *shown);
        match found {
            Some(seed) => println!("{planted:?}: found by seed {seed}"),
            None => survivors.push(planted),
        }
    }
    assert!(survivors.is_empty(), "not found: {survivors:?}");
}

const PLANTED_SEEDS: u64 = 2000;

/// The table, too, notices each of them.
#[test]
fn planted_errors_fail_a_row() {
    let rows = rows();
    let noticed = |planted| {
        rows.iter().any(|r| interpret_with(&r.program(), Some(planted)).seen != r.shows())
    };
    let all = planted::ALL.into_iter().chain(planted::TIMED);
    let survivors: Vec<_> = all.filter(|p| !noticed(*p)).collect();
    assert!(survivors.is_empty(), "no row fails with {survivors:?}");
}

fn engine(workers: usize, chaos: u64) -> Program {
    let program = Program::new(env!("CARGO_BIN_EXE_conformance")).limit(Duration::from_secs(120));
    program.workers(workers).chaos(chaos)
}

/// Runs the whole table.
#[track_caller]
fn table(face: &str, workers: usize, chaos: u64) {
    let run = engine(workers, chaos).arg("table").arg(face).run();
    if run.code() != Some(0) {
        let text = run.text();
        let wrong: Vec<_> = text.lines().filter(|l| !l.ends_with(": ok")).collect();
        println!("{}", wrong.join("\n"));
    }
    let run = run.expect(0);
    assert_eq!(run.text().lines().count(), rows().len(), "a line for each row");
}

#[test]
fn the_engine_does_what_the_table_says() {
    for workers in [1, 2, 8, 64] {
        table("typed", workers, 0);
        table("raw", workers, 0);
    }
}

#[test]
fn the_table_under_perturbed_schedules() {
    for chaos in 1..=6 {
        table(
            if chaos % 2 == 0 { "typed" } else { "raw" },
            [1, 2, 8, 64][chaos as usize % 4],
            chaos,
        );
    }
}

/// Runs random programs for some seconds.
#[track_caller]
fn random_programs(kind: &str, workers: usize, chaos: u64, first: u64, seconds: u64) -> Run {
    let run = engine(workers, chaos).limit(Duration::from_secs(seconds + 60));
    let run = run.arg("random").arg(kind).arg(first.to_string()).arg("1000000000");
    let run = run.arg(seconds.to_string()).run().expect(0);
    print!("{workers} workers, chaos {chaos}: {}", run.text());
    run
}

#[test]
fn random_joins() {
    for (i, workers) in [1, 2, 8, 64].into_iter().enumerate() {
        random_programs("joins", workers, i as u64 % 2, i as u64 * 10_000, 1);
    }
}

#[test]
fn random_forks() {
    for (i, workers) in [1, 2, 8, 64].into_iter().enumerate() {
        random_programs("forks", workers, i as u64 % 2, i as u64 * 10_000, 1);
    }
}

#[test]
fn random_calls() {
    for (i, workers) in [1, 2, 8, 64].into_iter().enumerate() {
        random_programs("typed", workers, i as u64 % 2, i as u64 * 10_000, 2);
        random_programs("raw", workers, i as u64 % 2, i as u64 * 10_000, 1);
    }
}

/// Other seeds in each run; an hour.
#[test]
#[ignore = "long"]
fn random_programs_for_long() {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    for round in 0..60 {
        let kind = ["joins", "forks", "typed", "raw"][round as usize % 4];
        let workers = [1, 2, 3, 8, 64][round as usize % 5];
        random_programs(kind, workers, round % 7, (now + round) * 1_000_000, 60);
    }
}
