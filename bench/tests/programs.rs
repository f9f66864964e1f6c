//! The two programs as a user runs them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const DETPAR: &str = env!("CARGO_BIN_EXE_detpar-bench");
const BASELINE: &str = env!("CARGO_BIN_EXE_detpar-bench-baseline");

fn run(program: &str, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    // Cargo's variables would make the program build its companion, which is there.
    command.args(args).env_remove("CARGO").env("DETPAR_WORKERS", "2");
    command.output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn answer(program: &str, contender: &str) -> serde_json::Value {
    let args = ["--measure", "join", "local2", "0", contender, "2", "1000"];
    serde_json::from_str(&stdout(&run(program, &args))).expect("an answer in JSON")
}

#[test]
fn the_baselines_have_the_malloc_of_libc() {
    for contender in ["thread_scope", "rayon_outside", "rayon_inside", "fork_wait"] {
        assert_eq!(answer(BASELINE, contender)["owns_malloc"], false, "{contender}");
    }
    // The check sees the difference.
    assert_eq!(answer(DETPAR, "detpar")["owns_malloc"], true);
}

#[test]
fn both_programs_measure_nested_sequential_and_deep_work() {
    let measured = |program, suite, case, contender| {
        let args = ["--measure", suite, case, "0", contender, "2", "1000"];
        let answer: serde_json::Value =
            serde_json::from_str(&stdout(&run(program, &args))).expect("an answer in JSON");
        let of = |field: &str| answer[field].as_f64().unwrap();
        assert!(of("min") > 0.0 && of("median") > 0.0, "{suite} {case}: {answer}");
    };
    for contender in ["detpar", "in_master"] {
        measured(DETPAR, "join", "nested_256mb", contender);
    }
    measured(DETPAR, "master", "alloc", "detpar");
    measured(BASELINE, "master", "alloc", "system");
    measured(DETPAR, "fan", "fib", "detpar");
    for contender in ["rayon", "sequential", "thread_scope"] {
        measured(BASELINE, "fan", "fib", contender);
    }
    for case in ["write", "save", "load", "join"] {
        measured(DETPAR, "fs", case, "detpar");
    }
    measured(DETPAR, "fs", "join", "files_100");
    for case in ["write", "save", "load"] {
        measured(BASELINE, "fs", case, "tmpfs");
    }
    measured(DETPAR, "odf", "64mb", "detpar");
    for contender in ["fork_4k", "fork_thp"] {
        measured(BASELINE, "odf", "64mb", contender);
    }
    measured(DETPAR, "fan", "workers_64", "detpar");
    measured(BASELINE, "fan", "workers_64", "thread_scope");
}

#[test]
fn a_suite_as_json() {
    let svg = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("iter.svg");
    let path = svg.to_str().expect("a path of this package");
    let text = stdout(&run(DETPAR, &["iter", "--json", "--quick", "--runs", "1", "--svg", path]));
    let drawn = std::fs::read_to_string(&svg).expect("the picture");
    assert!(drawn.starts_with("<svg ") && drawn.matches("class=\"spread\"").count() == 4);
    let rows: Vec<serde_json::Value> =
        text.lines().map(|l| serde_json::from_str(l).expect("an object a line")).collect();
    let baselines: Vec<_> = rows.iter().map(|r| r["baseline"].as_str().unwrap()).collect();
    assert_eq!(baselines, ["rayon", "sequential", "rayon", "sequential"]);
    for (row, case) in rows.iter().zip(["sum_10m", "sum_10m", "map_collect_1m", "map_collect_1m"]) {
        assert_eq!((&row["suite"], &row["case"]), (&"iter".into(), &case.into()));
        assert_eq!((&row["engine"], &row["workers"]), (&"spaces".into(), &2.into()));
        let of = |field: &str| row[field].as_f64().unwrap();
        assert!(of("min_us") > 0.0 && of("min_us") <= of("median_us"));
        let ratio = of("median_us") / of("baseline_median_us");
        assert!((of("ratio") / ratio - 1.0).abs() < 1e-3, "{row}");
    }
}

#[test]
fn a_suite_as_a_table() {
    let output = run(DETPAR, &["iter", "--quick", "--runs", "1"]);
    let text = stdout(&output);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("iter: ") && lines[1].starts_with("case "), "{text}");
    assert!(
        lines[2].starts_with("sum_10m ") && lines[3].trim().starts_with("sequential"),
        "{text}"
    );
    // No terminal: neither colours nor a progress bar.
    assert!(!text.contains('\x1b') && !String::from_utf8_lossy(&output.stderr).contains('\x1b'));
}

#[test]
fn parallel_iterators_measure_in_both_programs_and_by_threads() {
    for (suite, case) in [("sort", "by_key"), ("reduce", "words"), ("nested", "par_iter")] {
        for (program, who) in [(DETPAR, "detpar"), (BASELINE, "rayon"), (BASELINE, "sequential")] {
            let args = ["--measure", suite, case, "10000", who, "2", "1000"];
            let answer = stdout(&run(program, &args));
            assert!(answer.contains("\"median\""), "{suite} {who}: {answer}");
        }
    }
    let text = stdout(&run(
        DETPAR,
        &["nested", "--engine", "threads", "--quick", "--runs", "1", "--markdown"],
    ));
    let rows = text.lines().filter(|l| l.contains("| threads | 2 |")).count();
    assert!(rows == 6 && text.starts_with("`nested`: "), "{text}");
}

/// Without a compiler, and without the library: the rows are missing, and it says why.
#[test]
fn programs_in_c_say_what_they_lack() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("without");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let [detpar, baseline] = [DETPAR, BASELINE].map(|program| {
        let to = folder.join(Path::new(program).file_name().expect("a name"));
        fs::copy(program, &to).expect("a copy");
        to
    });
    assert!(baseline.is_file());
    let lacks = |why: &str| {
        let mut command = Command::new(&detpar);
        command.args(["c-four", "--json"]).env_remove("CARGO").env("CC", "no-such-compiler");
        let output = command.output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{said}");
        assert!(said.contains("c-four: skipped: ") && said.contains(why), "{said}");
    };
    lacks("build it with `cargo build --release -p libdet-c`");
    fs::write(folder.join("libdetpar_c.so"), "").expect("a file");
    lacks("install a C compiler");
}

#[test]
fn help_and_list_succeed() {
    assert!(stdout(&run(DETPAR, &["--help"])).contains("Usage: detpar-bench [OPTIONS] <SUITE>"));
    assert!(stdout(&run(DETPAR, &["list"])).contains("rayon_outside"));
}

#[test]
fn wrong_arguments_exit_with_64() {
    for args in [
        &["nonesuch"][..],
        &[],
        &["join", "--runs", "0"],
        &["join", "--pin", "1023"],
        &["--measure", "join", "nonesuch", "0", "detpar", "2", "1"],
    ] {
        let output = run(DETPAR, args);
        assert_eq!(output.status.code(), Some(64), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
    assert_eq!(run(BASELINE, &[]).status.code(), Some(64));
}
