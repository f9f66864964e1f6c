//! `tables`: what forks copy. `tables N [--solution]` checks step N of `attempt/tables.rs`, or of
//! ours; `tables --svg FILE` draws the tables.
use detpar_side::attempt::tables::Mine;
use detpar_side::checks::{Checked, tell};
use detpar_side::solution::tables::Ours;
use detpar_side::tables::checks::{STEPS, step};
use detpar_side::tables::classic::Classic;
use detpar_side::tables::draw;
use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => told(),
        ["--svg", file] => drawn(file),
        [number] => return checked(number, step::<Mine>),
        [number, "--solution"] => return checked(number, step::<Ours>),
        _ => return usage(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("tables: {why}");
            ExitCode::FAILURE
        }
    }
}

fn told() -> Checked {
    print!("{}", draw::text("classic", &draw::story::<Classic>()?));
    print!("{}", draw::text("on demand", &draw::story::<Ours>()?));
    Ok(())
}

fn drawn(file: &str) -> Checked {
    fs::write(file, draw::svg()?).map_err(|e| format!("{file}: {e}"))
}

fn checked(number: &str, check: fn(usize) -> Checked) -> ExitCode {
    let Some(number) = number.parse().ok().filter(|n| (1..=STEPS).contains(n)) else {
        return usage();
    };
    tell(number, check(number))
}

fn usage() -> ExitCode {
    eprintln!("usage: tables [N [--solution] | --svg FILE], N from 1 to {STEPS}");
    ExitCode::from(64)
}
