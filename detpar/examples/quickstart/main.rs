//! A first look at detpar: words, near-duplicates and statistics of a directory of texts.
//!
//! ```text
//! cargo run --release --example quickstart -- [DIR] [--words N] [--race | --compare [N]]
//! ```
//!
//! The last line is a digest of the whole result. It is the same at every number of workers
//! (`DETPAR_WORKERS`), in every run. Start reading at `analyse.rs`; `threads.rs` is the same
//! job with plain threads, and `--compare` runs both. `--race` shows what becomes of two
//! children that write one variable.
mod analyse;
mod cli;
mod compare;
mod corpus;
mod digest;
mod part;
mod race;
mod report;
mod shingles;
mod stats;
mod threads;
mod words;

use cli::{Command, Mode};
use corpus::Document;
use detpar::JoinError;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

const ERROR: u8 = 1;
const CONFLICT: u8 = 2;
const USAGE: u8 = 64;

#[detpar::main]
fn main() -> ExitCode {
    match cli::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => print(cli::HELP),
        Ok(Command::Run { dir, words, mode }) => match corpus::read(&dir) {
            Ok(documents) => run(&documents, words, mode),
            Err(e) => fail(ERROR, &e.to_string()),
        },
        Err(complaint) => fail(USAGE, &format!("{complaint}\n\n{}", cli::HELP.trim_end())),
    }
}

fn run(documents: &[Document], words: usize, mode: Mode) -> ExitCode {
    match mode {
        Mode::Report => {}
        Mode::Race if documents.len() < 2 => {
            return fail(ERROR, "--race needs two text files, one for each child");
        }
        Mode::Race => match race::count(documents) {
            Ok(_) => {}
            Err(e @ JoinError::Conflict(_)) => return conflict(&e),
            Err(e) => return fail(ERROR, &e.to_string()),
        },
        Mode::Compare(runs) => {
            return match compare::compare(documents, runs) {
                Ok(text) => print(&text),
                Err(text) => {
                    print(&text);
                    fail(ERROR, "detpar gave different results: please report this")
                }
            };
        }
    }
    let report = analyse::analyse(documents);
    print(&report::render(&report, documents, words))
}

fn conflict(e: &JoinError) -> ExitCode {
    eprintln!("conflict: {e}");
    eprintln!("hint: return each child's count and add the two after the join, as race.rs does");
    eprintln!("      with `total`; without the marked line there this run succeeds");
    ExitCode::from(CONFLICT)
}

fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("quickstart: {message}");
    ExitCode::from(code)
}

/// Prints all at once. A reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => fail(ERROR, &e.to_string()),
        _ => ExitCode::SUCCESS,
    }
}
