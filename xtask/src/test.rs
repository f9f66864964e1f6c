//! `cargo xtask test`: the steps, their order and the summary; `oracle` and `stress`.
use crate::run::{self, Counts, Outcome, Result, cargo};
use crate::{book, lint, mutants, sanitize, setup};
use clap::Args;
use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// What to leave out.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave out mutants and sanitizer: what to run between two edits.
    #[arg(long)]
    quick: bool,
    /// Leave out the sanitizer.
    #[arg(long)]
    no_sanitize: bool,
    /// Leave out the mutants.
    #[arg(long)]
    no_mutants: bool,
}

/// The package whose tests are programs of their own.
const PROGRAMS: &str = "detpar-tests";

/// Why a step did not run.
const MISSING: &str = "the tool is not installed";
const LEFT_OUT: &str = "as asked for";

/// Runs all steps and prints the summary.
pub(crate) fn test(options: &Options) -> Result {
    setup::requirements()?;
    let mut report = Report::default();

    let rustfmt = setup::component("fmt", "rustfmt");
    report.check_if(rustfmt, MISSING, "format", || command(&["fmt", "--all", "--check"]));
    let clippy = setup::component("clippy", "clippy");
    report.check_if(clippy, MISSING, "clippy", || {
        command(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
    });
    report.check("lint", lint::lint);

    let (plain, unoptimised): (Vec<_>, Vec<_>) =
        plain_targets()?.into_iter().partition(|p| p.optimised);
    if setup::install("nextest") {
        report.tests("tests", &nextest(&plain));
        if !plain.is_empty() {
            // All members are named, so that what was built above serves here, too.
            let mut all = vec!["test", "--workspace", "--release", "--no-fail-fast"];
            all.extend(plain.iter().flat_map(|p| ["--test", &p.name]));
            report.tests("test programs", &all);
        }
    } else {
        report.skip("cargo-nextest", "not installed: cargo test runs the tests");
        report.tests("tests", &["test", "--workspace", "--release", "--tests", "--no-fail-fast"]);
    }
    for p in &unoptimised {
        let name = format!("test program {}", p.name);
        report.tests(&name, &["test", "--package", &p.package, "--test", &p.name]);
    }
    report.tests("doc tests", &["test", "--workspace", "--release", "--doc", "--no-fail-fast"]);

    let portable =
        ["test", "--package", "detpar", "--no-default-features", "--features", "threads"];
    let with = |more: &[&'static str]| [&portable[..], more].concat();
    let targets = ["--lib", "--test", "iter", "--test", "engines", "--no-fail-fast"];
    report.tests("tests without spaces", &with(&targets));
    report.tests("doc tests without spaces", &with(&["--doc", "--", "src/iter"]));
    report.check("serial alone", || {
        command(&["clippy", "--package", "detpar", "--no-default-features", "--", "-D", "warnings"])
    });

    // To build it takes longer than all that it checks beyond the tests of the tutorials.
    report.check_if(setup::has("mdbook", &["--version"]), MISSING, "book", book::build);

    let mutants = !options.quick && !options.no_mutants;
    report.check_if(mutants, LEFT_OUT, "mutants", mutants::mutants);
    let sanitize = !options.quick && !options.no_sanitize;
    report.check_if(sanitize, LEFT_OUT, "sanitize", sanitize::sanitize);
    report.finish()
}

/// Compares the merge with its oracle.
pub(crate) fn oracle(cases: Option<u64>) -> Result {
    let mut all =
        vec!["run", "--release", "--package", "detpar-kernel", "--example", "merge_oracle"];
    let cases = cases.map(|n| n.to_string());
    if let Some(n) = &cases {
        all.extend(["--", n]);
    }
    command(&all)
}

/// Writes the documents that are made from the sources, by the tests that compare them.
pub(crate) fn docs() -> Result {
    let sources: [&[&str]; 2] = [
        &["test", "--package", "detpar-kernel", "--lib", "docs_are_current"],
        &["test", "--package", PROGRAMS, "--test", "fault_table", "the_document"],
    ];
    for arguments in sources {
        if !run::run(cargo(arguments).env("DETPAR_UPDATE_DOCS", "1"))?.success {
            return Err("the documents could not be written".into());
        }
    }
    Ok(())
}

/// Runs the determinism test programs in all surroundings.
pub(crate) fn matrix() -> Result {
    let all = ["test", "--release", "--package", PROGRAMS, "--test", "matrix", "--", "--nocapture"];
    under(&all, ("DETPAR_MATRIX", "full"))
}

/// Runs the end-to-end tests as in a container.
pub(crate) fn docker() -> Result {
    let all = ["test", "--release", "--package", PROGRAMS, "--no-fail-fast"];
    under(&all, ("DETPAR_PROFILE", "docker"))
}

/// Runs all tests of programs with children, which take a schedule from the environment.
pub(crate) fn chaos(seeds: &[NonZeroU64]) -> Result {
    let first = [NonZeroU64::MIN];
    for seed in if seeds.is_empty() { &first } else { seeds } {
        let mut all = vec!["test", "--release", "--no-fail-fast", "--tests"];
        all.extend(WITH_CHILDREN.iter().flat_map(|package| ["--package", package]));
        under(&all, ("DETPAR_CHAOS", &seed.to_string()))?;
    }
    Ok(())
}

/// Packages whose tests have children.
const WITH_CHILDREN: [&str; 6] =
    [PROGRAMS, "detpar", "detpar-macros", "detpar-crate-tests", "detpar-report-tests", "libdet-c"];

fn under(arguments: &[&str], (name, value): (&str, &str)) -> Result {
    if run::run(cargo(arguments).env(name, value))?.success {
        return Ok(());
    }
    Err(format!("tests failed under {name}={value}"))
}

/// Runs the long tests.
pub(crate) fn stress() -> Result {
    let mut report = Report::default();
    report.tests(
        "stress",
        &["test", "--release", "--package", PROGRAMS, "--no-fail-fast", "--", "--ignored"],
    );
    report.finish()
}

fn command(arguments: &[&str]) -> Result {
    if run::run(&mut cargo(arguments))?.success {
        return Ok(());
    }
    Err(format!("cargo {} failed", arguments.join(" ")))
}

/// A test program without a harness, which cargo-nextest cannot list, or one that is built by
/// itself.
#[derive(Debug, PartialEq, Eq)]
struct Plain {
    package: String,
    name: String,
    /// Built with all others; one that is not is built by itself.
    optimised: bool,
}

/// Finds `[[test]]` tables with `harness = false`, and those that the package's
/// `metadata.detpar.unoptimised` names, in the members' manifests.
fn plain_targets() -> Result<Vec<Plain>> {
    let tree = lint::Tree::load(run::root())?;
    let mut all = Vec::new();
    for member in tree.members()? {
        let path = run::root().join(&member).join("Cargo.toml");
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        all.extend(plain_targets_in(&text).map_err(|e| format!("{}: {e}", path.display()))?);
    }
    Ok(all)
}

fn plain_targets_in(manifest: &str) -> std::result::Result<Vec<Plain>, toml::de::Error> {
    let manifest: toml::Table = manifest.parse()?;
    let package = manifest.get("package");
    let unoptimised = package
        .and_then(|p| p.get("metadata")?.get("detpar")?.get("unoptimised")?.as_array())
        .map_or(&[][..], Vec::as_slice);
    let package = package.and_then(|p| p.get("name")).and_then(|n| n.as_str());
    let tests = manifest.get("test").and_then(|t| t.as_array());
    Ok(tests
        .into_iter()
        .flatten()
        .filter_map(|test| {
            let name = test.get("name")?;
            let plain = Plain {
                package: package?.into(),
                name: name.as_str()?.into(),
                optimised: !unoptimised.contains(name),
            };
            let harness = test.get("harness").and_then(|v| v.as_bool()).unwrap_or(true);
            (!harness || !plain.optimised).then_some(plain)
        })
        .collect())
}

fn nextest(plain: &[Plain]) -> Vec<String> {
    let mut all: Vec<String> =
        ["nextest", "run", "--workspace", "--release", "--no-fail-fast", "--no-tests=pass"]
            .map(String::from)
            .into();
    if !plain.is_empty() {
        let ids: Vec<_> =
            plain.iter().map(|p| format!("not binary_id({}::{})", p.package, p.name)).collect();
        all.extend(["--filterset".into(), ids.join(" and ")]);
    }
    all
}

/// The steps of a run.
#[derive(Default)]
struct Report {
    steps: Vec<Step>,
    closing: Vec<String>,
    /// What runners said of tests that failed.
    failures: Vec<String>,
    counts: Counts,
}

struct Step {
    name: String,
    time: Duration,
    end: End,
}

enum End {
    Passed,
    Failed,
    Skipped(String),
}

impl Report {
    /// Runs a step that reports no tests; its failure counts as one.
    fn check(&mut self, name: &str, step: impl FnOnce() -> Result) {
        self.step(name, |_| step());
    }

    fn check_if(&mut self, run: bool, otherwise: &str, name: &str, step: impl FnOnce() -> Result) {
        if run {
            self.check(name, step);
        } else {
            self.skip(name, otherwise);
        }
    }

    /// Runs a test runner and adds the tests it reports.
    fn tests<S: AsRef<str>>(&mut self, name: &str, arguments: &[S]) {
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        self.step(name, |report| {
            let outcome = run::run(&mut cargo(&arguments))?;
            report.add(name, &outcome);
            if outcome.success {
                return Ok(());
            }
            Err(format!("cargo {} failed", arguments.join(" ")))
        });
    }

    fn add(&mut self, name: &str, outcome: &Outcome) {
        self.closing.extend(outcome.closing().map(|line| format!("{name}: {line}")));
        self.failures.extend(outcome.failures().into_iter().map(|line| format!("{name}: {line}")));
        self.counts += outcome.counts();
    }

    fn step(&mut self, name: &str, step: impl FnOnce(&mut Report) -> Result) {
        println!("\n{} {name}", run::bold("==>"));
        let failed_before = self.counts.failed;
        let start = Instant::now();
        let result = step(self);
        let time = start.elapsed();
        let end = match result {
            Ok(()) => End::Passed,
            Err(why) => {
                println!("{why}");
                if self.counts.failed == failed_before {
                    self.counts.failed += 1;
                }
                End::Failed
            }
        };
        let step = Step { name: name.into(), time, end };
        println!("{}", step.line());
        if let Some(free) = setup::free() {
            println!("{} MiB of disk are free", free >> 20);
        }
        self.steps.push(step);
    }

    fn skip(&mut self, name: &str, why: &str) {
        let step = Step { name: name.into(), time: Duration::ZERO, end: End::Skipped(why.into()) };
        println!("{}", step.line());
        self.steps.push(step);
    }

    /// Prints steps, the runners' closing lines, what failed, and the sum.
    fn finish(self) -> Result {
        let failed = self.failed();
        println!("\n{}", self.text());
        // Named in the text already: the sum stays the last line.
        if failed { Err(String::new()) } else { Ok(()) }
    }

    fn failed(&self) -> bool {
        self.counts.failed > 0 || self.steps.iter().any(|s| matches!(s.end, End::Failed))
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            let _ = writeln!(text, "{}", step.line());
        }
        // Last, since of a long log people often see the end alone.
        for line in self.closing.iter().chain(&self.failures) {
            let _ = writeln!(text, "{line}");
        }
        let Counts { passed, failed } = self.counts;
        let _ = write!(text, "{passed} passed, {failed} failed");
        text
    }
}

impl Step {
    fn line(&self) -> String {
        let seconds = self.time.as_secs_f64();
        match &self.end {
            End::Passed => format!("{}      {} ({seconds:.1} s)", run::green("ok"), self.name),
            End::Failed => format!("{}  {} ({seconds:.1} s)", run::red("FAILED"), self.name),
            End::Skipped(why) => format!("skipped {} ({why})", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(success: bool, lines: &[&str]) -> Outcome {
        Outcome { success, lines: lines.iter().map(|l| l.to_string()).collect() }
    }

    #[test]
    fn summary_is_the_last_line() {
        let mut report = Report::default();
        report.check("lint", || Ok(()));
        report.step("tests", |r| {
            r.add("tests", &outcome(true, &["Summary [ 1.0s] 5 tests run: 5 passed, 0 skipped"]));
            r.add("tests", &outcome(true, &["23 passed, 0 failed"]));
            Ok(())
        });
        let text = report.text();
        assert_eq!(text.lines().last(), Some("28 passed, 0 failed"));
        assert!(text.contains("tests: 23 passed, 0 failed"));
        assert!(report.finish().is_ok());
    }

    #[test]
    fn a_failed_step_counts_at_least_once() {
        let mut report = Report::default();
        report.check("clippy", || Err("warning".into()));
        report.step("tests", |r| {
            r.add(
                "tests",
                &outcome(false, &["test result: FAILED. 1 passed; 2 failed; 0 ignored"]),
            );
            Err("cargo test failed".into())
        });
        report.skip("mutants", "left out");
        assert_eq!(report.counts, Counts { passed: 1, failed: 3 });
        // As a closing line, and once more as what failed.
        assert_eq!(report.text().matches("tests: test result: FAILED. 1 passed").count(), 2);
        assert!(report.failed() && report.finish().is_err());
    }

    #[test]
    fn programs_without_harness_are_kept_from_nextest() {
        let manifest = r#"
            [package]
            name = "some"
            [package.metadata.detpar]
            unoptimised = ["slow"]
            [[test]]
            name = "plain"
            harness = false
            [[test]]
            name = "ordinary"
            [[test]]
            name = "slow"
            test = false
            [[test]]
            name = "by_name_only"
            test = false
        "#;
        let mut plain = plain_targets_in(manifest).unwrap();
        let expected =
            |name: &str, optimised| Plain { package: "some".into(), name: name.into(), optimised };
        assert_eq!(plain, [expected("plain", true), expected("slow", false)]);
        plain.pop();
        assert_eq!(nextest(&plain).last().unwrap(), "not binary_id(some::plain)");
        assert!(!nextest(&[]).contains(&"--filterset".to_string()));
    }
}
