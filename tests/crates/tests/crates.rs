//! Crates with hidden state, first used in sibling children: the same output in every run, and
//! where it cannot be, an error that names the reason.
use detpar_tests::harness::{Program, WORKERS};

/// What a case comes to.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    /// It works.
    Fine,
    /// Children conflict, or ask for what children may not have: the error says this.
    With(&'static str),
}

use Ends::{Fine, With};

/// All cases of the program.
const CASES: &[(&str, Ends)] = &[
    ("features", Fine),
    ("lazy_lock", Fine),
    ("once_lock", With("lazy static first used in two children: `detpar::write_once(&ONCE)`")),
    ("once_lock_declared", Fine),
    ("once_cell", With("lazy static first used in two children: `detpar::warm(&CELL)`")),
    ("once_cell_warm", Fine),
    ("lazy_static", Fine),
    ("regex_own", Fine),
    ("regex_clone", Fine),
    ("regex_shared", With("`detpar::PerChild`")),
    ("regex_per_child", Fine),
    ("memchr", Fine),
    ("aho_corasick", Fine),
    ("tracing", Fine),
    ("tracing_first_in_children", Fine),
    ("tracing_to_a_subscriber", Fine),
    ("tracing_spans", With("both wrote")),
    ("log", Fine),
    ("log_to_a_logger", Fine),
    ("log_differing", With("wrote 4; a setting of the whole program: set it in the master")),
    ("rand_seeded", Fine),
    ("rand_thread", Fine),
    ("chrono", Fine),
    ("chrono_now", Fine),
    ("chrono_local", With("which confinement refuses")),
    ("time", Fine),
    ("time_now", Fine),
    ("serde_json", Fine),
    ("ahash", Fine),
    ("ahash_master", Fine),
    ("hashbrown", Fine),
    ("indexmap", Fine),
    ("std_hashmap", Fine),
    ("dashmap_own", Fine),
    ("dashmap_shared", With("both wrote")),
    ("parking_lot", Fine),
    ("mutex", Fine),
    ("uuid", Fine),
    ("num_cpus", Fine),
    ("parallelism", Fine),
    ("arc_dropped", Fine),
    ("arc_kept", With("`detpar::counts(&arc)` before the children start")),
    ("arc_counted", Fine),
    ("crossbeam_epoch", With("both wrote")),
    ("crossbeam_epoch_own", Fine),
    ("crossbeam_queue", Fine),
    ("crossbeam_queue_shared", With("both wrote")),
    ("crossbeam_array_queue_shared", With("both wrote")),
    ("bytecount", Fine),
    ("crc32fast", Fine),
    ("sha2", Fine),
    ("simdutf8", Fine),
    ("thread_local", Fine),
    ("backtrace", Fine),
    ("anyhow", Fine),
];

fn program(case: &str) -> Program {
    Program::new(env!("CARGO_BIN_EXE_detpar-crate-tests")).arg(case)
}

#[test]
fn every_crate_gives_the_same_at_any_number_of_workers() {
    for &(case, ends) in CASES {
        let mut first = None;
        for workers in WORKERS {
            let run = program(case).workers(workers).run();
            let (out, err) = (run.text(), run.err_text());
            match ends {
                Fine => assert_eq!(run.code(), Some(0), "{case}, {workers} workers: {err}"),
                With(text) => {
                    assert_ne!(run.code(), Some(0), "{case}, {workers} workers");
                    assert!(err.contains(text), "{case}, {workers} workers: {err}");
                }
            }
            let first = first.get_or_insert_with(|| out.clone());
            assert_eq!(*first, out, "{case}, {workers} workers");
        }
    }
}

#[test]
fn every_crate_gives_the_same_in_any_schedule() {
    for &(case, _) in CASES.iter().filter(|case| case.1 == Fine) {
        let plain = program(case).workers(2).run();
        for seed in 1..=4 {
            let seed = seed.to_string();
            let run = program(case).workers(3).env("DETPAR_CHAOS", &seed).run();
            assert_eq!(run.code(), Some(0), "{case}, seed {seed}: {}", run.err_text());
            assert_eq!(plain.text(), run.text(), "{case}, seed {seed}");
        }
    }
}

/// Cases whose children take one lock, or change one list and put it back: a conflict where writes
/// count.
const PUT_BACK: [&str; 3] = ["parking_lot", "mutex", "thread_local"];

#[test]
fn every_crate_gives_the_same_in_checking_mode() {
    for &(case, ends) in CASES {
        let plain = program(case).workers(2).run();
        let run = program(case).workers(2).env("DETPAR_CHECK", "1").run();
        let err = run.err_text();
        match ends {
            Fine if PUT_BACK.contains(&case) => {
                assert!(err.contains("both wrote"), "{case}: {err}")
            }
            Fine => {
                assert_eq!(run.code(), Some(0), "{case}: {err}");
                assert_eq!(plain.text(), run.text(), "{case}");
            }
            With(text) => assert!(err.contains(text), "{case}: {err}"),
        }
    }
}

#[test]
fn backtraces_are_captured_in_checking_mode() {
    for case in ["backtrace", "anyhow"] {
        let run = program(case).env("RUST_BACKTRACE", "1").env("DETPAR_CHECK", "1").run().expect(0);
        let plain = program(case).env("RUST_BACKTRACE", "1").workers(1).run().expect(0);
        assert_eq!(run.text(), plain.text(), "{case}");
    }
}

#[test]
fn what_was_filled_first_in_program_order_stays() {
    let run = program("once_lock_declared").run();
    assert!(run.text().ends_with("Some(\"by 0\")\n"), "{}", run.text());
}

#[test]
fn an_unknown_case_is_an_error() {
    assert_eq!(program("nothing").run().code(), Some(64));
}
