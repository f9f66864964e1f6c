//! The determinism check: the program runs again up to the check, in processes of its own, and
//! what comes of the closure there is compared.
use super::mark::{Mark, Report};
use super::message;
use super::process::{Ended, Process, Streams};
use super::runs::{RUNS, Run, Runs};
use crate::digest::{self, Digest};
use crate::engine;
use std::ffi::{OsStr, OsString};
use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Checks met so far: a run is told by its number at which of them to end.
static MET: AtomicU32 = AtomicU32::new(0);

/// Most bytes of a value's text that are kept.
const TEXT: usize = 1 << 20;

const STREAMS: [&str; 2] = ["standard output", "standard error"];

impl Runs {
    /// Runs the program again for each of these runs up to this check, and compares value
    /// and output of `body`; then runs `body` here and returns its value.
    ///
    /// This is [`assert_deterministic!`](crate::assert_deterministic), which see.
    ///
    /// # Panics
    /// Where two runs differ, with what differs and how to run them again; where `body` does;
    /// in a child, and outside of [`main`](macro@crate::main) and [`test`](macro@crate::test).
    #[track_caller]
    pub fn check<R: Digest + Debug>(&self, body: impl FnOnce() -> R) -> R {
        assert!(
            engine::is_master(),
            "assert_deterministic! runs the program again, which only its master can: call it \
             in a function under #[detpar::test] or #[detpar::main], outside of children"
        );
        let number = MET.fetch_add(1, Relaxed);
        match Mark::taken().and_then(|mark| mark.stop_at) {
            Some(stop) if stop == number => end_here(body),
            // On the way to another check.
            Some(_) => return body(),
            None => {}
        }
        let list = match std::env::var(RUNS) {
            Err(_) => Ok(self.list()),
            Ok(text) => Run::parse_list(&text),
        };
        let list = match list {
            Ok(list) => list,
            Err(e) => panic!("{e}"),
        };
        compare(number, &list);
        body()
    }
}

/// A test that is a determinism check as a whole; `run` tells whether it returned a success.
///
/// # Panics
/// As for [`Runs::check`].
#[track_caller]
pub fn check_whole(run: fn() -> bool) -> bool {
    Runs::new().check(run)
}

/// The end of a run: reports what came of the closure.
fn end_here<R: Digest + Debug>(body: impl FnOnce() -> R) -> ! {
    flush();
    let began = [1, 2].map(|fd| {
        // SAFETY: has no memory operands.
        unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) }.max(0) as u64
    });
    let value = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Ok((digest::of(&value), shown(&value))),
        Err(payload) => Err(message(&*payload)),
    };
    flush();
    Report::Checked { value, began }.send();
    std::process::exit(0)
}

