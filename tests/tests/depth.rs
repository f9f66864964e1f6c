//! Recursion far deeper than address space can be divided: children run in turn there.
use detpar_tests::harness::{Program, WORKERS, has_fixed_addresses};
use std::time::Duration;

fn run(cases: &[&str], workers: usize, seed: u64) -> String {
    let mut p = Program::new(env!("CARGO_BIN_EXE_depth")).limit(Duration::from_secs(300));
    if seed != 0 {
        p = p.env("DETPAR_CHAOS", &seed.to_string());
    }
    p = cases.iter().fold(p, |p, case| p.arg(case));
    p.workers(workers).run().expect(0).text()
}

/// Everywhere the same: results, addresses, what is said of failures.
const CASES: &[&str] = &[
    "chain",
    "forks",
    "scopes",
    "kept",
    "fib",
    "conflict",
    "panic",
    "killed",
    "spawned",
    "barrier",
    "rolled_back",
];

#[test]
fn at_any_number_of_workers() {
    let all = WORKERS.map(|workers| run(CASES, workers, 0));
    assert_eq!(all[0].lines().count(), CASES.len(), "{}", all[0]);
    assert!(all.iter().all(|text| *text == all[0]), "{all:#?}");
    let wrote = [".1.1.0 wrote 1, child 1.1.", ".1.1.1 wrote 2"];
    for part in wrote.into_iter().chain(["1 panicked at", "SIGABRT", "spawned far"]) {
        assert!(all[0].contains(part), "no {part:?} in\n{}", all[0]);
    }
}

#[test]
fn under_perturbed_schedules() {
    let expected = run(CASES, 2, 0);
    for seed in 1..=2 {
        assert_eq!(run(CASES, 3, seed), expected, "seed {seed}");
    }
}

#[test]
fn in_checking_mode() {
    let program = || {
        let depth = Program::new(env!("CARGO_BIN_EXE_depth")).workers(2);
        ["met", "barrier", "stopped"].iter().fold(depth, |p, case| p.arg(case))
    };
    let checked = program().env("DETPAR_CHECK", "1").limit(Duration::from_secs(300)).run();
    assert_eq!(checked.expect(0).text(), program().run().expect(0).text());
}

/// A text without the addresses of code and statics.
fn without_addresses(text: &str) -> String {
    let is_address =
        |n: &str| n.parse().is_ok_and(|n: u64| (0x5500 << 32..0x8000 << 32).contains(&n));
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        out.push_str(before);
        out.push_str(if is_address(&number[..end]) { "ADDRESS" } else { &number[..end] });
        rest = &number[end..];
    }
    out + rest
}

/// Who runs once more to be found needs those below it.
#[test]
fn checking_finds_both_writers() {
    let fixed = has_fixed_addresses();
    let run = |workers: usize, seed: u64| {
        let depth = Program::new(env!("CARGO_BIN_EXE_depth")).arg("writers").workers(workers);
        let seed = seed.to_string();
        let checked = depth.env("DETPAR_CHECK", "1").env("DETPAR_CHAOS", &seed);
        let text = checked.limit(Duration::from_secs(300)).run().expect(0).text();
        if fixed { text } else { without_addresses(&text) }
    };
    let expected = run(1, 0);
    assert!(expected.contains("writers: [Some(Writer"), "{expected}");
    for (workers, seed) in [(2, 0), (3, 1), (1, 3), (2, 3), (3, 4)] {
        assert_eq!(run(workers, seed), expected, "{workers} workers, seed {seed}");
    }
}

#[test]
fn trees_of_all_shapes() {
    let cases = ["far", "bad_pivots", "wide"];
    assert_eq!(run(&cases, 2, 0), run(&cases, 8, 0));
}

#[test]
fn what_nobody_keeps_needs_no_memory() {
    assert_eq!(run(&["frugal"], 2, 0), "frugal: nothing left\n");
}

#[test]
fn room_is_limited() {
    let text = run(&["no_room"], 3, 0);
    for part in ["addresses of child", "nest spaces less deep"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
#[ignore = "long"]
fn levels_are_limited() {
    let text = run(&["too_deep"], 3, 0);
    assert!(text.contains("spaces are nested too deep"), "{text}");
}

/// Forks in forks and scopes in scopes, to the deepest level that there is.
#[test]
#[ignore = "long"]
fn open_children_to_the_deepest_level() {
    let cases = ["deepest_forks", "deepest_scopes"];
    let all = WORKERS.map(|workers| run(&cases, workers, 0));
    assert!(all.iter().all(|text| *text == all[0]), "{all:#?}");
}

#[test]
#[ignore = "long"]
fn many_spaces() {
    let cases = ["fib_20", "balanced"];
    let all = WORKERS.map(|workers| run(&cases, workers, 0));
    assert!(all.iter().all(|text| *text == all[0]), "{all:#?}");
}
