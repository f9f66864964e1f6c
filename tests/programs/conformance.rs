//! The calls' conformance on the engine of this process: the table, and random programs
//! beside the model.
//!
//! ```text
//! conformance table FACE [NAME...]
//! conformance random KIND FIRST COUNT [SECONDS]
//! conformance show KIND SEED [CHOICE...]
//! ```
//!
//! FACE is `typed` or `raw`: how the calls are made. KIND is `joins`, `forks`, `typed` or `raw`. A program that differs is made smaller, printed with
//! what it shows here and on the model, and ends the run with exit code 1. Standard error says
//! what runs: its last line is the one that hangs.
use detpar_tests::conformance::interpreter::{Shown, interpret};
use detpar_tests::conformance::program::{Op, Program};
use detpar_tests::conformance::random::{Level, SIZE, fits, program};
use detpar_tests::conformance::shrink::{shrink, simplified};
use detpar_tests::conformance::spaces::{Face, run};
use detpar_tests::conformance::table::rows;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[detpar::main]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let code = match words.as_slice() {
        ["table", name, names @ ..] => kind(name).and_then(|k| table(k.face, names)),
        ["random", name, numbers @ ..] => {
            let numbers: Option<Vec<u64>> = numbers.iter().map(|n| n.parse().ok()).collect();
            match (kind(name), numbers.as_deref()) {
                (Some(k), Some([first, count])) => random(k, *first, *count, u64::MAX),
                (Some(k), Some([first, count, seconds])) => random(k, *first, *count, *seconds),
                _ => None,
            }
        }
        ["show", name, seed, choices @ ..] => {
            let choices: Option<Vec<usize>> = choices.iter().map(|n| n.parse().ok()).collect();
            match (kind(name), seed.parse(), choices) {
                (Some(kind), Ok(seed), Some(choices)) => show(kind, seed, &choices),
                _ => None,
            }
        }
        _ => None,
    };
    code.unwrap_or_else(|| {
        eprintln!("usage: see the head of tests/programs/conformance.rs");
        ExitCode::from(64)
    })
}

/// A kind of programs.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    level: Level,
    face: Face,
}

const KINDS: [Kind; 4] = [
    Kind { name: "joins", level: Level::Joins, face: Face::Forks },
    Kind { name: "forks", level: Level::Forks, face: Face::Forks },
    Kind { name: "typed", level: Level::Calls, face: Face::Typed },
    Kind { name: "raw", level: Level::Calls, face: Face::Raw },
];

fn kind(name: &str) -> Option<Kind> {
    KINDS.into_iter().find(|k| k.name == name)
}

fn table(face: Face, names: &[&str]) -> Option<ExitCode> {
    let rows = rows();
    if names.iter().any(|n| rows.iter().all(|r| r.name != *n)) {
        return None;
    }
    let mut wrong = 0;
    for row in rows.iter().filter(|r| names.is_empty() || names.contains(&r.name)) {
        eprintln!("{}", row.name);
        let shown = run(&row.program(), face);
        let differs = row.steps.iter().enumerate().find(|(i, s)| shown.seen.get(*i) != Some(&s.1));
        match differs {
            None => println!("{}: ok", row.name),
            Some((i, (op, expected))) => {
                let seen = shown.seen.get(i);
                println!("{}: step {i}, {op:?}: {seen:?}, not {expected:?}", row.name);
                wrong += 1;
            }
        }
    }
    Some(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn random(kind: Kind, first: u64, count: u64, seconds: u64) -> Option<ExitCode> {
    let start = Instant::now();
    let (mut ran, mut spaces, mut refused) = (0, 0, 0);
    for seed in (first..).take(count as usize) {
        if start.elapsed() > Duration::from_secs(seconds) {
            break;
        }
        let program = program(seed, kind.level, SIZE);
        eprintln!("seed {seed}");
        let model = interpret(&program);
        let shown = run(&program, kind.face);
        if shown != model {
            println!("seed {seed} differs; replay: conformance show {} {seed}", kind.name);
            differences(&program, &model, &shown, false);
            report(kind, &program);
            return Some(ExitCode::FAILURE);
        }
        ran += 1;
        spaces += program.spaces();
        let refusal = |s: &&_| matches!(s, detpar_tests::conformance::runner::Seen::Refused(_));
        refused += model.seen.iter().filter(refusal).count();
    }
    let last = first + ran;
    println!(
        "{ran} programs ({}), seeds {first} to {last} (excluded), with {spaces} spaces and \
         {refused} refused calls of their masters: no difference",
        kind.name
    );
    Some(ExitCode::SUCCESS)
}

/// Makes a program smaller that differs, and prints it.
fn report(kind: Kind, program: &Program) {
    // What differs may depend on the schedule: several chances for each candidate.
    let differs = |p: &Program| {
        let model = interpret(p);
        let again = || run(p, kind.face) != model;
        model.ended && !model.vague && fits(p, kind.level) && (0..20).any(|_| again())
    };
    let small = shrink(program, 2000, &mut |p: &Program| differs(p));
    let wrong = (0..200).find(|_| !compare(&small, kind, false)).is_some();
    if !wrong {
        println!("{small}\nalways shows the same now: what differs depends on the schedule");
    }
}

/// Runs the program of a seed after simplifications of it: exit code 3 where one of them does
/// not exist, 4 where the result is no program of the level.
fn show(kind: Kind, seed: u64, choices: &[usize]) -> Option<ExitCode> {
    let mut program = program(seed, kind.level, SIZE);
    for choice in choices {
        match simplified(&program, *choice) {
            Some(simpler) => program = simpler,
            None => return Some(ExitCode::from(3)),
        }
    }
    if !fits(&program, kind.level) || !interpret(&program).ended || interpret(&program).vague {
        return Some(ExitCode::from(4));
    }
    println!("{program}");
    Some(if compare(&program, kind, true) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a program shows the same here and on the model; if not, or if wanted, prints it
/// with what it shows.
fn compare(program: &Program, kind: Kind, always: bool) -> bool {
    let (model, shown) = (interpret(program), run(program, kind.face));
    if model == shown && !always {
        return true;
    }
    if !always {
        println!("{program}");
    }
    differences(program, &model, &shown, true);
    model == shown
}

/// Prints what a program's steps show, or what differs of it, and bytes that differ.
fn differences(program: &Program, model: &Shown, shown: &Shown, always: bool) {
    let steps = program.0.iter().map(short).enumerate();
    for (i, step) in steps {
        match (model.seen.get(i), shown.seen.get(i)) {
            (a, b) if a == b && !always => {}
            (a, b) if a == b => println!("step {i} {step}: {a:?}"),
            (a, b) => println!("step {i} {step}: {b:?}, on the model {a:?}"),
        }
    }
    bytes(model, shown);
}

fn short(op: &Op) -> String {
    match op {
        Op::Put(id, put) => format!("put {id}{put}"),
        Op::Join(programs) => format!("join {}", programs.len()),
        other => format!("{other:?}"),
    }
}

fn bytes(model: &Shown, shown: &Shown) {
    use detpar_tests::conformance::program::Place;
    let pairs = model.arena.iter().zip(&shown.arena).enumerate();
    let differ: Vec<_> = pairs.filter(|(_, (a, b))| a != b).collect();
    for (i, (a, b)) in differ.iter().take(16) {
        println!("{:?}: {b}, on the model {a}", Place::at(*i));
    }
    if differ.len() > 16 {
        println!("{} bytes differ", differ.len());
    }
}
