//! `detpar-bench`: the user's command, and the subprocess that measures detpar.
#![deny(unsafe_code)]

use detpar::prelude::*;
use detpar_bench::cli;
use detpar_bench::task::{self, Task};
use detpar_bench::work::{self, data, join::Join};
use std::process::ExitCode;

fn main() -> ExitCode {
    if Task::of_this_process().is_none() {
        return cli::run();
    }
    task::limit_time();
    measure()
}

/// What runs the children; there is one engine so far.
const ENGINE: &str = "spaces";

#[detpar::main]
fn measure() -> ExitCode {
    task::answer(ENGINE, |task| match task.suite.as_str() {
        "join" => work::join::run(&task.case, &Detpar, task.budget),
        "map" | "iter" => data::run(&task.case, &Detpar, task.budget),
        _ => None,
    })
}

struct Detpar;

impl Join for Detpar {
    fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, b: B) {
        detpar::join(a, b);
    }
}

impl data::Parallel for Detpar {
    fn hashes(&self, blocks: &[Vec<u8>]) -> Vec<u64> {
        blocks.par_iter().map(|b| data::hash(b)).collect()
    }

    fn sum(&self, values: &[f64]) -> f64 {
        values.par_iter().sum()
    }

    fn scaled(&self, values: &[f64]) -> Vec<f64> {
        values.par_iter().map(|&v| data::scale(v)).collect()
    }
}
