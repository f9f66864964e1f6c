//! Stopped children that leave their workers.
use detpar_tests::harness::{Program, WORKERS};
use std::time::Duration;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_evicted")).limit(Duration::from_secs(240))
}

/// The same bytes at any number of workers, and whoever is evicted.
#[test]
fn same_bytes() {
    let first = program().workers(2).run().expect(0).text();
    assert!(first.ends_with("workers_killed: ok\n"), "{first}");
    for workers in WORKERS.into_iter().filter(|&n| n != 2) {
        assert_eq!(program().workers(workers).run().expect(0).text(), first, "{workers}");
    }
    for seed in 1..=3 {
        let run = program().workers(3).env("DETPAR_CHAOS", &seed.to_string()).run();
        assert_eq!(run.expect(0).text(), first, "chaos {seed}");
    }
}
