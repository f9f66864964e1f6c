//! The confinement table by the real calls, and the virtual clock.
use detpar_tests::harness::{Load, Program, WORKERS};
use std::time::Duration;

fn confined() -> Program {
    Program::new(env!("CARGO_BIN_EXE_confined")).limit(Duration::from_secs(120))
}

fn clocks() -> Program {
    Program::new(env!("CARGO_BIN_EXE_clocks"))
}

#[test]
fn every_row() {
    confined().workers(2).run().expect(0);
}

#[test]
fn answered_rows_at_any_number_of_workers() {
    let text = confined().workers(1).arg("answered_rows").run().expect(0).text();
    for workers in WORKERS {
        let run = confined().workers(workers).arg("answered_rows").run().expect(0);
        assert_eq!(run.text(), text);
    }
}

#[test]
fn rows_under_perturbed_schedules() {
    for seed in 1..=5 {
        let run = confined().workers(3).env("DETPAR_CHAOS", &seed.to_string());
        run.arg("answered_rows").arg("near_misses").run().expect(0);
    }
}

/// The clocks of children are a function of the program: not of workers, schedules, load, the
/// machine's date or what the environment says.
#[test]
fn clocks_are_the_same_everywhere() {
    let text = clocks().workers(1).run().expect(0).text();
    assert!(text.starts_with("(2000, 3000, 1000, 6000)\n"), "{text}");
    for workers in WORKERS {
        assert_eq!(clocks().workers(workers).env("TZ", "Asia/Tokyo").run().expect(0).text(), text);
    }
    for seed in 1..=10 {
        let run = clocks().workers(3).env("DETPAR_CHAOS", &seed.to_string());
        assert_eq!(run.run().expect(0).text(), text, "seed {seed}");
    }
    let _load = Load::new(4);
    assert_eq!(clocks().workers(2).run().expect(0).text(), text);
}

#[test]
fn the_time_stamp_counter_can_be_trapped() {
    for workers in [1, 2] {
        let run = clocks().workers(workers).env("DETPAR_TSC", "trap").arg("stamps").run();
        let text = run.expect(0).text();
        let lines: Vec<&str> = text.lines().collect();
        let [first, second, "stamps: ok"] = lines[..] else { panic!("{text}") };
        for line in [first, second] {
            let is = "child 1 read the time stamp counter (rdtsc) at tests/programs/clocks.rs:";
            assert!(line.starts_with(is), "{line}");
        }
        let run = clocks().workers(workers).env("DETPAR_TSC", "free").arg("stamps").run();
        assert_eq!(run.expect(0).text(), "free\nfree\nstamps: ok\n");
    }
    let run = clocks().env("DETPAR_TSC", "sometimes").run().expect(78);
    assert!(run.err_text().contains("DETPAR_TSC=sometimes: give free or trap"));
}

/// All works where the counter traps: the control plane has no need of it.
#[test]
fn everything_goes_on_without_the_time_stamp_counter() {
    let text = clocks().workers(2).run().expect(0).text();
    for workers in [1, 2, 8] {
        let run = clocks().workers(workers).env("DETPAR_TSC", "trap").run().expect(0).text();
        let without = |t: &str| t.lines().filter(|l| !l.contains("rdtsc") && *l != "free").count();
        assert_eq!(without(&run), without(&text));
    }
    for seed in 1..=3 {
        let seed = seed.to_string();
        clocks().workers(3).env("DETPAR_TSC", "trap").env("DETPAR_CHAOS", &seed).run().expect(0);
    }
}
