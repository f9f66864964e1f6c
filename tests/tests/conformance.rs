//! The calls' conformance table and random programs, on the model.
use detpar_tests::conformance::interpreter::{interpret, interpret_with};
use detpar_tests::conformance::random::Level;
use detpar_tests::conformance::table::rows;
use detpar_tests::conformance::{planted, random};
use std::collections::BTreeSet;

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
    let survivors: Vec<_> = planted::ALL.into_iter().filter(|p| !noticed(*p)).collect();
    assert!(survivors.is_empty(), "no row fails with {survivors:?}");
}
