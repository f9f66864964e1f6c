//! A test's own process, from main to exit.
use super::entry::Entry;
use super::mark::{Mark, Report};
use super::message;
use crate::engine::Engine;
use crate::{boot, start};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic;
use std::process::ExitCode;

/// Exit codes of a test's process, for who starts one by hand; the report says more.
const PASSED: i32 = 0;
const FAILED: i32 = 101;
/// The mark does not fit the program (EX_SOFTWARE).
const WRONG_MARK: i32 = 70;

/// Runs the test that the mark names, in place of the harness.
pub(super) fn main() -> i32 {
    // What std's own start of a main does besides: a closed pipe is an error, not a signal.
    // SAFETY: no handler is installed.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    if start::chosen() == Engine::Spaces {
        boot::restart_without_randomisation();
    }
    // SAFETY: invariant `one-thread`: the first thing on the main thread.
    let entry = unsafe { Mark::take() }.and_then(|m| Entry::at(m.entry?, &m.test));
    let Some(entry) = entry else {
        eprintln!("detpar: DETPAR_TEST names no test of this program");
        return WRONG_MARK;
    };
    install_hook(entry.name());
    let outcome = panic::catch_unwind(|| start::run(entry.run));
    let report = match outcome {
        Ok(true) => Report::Passed,
        Ok(false) => Report::Returned,
        Err(payload) => Report::Panicked(message(&*payload)),
    };
    let _ = std::io::stdout().flush();
    report.send();
    if report == Report::Passed { PASSED } else { FAILED }
}

/// Whether what a test returned is a success; says so where it is not, as a main's result.
pub fn succeeded<R: std::process::Termination>(result: R) -> bool {
    result.report() == ExitCode::SUCCESS
}

/// Panics are told as the harness's own are, under the test's name, and without the thread's
/// number: that one differs between runs.
fn install_hook(name: &'static str) {
    panic::set_hook(Box::new(move |info| {
        let location = info.location().map(|l| l.to_string()).unwrap_or_default();
        let message = info.payload_as_str().unwrap_or("non-string payload");
        eprintln!("\nthread '{name}' panicked at {location}:\n{message}");
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            let full = std::env::var_os("RUST_BACKTRACE").is_some_and(|v| v == "full");
            let text = trace.to_string();
            eprint!("stack backtrace:\n{}", if full { text } else { short(&text) });
        } else {
            eprintln!("note: run with `RUST_BACKTRACE=1` to display a backtrace");
        }
    }));
}

/// The frames of a backtrace between the panic's machinery and ours: what std's own hook shows.
fn short(trace: &str) -> String {
    const FIRST: &str = "rust_begin_unwind";
    const LAST: &str = "__DETPAR_ENTRY";
    let frame = |line: &str| line.trim_start().split_once(": ").map(|(_, name)| name.to_owned());
    let name_in = |line: &str, part| frame(line).is_some_and(|name| name.contains(part));
    let lines: Vec<&str> = trace.lines().collect();
    let first = lines.iter().position(|l| name_in(l, FIRST)).unwrap_or(0);
    let last = lines.iter().position(|l| name_in(l, LAST)).unwrap_or(lines.len());
    let mut text = lines[first.min(last)..last].join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn short_backtraces() {
        let trace = "   0: hook\n             at a.rs:1:2\n   1: __rustc::rust_begin_unwind\n   \
                     2: a::b\n             at rust_begin_unwind: x.rs:1:2\n   \
                     3: a::__DETPAR_ENTRY::{{closure}}\n   4: main\n";
        let short_one = short(trace);
        assert!(short_one.starts_with("   1: __rustc"), "{short_one}");
        assert!(short_one.ends_with("x.rs:1:2\n"), "{short_one}");
        assert_eq!(short("   0: <unknown>"), "   0: <unknown>\n");
    }
}
