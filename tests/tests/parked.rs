//! Workers that hold stopped children are killed: a typed failure, and everything goes on.
use detpar_tests::harness::{self, Numbers, Program, assert_gone, kill_workers};
use std::time::Duration;

/// Not under perturbed schedules: those evict some of the stopped children, which then outlive the
/// kill. `tests/tests/evicted.rs` has those.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_parked")).without("DETPAR_CHAOS")
}

#[test]
fn at_any_number_of_workers() {
    harness::at_any_number_of_workers(program);
}

#[test]
fn killed_at_random() {
    let mut total = 0;
    for (seed, workers) in [(1, 1), (2, 3), (3, 8)] {
        let seconds = Duration::from_secs(3);
        let limit = seconds + Duration::from_secs(30);
        let program = program().arg("3").workers(workers).limit(limit).own_session();
        let mut running = program.start();
        let pid = running.pid();
        let kills = kill_workers(&mut running, &mut Numbers(seed), seconds, 20_000);
        let run = running.wait().expect(0);
        assert_gone(pid, "workers with stopped children");
        let text = run.text();
        let last = text.lines().last().unwrap_or_default();
        let counts: Vec<u64> = last.split(' ').filter_map(|w| w.parse().ok()).collect();
        println!("{workers} workers, {kills} kills: {last}");
        assert!(kills > 0 && counts[0] > 0, "{kills} kills: {last}");
        total += counts[1];
    }
    assert!(total > 0, "no kill ever hit a child");
}
