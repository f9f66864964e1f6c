//! Plants errors in merge and heap, one at a time, and expects the tests there to fail.
use crate::run::{self, Outcome, Result, cargo};
use serde_json::Value;
use std::process::Command;
use std::time::Instant;

/// The planted errors: a value of the compiler's `detpar_mutant` setting, the tests that
/// shall notice, what is wrong.
const MUTANTS: &[(&str, &str, &str)] = &[
    ("same_value_ok", "merge", "two children that wrote the same value do not conflict"),
    ("skip_last_word", "merge", "the last word of a page is not merged"),
    ("free_not_a_write", "merge", "a free does not count as a write of the block"),
    ("mask_ignored", "merge", "bytes that were written and restored do not count"),
    ("lend_ignored", "heap", "a child frees inherited blocks in place"),
    ("held_ignored", "heap", "a parent frees in place what open children hold"),
    ("away_ignored", "heap", "a parent frees in the lane of a child that runs"),
    ("place_forgotten", "heap", "an open lane hands out again what it handed out"),
    ("turns_forgotten", "heap", "a parent takes again what its children in turn took"),
    ("vacant_with_blocks", "heap", "a space vacates although it holds blocks"),
    ("entries_kept", "heap", "a space that vacates leaves its entries in the table"),
    ("turn_is_a_place", "heap", "what an open child took in turn passes for its lane's share"),
    ("dirt_forgotten", "heap", "what was vacated passes for memory that nobody wrote"),
];

/// Builds the tests of the kernel, with flags for this crate alone: what it depends on is built once.
const BUILD: &[&str] = &[
    "rustc",
    "--package",
    "detpar-kernel",
    "--no-default-features",
    "--lib",
    "--profile",
    "test",
    "--message-format",
    "json-render-diagnostics",
    "--",
    "--cfg",
];

/// Runs all mutants; fails where one survives.
pub(crate) fn mutants() -> Result {
    let mut survivors = Vec::new();
    for (name, filter, meaning) in MUTANTS {
        let start = Instant::now();
        match mutant(name, filter) {
            Ok(failed) => {
                let seconds = start.elapsed().as_secs_f64();
                println!("mutant {name}: caught by {failed} tests ({meaning}; {seconds:.1} s)");
            }
            Err(why) => {
                println!("mutant {name}: {} ({meaning})", run::red("NOT CAUGHT"));
                survivors.push(format!("{name}: {why}"));
            }
        }
    }
    if survivors.is_empty() { Ok(()) } else { Err(survivors.join("\n")) }
}

fn mutant(name: &str, filter: &str) -> Result<u64> {
    let mut command = cargo(BUILD);
    command.arg(format!("detpar_mutant=\"{name}\""));
    command.env("CARGO_TARGET_DIR", run::target().join("mutants"));
    let build = run::run_quietly(&mut command)?;
    if !build.success {
        return Err(format!("it does not compile:\n{}", build.text()));
    }
    let mut tests = Command::new(program(&build)?);
    tests.arg(filter).current_dir(run::root().join("kernel"));
    judge(&run::run_quietly(&mut tests)?)
}

/// The program that cargo says it has built.
fn program(build: &Outcome) -> Result<String> {
    let messages = build.lines.iter().filter_map(|line| serde_json::from_str(line).ok());
    let mut found = messages.filter_map(|m: Value| Some(m.get("executable")?.as_str()?.to_owned()));
    found.next_back().ok_or_else(|| format!("cargo names no program:\n{}", build.text()))
}

/// How many tests noticed, from a run that did compile.
fn judge(outcome: &Outcome) -> Result<u64> {
    let counts = outcome.counts();
    if counts == run::Counts::default() {
        return Err(format!("no test ran:\n{}", outcome.text()));
    }
    if outcome.success || counts.failed == 0 {
        return Err(format!("all {} tests passed with the error planted", counts.passed));
    }
    Ok(counts.failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(success: bool, lines: &[&str]) -> Outcome {
        Outcome { success, lines: lines.iter().map(|l| l.to_string()).collect() }
    }

    #[test]
    fn the_program_is_the_last_that_is_named() {
        let build = outcome(
            true,
            &[
                "   Compiling kernel",
                r#"{"reason":"compiler-artifact","executable":null}"#,
                r#"{"reason":"compiler-artifact","executable":"/t/kernel-1"}"#,
                r#"{"reason":"build-finished","success":true}"#,
            ],
        );
        assert_eq!(program(&build).as_deref(), Ok("/t/kernel-1"));
        assert!(program(&outcome(true, &["done"])).unwrap_err().contains("done"));
    }

    #[test]
    fn only_failing_tests_catch() {
        let caught = outcome(false, &["test result: FAILED. 1 passed; 2 failed; 0 ignored"]);
        assert_eq!(judge(&caught), Ok(2));
        let survived = outcome(true, &["test result: ok. 3 passed; 0 failed; 0 ignored"]);
        assert!(judge(&survived).is_err());
        let empty = outcome(true, &["test result: ok. 0 passed; 0 failed; 0 ignored"]);
        assert!(judge(&empty).unwrap_err().contains("no test"));
        assert!(judge(&outcome(false, &["error: could not compile"])).is_err());
    }
}
