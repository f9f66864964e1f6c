//! The subprocess that measures whatever detpar is compared with. It does not name detpar,
//! so that its memory is that of an ordinary program: `fork` copies page tables, and threads
//! share libc's heap.
use detpar_bench::measure::Sample;
use detpar_bench::system::{self, Pages};
use detpar_bench::task::{self, Task};
use detpar_bench::work::{
    self, data, fan, four, fs, join::InOrder, join::Join, map, master, nested, odf, reduce, sort,
};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

fn main() -> ExitCode {
    task::limit_time();
    task::answer("", measure)
}

fn measure(task: &Task) -> Option<Sample> {
    let pool = || ThreadPoolBuilder::new().num_threads(task.workers).build().expect("a pool");
    let (case, budget) = (task.case.as_str(), task.budget);
    match (task.suite.as_str(), task.contender.as_str()) {
        ("join", "thread_scope") => work::join::run(case, &ThreadScope, budget),
        ("join", "rayon_outside") => work::join::run(case, &RayonOutside(pool()), budget),
        ("join", "rayon_inside") => pool().install(|| work::join::run(case, &RayonInside, budget)),
        ("join", "fork_wait") => work::join::run(case, &ForkWait, budget),
        ("map", "rayon") if case != "hash" => map::run(case, task.size, &Rayon(pool()), budget),
        ("map", "sequential") if case != "hash" => {
            map::run(case, task.size, &map::Sequential, budget)
        }
        ("map" | "iter", "rayon") => data::run(case, &Rayon(pool()), budget),
        ("map" | "iter", "sequential") => data::run(case, &data::Sequential, budget),
        ("four", "rayon") => pool().install(|| four::run(case, task.size, &RayonInside, budget)),
        ("four", "thread_scope") => four::run(case, task.size, &ThreadScope, budget),
        ("four", "sequential") => four::run(case, task.size, &InOrder, budget),
        ("sort" | "reduce" | "nested", who) => within_the_pool(task, who, pool),
        ("fs", "tmpfs") => files(case, task.size, budget),
        ("master", "system") => master::run(case, budget),
        ("odf", "fork_4k") => odf::run(case, &CopiedTables(Pages::Small), budget),
        ("odf", "fork_thp") => odf::run(case, &CopiedTables(Pages::Huge), budget),
        ("fan", who) => many_children(case, who, pool, budget),
        _ => None,
    }
}

fn files(case: &str, size: u64, budget: Duration) -> Option<Sample> {
    let place = "a directory of its own in /dev/shm";
    match case {
        "save" | "load" => fs::one_file(case, size, budget).expect(place),
        _ => fs::run(case, size, &fs::Tmpfs::new().expect(place), budget),
    }
}

fn within_the_pool(task: &Task, who: &str, pool: impl Fn() -> ThreadPool) -> Option<Sample> {
    let (case, size, budget) = (task.case.as_str(), task.size, task.budget);
    match (task.suite.as_str(), who) {
        ("sort", "rayon") => pool().install(|| sort::run(case, size, &RayonInside, budget)),
        ("sort", "sequential") => sort::run(case, size, &InOrder, budget),
        ("reduce", "rayon") => pool().install(|| reduce::run(case, size, &RayonInside, budget)),
        ("reduce", "sequential") => reduce::run(case, size, &InOrder, budget),
        ("nested", "rayon") => pool().install(|| nested::run(case, size, &RayonInside, budget)),
        ("nested", "sequential") => nested::run(case, size, &InOrder, budget),
        _ => None,
    }
}

fn many_children(
    case: &str,
    who: &str,
    pool: impl Fn() -> ThreadPool,
    budget: Duration,
) -> Option<Sample> {
    match (case, who) {
        ("fib", "thread_scope") => Some(fan::fib(fan::FIB, 2, &ThreadScope, budget)),
        ("fib", "rayon") => Some(pool().install(|| fan::fib(fan::FIB, 2, &RayonInside, budget))),
        ("fib", "sequential") => Some(fan::fib(fan::FIB, 2, &InOrder, budget)),
        ("open_fork64", "thread_scope") => Some(fan::open(&ThreadScope, budget)),
        ("open_fork64", "rayon") => Some(fan::open(&Rayon(pool()), budget)),
        ("open_fork64", "sequential") => Some(fan::open(&InOrder, budget)),
        ("rss_1000", "rayon") => Some(fan::memory(&Rayon(pool()))),
        ("rss_1000", "sequential") => Some(fan::memory(&data::Sequential)),
        (_, "thread_scope") => fan::pages(case, &ThreadScope, budget),
        (_, "rayon") => fan::pages(case, &Rayon(pool()), budget),
        (_, "sequential") => fan::pages(case, &InOrder, budget),
        _ => None,
    }
}

/// Two new threads.
struct ThreadScope;

