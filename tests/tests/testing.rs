//! `#[detpar::test]`, `assert_deterministic!` and `assert_conflict!`: what a harness makes of
//! tests that pass, fail and die. The fixtures are ordinary test binaries, run with a harness's
//! arguments, and by cargo-nextest where it is installed.
use detpar_tests::harness::{Program, Run, assert_gone, has_fixed_addresses, session};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

/// Builds a fixture as cargo builds any test, and says where it is.
fn build(name: &str) -> PathBuf {
    let mut command = Command::new(cargo());
    command.args(["test", "--offline", "--workspace", "--no-run", "--test", name]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let line = text.lines().find(|l| l.contains("Executable")).expect("the line with the binary");
    let path = line.rsplit_once('(').and_then(|(_, path)| path.strip_suffix(')')).expect("a path");
    // Relative paths are those of the workspace's root.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn fixture() -> Program {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    program(PATH.get_or_init(|| build("testing_fixture")))
}

fn planted() -> Program {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    program(PATH.get_or_init(|| build("planted_fixture")))
}

fn program(path: &Path) -> Program {
    Program::new(path).limit(Duration::from_secs(240))
}

/// The lines `test NAME ... OUTCOME`, and what is shown of each test that failed.
struct Harness {
    run: Run,
    outcomes: BTreeMap<String, String>,
    shown: BTreeMap<String, String>,
}

impl Harness {
    fn new(run: Run) -> Harness {
        let text = run.text();
        let mut outcomes = BTreeMap::new();
        for line in text.lines().filter_map(|l| l.strip_prefix("test ")) {
            if let Some((name, outcome)) = line.split_once(" ... ") {
                let name = name.split(' ').next().unwrap_or(name);
                outcomes.insert(name.to_owned(), outcome.to_owned());
            }
        }
        let mut shown = BTreeMap::new();
        for part in text.split("\n---- ").skip(1) {
            let (head, rest) = part.split_once(" stdout ----\n").expect("a head");
            let rest = rest.split("\nfailures:\n").next().unwrap_or(rest);
            shown.insert(head.to_owned(), rest.to_owned());
        }
        Harness { run, outcomes, shown }
    }

    /// Makes sure of the outcome of a test.
    #[track_caller]
    fn is(&self, name: &str, outcome: &str) {
        let shown = self.shown.get(name).map_or("", String::as_str);
        assert_eq!(self.outcomes.get(name).map(String::as_str), Some(outcome), "{name}: {shown}");
    }

    #[track_caller]
    fn passes(&self, name: &str) {
        self.is(name, "ok");
        assert!(!self.run.text().contains(&format!("---- {name} ")), "{name} shows something");
    }

    /// Makes sure that a test failed and that all of these are shown of it, in this order.
    #[track_caller]
    fn fails(&self, name: &str, parts: &[&str]) {
        self.is(name, "FAILED");
        let all = self.shown.get(name).expect("a failed test shows what it wrote");
        let mut rest = all.as_str();
        for part in parts {
            let Some(at) = rest.find(part) else { panic!("{name}: no {part:?} in\n{all}") };
            rest = &rest[at + part.len()..];
        }
    }
}

#[test]
fn outcomes_under_the_harness() {
    let h = Harness::new(fixture().env("DETPAR_TEST_LIMIT", "30").arg("outcomes::").run());
    assert_eq!(h.run.code(), Some(101));
    h.passes("outcomes::passes");
    h.passes("outcomes::passes_with_output");
    h.passes("outcomes::should_panic_does");
    h.passes("outcomes::should_panic_as_expected");
    h.is("outcomes::ignored", "ignored, asked for only");
    h.is("outcomes::ignored_fails", "ignored");
    h.fails(
        "outcomes::panics",
        &[
            "to standard output\n",
            "to standard error\n",
            "of a child\n",
            "thread 'outcomes::panics' panicked at tests/fixtures/testing.rs:",
            "assertion `left == right` failed: as it should",
        ],
    );
    h.fails("outcomes::child_panics", &["child panicked at tests/fixtures/testing.rs:"]);
    h.fails("outcomes::should_panic_otherwise", &["these words", "\"other words\""]);
    h.fails("outcomes::should_panic_does_not", &["did not panic as expected"]);
    for name in ["outcomes::should_panic_dies", "outcomes::should_panic_dies_by_condition"] {
        h.fails(name, &["was ended by SIGABRT", "did not panic as expected"]);
    }
    assert_eq!(h.outcomes.len(), 12, "{:?}", h.outcomes.keys());
    assert_eq!(h.run.err_text(), "", "all output is captured");
    assert!(!h.run.text().contains("nobody asked"));
}

#[test]
fn returned_values() {
    let h = Harness::new(fixture().arg("returns::").run());
    h.passes("returns::ok");
    h.passes("returns::code_0");
    h.fails("returns::code_3", &["returned a failure"]);
    h.fails("returns::err", &["Error: \"told as invalid digit", "returned a failure"]);
    h.fails("returns::join_error", &["Error: ", "openat", "returned a failure"]);
}

#[test]
fn ends_that_are_no_result() {
    let h = Harness::new(fixture().env("DETPAR_TEST_LIMIT", "3").arg("ends::").run());
    h.fails("ends::signal", &["was ended by SIGABRT"]);
    h.fails("ends::exit_0", &["leaves\n", "ended with exit code 0, not by the end of the test"]);
    h.fails("ends::exit_7", &["ended with exit code 7"]);
    h.fails("ends::after_the_end", &["was ended by SIGABRT"]);
    h.fails("ends::hangs", &["before\n", "was still running after 3 s (DETPAR_TEST_LIMIT)"]);
    assert_eq!(h.run.code(), Some(101));
}

#[test]
fn a_wrong_limit_is_an_error() {
    let h = Harness::new(fixture().env("DETPAR_TEST_LIMIT", "soon").arg("outcomes::passes").run());
    h.fails("outcomes::passes", &["DETPAR_TEST_LIMIT=soon: give a number of seconds"]);
}

#[test]
fn what_a_system_refuses_is_told() {
    let h = Harness::new(fixture().env("DETPAR_WORKERS", "none").arg("outcomes::passes").run());
    h.fails("outcomes::passes", &["DETPAR_WORKERS=none: give a number", "exit code 78"]);
}

#[test]
fn arguments_of_the_harness() {
    let h = Harness::new(fixture().arg("--ignored").run());
    h.passes("outcomes::ignored");
    h.fails("outcomes::ignored_fails", &["ran"]);
    assert_eq!(h.outcomes.len(), 2);

    let exact = fixture().arg("--exact").arg("outcomes::passes").run().expect(0);
    let h = Harness::new(exact);
    h.passes("outcomes::passes");
    assert_eq!(h.outcomes.len(), 1);

    let shown = fixture().arg("--nocapture").arg("passes_with_output").run().expect(0);
    assert!(shown.text().contains("nobody asked for this\n"));

    let skipped =
        fixture().arg("many::").arg("--skip").arg("many::a").arg("--test-threads=1").run();
    assert_eq!(Harness::new(skipped.expect(0)).outcomes.len(), 19);

    let listed = fixture().arg("--list").run().expect(0).text();
    assert!(listed.contains("same_names::one::test: test\nsame_names::two::test: test\n"));
}

#[test]
fn names_of_the_user() {
    let h = Harness::new(fixture().arg("hygiene::").run().expect(0));
    assert_eq!(h.outcomes.len(), 4);
}

#[test]
fn twenty_at_a_time() {
    let h = Harness::new(fixture().arg("many::").arg("--test-threads=20").run().expect(0));
    assert_eq!(h.outcomes.len(), 20);
    assert!(h.outcomes.values().all(|o| o == "ok"));
}

#[test]
fn equal_names_in_two_modules() {
    let h = Harness::new(fixture().arg("same_names").run());
    h.fails("same_names::one::test", &["one\n", "the first"]);
    h.fails("same_names::two::test", &["two\n", "the second"]);
}

#[test]
fn what_a_test_sees() {
    // What is said to all tests is no matter of this one.
    let fixture = || fixture().without("DETPAR_PROFILE").without("DETPAR_CHAOS");
    let program = fixture().env("DETPAR_SEED", "5").env("FIXTURE", "through");
    let h = Harness::new(program.arg("surroundings").run());
    let all = "DETPAR_CHECK=1\n\
               DETPAR_SEED=5\n\
               FIXTURE=through\n\
               stdin: \"\"\n\
               descriptor 3\n\
               threads 1\n\
               Ä and € come whole\n";
    let shown = &h.shown["surroundings::shows"];
    let mut lines: Vec<&str> = shown.lines().take(7).collect();
    lines[..3].sort_unstable();
    assert_eq!(lines, all.lines().collect::<Vec<_>>());

    let h = Harness::new(fixture().env("DETPAR_CHECK", "0").arg("surroundings").run());
    h.fails("surroundings::shows", &["DETPAR_CHECK=0\n"]);
}

#[test]
fn a_killed_harness_takes_its_tests_along() {
    // Without a limit the test would panic; one of an hour leaves it hanging.
    let program = fixture().env("DETPAR_TEST_LIMIT", "3600").arg("ends::hangs").own_session();
    let mut running = program.start();
    let id = running.pid();
    let end = Instant::now() + Duration::from_secs(60);
    while session(id).len() < 2 {
        assert!(!running.ended() && Instant::now() < end, "the test's process does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    // SAFETY: has no memory operands; the process was started here.
    unsafe { libc::kill(id as i32, libc::SIGKILL) };
    running.wait();
    assert_gone(id, "a killed harness");
}

#[test]
fn under_nextest() {
    let installed = Command::new(cargo()).args(["nextest", "--version"]).output();
    if !installed.is_ok_and(|o| o.status.success()) {
        eprintln!("cargo-nextest is not installed: nothing was tested");
        return;
    }
    let mut program = Program::new(cargo()).dir(env!("CARGO_MANIFEST_DIR"));
    for arg in ["nextest", "run", "--offline", "--workspace", "--test", "testing_fixture"] {
        program = program.arg(arg);
    }
    if !cfg!(debug_assertions) {
        program = program.arg("--release");
    }
    let filter = "test(outcomes::) | test(returns::) | test(many::) | test(same_names::)";
    for arg in ["--no-fail-fast", "--color=never", "--filterset", filter] {
        program = program.arg(arg);
    }
    // Variables of the run around this one would be taken for settings.
    for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("NEXTEST")) {
        program = program.without(&name);
    }
    let run = program.limit(Duration::from_secs(240)).run().expect(100);
    let text = run.err_text();
    let has = |line: &str| {
        let mut words = text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>());
        let (outcome, name) = line.split_once(' ').expect("outcome and name");
        words.any(|w| w.first() == Some(&outcome) && w.last() == Some(&name))
    };
    for line in [
        "PASS outcomes::passes",
        "PASS outcomes::should_panic_as_expected",
        "FAIL outcomes::panics",
        "FAIL outcomes::should_panic_otherwise",
        "FAIL outcomes::should_panic_dies",
        "PASS returns::ok",
        "FAIL returns::err",
        "FAIL same_names::one::test",
        "FAIL same_names::two::test",
        "PASS many::a",
        "PASS many::t",
    ] {
        assert!(has(line), "{line}\n{text}");
    }
    assert!(text.contains("37 tests run: 26 passed, 11 failed"), "{text}");
    // What a test that fails has printed is shown, and of no other.
    assert!(text.contains("assertion `left == right` failed: as it should"));
    assert!(text.contains("to standard output\n") && text.contains("of a child\n"), "{text}");
    assert!(!text.contains("nobody asked for this"), "{text}");
}

/// Which runs differ where addresses do, and the first of them: one, or each where all have their own.
fn by_address() -> (&'static str, &'static str) {
    if has_fixed_addresses() {
        ("1 of 11 runs differ from run 1: 3:0:aslr\n", "3:0:aslr")
    } else {
        ("10 of 11 runs differ from run 1: 2, 3, 8, 64, ", "2")
    }
}

#[test]
fn planted_nondeterminism_is_caught_in_the_master() {
    let h = Harness::new(planted().arg("caught_in_the_master").run());
    for (name, differs) in [
        ("time", "the values differ:"),
        ("random", "the values differ in line"),
        ("thread_id", "the values differ:"),
        ("hash_order", "the values differ in line"),
        ("worker_count", "the values differ:"),
        ("output", "standard output differs in line 2:"),
        ("messages", "standard error differs:"),
        ("whole_test", "standard output differs:"),
        ("panics", "run 1 panicked: by process"),
    ] {
        let of = if name == "worker_count" { "9" } else { "10" };
        let head = format!("assert_deterministic!: {of} of 11 runs differ from run 1: 2, 3, 8, 64");
        let full = format!("caught_in_the_master::{name}");
        let again = format!("DETPAR_TEST_RUNS='1 2' cargo test -- --exact {full}\n");
        let here = format!("'{full}' panicked at tests/fixtures/planted.rs:");
        h.fails(&full, &[&here, &head, differs, "run 1", "run 2", &again]);
    }
    let (which, again) = by_address();
    let again = format!("DETPAR_TEST_RUNS='1 {again}'");
    h.fails("caught_in_the_master::address", &[which, "digests: ", &again]);
    h.fails(
        "caught_in_the_master::way_to_the_check",
        &[
            "run 8 panicked before it came to the check: eight",
            "its standard error",
            "DETPAR_TEST_RUNS='8'",
        ],
    );
    h.fails("caught_in_the_master::never_comes_to_the_check", &["run 8 did not come to the check"]);
    h.fails("caught_in_the_master::one_run_dies", &["run 3 was ended by SIGABRT"]);
    assert_eq!(h.outcomes.len(), 13, "{:?}", h.outcomes.keys());
}

#[test]
fn planted_nondeterminism_is_caught_or_confined_in_children() {
    let h = Harness::new(planted().arg("caught_in_children").run());
    h.fails("caught_in_children::time_stamp_counter", &["10 of 11 runs differ"]);
    h.fails("caught_in_children::address_of_code", &[by_address().0]);
    assert_eq!(h.outcomes.len(), 2);
    let h = Harness::new(planted().arg("confined").run().expect(0));
    assert_eq!(h.outcomes.len(), 7);
}

#[test]
fn checks_that_pass() {
    let h = Harness::new(planted().arg("passes::").run());
    h.passes("passes::several_checks");
    h.passes("passes::output_before_the_check_may_differ");
    h.passes("passes::whole_test");
    h.passes("passes::panics_equally");
    h.fails("passes::fails_equally", &["in every run", "returned a failure"]);
    assert_eq!(h.shown.len(), 1);
}

#[test]
fn which_runs_are_made_can_be_told() {
    let workers = || planted().workers(8).arg("--exact").arg("caught_in_the_master::worker_count");
    let h = Harness::new(workers().env("DETPAR_TEST_RUNS", "8 8:7 8:aslr").run().expect(0));
    h.passes("caught_in_the_master::worker_count");
    let h = Harness::new(workers().env("DETPAR_TEST_RUNS", "1 8:aslr").run());
    h.fails("caught_in_the_master::worker_count", &["1 of 2 runs differ from run 1: 8:0:aslr"]);
    let h = Harness::new(workers().env("DETPAR_TEST_RUNS", "many").run());
    h.fails("caught_in_the_master::worker_count", &["DETPAR_TEST_RUNS=many: give runs as WORKERS"]);
}

#[test]
fn checks_in_the_wrong_place() {
    let h = Harness::new(planted().arg("misuse").run());
    for name in ["misuse::in_a_child", "misuse::in_a_plain_test"] {
        h.fails(name, &["only its master can: call it in a function under #[detpar::test]"]);
    }
}

#[test]
fn conflicts() {
    let h = Harness::new(planted().arg("conflicts::").run());
    for name in ["in_results", "in_panics", "in_a_child"] {
        h.passes(&format!("conflicts::{name}"));
    }
    let expected = "assert_conflict!: expected a conflict, but it ";
    for (name, instead) in [
        ("none_in_a_result", "succeeded: no byte was changed by two children"),
        ("none_in_a_closure", "succeeded: no byte was changed by two children (or"),
        ("another_failure", "failed otherwise: child 1 panicked at"),
        ("another_panic", "panicked otherwise: of its own"),
    ] {
        let here = "panicked at tests/fixtures/planted.rs:";
        h.fails(&format!("conflicts::{name}"), &[here, &format!("{expected}{instead}")]);
    }
    let report = ["the conflict is another: expected \"OTHER\"\n", "COUNT", "child 0", "child 1"];
    h.fails("conflicts::another_variable", &report);
    assert_eq!(h.outcomes.len(), 8);
}