/// Flushes what is written without being out yet.
fn flush() {
    let _ = std::io::stdout().flush();
    // SAFETY: null flushes all of C's streams.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

fn shown(value: &impl Debug) -> String {
    let mut text = format!("{value:#?}");
    if text.len() > TEXT {
        text.truncate(text.floor_char_boundary(TEXT));
        text.push_str("...");
    }
    text
}

/// What came of a run.
struct Outcome {
    value: Result<(u128, String), String>,
    /// What the closure wrote.
    written: [Vec<u8>; 2],
}

/// Makes all runs and compares the others with the first.
#[track_caller]
fn compare(number: u32, list: &[Run]) {
    let mut first: Option<Outcome> = None;
    let mut differing = Vec::new();
    let mut failure = None;
    for &run in list {
        let ended = start(number, run).and_then(|process| process.wait(|_| {}));
        let ended = ended.map_err(|e| format!("did not start: {e}"));
        let outcome = match ended.and_then(outcome) {
            Ok(outcome) => outcome,
            Err(why) => panic!("assert_deterministic!: run {run} {why}\n{}", replay(&[run])),
        };
        let Some(first) = &first else {
            first = Some(outcome);
            continue;
        };
        if let Some(text) = difference(first, &outcome, list[0], run) {
            differing.push(run);
            failure.get_or_insert(text);
        }
    }
    if let Some(text) = failure {
        let of = format!("{} of {} runs differ from run {}", differing.len(), list.len(), list[0]);
        let all: Vec<String> = differing.iter().map(Run::to_string).collect();
        panic!(
            "assert_deterministic!: {of}: {}\n{text}{}",
            all.join(", "),
            replay(&[list[0], differing[0]])
        );
    }
}

/// Starts a run: this program with the same arguments, or the same test.
fn start(number: u32, run: Run) -> std::io::Result<Process> {
    let mark = Mark::taken();
    let mark = Mark {
        parent: std::process::id(),
        entry: mark.and_then(|m| m.entry),
        stop_at: Some(number),
        test: mark.map_or_else(String::new, |m| m.test.clone()),
    };
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let variables = run.variables();
    let variables = variables.each_ref().map(|(name, v)| (*name, v.as_ref().map(OsStr::new)));
    Process::start(&mark, &arguments, Streams::Apart, &variables)
}

/// What came of a run, or why nothing did.
fn outcome(ended: Ended) -> Result<Outcome, String> {
    let [out, err] = &ended.written[..] else { return Err("lost its output".into()) };
    let wrote = || {
        let mut text = String::new();
        for (name, bytes) in STREAMS.iter().zip([out, err]).filter(|(_, b)| !b.is_empty()) {
            let _ = write!(text, "\n--- its {name}\n{}", String::from_utf8_lossy(bytes));
        }
        text
    };
    match &ended.report {
        Some(Report::Checked { value, began }) => {
            let part = |bytes: &[u8], from: u64| bytes.get(from as usize..).unwrap_or(&[]).into();
            let written = [part(out, began[0]), part(err, began[1])];
            Ok(Outcome { value: value.clone(), written })
        }
        Some(Report::Panicked(message)) => {
            Err(format!("panicked before it came to the check: {message}{}", wrote()))
        }
        Some(Report::Passed | Report::Returned) => {
            Err(format!("did not come to the check: what leads there differs{}", wrote()))
        }
        None => Err(format!("{}{}", ended.how(), wrote())),
    }
}

/// What differs between two runs.
fn difference(a: &Outcome, b: &Outcome, run_a: Run, run_b: Run) -> Option<String> {
    let mut text = match (&a.value, &b.value) {
        (Ok(x), Ok(y)) if x.0 == y.0 => String::new(),
        (Ok(x), Ok(y)) => values(x, y, run_a, run_b),
        (Err(x), Err(y)) if x == y => String::new(),
        (x, y) => {
            let say = |v: &Result<(u128, String), String>| match v {
                Ok((_, text)) => format!("returned {text}"),
                Err(message) => format!("panicked: {message}"),
            };
            format!("  run {run_a} {}\n  run {run_b} {}\n", say(x), say(y))
        }
    };
    for (i, name) in STREAMS.iter().enumerate() {
        let [x, y] = [a, b].map(|o| String::from_utf8_lossy(&o.written[i]));
        if a.written[i] != b.written[i] {
            let _ = writeln!(text, "  {name} differs{}", first_line(&x, &y, run_a, run_b));
        }
    }
    (!text.is_empty()).then_some(text)
}

/// Two values with different digests.
fn values(a: &(u128, String), b: &(u128, String), run_a: Run, run_b: Run) -> String {
    let mut text = String::from("  the values differ");
    if a.1 == b.1 {
        let _ = write!(text, ", though both show as {}", a.1);
    } else {
        text.push_str(&first_line(&a.1, &b.1, run_a, run_b));
    }
    let _ = writeln!(text, "\n  digests: {:032x} and {:032x}", a.0, b.0);
    text
}

/// The first line in which two texts differ.
fn first_line(a: &str, b: &str, run_a: Run, run_b: Run) -> String {
    const NONE: &str = "(no such line)";
    let (mut a, mut b) = (a.split('\n'), b.split('\n'));
    let mut line = 1;
    let (x, y) = loop {
        match (a.next(), b.next()) {
            (None, None) => return " in bytes that are no text".into(),
            (x, y) if x == y => line += 1,
            (x, y) => break (x.unwrap_or(NONE), y.unwrap_or(NONE)),
        }
    };
    let at = if line > 1 { format!(" in line {line}") } else { String::new() };
    let [a, b] = [run_a, run_b].map(|run| format!("run {run}"));
    let width = a.len().max(b.len());
    format!("{at}:\n    {a:width$}  {x}\n    {b:width$}  {y}")
}

/// How to make these runs again.
fn replay(runs: &[Run]) -> String {
    let all: Vec<String> = runs.iter().map(Run::to_string).collect();
    let mut text = format!("  to run again: {RUNS}='{}' ", all.join(" "));
    match Mark::taken() {
        Some(mark) => {
            let _ = write!(text, "cargo test -- --exact {}", mark.test);
        }
        None => {
            let words: Vec<_> = std::env::args().map(|a| format!("'{a}'")).collect();
            text.push_str(&words.join(" "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Run = Run { workers: 1, chaos: 0, randomised: false };
    const B: Run = Run { workers: 8, chaos: 2, randomised: true };

    fn outcome(value: Result<(u128, &str), &str>, out: &str, err: &str) -> Outcome {
        let value = value.map(|(d, t)| (d, t.into())).map_err(String::from);
        Outcome { value, written: [out.into(), err.into()] }
    }

    #[test]
    fn equal() {
        let same = || outcome(Ok((1, "x")), "out", "err");
        assert_eq!(difference(&same(), &same(), A, B), None);
        let panics = || outcome(Err("why"), "", "");
        assert_eq!(difference(&panics(), &panics(), A, B), None);
        // What a value shows as is not compared: the digest is.
        assert_eq!(difference(&same(), &outcome(Ok((1, "y")), "out", "err"), A, B), None);
    }

    #[test]
    fn different() {
        let first = outcome(Ok((1, "[\n    1,\n]")), "a\nb\n", "");
        let told = |b| difference(&first, &b, A, B).expect("they differ");
        assert_eq!(
            told(outcome(Ok((2, "[\n    2,\n]")), "a\nb\n", "")),
            "  the values differ in line 2:\n    run 1             1,\n    run 8:2:aslr      2,\n  \
             digests: 00000000000000000000000000000001 and 00000000000000000000000000000002\n"
        );
        assert!(told(outcome(Ok((2, "[\n    1,\n]")), "a\nb\n", "")).contains("both show as ["));
        let printed = told(outcome(Ok((1, "")), "a\nc\n", ""));
        assert_eq!(
            printed,
            "  standard output differs in line 2:\n    run 1         b\n    run 8:2:aslr  c\n"
        );
        assert!(told(outcome(Ok((1, "")), "a\nb\nc", "")).contains("line 3"));
        assert!(told(outcome(Ok((1, "")), "a\nb\n", "x")).contains("standard error differs:"));
        let panics = told(outcome(Err("no"), "a\nb\n", ""));
        assert!(panics.contains("run 8:2:aslr panicked: no"), "{panics}");
    }
}
