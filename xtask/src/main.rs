//! One entry for contributors and CI: `cargo xtask <command>`.
mod book;
mod fuzz;
mod install;
mod lint;
mod mutants;
mod run;
mod sanitize;
mod setup;
mod test;

use clap::{Parser, Subcommand};
use std::num::NonZeroU64;
use std::process::ExitCode;

/// Checks and tests of detpar.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything a change must pass: format, clippy, lint, tests, mutants, sanitizer.
    ///
    /// Needs Linux on x86-64 with kernel 6.7 or later (PAGEMAP_SCAN) and a C linker; installs
    /// cargo-nextest, rustfmt and clippy where they are missing, and does without where that
    /// fails. Goes on after a failed step; the last line is `N passed, M failed`.
    Test(test::Options),
    /// Checks the dependency rules, file sizes, paths in docs, SAFETY comments and licences.
    Lint,
    /// Runs the merge's tests under AddressSanitizer, with proof that it is on.
    Sanitize,
    /// Plants errors in the merge and expects its tests to notice each.
    Mutants,
    /// Compares the merge with a naive oracle on random input.
    Oracle {
        /// Number of random cases; the example's own default where it is left out.
        cases: Option<u64>,
    },
    /// Fuzzes detpar-fs, guided by coverage: loading, repair, paths, streams of operations.
    ///
    /// Needs a C++ compiler. Ends at the first input that fails, which it keeps.
    Fuzz {
        /// How long.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Runs the long tests, which `test` leaves out (those marked `ignore`).
    Stress,
    /// Gives each determinism test program every number of workers and all fifty schedules in all
    /// surroundings; `test` deals them out.
    Matrix,
    /// Runs the end-to-end tests under Docker's default seccomp profile.
    Docker,
    /// Runs the tests under perturbed schedules: nothing may come of it.
    Chaos {
        /// Seeds of `DETPAR_CHAOS`, one run of all tests for each; 1 where none is given.
        seeds: Vec<NonZeroU64>,
    },
    /// Writes the documents that are made from the sources: `docs/confine.md`, `docs/faults.md`.
    Docs,
    /// Builds the tutorials as a book of web pages in `target/book`; installs mdbook where it is
    /// missing.
    Book(book::Options),
    /// Grades an exercise of the tutorials: `grade NN`, `grade NN --solution`. The exit code is 0
    /// only where it is right.
    Grade(book::Grade),
    /// Builds libdet-c and installs it: headers, libraries, man pages, files for pkg-config and
    /// CMake.
    InstallC(install::Options),
    /// Installs the tools that the other commands use: cargo-nextest, cargo-deny, rustfmt,
    /// clippy, mdbook.
    Setup,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Test(options) => test::test(&options),
        Command::Lint => lint::lint(),
        Command::Sanitize => sanitize::sanitize(),
        Command::Mutants => mutants::mutants(),
        Command::Oracle { cases } => test::oracle(cases),
        Command::Fuzz { seconds } => fuzz::fuzz(seconds),
        Command::Stress => test::stress(),
        Command::Matrix => test::matrix(),
        Command::Docker => test::docker(),
        Command::Chaos { seeds } => test::chaos(&seeds),
        Command::Docs => test::docs(),
        Command::Book(options) => book::book(&options),
        Command::Grade(options) => match book::grade(&options) {
            Ok(code) => return code,
            Err(message) => Err(message),
        },
        Command::InstallC(options) => install::install_c(&options),
        Command::Setup => setup::setup(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Without a message the command has said what failed.
        Err(message) => {
            if !message.is_empty() {
                eprintln!("{}: {message}", run::red("error"));
            }
            ExitCode::FAILURE
        }
    }
}
