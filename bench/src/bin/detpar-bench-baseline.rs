//! The subprocess that measures whatever detpar is compared with. It does not name detpar,
//! so that its memory is that of an ordinary program: `fork` copies page tables, and threads
//! share libc's heap.
use detpar_bench::measure::Sample;
use detpar_bench::task::{self, Task};
use detpar_bench::work::{self, data, join::Join};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::process::ExitCode;
use std::thread;

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
        ("map" | "iter", "rayon") => data::run(case, &Rayon(pool()), budget),
        ("map" | "iter", "sequential") => data::run(case, &data::Sequential, budget),
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

/// From a thread that is not one of the pool's.
struct RayonOutside(ThreadPool);

impl Join for RayonOutside {
    fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, b: B) {
        self.0.install(|| rayon::join(a, b));
    }
}

/// On a thread of the pool.
struct RayonInside;

impl Join for RayonInside {
    fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, b: B) {
        rayon::join(a, b);
    }
}

/// Two processes that end at once: what isolation costs by itself. They do no work, as
/// nothing would bring it back.
struct ForkWait;

impl Join for ForkWait {
    const WRITES: bool = false;

    fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, _: A, _: B) {
        for child in [fork_and_end(), fork_and_end()] {
            // SAFETY: waiting without a status writes nothing.
            let waited = unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            assert_eq!(waited, child, "waitpid: {}", std::io::Error::last_os_error());
        }
    }
}

fn fork_and_end() -> libc::pid_t {
    // SAFETY: this process has one thread, so its child may do anything; it ends at once.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        // SAFETY: ends the child without running what its parent has registered.
        unsafe { libc::_exit(0) }
    }
    pid
}

struct Rayon(ThreadPool);

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
