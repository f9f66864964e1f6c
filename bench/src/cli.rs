//! The command line.

use crate::driver::{self, Form, Plan, Rounds};
use crate::suite::{SUITES, Suite, find};
use crate::system;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;
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
    /// Print Markdown: a table for a document, with the machine.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Draw the ratios of all suites of this run as one SVG file, besides printing them.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Rounds, in each of which everybody has one turn [default: 7, with --quick 3; in cases that
    /// take more than a minute 3 at least].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: Option<u16>,
    /// What runs detpar's children [default: spaces].
    #[arg(long, value_parser = ENGINES)]
    engine: Option<String>,
    /// Measure on this processor alone.
    #[arg(long, value_name = "CPU")]
    pin: Option<usize>,
    /// Fewer and shorter rounds: to see that everything works.
    #[arg(long)]
    quick: bool,
}

/// Engines, as detpar names them.
const ENGINES: [&str; 3] = ["spaces", "threads", "serial"];

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
            engine: self.engine.clone(),
            form: match (self.json, self.markdown) {
                (true, _) => Form::Json,
                (_, true) => Form::Markdown,
                _ => Form::Table,
            },
            svg: self.svg.clone(),
            rounds: match (self.runs, self.quick) {
                (Some(n), _) => Rounds { least: n.into(), most: n.into() },
                (None, true) => Rounds { least: 1, most: 3 },
                (None, false) => Rounds { least: 3, most: 7 },
            },
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
        assert_eq!((plan.suites.len(), plan.form), (1, Form::Json));
        assert_eq!(plan.rounds, Rounds { least: 9, most: 9 });
        let quick = parse(&["all", "--quick", "--pin", "0"]).unwrap().plan();
        assert_eq!((quick.suites.len(), quick.form), (SUITES.len(), Form::Table));
        assert_eq!(quick.rounds.most, 3);
        assert!(quick.budget < plan.budget);
        let usual = parse(&["map", "--markdown", "--svg", "x.svg"]).unwrap().plan();
        assert_eq!((usual.rounds, usual.form), (Rounds { least: 3, most: 7 }, Form::Markdown));
        assert_eq!((usual.svg, plan.svg.is_none()), (Some("x.svg".into()), true));
        assert_eq!((plan.engine, quick.engine), (None, None));
        let threads = parse(&["map", "--engine", "threads"]).unwrap().plan();
        assert_eq!(threads.engine.as_deref(), Some("threads"));
    }

    #[test]
    fn wrong_arguments() {
        let unknown = parse(&["nonesuch"]).unwrap_err().to_string();
        assert!(unknown.contains("nonesuch") && unknown.contains("join, map, four"), "{unknown}");
        for wrong in [
            &[][..],
            &["join", "--runs", "0"],
            &["join", "--pin", "x"],
            &["join", "map"],
            &["join", "--engine", "other"],
            &["join", "--json", "--markdown"],
        ] {
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
