//! Runs commands: passes their output on line by line, and counts the tests they report.
use std::env;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

/// Success, or why not.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository")
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// `cargo` with arguments, run in the repository.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    if colours() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
}

/// Adds to the compiler flags that the caller's environment asks for.
pub(crate) fn add_rustflags(command: &mut Command, flags: &str) {
    let given = env::var("RUSTFLAGS").unwrap_or_default();
    command.env("RUSTFLAGS", format!("{given} {flags}").trim());
    // This one would take precedence.
    command.env_remove("CARGO_ENCODED_RUSTFLAGS");
}

/// Whether to colour what goes to the terminal (<https://no-color.org>).
fn colours() -> bool {
    env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && io::stdout().is_terminal()
}

/// Text in red, where colours are wanted.
pub(crate) fn red(text: &str) -> String {
    paint(text, "31")
}

/// Text in green, where colours are wanted.
pub(crate) fn green(text: &str) -> String {
    paint(text, "32")
}

/// Text in bold, where colours are wanted.
pub(crate) fn bold(text: &str) -> String {
    paint(text, "1")
}

fn paint(text: &str, code: &str) -> String {
    if colours() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
}

/// Tests that runners reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// How many passed.
    pub passed: u64,
    /// How many did not.
    pub failed: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// What a command did.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Whether it exited with 0.
    pub success: bool,
    /// All it printed, on both streams, without colours.
    pub lines: Vec<String>,
}

impl Outcome {
    /// The lines with which test runners closed, except where there was nothing to run.
    pub fn closing(&self) -> impl Iterator<Item = &str> {
        let ran = |line: &&str| counts(line).is_some_and(|c| c != Counts::default());
        self.lines.iter().map(|l| l.trim()).filter(ran)
    }

    /// The tests of all runners.
    pub fn counts(&self) -> Counts {
        let mut all = Counts::default();
        self.lines.iter().filter_map(|l| counts(l)).for_each(|c| all += c);
        all
    }

    /// What a runner that failed said of it: all that cargo-nextest repeats behind its summary,
    /// or the lines of others that name a failed test. Not all panics, which tests may expect.
    pub fn failures(&self) -> Vec<&str> {
        const MOST: usize = 120;
        let lines = || self.lines.iter().map(String::as_str);
        let is_summary = |l: &&String| l.trim_start().starts_with("Summary [");
        if self.success {
            Vec::new()
        } else if let Some(at) = self.lines.iter().position(|l| is_summary(&l)) {
            lines().skip(at + 1).filter(|l| !l.trim().is_empty()).take(MOST).collect()
        } else {
            let tells = |l: &&str| l.contains("FAILED") || l.starts_with("error");
            lines().filter(tells).take(MOST).collect()
        }
    }

    /// Whether a line contains the text.
    pub fn contains(&self, text: &str) -> bool {
        self.lines.iter().any(|l| l.contains(text))
    }

    /// All it printed.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// Runs a command without input, passing its output on.
pub(crate) fn run(command: &mut Command) -> Result<Outcome> {
    execute(command, true)
}

/// Runs a command without input, keeping its output.
pub(crate) fn run_quietly(command: &mut Command) -> Result<Outcome> {
    execute(command, false)
}

fn execute(command: &mut Command, pass_on: bool) -> Result<Outcome> {
    let name = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("{name}: {e}"))?;
    let lines = Mutex::new(Vec::new());
    let stdout = child.stdout.take().expect("piped above");
    let stderr = child.stderr.take().expect("piped above");
    thread::scope(|scope| {
        scope.spawn(|| read(stderr, pass_on.then(io::stderr), &lines));
        read(stdout, pass_on.then(io::stdout), &lines);
    });
    let status = child.wait().map_err(|e| format!("{name}: {e}"))?;
    let lines = lines.into_inner().expect("readers do not panic");
    Ok(Outcome { success: status.success(), lines })
}

fn read(from: impl Read, mut to: Option<impl Write>, lines: &Mutex<Vec<String>>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        if let Some(to) = &mut to {
            // Nobody listening any more is no reason to stop the tests.
            let _ = to.write_all(&line).and_then(|()| to.flush());
        }
        let text = without_colours(String::from_utf8_lossy(&line).trim_end());
        lines.lock().expect("readers do not panic").push(text);
        line.clear();
    }
}

/// Leaves out terminal escapes of the form `ESC [ ... letter`.
fn without_colours(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, escape)) = rest.split_once("\x1b[") {
        text.push_str(before);
        rest = escape.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        rest = rest.get(1..).unwrap_or("");
    }
    text + rest
}

