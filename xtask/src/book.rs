//! `cargo xtask book` and `cargo xtask grade`: the tutorials.
use crate::run::{self, Result, cargo};
use crate::setup;
use clap::Args;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

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

/// Runs of which the fastest is drawn.
const RUNS: usize = 10;

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
        fastest_run(program, &trace)?;
        let mut draw = cargo(&["run", "-q", "--release", "-p", "detpar-cli", "--", "trace"]);
        draw.arg(&trace).arg("--svg").arg(&svg).args(["--spaces", "26"]);
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

/// Leaves the timeline of the run that was disturbed least.
fn fastest_run(program: &[&str], trace: &Path) -> Result {
    let next = trace.with_extension("next");
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        let mut command = cargo(&["run", "-q", "--release", "-p", "detpar-tutorials", "--bin"]);
        command.args(program).env("DETPAR_TRACE", &next).env("DETPAR_WORKERS", "2");
        // To make a report takes far longer than what is to be seen.
        command.envs([("DETPAR_REPORT", "off"), ("DETPAR_LINES", "off"), ("RUST_BACKTRACE", "0")]);
        let start = Instant::now();
        // A program that ends with a conflict has a timeline, too.
        run::run_quietly(&mut command)?;
        let time = start.elapsed();
        if time < least {
            least = time;
            fs::rename(&next, trace).map_err(|e| format!("{}: {e}", next.display()))?;
        }
    }
    Ok(())
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
