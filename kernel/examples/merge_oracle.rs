//! Compares the merge with its oracle on random cases.
//!
//! `merge_oracle [cases] [first seed]`; the seed of a difference is printed, and trying it alone
//! is `merge_oracle 1 SEED`.

use kernel::merge::cases::{Case, Scratch};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Conflicts among the seeds, or the first seed that shows a difference, and which.
fn check(seeds: impl Iterator<Item = u64>, stop: &AtomicBool) -> Result<u64, (u64, String)> {
    let (mut case, mut scratch) = (Case::default(), Scratch::default());
    let mut conflicts = 0;
    for seed in seeds.take_while(|_| !stop.load(Ordering::Relaxed)) {
        case.randomize(seed, &mut scratch);
        match case.check(&mut scratch) {
            Ok(conflict) => conflicts += u64::from(conflict.is_some()),
            Err(what) => {
                stop.store(true, Ordering::Relaxed);
                return Err((seed, what));
            }
        }
    }
    Ok(conflicts)
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>());
    let (count, first) = match (args.next(), args.next(), args.next()) {
        (None, ..) => (100_000, 0),
        (Some(Ok(count)), None, _) => (count, 0),
        (Some(Ok(count)), Some(Ok(first)), None) => (count, first),
        _ => {
            eprintln!("usage: merge_oracle [cases] [first seed]");
            return ExitCode::from(2);
        }
    };
    let threads = thread::available_parallelism().map_or(1, |n| n.get());
    let stop = AtomicBool::new(false);
    let outcome: Result<u64, _> = thread::scope(|scope| {
        let start = |thread| {
            let seeds = (thread..count).step_by(threads).map(move |i| first.wrapping_add(i));
            let stop = &stop;
            scope.spawn(move || check(seeds, stop))
        };
        let running: Vec<_> = (0..threads as u64).map(start).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    match outcome {
        Ok(conflicts) => {
            println!("{count} cases, seed {first}, conflicts {conflicts}: no difference");
            ExitCode::SUCCESS
        }
        Err((seed, what)) => {
            println!("case {seed}: {what}");
            ExitCode::FAILURE
        }
    }
}
