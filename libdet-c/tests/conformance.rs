//! The calls' conformance through C: the table that engines run (`tests/conformance/table`), made by
//! `det_dput`, `det_dget`, `det_dret` and `det_dkill`. What one call of C cannot say (several ranges,
//! closed constructs) is said to the kernel.
//!
//! A program of its own, as main is to run as the master. A row's name as argument runs that row alone.

use core::arch::global_asm;
use core::ffi::{c_int, c_long, c_ulong};
use detpar_tests::conformance::interpreter::interpret;
use detpar_tests::conformance::program::{Failure, Op, Program};
use detpar_tests::conformance::random::{Level, SIZE, program as random};
use detpar_tests::conformance::spaces::{Raw, run_raw};
use detpar_tests::conformance::table::rows;
use kernel::abi::{End, Entry, GetFlags};
use kernel::call::Job;
use std::process::{Command, ExitCode};

// What C does by `if (det_dput(...) == 0)`: Rust's compiler knows no function that returns twice. The
// child has the registers of the call, so the job is found in three of them.
global_asm!(
    "conformance_put:",
    "push rbx",
    "push r12",
    "push r13",
    "mov rbx, [r9]",
    "mov r12, [r9 + 8]",
    "mov r13, [r9 + 16]",
    "call {put}",
    "test rax, rax",
    "jne 2f",
    "mov rdi, rbx",
    "mov rsi, r12",
    "mov rdx, r13",
    "call {run}",
    "2: pop r13",
    "pop r12",
    "pop rbx",
    "ret",
    put = sym detpar_c::det_dput,
    run = sym child,
);

unsafe extern "C" {
    fn conformance_put(
        child: c_int,
        flags: c_long,
        start: c_ulong,
        size: usize,
        dst: c_ulong,
        job: &[usize; 3],
    ) -> c_long;
}

/// What a child runs.
extern "C" fn child(entry: Entry, data: *mut (), arg: usize) -> ! {
    // SAFETY: the job takes its own data.
    let end = unsafe { entry(data, arg, core::ptr::null_mut()) };
    assert!(matches!(end, End::Returned), "programs of C do not panic");
    detpar_c::det_exit(0)
}

/// # Safety
/// As for `det_dput`; the job is alive.
unsafe fn put(id: u32, flags: u32, start: usize, len: usize, dst: usize, job: *const Job) -> i64 {
    // SAFETY: null or alive.
    let job = unsafe { job.as_ref() };
    let job = job.map_or([0; 3], |j| [j.entry as usize, j.data.addr(), j.arg]);
    let (start, dst) = (start as c_ulong, dst as c_ulong);
    // SAFETY: the caller's contract.
    unsafe { conformance_put(id as c_int, flags.into(), start, len, dst, &job) }
}

/// # Safety
/// As for `det_dget`.
unsafe fn get(id: u32, flags: u32, start: usize, len: usize, dst: usize, signals: u64) -> i64 {
    // SAFETY: a set of its own; the caller's contract.
    unsafe {
        let mut set: libc::sigset_t = core::mem::zeroed();
        for signal in (1..=64).filter(|s| signals & 1 << (s - 1) != 0) {
            libc::sigaddset(&mut set, signal);
        }
        // A child has no set: what it may not do as little stands for it.
        let refused = detpar_c::det_signals(&set, core::ptr::null_mut()) != 0;
        let flags = if refused { flags | GetFlags::DONT_WAIT.bits() } else { flags };
        let (start, to) = (start as c_ulong, dst as c_ulong);
        let answer = detpar_c::det_dget(id as c_int, flags.into(), start, len, to);
        libc::sigemptyset(&mut set);
        detpar_c::det_signals(&set, core::ptr::null_mut());
        answer
    }
}

static C: Raw = Raw {
    put,
    get,
    ret: |code| detpar_c::det_dret(code as c_int),
    // SAFETY: the contract of the field's callers.
    kill: |id| unsafe { detpar_c::det_dkill(id as c_int) },
    stacks_merge: false,
};

/// C has no panics: such a child faults.
fn without_panics(program: &mut Program) {
    for op in &mut program.0 {
        if let Op::Fail(how @ Failure::Panic) = op {
            *how = Failure::Fault;
        }
        op.below_mut().iter_mut().for_each(without_panics);
    }
}

/// What differs from what the model shows.
fn differs(name: &str, mut program: Program) -> bool {
    without_panics(&mut program);
    eprintln!("{name}");
    let (model, shown) = (interpret(&program), run_raw(&program, &C));
    if (&shown.seen, &shown.arena, &shown.printed) == (&model.seen, &model.arena, &model.printed) {
        return false;
    }
    println!("{name} differs:\n{program}\n{:?}\nmodel: {:?}", shown.seen, model.seen);
    true
}

const RANDOM: u64 = 60;

/// All rows, and some random programs; exit code 1 where one differs.
fn run(names: &[String]) -> ExitCode {
    let (mut ran, mut wrong) = (0, 0);
    for row in rows().iter().filter(|r| names.is_empty() || names.iter().any(|n| n == r.name)) {
        ran += 1;
        wrong += usize::from(differs(row.name, row.program()));
    }
    for seed in (0..RANDOM).filter(|_| names.is_empty()) {
        ran += 1;
        wrong += usize::from(differs(&format!("seed {seed}"), random(seed, Level::Calls, SIZE)));
    }
    println!("{ran} programs, {wrong} differ");
    if wrong == 0 && ran > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    // Without arguments it starts itself at several numbers of workers and under a perturbed schedule.
    if std::env::var_os("CONFORMANCE").is_some() {
        return run(&arguments);
    }
    for (workers, chaos) in [(1, 0), (2, 0), (8, 0), (3, 1)] {
        let mut again = Command::new(std::env::current_exe().expect("this program"));
        again.args(&arguments).env("CONFORMANCE", "1").env("DETPAR_WORKERS", workers.to_string());
        if chaos != 0 {
            again.env("DETPAR_CHAOS", chaos.to_string());
        }
        let out = again.output().expect("it starts");
        let (text, errors) =
            (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        if !out.status.success() {
            println!("{workers} workers: {}\n{text}\n{errors}", out.status);
            return ExitCode::FAILURE;
        }
        print!("{workers} workers: {text}");
    }
    ExitCode::SUCCESS
}
