//! Native code in a child that attacks: by every entry into the system, by the gate with its own
//! registers, by forged signal frames, by false claims to its master.
//!
//! Each attack runs in the second of two children and prints one line: its name and what
//! `try_join` said. Whatever that is, memory of the parent is as it was unless the join succeeded,
//! and the master forks as before.
use detpar::{JoinError, try_join};
use detpar_tests::program::assert_alive;
use kernel::master::exposed::{Exposed, exposed};
use std::process::ExitCode;

mod claims;
mod doors;
mod frames;
mod fuzz;
mod gate;
mod left;

/// A named attack.
type Attack = (&'static str, fn());

#[detpar::main]
fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let [what, from, to] = wanted.as_slice()
        && what == "fuzz"
    {
        let number = |s: &String| s.parse().expect("a number");
        fuzz::run(number(from)..number(to));
        return ExitCode::SUCCESS;
    }
    if wanted == ["every_call"] {
        gate::every_call();
        return ExitCode::SUCCESS;
    }
    if wanted == ["left"] {
        for (name, f) in left::ALL {
            println!("{name}: {}", if f() { "can" } else { "cannot" });
        }
        return ExitCode::SUCCESS;
    }
    let all = [doors::ATTACKS, gate::ATTACKS, frames::ATTACKS, claims::ATTACKS].concat();
    for (name, attack) in all {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            println!("{name}: {}", told(attempt(attack)));
        }
    }
    ExitCode::SUCCESS
}

/// Runs an attack beside a sibling that goes well.
fn attempt(attack: impl Fn() + Send) -> Result<(), JoinError> {
    let text = String::from("of the parent");
    let mut changed = [0u8; 5000];
    let result = try_join(|| changed.fill(1), attack);
    assert_eq!(text, "of the parent");
    // Who attacks may pass itself off as its sibling, but a failure leaves nothing.
    assert!(result.is_ok() || changed.iter().all(|n| *n == 0), "all or nothing");
    end_workers();
    // Somebody may kill workers of these as well: see the test.
    let alive = || std::panic::catch_unwind(assert_alive).is_ok();
    assert!((0..3).any(|_| alive()), "the master goes on");
    result.map(drop)
}

/// Who has reported by hand and goes on has later children in its process: ends all.
fn end_workers() {
    for pid in kernel::master::worker_pids() {
        // SAFETY: has no memory operands.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat"));
        while stat().is_ok_and(|s| !s.contains(") Z ")) {
            std::thread::yield_now();
        }
    }
}

fn told(result: Result<(), JoinError>) -> String {
    match result {
        Ok(()) => "ok".into(),
        Err(JoinError::Fault(f)) => {
            format!("fault {}", f.signal_name().unwrap_or("none".into()))
        }
        Err(JoinError::Forbidden(call)) => {
            let name = call.name().map_or_else(|| call.number().to_string(), str::to_owned);
            format!("forbidden {name}")
        }
        Err(JoinError::Killed(k)) => {
            format!("killed {}", k.signal_name().unwrap_or("by nobody".into()))
        }
        Err(JoinError::Panic(p)) => format!("panic {}", p.message().is_some()),
        Err(JoinError::Limit(l)) => format!("limit {:?}", l.kind()),
        Err(JoinError::Conflict(_)) => "conflict".into(),
        Err(other) => format!("{other:?}"),
    }
}

/// Reads a word that any process may change.
fn read<T: Copy>(at: usize) -> T {
    // SAFETY: the callers name words of mapped memory, of which any bytes are a number.
    unsafe { (at as *const T).read_volatile() }
}

/// A value at any address.
#[repr(C, packed)]
struct Crooked<T>(T);

/// Writes a word of this process, or one that it shares.
fn write<T>(at: usize, value: T) {
    // SAFETY: what this breaks is what the program is about: the process ends, or another
    // process finds what it has to check.
    unsafe { (at as *mut Crooked<T>).write_volatile(Crooked(value)) };
}

/// The offset of a word by its name.
fn word(table: &[(&str, usize)], name: &str) -> usize {
    table.iter().find(|w| w.0 == name).expect("a word of that name").1
}

/// The system's answer to a call that the gate makes.
fn call(e: &Exposed, nr: i64, a: [usize; 6]) -> isize {
    type Routine = extern "C" fn(i64, usize, usize, usize, usize, usize, usize) -> isize;
    // SAFETY: the address is that of a routine with this signature.
    let routine: Routine = unsafe { std::mem::transmute(e.call) };
    routine(nr, a[0], a[1], a[2], a[3], a[4], a[5])
}

/// Leaves without a word, as the control plane can.
fn vanish(e: &Exposed) -> ! {
    call(e, libc::SYS_exit_group, [0; 6]);
    unreachable!("the process has ended")
}

/// For ever.
fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}
