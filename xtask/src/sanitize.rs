//! Runs the tests of merge and heap under AddressSanitizer, and an invalid access to prove it is on.
use crate::run::{self, Outcome, Result, cargo};

/// The sanitizer needs a target named: without one, its flags would reach build scripts.
const TESTS: &[&str] = &[
    "test",
    "--package",
    "detpar-kernel",
    "--no-default-features",
    "--lib",
    "--target",
    "x86_64-unknown-linux-gnu",
];

/// The heading of the sanitizer's reports, leaks excepted.
const REPORT: &str = "ERROR: AddressSanitizer";

/// Expects the tests to pass with leaks counted, and a planted error to be reported.
pub(crate) fn sanitize() -> Result {
    let clean = run::run(&mut command("", &[]))?;
    if !clean.success {
        return Err("the tests of merge and heap fail under AddressSanitizer".into());
    }
    if clean.counts().passed == 0 {
        return Err("no test ran under AddressSanitizer".into());
    }
    let flag = "--cfg detpar_mutant=\"asan\"";
    let build = run::run_quietly(&mut command(flag, &["--no-run"]))?;
    if !build.success {
        return Err(format!("the planted error does not compile:\n{}", build.text()));
    }
    let planted = run::run_quietly(&mut command(flag, &[]))?;
    judge(&planted)?;
    println!("sanitizer: clean, and it reported the planted invalid access");
    Ok(())
}

fn command(flag: &str, arguments: &[&str]) -> std::process::Command {
    let mut command = cargo(TESTS);
    command.args(arguments);
    command.env("CARGO_TARGET_DIR", run::target().join("sanitize"));
    // The sanitizer is a setting of unstable Rust; stable compilers have it built in.
    command.env("RUSTC_BOOTSTRAP", "1");
    command.env("ASAN_OPTIONS", "detect_leaks=1");
    run::add_rustflags(&mut command, format!("-Zsanitizer=address {flag}").trim());
    command
}

fn judge(planted: &Outcome) -> Result {
    if planted.success {
        return Err("the sanitizer is off: a planted invalid access went unnoticed".into());
    }
    if !planted.contains(REPORT) {
        return Err(format!("the planted error failed, but not by a report:\n{}", planted.text()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_report_proves_it() {
        let outcome = |success, line: &str| Outcome { success, lines: vec![line.into()] };
        assert!(
            judge(&outcome(false, "==7==ERROR: AddressSanitizer: heap-buffer-overflow")).is_ok()
        );
        assert!(judge(&outcome(true, "test result: ok. 1 passed; 0 failed")).is_err());
        assert!(judge(&outcome(false, "test result: FAILED. 0 passed; 1 failed")).is_err());
    }
}
