//! `grade NN`: grades an exercise. `cargo xtask grade NN` starts it.
use detpar_grader::{EXERCISES, Exercise, Random, Who};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, process, thread};

/// Numbers of workers that an attempt runs with.
const WORKERS: [&str; 3] = ["1", "2", "8"];

/// A right attempt takes a fraction of a second.
const LONGEST: Duration = Duration::from_secs(60);

/// Names the file that takes the verdict: this process is one run of the check.
const VERDICT: &str = "DETPAR_GRADE_VERDICT";

const USAGE: &str = "usage: cargo xtask grade NN [--solution | --wrong a|b|c] [--seed N]";

struct Options {
    exercise: &'static Exercise,
    who: Who,
    seed: u64,
}

#[detpar::main]
fn main() -> ExitCode {
    let options = match options(env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    if let Some(file) = env::var_os(VERDICT) {
        return run_check(&options, Path::new(&file));
    }
    match grade(&options) {
        Ok(()) => {
            println!("chapter {}: right", options.exercise.number);
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("chapter {}: not right yet", options.exercise.number);
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let number = arguments.next().ok_or("which chapter?")?;
    let is = |e: &&Exercise| e.number == format!("{number:0>2}");
    let exercise = EXERCISES.iter().find(is).ok_or_else(|| {
        let all: Vec<_> = EXERCISES.iter().map(|e| e.number).collect();
        format!("no exercise {number}: there are {}", all.join(", "))
    })?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Drawn anew each time, so that nobody can write to the tests; short enough to type.
    let seed = now.subsec_nanos() as u64 % 1_000_000;
    let mut options = Options { exercise, who: Who::Attempt, seed };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--solution" => options.who = Who::Solution,
            "--wrong" => match value()?.as_str() {
                letter @ ("a" | "b" | "c") => {
                    options.who = Who::Wrong(letter.as_bytes()[0] as char)
                }
                other => return Err(format!("no wrong solution {other}")),
            },
            "--seed" => options.seed = value()?.parse().map_err(|_| "a seed is a number")?,
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(options)
}

/// One run of the check: its verdict goes to a file, since the attempt may print what it likes.
fn run_check(options: &Options, file: &Path) -> ExitCode {
    let verdict = (options.exercise.check)(options.who, &mut Random::new(options.seed));
    let text = match verdict {
        Ok(answer) => format!("right\n{answer}"),
        Err(wrong) => format!("wrong\n  {}\n  hint: {}", wrong.what, wrong.hint),
    };
    fs::write(file, text).expect("the verdict can be written");
    ExitCode::SUCCESS
}

/// Removed with what is in it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn grade(options: &Options) -> Result<(), String> {
    let folder = Folder(env::temp_dir().join(format!("detpar-grade-{}", process::id())));
    fs::create_dir_all(&folder.0).map_err(|e| format!("  {}: {e}", folder.0.display()))?;
    let again = format!("  the same cases again: --seed {}", options.seed);
    let mut first = None;
    for workers in WORKERS {
        let answer = run(options, workers, &folder.0)
            .map_err(|why| format!("  with DETPAR_WORKERS={workers}:\n{why}\n{again}"))?;
        if first.get_or_insert_with(|| answer.clone()) != &answer {
            return Err(format!(
                "  the answers with 1 and with {workers} workers differ\n  hint: a result may \
                 depend on the input alone; what else does the function look at?\n{again}"
            ));
        }
    }
    Ok(())
}

/// Runs the check in a process of its own, with a timeline that tells how many children there
/// were.
fn run(options: &Options, workers: &str, folder: &Path) -> Result<String, String> {
    let (verdict, trace, said) =
        (folder.join("verdict"), folder.join("trace.json"), folder.join("said"));
    let _ = fs::remove_file(&verdict);
    let file = fs::File::create(&said).map_err(|e| format!("  {}: {e}", said.display()))?;
    let exe = env::current_exe().map_err(|e| format!("  the grader's own path: {e}"))?;
    let mut child = Command::new(exe)
        .args(env::args().skip(1))
        .args(["--seed", &options.seed.to_string()])
        .env(VERDICT, &verdict)
        .env("DETPAR_WORKERS", workers)
        .env("DETPAR_TRACE", &trace)
        // What went wrong is in the message; the way to it goes through the grader.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .spawn()
        .map_err(|e| format!("  the check could not be started: {e}"))?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if start.elapsed() < LONGEST => thread::sleep(Duration::from_millis(2)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(
                    "  it did not end within a minute\n  hint: what does it wait for?".into()
                );
            }
        }
    };
    let text = fs::read_to_string(&verdict).unwrap_or_default();
    let (kind, rest) = text.split_once('\n').unwrap_or_default();
    if kind == "wrong" {
        return Err(rest.into());
    }
    if kind != "right" {
        let said = fs::read_to_string(&said).unwrap_or_default();
        let said = said.trim().lines().take(30);
        let said: Vec<String> = said.map(|l| format!("    {l}").trim_end().into()).collect();
        return Err(format!("  it ended early ({status}) and said:\n{}", said.join("\n")));
    }
    let trace = fs::read_to_string(&trace).map_err(|e| format!("  the timeline: {e}"))?;
    // One of them is the master.
    let children = trace.matches("\"cat\":\"space\"").count().saturating_sub(1);
    if children < options.exercise.children {
        return Err(format!(
            "  the answer is right, but {children} children were forked; at least {} were expected\
             \n  hint: the work should run in children",
            options.exercise.children
        ));
    }
    if children > options.exercise.most {
        return Err(format!(
            "  the answer is right, but {children} children were forked; at most {} were expected\
             \n  hint: is there enough to do in the smallest child?",
            options.exercise.most
        ));
    }
    Ok(rest.into())
}
