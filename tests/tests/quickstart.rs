//! The example that a newcomer runs first.
use detpar_tests::harness::{Load, Program, WORKERS};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// The example beside the programs, brought up to date first.
fn quickstart() -> Program {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    Program::new(PATH.get_or_init(build))
}

fn build() -> PathBuf {
    let profile = Path::new(env!("CARGO_BIN_EXE_varied")).parent().expect("a profile's directory");
    let target = profile.parent().expect("the target directory");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Program::new(cargo)
        .dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        // All members, as in the build that made this test: for fewer of them dependencies would
        // have fewer features, and everything be built anew.
        .args(&["build", "--workspace", "--example=quickstart"])
        .arg("--target-dir")
        .arg(target)
        .limit(Duration::from_secs(280));
    if profile.ends_with("release") {
        build = build.arg("--release");
    }
    build.run().expect(0);
    profile.join("examples/quickstart")
}

fn digest(text: &str) -> &str {
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("digest: ").unwrap_or_else(|| panic!("no digest in {last:?}"))
}

#[test]
fn the_same_digest_in_every_run() {
    let reference = quickstart().workers(2).run().expect(0);
    assert_eq!(digest(&reference.text()).len(), 32);
    for workers in WORKERS {
        let run = quickstart().workers(workers).run().expect(0);
        assert_eq!(run.out, reference.out, "{workers} workers");
        let kept = quickstart().workers(workers).env("DETPAR_ASLR", "keep").run().expect(0);
        assert_eq!(kept.out, reference.out, "{workers} workers, addresses randomised");
    }
    let read = quickstart().workers(2).env("DETPAR_SCAN", "pagemap").run().expect(0);
    assert_eq!(read.out, reference.out, "changed pages found in the page map");
    let _load = Load::new(4);
    for workers in WORKERS {
        let run = quickstart().workers(workers).dir("/").run().expect(0);
        assert_eq!(run.out, reference.out, "{workers} workers under load");
    }
}

#[track_caller]
fn race(runs: usize) {
    let mut reports: Vec<String> = Vec::new();
    for i in 0..runs {
        let workers = WORKERS[i % WORKERS.len()];
        let run = quickstart().arg("--race").workers(workers).run().expect(2);
        assert!(run.out.is_empty(), "{}", run.text());
        reports.push(run.err_text());
    }
    assert!(reports[0].to_lowercase().contains("conflict"), "{}", reports[0]);
    assert!(
        reports.iter().all(|r| *r == reports[0]),
        "{:?}",
        reports.iter().find(|r| **r != reports[0])
    );
}

#[test]
fn the_race_is_a_conflict_in_twenty_runs() {
    race(20);
}

#[test]
#[ignore = "long"]
fn the_race_is_a_conflict_in_a_thousand_runs() {
    race(1000);
}

#[test]
fn a_missing_directory_is_an_error() {
    let run = quickstart().arg("/nonexistent/directory").run().expect(1);
    assert!(run.out.is_empty() && run.err_text().contains("/nonexistent/directory"));
    quickstart().arg("--rice").run().expect(64);
}

#[test]
fn comparing_with_threads_finds_one_digest() {
    let run = quickstart().arg("--compare").arg("3").workers(3).run().expect(0);
    assert!(run.text().contains("digest"), "{}", run.text());
}
