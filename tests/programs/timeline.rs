//! What a timeline is taken of: a known tree of spaces, and ends of all kinds.
use detpar::{JoinError, fork, join, try_join};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const PAGE: usize = 4096;

static COUNT: AtomicU64 = AtomicU64::new(0);

#[detpar::main]
fn main() {
    tree();
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("environment") => {
            let ours = std::env::vars().filter(|(name, _)| name.starts_with("DETPAR_"));
            println!("{:?}", ours.collect::<Vec<_>>());
            println!("{:?}", std::fs::File::open("/dev/null"));
        }
        Some("panic") => panic!("as asked"),
        Some("exit") => std::process::exit(3),
        Some("abort") => std::process::abort(),
        Some("becomes") => becomes(),
        Some("ends") => ends(),
        Some("many") => many(),
        Some(other) => panic!("no case {other}"),
    }
}

/// Two children, of which the first has two; then an open one. The second writes 5 pages.
fn tree() {
    let mut bytes = vec![0u8; 8 * PAGE];
    let at = bytes.as_ptr().align_offset(PAGE);
    let (sum, ()) = join(
        || join(|| work(1), || work(2)),
        || (0..5).for_each(|i| bytes[at + i * PAGE..][..3].fill(7)),
    );
    let child = fork(1, || work(3)).expect("a child");
    println!(
        "{sum:?} {} {}",
        bytes.iter().map(|b| u64::from(*b)).sum::<u64>(),
        child.join().expect("its result")
    );
    let address = || std::ptr::from_ref(black_box(&*Box::new(sum))).addr();
    println!("a child's memory {:x?}", join(|| 0, address));
}

fn work(n: u64) -> u64 {
    (0..10_000).fold(n, |a, i| black_box(a.wrapping_mul(31).wrapping_add(i)))
}

/// A child that panics, one that faults, one whose call is refused, a conflict.
fn ends() {
    let panics = try_join(|| panic!("a child's"), || 0).map(|((), _)| ());
    // SAFETY: none: the read is to fail.
    let faults = try_join(|| unsafe { black_box(64 as *const u64).read_volatile() }, || 0);
    let refused = try_join(|| std::fs::read("/etc/hostname").is_ok(), || 0);
    let add = || COUNT.fetch_add(1, Relaxed);
    let conflict = try_join(add, add);
    assert!(matches!(panics, Err(JoinError::Panic(_))), "{panics:?}");
    assert!(matches!(faults, Err(JoinError::Fault(_))), "{faults:?}");
    assert!(matches!(refused, Err(JoinError::Forbidden(_))), "{refused:?}");
    assert!(matches!(conflict, Err(JoinError::Conflict(_))), "{conflict:?}");
}

/// More records than the ring holds.
fn many() {
    let total: u64 = (0..9000u64).map(|i| join(|| i, || 1)).map(|(a, b)| a + b).sum();
    println!("{total}");
    let nested: u64 = join(|| (0..4000u64).map(|i| join(|| i, || 1).0).sum(), || 0u64).0;
    println!("{nested}");
}

/// Becomes another program, that runs joins as well.
fn becomes() {
    use std::os::unix::process::CommandExt;
    let me = std::env::current_exe().expect("its name");
    println!("{}", std::process::Command::new(&me).status().expect("itself"));
    let failed = std::process::Command::new(me).arg("exit").exec();
    panic!("{failed}");
}
