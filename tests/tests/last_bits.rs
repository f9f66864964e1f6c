//! One order of additions, whoever runs them.
use detpar_tests::harness::Program;

const WORKERS: [usize; 6] = [1, 2, 3, 4, 8, 16];

fn run(engine: &str, workers: usize) -> String {
    let program = Program::new(env!("CARGO_BIN_EXE_last_bits"));
    program.env("DETPAR_ENGINE", engine).workers(workers).run().expect(0).text()
}

#[track_caller]
fn one_result(rounds: usize, engines: &[&str]) {
    let first = run("serial", 1);
    assert_eq!(first.lines().count(), 3, "{first}");
    for engine in engines {
        for workers in (0..rounds).flat_map(|_| WORKERS) {
            assert_eq!(run(engine, workers), first, "{engine}, {workers} workers");
        }
    }
}

#[test]
fn at_any_number_of_workers_in_every_engine() {
    one_result(1, &["spaces", "threads"]);
}

#[test]
#[ignore = "long"]
fn in_three_hundred_runs_of_every_engine() {
    one_result(50, &["spaces", "threads", "serial"]);
}
