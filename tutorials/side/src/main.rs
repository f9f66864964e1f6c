//! `side N [--solution]`: checks step N of the machine in `attempt/snapshots.rs`, or of ours.
use detpar_side::attempt::snapshots::Mine;
use detpar_side::checks;
use detpar_side::solution::snapshots::Ours;
use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = arguments.first().and_then(|n| n.parse().ok());
    let check: fn(usize) -> checks::Checked = match arguments.get(1).map(String::as_str) {
        None => checks::step::<Mine>,
        Some("--solution") => checks::step::<Ours>,
        Some(_) => return usage(),
    };
    let Some(number) = number.filter(|n| (1..=checks::STEPS).contains(n)) else { return usage() };
    checks::tell(number, check(number))
}

fn usage() -> ExitCode {
    eprintln!("usage: side N [--solution], N from 1 to {}", checks::STEPS);
    ExitCode::from(64)
}
