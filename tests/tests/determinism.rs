//! The same bytes in every run: at any number of workers, under load, with and without
//! address randomisation, from any directory, in any environment.
use detpar_tests::harness::{Load, Program, Run, WORKERS, has_fixed_addresses};

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_varied"))
}

/// What every run is compared with.
fn reference() -> Run {
    program().workers(2).run().expect(0)
}

#[track_caller]
fn assert_equal(run: Run, reference: &Run, what: &str) {
    let run = run.expect(0);
    for (stream, a, b) in
        [("stdout", run.text(), reference.text()), ("stderr", run.err_text(), reference.err_text())]
    {
        for (i, (a, b)) in a.lines().zip(b.lines()).enumerate() {
            assert_eq!(a, b, "{what}: {stream}, line {}", i + 1);
        }
    }
    assert_eq!(run.out, reference.out, "{what}: stdout");
    assert_eq!(run.err, reference.err, "{what}: stderr");
}

#[test]
fn the_program_prints_what_it_is_about() {
    let run = reference();
    let text = run.text();
    for part in [
        "the parent starts a line; child 0 ends it\nchild 0 leaves this open, child 1 ends that\n",
        "grandchild 1.0 and 1.1\nchild 1 is done\n<0><1><2>",
        "a text",
        "the 2nd child",
        "failure: children 0 and 1 both wrote",
        "counts: [2000, 300, 0, 0]\n",
        "scratch of the master: 0\n",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    assert!(!text.contains("never seen"), "{text}");
    assert_eq!(text.matches("\nseen\n").count(), 1, "{text}");
    assert!(run.err_text().contains("child 0 complains\n"));
}

#[test]
fn any_number_of_workers() {
    let reference = reference();
    for workers in WORKERS {
        assert_equal(program().workers(workers).run(), &reference, &format!("{workers} workers"));
    }
    assert_equal(program().run(), &reference, "workers by default");
}

#[test]
fn under_load() {
    let reference = reference();
    let _load = Load::new(4);
    for workers in WORKERS {
        let what = format!("{workers} workers under load");
        assert_equal(program().workers(workers).run(), &reference, &what);
    }
}

#[test]
fn with_and_without_address_randomisation() {
    let reference = reference();
    for workers in WORKERS {
        for run in 0..3 {
            let what = format!("randomised, {workers} workers, run {run}");
            let run = program().workers(workers).env("DETPAR_ASLR", "keep").run();
            assert_equal(run, &reference, &what);
        }
    }
}

/// Addresses of code and statics, too, where the program may restart itself.
#[test]
fn code_and_static_addresses() {
    if !has_fixed_addresses() {
        println!("skipped: programs may not do without address randomisation here");
        return;
    }
    let reference = program().workers(2).arg("code").run().expect(0);
    assert!(reference.text().contains("statics"));
    for workers in WORKERS {
        let what = format!("code addresses at {workers} workers");
        assert_equal(program().workers(workers).arg("code").run(), &reference, &what);
    }
}

#[test]
fn any_directory_and_environment() {
    let reference = reference();
    assert_equal(program().workers(3).dir("/").run(), &reference, "in the root directory");
    let temporary = std::env::temp_dir();
    assert_equal(program().workers(1).dir(temporary).run(), &reference, "in another directory");
    for n in [1, 7, 100, 3000] {
        let mut crowded = program().workers(3);
        for i in 0..n {
            crowded = crowded.env(&format!("SOME_VARIABLE_{i}"), &"value ".repeat(i % 90));
        }
        assert_equal(crowded.run(), &reference, &format!("with {n} more variables"));
    }
    let locale = program().env("LANG", "tr_TR.UTF-8").env("TZ", "Asia/Tokyo").env("LC_ALL", "C");
    assert_equal(locale.run(), &reference, "with another locale");
}

#[test]
fn under_perturbed_schedules() {
    let reference = reference();
    for seed in 1..=12 {
        for workers in [1, 2, 3, 8] {
            let run = program().workers(workers).chaos(seed).run();
            assert_equal(run, &reference, &format!("chaos {seed}, {workers} workers"));
        }
    }
}

/// The system's next process gets this number, where this user may say so.
fn run_as(pid: u32) -> Option<Run> {
    // Other processes start meanwhile: it takes some attempts.
    for _ in 0..100 {
        std::fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).ok()?;
        let running = program().workers(2).start();
        let hit = running.pid() == pid;
        let run = running.wait();
        if hit {
            return Some(run);
        }
    }
    None
}

/// Halves of the addresses that detpar and the loader use, where a number that is taken for
/// the process's own would be found by accident; and powers of two.
#[test]
fn any_process_id() {
    let reference = reference();
    for pid in [0x4200, 0x4100, 0x4000, 0x3000, 0x1100, 0x1200, 0x5555, 0x7fff, 0x2000, 4096] {
        match run_as(pid) {
            Some(run) => assert_equal(run, &reference, &format!("as process {pid}")),
            None => println!("skipped: process ids cannot be chosen here ({pid})"),
        }
    }
}

/// A seed is input: another one gives other maps, and the same again for the same seed.
#[test]
fn seeds_are_input() {
    let reference = reference().text();
    let zero = program().env("DETPAR_SEED", "0").run().expect(0).text();
    let seeded = |workers| program().env("DETPAR_SEED", "77").workers(workers).run().expect(0);
    assert_eq!(reference, zero);
    assert_ne!(reference, seeded(2).text());
    assert_eq!(seeded(1).text(), seeded(8).text());
}

/// A hundred runs at changing numbers of workers.
#[test]
#[ignore = "long"]
fn a_hundred_runs() {
    let reference = reference();
    let _load = Load::new(2);
    for run in 0..100 {
        let workers = WORKERS[run % WORKERS.len()];
        let what = format!("run {run} with {workers} workers");
        assert_equal(program().workers(workers).run(), &reference, &what);
    }
}
