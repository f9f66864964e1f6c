//! `detpar`: what this machine supports, what deterministic code must not name, what a run did.
//!
//! This program names nothing of the kernel crate, so that its memory is ordinary memory and
//! it runs where the engine cannot: `detpar-probe`, beside it, tries the engine.
mod doctor;
mod lint;
mod refuse;
mod style;
mod trace;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

const EXIT_CODES: &str = "\
Exit codes:
  0   fine
  1   findings: this machine cannot run the engine, or code names what it must not
  64  the command line is wrong
  66  an input is missing or cannot be read
  69  a tool that is needed is missing or failed
  73  an output cannot be written

Colours are used on terminals only, and not where NO_COLOR is set.";

/// Deterministic parallelism: looks at this machine, at your code and at its runs.
#[derive(Parser)]
#[command(name = "detpar", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tells what this machine supports, what is missing, and the remedy.
    Doctor(doctor::Options),
    /// Finds what deterministic code names that is nondeterministic, callees included.
    Lint(lint::Options),
    /// Sums up or draws the timeline of a run.
    Trace(trace::Options),
}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Fine = 0,
    Findings = 1,
    Usage = 64,
    NoInput = 66,
    Unavailable = 69,
    CannotWrite = 73,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            // A reader that is gone has seen enough.
            let _ = e.print();
            let asked_for = matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked_for { Exit::Fine } else { Exit::Usage }.into();
        }
    };
    let exit = match arguments.command {
        Command::Doctor(options) => doctor::run(&options),
        Command::Lint(options) => lint::run(&options),
        Command::Trace(options) => trace::run(&options),
    };
    exit.into()
}
