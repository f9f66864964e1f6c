//! A construct applies the changes of all its children or of none.
use detpar_tests::harness::{self, Numbers, Program, Run};
use std::time::Duration;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_rollback")).limit(Duration::from_secs(120))
}

fn all(names: &[&str], workers: usize) {
    let run = program().workers(workers).args(names).run().expect(0);
    let text = run.text();
    names.iter().for_each(|n| assert!(text.contains(&format!("{n}: ok\n")), "{n}\n{text}"));
}

#[test]
fn conflicts_in_64_megabytes() {
    let names = ["conflict_on_one_byte", "conflict_on_the_first_byte", "conflict_on_the_last_byte"];
    all(&names, 2);
    all(&["no_conflict", "conflict_on_one_byte"], 1);
}

#[test]
fn panics_after_64_megabytes() {
    all(&["panic_in_the_first", "panic_in_the_second"], 2);
}

#[test]
fn faults_after_64_megabytes() {
    all(&["fault_in_the_first", "fault_in_the_second"], 2);
    all(&["refused_call_in_the_first", "refused_call_in_the_second"], 3);
}

#[test]
fn stack_and_heap_of_the_parent() {
    for workers in [1, 2, 8] {
        all(&["stack_of_the_parent", "memory_freed_and_allocated"], workers);
    }
}

#[test]
fn children_as_parents() {
    for workers in [1, 2, 8] {
        all(&["inside_a_child"], workers);
    }
}

#[test]
fn drops_are_exact() {
    for workers in [1, 2, 8] {
        all(&["drops_on_success", "drops_on_failure"], workers);
    }
}

#[test]
fn five_hundred_failures() {
    for workers in [1, 2, 8] {
        all(&["failing_again_and_again"], workers);
    }
}

/// Starts the program and kills its workers at random moments; the constructs that
/// succeeded and failed. Every other seed perturbs schedules as well: stopped children leave
/// their workers.
fn kill_workers(seconds: u64, workers: usize, seed: u64, pause: u64) -> (u64, u64, Run) {
    let program = Program::new(env!("CARGO_BIN_EXE_kills")).arg(seconds.to_string());
    let limit = Duration::from_secs(seconds + 30);
    let program = if seed.is_multiple_of(2) { program.env("DETPAR_CHAOS", "7") } else { program };
    let mut running = program.workers(workers).limit(limit).start();
    let seconds = Duration::from_secs(seconds);
    let kills = harness::kill_workers(&mut running, &mut Numbers(seed), seconds, pause);
    let run = running.wait().expect(0);
    let text = run.text();
    let last = text.lines().last().unwrap_or_default();
    let counts: Vec<u64> = last.split(' ').filter_map(|w| w.parse().ok()).collect();
    let [succeeded, killed] = counts[..] else { panic!("last line: {last}") };
    println!("{workers} workers, {kills} kills: {last}");
    assert!(kills > 0 && succeeded > 0, "{kills} kills: {last}");
    (succeeded, killed, run)
}

#[test]
fn workers_killed_at_random() {
    let mut total = 0;
    for (seed, workers) in [(1, 1), (2, 2), (3, 3), (4, 8)] {
        total += kill_workers(3, workers, seed, 20_000).1;
    }
    assert!(total > 0, "no kill ever hit a running child");
}

#[test]
#[ignore = "long"]
fn workers_killed_at_random_for_minutes() {
    let mut total = 0;
    for seed in 0..12 {
        let workers = [1, 2, 3, 8][seed as usize % 4];
        total += kill_workers(15, workers, 100 + seed, 3000 * (1 + seed)).1;
    }
    assert!(total > 100, "{total} constructs were killed");
}
