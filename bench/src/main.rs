//! `detpar-bench`: the user's command, and the subprocess that measures detpar.
#![deny(unsafe_code)]

mod files;

use detpar::prelude::*;
use detpar_bench::cli;
use detpar_bench::measure::Sample;
use detpar_bench::system::{self, Pages};
use detpar_bench::task::{self, Task};
use detpar_bench::work::{data, fan, four, join, map, master, nested, odf, reduce, sort};
use std::process::ExitCode;

fn main() -> ExitCode {
    if Task::of_this_process().is_none() {
        return cli::run();
    }
    task::limit_time();
    measure()
}

#[detpar::main]
fn measure() -> ExitCode {
    task::answer(detpar::engine().name(), |task| {
        let (case, budget) = (task.case.as_str(), task.budget);
        match (task.suite.as_str(), case) {
            ("join", _) if task.contender == "in_master" => join::run(case, &InMaster, budget),
            ("join", _) => join::run(case, &Detpar, budget),
            ("map", "hash") | ("iter", _) => data::run(case, &Detpar, budget),
            ("map", _) => map::run(case, task.size, &Detpar, budget),
            ("four", _) => four::run(case, task.size, &Detpar, budget),
            ("sort", _) => sort::run(case, task.size, &Detpar, budget),
            ("reduce", _) => reduce::run(case, task.size, &Detpar, budget),
            ("nested", _) => nested::run(case, task.size, &Detpar, budget),
            ("fs", _) => files::run(case, task.size, &task.contender, budget),
            ("master", _) => master::run(case, budget),
            ("fan", "open_fork64") => Some(fan::open(&Detpar, budget)),
            ("fan", "fib") => Some(fan::fib(fan::FIB, 2, &Detpar, budget)),
            ("fan", "rss_1000") => Some(fan::memory(&Detpar)),
            ("odf", _) => odf::run(case, &Detpar, budget),
            ("fan", _) => fan::pages(case, &Detpar, budget),
            _ => None,
        }
    })
}

struct Detpar;

detpar_bench::by_parallel_iterators!(Detpar);

impl join::Join for Detpar {
    fn parts<T, A, B>(&self, (left, right): (&mut [T], &mut [T]), a: A, b: B)
    where
        T: Send,
        A: FnOnce(&mut [T]) + Send,
        B: FnOnce(&mut [T]) + Send,
    {
        detpar::join_mut(left, right, a, b);
    }

    fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, b: B) {
        detpar::join(a, b);
    }

    fn nest(&self, measure: impl FnOnce() -> Sample + Send) -> Sample {
        in_a_child(measure)
    }
}

#[deterministic]
fn in_a_child(measure: impl FnOnce() -> Sample + Send) -> Sample {
    measure()
}

/// Its joins are always the master's own.
struct InMaster;

impl join::Join for InMaster {
    fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, b: B) {
        detpar::join(a, b);
    }
}

impl odf::Fork for Detpar {
    /// Large memory that is read again and again is worth huge pages, and to make them costs
    /// far more than all that is measured: it is done before.
    fn prepare(&self, memory: &mut [u8], case: &str) {
        if case == "1gb_repeat" {
            system::advise(memory, Pages::Collapsed);
        }
    }

    fn fork(&self) -> i32 {
        match detpar::odf::fork() {
            Ok(detpar::odf::Fork::Parent { child }) => child,
            Ok(detpar::odf::Fork::Child) => system::end_at_once(),
            Err(e) => panic!("fork: {e}"),
        }
    }

    /// A join takes the image back from processes that have ended.
    fn settle(&self) {
        detpar::join(|| (), || ());
    }
}

impl fan::Spread for Detpar {
    fn spread(&self, memory: &mut [u8], work: impl Fn(&mut [u8]) + Sync + Send) {
        memory.par_chunks_mut(fan::PART).with_max_len(1).for_each(work);
    }
}

impl fan::Open for Detpar {
    fn open<F>(&self, work: F, meanwhile: impl FnOnce()) -> u64
    where
        F: Fn(u32) -> u64 + Send + Copy + 'static,
    {
        let fork = |i| detpar::fork(i, move || work(i)).expect("a new child");
        let children: Vec<_> = (0..fan::FORKS).map(fork).collect();
        meanwhile();
        children.into_iter().map(|child| child.join().expect("a result")).sum()
    }
}

impl fan::Both for Detpar {
    fn both<A, B>(&self, a: A, b: B) -> (u64, u64)
    where
        A: FnOnce() -> u64 + Send,
        B: FnOnce() -> u64 + Send,
    {
        detpar::join(a, b)
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

impl map::Map for Detpar {
    fn map(&self, from: &[u64], to: &mut Vec<u64>, work: impl Fn(u64) -> u64 + Sync + Send) {
        from.par_iter().map(|&n| work(n)).collect_into_vec(to);
    }

    fn collect(&self, from: &[u64], work: impl Fn(u64) -> u64 + Sync + Send) -> Vec<u64> {
        from.par_iter().map(|&n| work(n)).collect()
    }

    fn in_place(&self, items: &mut [u64], work: impl Fn(u64) -> u64 + Sync + Send) {
        items.par_iter_mut().for_each(|n| *n = work(*n));
    }
}
