//! What a subprocess is told, and what it answers.

use crate::measure::Sample;
use crate::suite::{Case, Contender};
use crate::system;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// The first argument of a program that shall measure.
pub const MEASURE: &str = "--measure";

/// Seconds after which a measurement that hangs ends; far more than any takes.
const LONGEST: u32 = 120;

/// One measurement of one contender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Suite.
    pub suite: String,
    /// Case.
    pub case: String,
    /// Size of the case.
    pub size: u64,
    /// Contender.
    pub contender: String,
    /// Its workers or threads.
    pub workers: usize,
    /// How long to take samples.
    pub budget: Duration,
}

/// The answer, a line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The fastest turn, or the least that was read, in the case's unit.
    pub min: f64,
    /// The median turn, or the last that was read, in the case's unit.
    pub median: f64,
    /// What ran the children; empty for baselines.
    pub engine: String,
    /// Whether the program takes over malloc.
    pub owns_malloc: bool,
}

impl Task {
    /// The task in this process's arguments; `None` where it has none.
    ///
    /// # Errors
    /// Where they are wrong: the two programs are of different versions, or a user meddles.
    pub fn of_this_process() -> Option<Result<Task, String>> {
        Task::parse(std::env::args_os().skip(1))
    }

    fn parse(mut args: impl Iterator<Item = OsString>) -> Option<Result<Task, String>> {
        if args.next()? != MEASURE {
            return None;
        }
        let rest: Option<Vec<String>> = args.map(|a| a.into_string().ok()).collect();
        let task = match rest.as_deref() {
            Some([suite, case, size, contender, workers, budget]) => {
                let numbers = size.parse().ok().zip(workers.parse().ok()).zip(budget.parse().ok());
                numbers.map(|((size, workers), budget)| Task {
                    suite: suite.clone(),
                    case: case.clone(),
                    size,
                    contender: contender.clone(),
                    workers,
                    budget: Duration::from_micros(budget),
                })
            }
            _ => None,
        };
        Some(task.ok_or_else(|| {
            format!(
                "{MEASURE} takes SUITE CASE SIZE CONTENDER WORKERS MICROSECONDS; it is internal"
            )
        }))
    }

    /// Adds the arguments that `of_this_process` reads.
    pub fn pass_to(&self, command: &mut Command) {
        command.arg(MEASURE).args([&self.suite, &self.case, &self.size.to_string()]);
        command
            .arg(&self.contender)
            .arg(self.workers.to_string())
            .arg(self.budget.as_micros().to_string());
        command.env("DETPAR_WORKERS", self.workers.to_string());
    }

    /// A task of this contender.
    pub fn new(suite: &str, case: &Case, who: Contender, workers: usize, budget: Duration) -> Task {
        let (suite, size, case) = (suite.into(), case.size, case.name.into());
        Task { suite, case, size, contender: who.name.into(), workers, budget }
    }
}

/// Makes a measurement that hangs end, whatever it hangs in: the first thing in a program that
/// measures. Restarting the program keeps the limit.
pub fn limit_time() {
    system::end_after(LONGEST);
}

/// The end of a main that measures: does this process's task and prints the answer.
pub fn answer(engine: &str, measure: impl FnOnce(&Task) -> Option<Sample>) -> ExitCode {
    let task = match Task::of_this_process() {
        Some(Ok(task)) => task,
        Some(Err(e)) => return wrong(&e),
        None => return wrong("started by detpar-bench, of no use by itself"),
    };
    let Some(sample) = measure(&task) else {
        let Task { suite, case, contender, .. } = &task;
        return wrong(&format!("{suite} {case} {contender}: this program has none of this name"));
    };
    let answer = Answer {
        min: sample.min,
        median: sample.median,
        engine: engine.into(),
        owns_malloc: system::owns_malloc(),
    };
    println!("{}", serde_json::to_string(&answer).expect("numbers and names"));
    ExitCode::SUCCESS
}

fn wrong(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(crate::cli::USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Option<Result<Task, String>> {
        Task::parse(args.iter().map(OsString::from))
    }

    #[test]
    fn tasks_pass_through_arguments() {
        let task = Task {
            suite: "join".into(),
            case: "empty2".into(),
            size: 7,
            contender: "detpar".into(),
            workers: 2,
            budget: Duration::from_millis(3),
        };
        let mut command = Command::new("x");
        task.pass_to(&mut command);
        let args = command.get_args().map(OsString::from);
        assert_eq!(Task::parse(args), Some(Ok(task)));
    }

    #[test]
    fn other_arguments() {
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&["join"]), None);
        for wrong in [
            &["--measure"][..],
            &["--measure", "join", "empty2", "0", "detpar", "two", "1"],
            &["--measure", "join", "empty2", "0", "detpar", "2", "1", "more"],
        ] {
            assert!(parse(wrong).unwrap().is_err());
        }
    }
}
