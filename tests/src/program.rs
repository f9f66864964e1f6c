//! For the programs: choosing cases by name, memory that two children may write.
use kernel::abi::{ChildId, End, GetFlags, PutFlags};
use kernel::call::{self, Closed, GetError, Job};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// A named case; it panics where something is not as it should be.
pub type Case = (&'static str, fn());

/// Runs the cases that the arguments name, or all of them, and prints a line for each.
pub fn run(cases: &[Case]) -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|w| cases.iter().all(|(name, _)| name != w)) {
        eprintln!("no case {unknown}");
        return ExitCode::from(64);
    }
    for (name, case) in cases {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            case();
            println!("{name}: ok");
        }
    }
    ExitCode::SUCCESS
}

/// Bytes that several children may write, each in its own copy: atomics, because that is
/// what safe Rust lets two closures write through a shared reference.
pub type Shared = [AtomicU8];

/// `len` bytes of a fixed pattern without long repetitions.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

/// The same bytes as memory that children may write.
pub fn shared(bytes: &[u8]) -> Vec<AtomicU8> {
    bytes.iter().map(|b| AtomicU8::new(*b)).collect()
}

/// Changes the byte at `i`, whatever it was.
pub fn change(memory: &Shared, i: usize, by: u8) {
    memory[i].store(memory[i].load(Relaxed) ^ by, Relaxed);
}

/// Compares memory with what is expected, byte by byte.
///
/// # Panics
/// At the first difference.
#[track_caller]
pub fn assert_same(memory: &Shared, expected: &[u8]) {
    assert_eq!(memory.len(), expected.len());
    for (i, (m, e)) in memory.iter().zip(expected).enumerate() {
        assert_eq!(m.load(Relaxed), *e, "byte {i}");
    }
}

/// Makes sure that the master can still fork, nested and flat, and merge what children write.
///
/// # Panics
/// Where a construct fails or returns something else than it should.
pub fn assert_alive() {
    use detpar::prelude::*;
    let mut left = 1u64;
    let mut right = String::from("r");
    let nested = || detpar::join(|| 3u64, || String::from("four"));
    let (a, b) = detpar::join(
        || {
            left += 1;
            nested()
        },
        || {
            right.push_str("ight");
            vec![5u64]
        },
    );
    assert_eq!((left, right.as_str()), (2, "right"));
    assert_eq!((a.0, a.1.as_str(), b.as_slice()), (3, "four", [5u64].as_slice()));
    let squares: Vec<u64> = (0..100u64).into_par_iter().map(|i| i * i).collect();
    assert_eq!(squares.iter().sum::<u64>(), 328_350);
}

/// What a child does that runs `body` with its index; a panic of it ends the child.
pub fn job(body: fn(usize), i: usize) -> Job {
    /// # Safety
    /// `body` is a `fn(usize)`.
    unsafe extern "C" fn entry(body: *mut (), i: usize, _out: *mut u8) -> End {
        // SAFETY: `job` passes a function of this type.
        let body = unsafe { std::mem::transmute::<*mut (), fn(usize)>(body) };
        match std::panic::catch_unwind(|| body(i)) {
            Ok(()) => End::Returned,
            Err(_) => {
                call::record_panic(Some("a child's"));
                End::Panicked
            }
        }
    }
    Job { entry, data: body as *mut (), arg: i, out_size: 0 }
}

/// Runs `k` children of a closed construct, which may meet at barriers.
///
/// # Errors
/// What the kernel says of it.
///
/// # Panics
/// Where there are too many.
pub fn children(k: usize, body: fn(usize)) -> Result<(), GetError> {
    let mut closed = Closed::with_capacity(k);
    for i in 0..k {
        let flags = PutFlags::REGS | PutFlags::SNAP | PutFlags::START;
        closed.put(ChildId(i as u32), flags, job(body, i)).expect("the next index");
    }
    // SAFETY: the entry takes what the job gives it, and does not unwind.
    unsafe { closed.get(GetFlags::MERGE) }.map(drop)
}

/// FNV-1a, to compare long outputs by a short line.
pub fn digest(bytes: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325u64;
    bytes.iter().fold(start, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}
