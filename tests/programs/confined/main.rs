//! The confinement table, row by row, by the real system call in a child.
//!
//! The cases follow the kernel's own table: an answered row without test data here, or a row
//! whose call is neither answered nor refused as it says, fails.
use detpar::{JoinError, deterministic};
use detpar_tests::program;
use kernel::confine::policy::{self, Action, Arg, LAST, Row, UNASSIGNED};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

mod answers;

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("refused_rows", refused_rows),
        ("answered_rows", answered_rows),
        ("near_misses", near_misses),
        ("passing_rows", passing_rows),
        ("unknown_numbers", unknown_numbers),
        ("unreadable_names", unreadable_names),
        ("refusals_pass_through_panics", refusals_pass_through_panics),
    ])
}

type Arguments = [u64; 6];

/// A system call from the program's own code.
fn raw(nr: i64, a: Arguments) -> i64 {
    let result;
    // SAFETY: a child's calls reach the emulation alone; pointers are to memory below.
    unsafe {
        std::arch::asm!("syscall", inlateout("rax") nr => result, in("rdi") a[0], in("rsi") a[1],
            in("rdx") a[2], in("r10") a[3], in("r8") a[4], in("r9") a[5],
            out("rcx") _, out("r11") _);
    }
    result
}

/// Memory for what calls read and write.
static SCRATCH: [AtomicU64; 512] = [const { AtomicU64::new(0) }; 512];

fn scratch() -> u64 {
    SCRATCH.as_ptr() as u64
}

/// A word of it.
fn word(i: usize) -> u64 {
    SCRATCH[i].load(Relaxed)
}

/// In the master: an earlier child's is merged.
fn clear() {
    SCRATCH.iter().for_each(|w| w.store(0, Relaxed));
}

fn set(i: usize, value: u64) {
    SCRATCH[i].store(value, Relaxed);
}

const NAME: &str = "/tmp/detpar-must-not-exist";
const NAME_C: &std::ffi::CStr = c"/tmp/detpar-must-not-exist";

/// Arguments with which the call would do something outside.
fn plausible(row: &Row) -> Arguments {
    let mut all = [0; 6];
    for (value, kind) in all.iter_mut().zip(row.args) {
        *value = match kind {
            Arg::Fd | Arg::Num => 1,
            Arg::Dir => libc::AT_FDCWD as u64,
            Arg::Path => NAME_C.as_ptr() as u64,
            Arg::Ptr => scratch(),
            Arg::Bits => 0,
        };
    }
    all
}

fn rows() -> impl Iterator<Item = &'static Row> {
    policy::topics().iter().flat_map(|t| t.rows)
}

fn answered() -> impl Iterator<Item = &'static Row> {
    rows().filter(|r| ![Action::Refuse, Action::Tree, Action::Passes].contains(&r.action))
}

#[deterministic]
fn call(nr: i64, a: Arguments) -> Result<i64, JoinError> {
    Ok(raw(nr, a))
}

/// Makes sure that a call is refused, and told as it was made.
#[track_caller]
fn assert_refused(row: &Row, a: Arguments) {
    clear();
    match call(row.nr, a) {
        Err(JoinError::Forbidden(call)) => {
            assert_eq!((call.number(), call.name()), (row.nr, Some(row.name)));
            let n = row.args.len();
            assert_eq!(call.arguments()[..n], a[..n], "{}", row.name);
            assert_eq!(call.arguments()[n..], [0; 6][n..], "{}", row.name);
            assert_eq!(call.remedy(), row.why);
            let named = row.args.contains(&Arg::Path).then_some(NAME);
            if named.is_some() && a == plausible(row) {
                assert_eq!(call.text(), named, "{}", row.name);
            }
        }
        other => panic!("{}{a:x?}: {other:?}", row.name),
    }
}

fn refused_rows() {
    for row in rows().filter(|r| matches!(r.action, Action::Refuse | Action::Tree)) {
        assert_refused(row, plausible(row));
    }
    assert!(!std::path::Path::new(NAME).exists());
}

fn answered_rows() {
    for row in answered() {
        let Some(case) = answers::case(row.nr) else { panic!("{}: no test data", row.name) };
        clear();
        detpar::try_join(case.answer, || ()).unwrap_or_else(|e| panic!("{}: {e}", row.name));
    }
}

fn near_misses() {
    for row in answered() {
        let case = answers::case(row.nr).expect("test data");
        assert_eq!(case.misses.is_empty(), case.takes_anything, "{}", row.name);
        for a in case.misses {
            assert_refused(row, a);
        }
    }
}

/// No filter sees these calls where the system has them.
fn passing_rows() {
    for row in rows().filter(|r| r.action == Action::Passes) {
        match call(row.nr, [0; 6]) {
            Err(JoinError::Forbidden(call)) => assert_eq!(call.name(), Some(row.name)),
            Err(JoinError::Fault(f)) => assert_eq!(f.signal(), Some(libc::SIGILL), "{}", row.name),
            Ok(error) => assert_eq!(error, -i64::from(libc::ENXIO), "{}", row.name),
            other => panic!("{}: {other:?}", row.name),
        }
    }
}

fn unknown_numbers() {
    let gaps = UNASSIGNED.iter().flat_map(|&(first, last)| [first as i64, last as i64]);
    let others = [LAST as i64 + 1, 512, 547, 100_000, i64::from(i32::MAX), -1];
    for nr in gaps.chain(others) {
        match call(nr, [1; 6]) {
            Err(JoinError::Forbidden(call)) => {
                assert_eq!((call.number(), call.name(), call.arguments()), (nr, None, [0; 6]));
            }
            other => panic!("{nr}: {other:?}"),
        }
    }
}

/// A name that cannot be read leaves the refusal as it is.
fn unreadable_names() {
    for bad in [8, 0x6000_0000_0000, u64::MAX - 4] {
        match call(libc::SYS_unlink, [bad, 0, 0, 0, 0, 0]) {
            Err(JoinError::Forbidden(call)) => {
                assert_eq!((call.name(), call.text()), (Some("unlink"), None));
                assert!(call.location().is_some_and(|l| l.starts_with(file!())));
            }
            other => panic!("{bad:#x}: {other:?}"),
        }
    }
}

/// A child that unwinds is told of a refusal by an error number: the panic is what counts.
fn refusals_pass_through_panics() {
    struct Asks;
    impl Drop for Asks {
        fn drop(&mut self) {
            assert_eq!(raw(libc::SYS_getcwd, [scratch(), 99, 0, 0, 0, 0]), -i64::from(libc::EPERM));
        }
    }
    let body = || {
        let _asks = Asks;
        panic!("first");
    };
    match detpar::try_join(body, || ()) {
        Err(JoinError::Panic(p)) => assert_eq!(p.message(), Some("first")),
        other => panic!("{other:?}"),
    }
}