impl Join for ThreadScope {
    fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, b: B) {
        thread::scope(|scope| {
            scope.spawn(a);
            scope.spawn(b);
        });
    }
}

impl fan::Spread for ThreadScope {
    fn spread(&self, memory: &mut [u8], work: impl Fn(&mut [u8]) + Sync + Send) {
        let work = &work;
        thread::scope(|scope| {
            for part in memory.chunks_mut(fan::PART) {
                scope.spawn(move || work(part));
            }
        });
    }
}

impl fan::Open for ThreadScope {
    fn open<F>(&self, work: F, meanwhile: impl FnOnce()) -> u64
    where
        F: Fn(u32) -> u64 + Send + Copy + 'static,
    {
        thread::scope(|scope| {
            let all: Vec<_> = (0..fan::FORKS).map(|i| scope.spawn(move || work(i))).collect();
            meanwhile();
            all.into_iter().map(|t| t.join().expect("the work does not panic")).sum()
        })
    }
}

impl fan::Both for ThreadScope {
    fn both<A, B>(&self, a: A, b: B) -> (u64, u64)
    where
        A: FnOnce() -> u64 + Send,
        B: FnOnce() -> u64 + Send,
    {
        thread::scope(|scope| {
            let (a, b) = (scope.spawn(a), scope.spawn(b));
            let done = "the work does not panic";
            (a.join().expect(done), b.join().expect(done))
        })
    }
}

/// From a thread that is not one of the pool's.
struct RayonOutside(ThreadPool);

impl Join for RayonOutside {
    fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, b: B) {
        self.0.install(|| rayon::join(a, b));
    }
}

/// On a thread of the pool.
struct RayonInside;

detpar_bench::by_parallel_iterators!(RayonInside);

impl Join for RayonInside {
    fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, b: B) {
        rayon::join(a, b);
    }
}

impl fan::Both for RayonInside {
    fn both<A, B>(&self, a: A, b: B) -> (u64, u64)
    where
        A: FnOnce() -> u64 + Send,
        B: FnOnce() -> u64 + Send,
    {
        rayon::join(a, b)
    }
}

/// Two processes that end at once: what isolation costs by itself. They do no work, as
/// nothing would bring it back.
struct ForkWait;

impl Join for ForkWait {
    const WRITES: bool = false;

    fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, _: A, _: B) {
        [system::fork_and_end(), system::fork_and_end()].into_iter().for_each(system::wait);
    }
}

/// The C library's fork of a process whose memory is backed in one way or the other.
struct CopiedTables(Pages);

impl odf::Fork for CopiedTables {
    fn allocated(&self, memory: &mut [u8]) {
        system::advise(memory, self.0);
    }

    fn prepare(&self, _: &mut [u8], _: &str) {}

    fn fork(&self) -> i32 {
        system::fork_and_end()
    }

    fn settle(&self) {}
}

struct Rayon(ThreadPool);

impl fan::Spread for Rayon {
    fn spread(&self, memory: &mut [u8], work: impl Fn(&mut [u8]) + Sync + Send) {
        let parts = || memory.par_chunks_mut(fan::PART).with_max_len(1).for_each(work);
        self.0.install(parts);
    }
}

impl fan::Open for Rayon {
    fn open<F>(&self, work: F, meanwhile: impl FnOnce()) -> u64
    where
        F: Fn(u32) -> u64 + Send + Copy + 'static,
    {
        let mut results = [0; fan::FORKS as usize];
        self.0.in_place_scope(|scope| {
            for (i, result) in results.iter_mut().enumerate() {
                scope.spawn(move |_| *result = work(i as u32));
            }
            meanwhile();
        });
        results.iter().sum()
    }
}

impl data::Parallel for Rayon {
    fn hashes(&self, blocks: &[Vec<u8>]) -> Vec<u64> {
        self.0.install(|| blocks.par_iter().map(|b| data::hash(b)).collect())
    }

    fn sum(&self, values: &[f64]) -> f64 {
        self.0.install(|| values.par_iter().sum())
    }

    fn scaled(&self, values: &[f64]) -> Vec<f64> {
        self.0.install(|| values.par_iter().map(|&v| data::scale(v)).collect())
    }
}

impl map::Map for Rayon {
    fn map(&self, from: &[u64], to: &mut Vec<u64>, work: impl Fn(u64) -> u64 + Sync + Send) {
        self.0.install(|| from.par_iter().map(|&n| work(n)).collect_into_vec(to));
    }

    fn collect(&self, from: &[u64], work: impl Fn(u64) -> u64 + Sync + Send) -> Vec<u64> {
        self.0.install(|| from.par_iter().map(|&n| work(n)).collect())
    }

    fn in_place(&self, items: &mut [u64], work: impl Fn(u64) -> u64 + Sync + Send) {
        self.0.install(|| items.par_iter_mut().for_each(|n| *n = work(*n)));
    }
}
