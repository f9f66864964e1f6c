//! `cargo xtask book` and `cargo xtask grade`: the tutorials.
use crate::run::{self, Result, cargo};
use crate::setup;
use clap::Args;
use serde_json::Value;
use std::env;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, ExitCode};

/// What to make besides the pages.
#[derive(Args)]
pub(crate) struct Options {
    /// Run the programs once more and draw the book's pictures from their timelines.
    #[arg(long)]
    pictures: bool,
}

/// Which exercise to grade.
#[derive(Args)]
pub(crate) struct Grade {
    /// `NN [--solution] [--seed N]`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    arguments: Vec<String>,
}

/// Picture, and the program with its arguments that it shows.
const PICTURES: &[(&str, &[&str])] = &[
    ("ch01-sum", &["ch01_same", "--", "1"]),
    ("ch02-fib", &["ch02_fib"]),
    ("ch03-actors", &["ch03_actors"]),
    ("ch04-bank", &["ch04_tried"]),
    ("ch05-stats", &["ch05_stats"]),
    ("ch06-pi", &["ch06_pi"]),
    ("ch07-sort", &["ch07_work", "--", "65536"]),
    ("ch08-words", &["ch08_words"]),
    ("ch09-life", &["ch09_life"]),
    ("ch10-log", &["ch10_after"]),
];

/// Runs of which the quickest is drawn.
const RUNS: usize = 40;

/// Builds the book.
pub(crate) fn book(options: &Options) -> Result {
    if options.pictures {
        pictures()?;
    }
    if !setup::mdbook() {
        return Err("the book needs mdbook".into());
    }
    build()
}

/// Builds the book with the mdbook that is there.
pub(crate) fn build() -> Result {
    let out = run::target().join("book");
    let mut command = Command::new("mdbook");
    command.arg("build").arg(run::root().join("tutorials")).arg("--dest-dir").arg(&out);
    if !run::run(&mut command)?.success {
        return Err("mdbook failed".into());
    }
    println!("the book is in {}", out.join("index.html").display());
    Ok(())
}

/// Draws each picture from a run.
fn pictures() -> Result {
    let folder = run::target().join("book-pictures");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for (picture, program) in PICTURES {
        let trace = folder.join(picture).with_extension("json");
        let svg = run::root().join("tutorials/src/img").join(picture).with_extension("svg");
        let busy = quickest_run(program, &trace)?;
        // Before the first fork and after the last join the program is like any other.
        let edge = (busy.end - busy.start) / 50.0;
        let [from, to] = [busy.start - edge, busy.end + edge].map(|us| format!("{}", us / 1000.0));
        let mut draw = cargo(&["run", "-q", "--release", "-p", "detpar-cli", "--", "trace"]);
        draw.arg(&trace).arg("--svg").arg(&svg).args(["--spaces", "26"]);
        draw.arg(format!("--from={from}")).arg(format!("--to={to}"));
        if !run::run(&mut draw)?.success {
            return Err(format!("{picture} could not be drawn"));
        }
        println!("{}", svg.display());
    }
    let svg = run::root().join("tutorials/src/img/side-tables.svg");
    let mut tables = cargo(&["run", "-q", "--release", "-p", "detpar-side", "--bin", "tables"]);
    tables.args(["--", "--svg"]).arg(&svg);
    if !run::run(&mut tables)?.success {
        return Err("side-tables could not be drawn".into());
    }
    println!("{}", svg.display());
    Ok(())
}

/// Leaves the timeline of the run that was disturbed least; when, in microseconds, it had
/// constructs.
fn quickest_run(program: &[&str], trace: &Path) -> Result<Range<f64>> {
    let next = trace.with_extension("next");
    let mut least: Option<Range<f64>> = None;
    for _ in 0..RUNS {
        let mut command = cargo(&["run", "-q", "--release", "-p", "detpar-tutorials", "--bin"]);
        command.args(program).env("DETPAR_TRACE", &next).env("DETPAR_WORKERS", "2");
        // To make a report takes far longer than what is to be seen.
        command.envs([("DETPAR_REPORT", "off"), ("DETPAR_LINES", "off"), ("RUST_BACKTRACE", "0")]);
        // A program that ends with a conflict has a timeline, too.
        run::run_quietly(&mut command)?;
        let busy = busy(&next)?;
        if least.as_ref().is_none_or(|least| busy.end - busy.start < least.end - least.start) {
            fs::rename(&next, trace).map_err(|e| format!("{}: {e}", next.display()))?;
            least = Some(busy);
        }
    }
    least.ok_or_else(|| "there was no run".into())
}

/// From the beginning of a timeline's first construct to the end of its last.
fn busy(trace: &Path) -> Result<Range<f64>> {
    let fail = |why: String| format!("{}: {why}", trace.display());
    let text = fs::read_to_string(trace).map_err(|e| fail(e.to_string()))?;
    let events: Vec<Value> = serde_json::from_str(&text).map_err(|e| fail(e.to_string()))?;
    let times = events.iter().filter(|e| e["cat"] == "construct").filter_map(|e| {
        let from = e["ts"].as_f64()?;
        Some(from..from + e["dur"].as_f64()?)
    });
    let whole = times.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
    whole.ok_or_else(|| fail("no construct is in it".into()))
}

/// Grades; the exit code is the grader's.
pub(crate) fn grade(options: &Grade) -> Result<ExitCode> {
    let mut command =
        cargo(&["run", "-q", "--release", "-p", "detpar-grader", "--bin", "grade", "--"]);
    command.args(&options.arguments);
    // Its lines are the reader's; a stack trace would hide them.
    if env::var_os("RUST_BACKTRACE").is_none() {
        command.env("RUST_BACKTRACE", "0");
    }
    let status = command.status().map_err(|e| format!("cargo: {e}"))?;
    Ok(status.code().and_then(|c| u8::try_from(c).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
