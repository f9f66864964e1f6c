//! The command line.

use crate::driver::{self, Plan};
use crate::suite::{SUITES, Suite, find};
use crate::system;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use std::process::ExitCode;
use std::time::Duration;

/// Exit code of wrong arguments (EX_USAGE).
pub const USAGE: u8 = 64;

/// Measures what detpar costs beside threads, rayon and fork, in one run.
///
/// Prints a table, or JSON. Every number is in microseconds; a ratio below 1 means that detpar
/// is faster than the baseline. Exit code: 0, or 1 where a measurement failed, 64 for wrong
/// arguments.
#[derive(Debug, Parser)]
#[command(name = "detpar-bench", version)]
struct Arguments {
    /// What to measure; `list` lists the suites and their cases, `all` measures all of them.
    #[arg(value_parser = names())]
    suite: String,
    /// Print one JSON object a line, for each case and baseline.
    #[arg(long)]
    json: bool,
    /// Rounds, in each of which everybody has one turn [default: 7, with --quick 3].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: Option<u16>,
    /// Measure on this processor alone.
    #[arg(long, value_name = "CPU")]
    pin: Option<usize>,
    /// Fewer and shorter rounds: to see that everything works.
    #[arg(long)]
    quick: bool,
}

fn names() -> PossibleValuesParser {
    let suites = SUITES.iter().map(|s| s.name);
    PossibleValuesParser::new(suites.chain(["all", "list"]).collect::<Vec<_>>())
}

/// What the user's command does, its arguments being no task.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { USAGE } else { 0 });
        }
    };
    if arguments.suite == "list" {
        return driver::printed(&list());
    }
    if let Some(cpu) = arguments.pin
        && let Err(e) = system::pin(cpu)
    {
        eprintln!("error: --pin {cpu}: {e}; give the number of a processor of this machine");
        return ExitCode::from(USAGE);
    }
    driver::run(&arguments.plan())
}

impl Arguments {
    fn plan(&self) -> Plan {
        let suites: Vec<&'static Suite> = match find(&self.suite) {
            Some(suite) => vec![suite],
            None => SUITES.iter().collect(),
        };
        Plan {
            suites,
            json: self.json,
            runs: self.runs.unwrap_or(if self.quick { 3 } else { 7 }).into(),
            budget: Duration::from_millis(if self.quick { 40 } else { 200 }),
        }
    }
}

fn list() -> String {
    let mut text = String::new();
    for suite in SUITES {
        text += &format!("{:<16}{}\n", suite.name, suite.about);
        for case in suite.cases {
            text += &format!("  {:<14}{}\n", case.name, case.about);
        }
        let baselines: Vec<_> = suite.baselines.iter().map(|b| b.name).collect();
        text += &format!("  baselines: {}\n", baselines.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once(&"detpar-bench").chain(args))
    }

    #[test]
    fn plans() {
        let plan = parse(&["join", "--json", "--runs", "9"]).unwrap().plan();
        assert_eq!((plan.suites.len(), plan.json, plan.runs), (1, true, 9));
        let quick = parse(&["all", "--quick", "--pin", "0"]).unwrap().plan();
        assert_eq!((quick.suites.len(), quick.json, quick.runs), (SUITES.len(), false, 3));
        assert!(quick.budget < plan.budget);
        assert_eq!(parse(&["map"]).unwrap().plan().runs, 7);
    }

    #[test]
    fn wrong_arguments() {
        let unknown = parse(&["nonesuch"]).unwrap_err().to_string();
        assert!(unknown.contains("nonesuch") && unknown.contains("join, map, iter"), "{unknown}");
        for wrong in [&[][..], &["join", "--runs", "0"], &["join", "--pin", "x"], &["join", "map"]]
        {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_list_has_all_names() {
        let list = list();
        for suite in SUITES {
            assert!(list.contains(suite.name));
            assert!(suite.cases.iter().all(|c| list.contains(c.name)));
            assert!(suite.baselines.iter().all(|b| list.contains(b.name)));
        }
    }
}