/// Reads a runner's closing line, in one of three forms:
///
/// - `test result: ok. 3 passed; 0 failed; ...` (cargo test),
/// - `Summary [ 0.1s] 3 tests run: 2 passed, 1 failed, 0 skipped` (cargo-nextest),
/// - `3 passed, 0 failed` (test programs without a harness).
pub(crate) fn counts(line: &str) -> Option<Counts> {
    let line = line.trim();
    if let Some(result) = line.strip_prefix("test result: ") {
        let (_, numbers) = result.split_once(". ")?;
        let mut parts = numbers.split("; ");
        let passed = number(parts.next()?, " passed")?;
        let failed = number(parts.next()?, " failed")?;
        return Some(Counts { passed, failed });
    }
    if line.starts_with("Summary [") {
        let (_, numbers) = line.split_once("] ")?;
        let (run, rest) = numbers.split_once(" run: ")?;
        // `3 tests`, `1 test`, or `2/3 tests` for a run that was cut short.
        let run = run.split_once(' ')?.0;
        let run: u64 = run.rsplit('/').next()?.parse().ok()?;
        let passed = rest.split([',', '(']).find_map(|part| number(part.trim(), " passed"));
        let passed = passed.unwrap_or(0);
        return Some(Counts { passed, failed: run.saturating_sub(passed) });
    }
    let (passed, failed) = line.split_once(", ")?;
    Some(Counts { passed: number(passed, " passed")?, failed: number(failed, " failed")? })
}

fn number(text: &str, unit: &str) -> Option<u64> {
    text.strip_suffix(unit)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(line: &str) -> Option<(u64, u64)> {
        counts(line).map(|c| (c.passed, c.failed))
    }

    #[test]
    fn closing_lines() {
        let line = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(pair(line), Some((12, 0)));
        assert_eq!(pair("test result: FAILED. 1 passed; 2 failed; 0 ignored"), Some((1, 2)));
        let line = "     Summary [   0.011s] 3 tests run: 3 passed, 0 skipped";
        assert_eq!(pair(line), Some((3, 0)));
        let line =
            "Summary [ 61.0s] 9 tests run: 6 passed (1 slow, 1 flaky), 2 failed, 1 timed out";
        assert_eq!(pair(line), Some((6, 3)));
        assert_eq!(pair("Summary [ 0.1s] 1 test run: 0 passed, 1 failed, 2 skipped"), Some((0, 1)));
        assert_eq!(pair("Summary [ 0.1s] 2/5 tests run: 1 passed, 1 failed"), Some((1, 4)));
        assert_eq!(pair("Summary [ 0.0s] 0 tests run: 0 passed, 4 skipped"), Some((0, 0)));
        assert_eq!(pair("23 passed, 1 failed"), Some((23, 1)));
    }

    #[test]
    fn other_lines() {
        for line in ["", "running 3 tests", "all passed, 0 failed", "3 passed, 0 failed, 1 more"] {
            assert_eq!(pair(line), None, "{line}");
        }
    }

    #[test]
    fn colours_are_left_out() {
        assert_eq!(without_colours("\x1b[1m\x1b[32m3\x1b[0m passed\x1b[0m"), "3 passed");
        assert_eq!(without_colours("plain [text]"), "plain [text]");
        assert_eq!(without_colours("cut \x1b[3"), "cut ");
    }

    #[test]
    fn failures_are_what_the_runner_repeats() {
        let outcome = |success, lines: &[&str]| Outcome {
            success,
            lines: lines.iter().map(ToString::to_string).collect(),
        };
        let summary = "     Summary [   0.1s] 2 tests run: 1 passed, 1 failed";
        let lines = ["FAIL one", "left: 1", summary, "  FAIL one", "", "  left: 1"];
        assert_eq!(outcome(false, &lines).failures(), ["  FAIL one", "  left: 1"]);
        assert!(outcome(true, &lines).failures().is_empty());
        let lines = ["test a ... ok", "thread 'main' panicked at a.rs:1:1:", "test b ... FAILED"];
        assert_eq!(outcome(false, &lines).failures(), lines[2..]);
    }

    #[test]
    fn output_of_both_streams_is_kept() {
        let mut command = Command::new("sh");
        let script = "echo '1 passed, 0 failed'; echo '2 passed, 1 failed' >&2; \
                      echo '0 passed, 0 failed'; cat; exit 3";
        command.args(["-c", script]);
        let outcome = run_quietly(&mut command).unwrap();
        assert!(!outcome.success);
        assert_eq!(outcome.counts(), Counts { passed: 3, failed: 1 });
        assert_eq!(outcome.closing().count(), 2);
    }
}
