//! What children print: delivered at the join, in index order, up to the child that failed.
use detpar::prelude::*;
use detpar::try_join;
use detpar_tests::program::digest;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

unsafe extern "C" {
    /// C's formatted output, with a buffer of its own.
    safe fn puts(text: *const libc::c_char) -> libc::c_int;
    fn printf(format: *const libc::c_char, ...) -> libc::c_int;
}

const CASES: &[(&str, fn())] = &[
    ("open_lines", open_lines),
    ("errors", errors),
    ("nested", nested),
    ("large", large),
    ("failing", failing),
    ("faulting", faulting),
    ("refused", refused),
    ("conflicting", conflicting),
    ("failing_below", failing_below),
    ("c_output", c_output),
    ("c_output_of_all", c_output_of_all),
    ("locked", locked),
    ("leaves", leaves),
    ("nothing", nothing),
    ("terminal", terminal),
];

#[detpar::main]
fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    match CASES.iter().find(|(name, _)| *name == wanted) {
        Some((_, case)) => case(),
        None => return ExitCode::from(64),
    }
    ExitCode::SUCCESS
}

fn open_lines() {
    print!("a");
    detpar::join(|| print!("b"), || print!("c"));
    print!("d");
    detpar::join(
        || println!("e"),
        || {
            print!("f\ng");
            print!("h")
        },
    );
    detpar::join(|| (), || print!("i"));
    print!("j");
}

/// Standard error in order as well, and none of it before the output that precedes it.
fn errors() {
    eprint!("1");
    detpar::join(
        || {
            print!("out a, ");
            eprintln!("2");
        },
        || {
            eprintln!("3");
            print!("out b, ");
            eprint!("4");
        },
    );
    eprintln!("5");
    println!("end");
}

fn nested() {
    print!("(");
    detpar::join(
        || {
            print!("[");
            detpar::join(|| print!("1"), || print!("2"));
            print!("]");
        },
        || {
            print!("{{");
            detpar::join(
                || print!("3"),
                || {
                    print!("<");
                    detpar::join(|| print!("4"), || eprint!("five"));
                    print!(">")
                },
            );
            print!("}}");
        },
    );
    println!(")");
}

/// A megabyte from each child; the parent tells what must have been written.
fn large() {
    let text = |child: usize| (0..20_000).map(|i| format!("{child}:{i:050}\n")).collect::<String>();
    detpar::join(|| print!("{}", text(0)), || text(1).lines().for_each(|line| println!("{line}")));
    eprint!("{:016x}", digest(format!("{}{}", text(0), text(1)).as_bytes()));
}

fn after(result: Result<((), ()), detpar::JoinError>) {
    println!("then {}", if result.is_ok() { "success" } else { "failure" });
}

fn failing() {
    (0..3).for_each(|who| {
        let child = move |i: usize| {
            move || {
                print!("child {i} before; ");
                assert!(i != who, "expected");
                print!("child {i} after; ");
            }
        };
        after(try_join(child(0), child(1)));
    });
}

fn null_write() {
    // SAFETY: none: the access is meant to fault, in a child.
    unsafe { std::ptr::null_mut::<u32>().write_volatile(1) }
}

fn faulting() {
    after(try_join(
        || println!("zero"),
        || {
            println!("a line");
            null_write();
            println!("never");
        },
    ));
    after(try_join(
        || {
            println!("first");
            null_write();
        },
        || println!("not delivered"),
    ));
}

fn refused() {
    after(try_join(
        || println!("zero"),
        || {
            println!("a line");
            let _ = std::fs::File::open("/");
            println!("never");
        },
    ));
}

/// The conflict is the higher child's failure: the output of both is delivered.
fn conflicting() {
    let shared = std::sync::atomic::AtomicU8::new(0);
    let child = |i: u8| {
        let shared = &shared;
        move || {
            println!("child {i}");
            shared.store(1 + i, std::sync::atomic::Ordering::Relaxed);
        }
    };
    after(try_join(child(0), child(1)));
}

/// Of an inner construct that fails, what counts below is part of the child's output.
fn failing_below() {
    let inner = |name: &'static str| {
        move || {
            print!("{name} begins; ");
            let result = try_join(
                || print!("{name}.0; "),
                || {
                    print!("{name}.1; ");
                    panic!("expected");
                },
            );
            print!("{name} goes on: {}; ", result.is_err());
        }
    };
    after(try_join(inner("a"), inner("b")));
}

fn say(i: i32) {
    // SAFETY: the format is a C string that matches the arguments.
    unsafe { printf(c"C says %d, %s; ".as_ptr(), i, c"text".as_ptr()) };
}

fn c_output() {
    detpar::join(|| say(2), || say(3));
    detpar::join(|| assert!(puts(c"a line".as_ptr()) >= 0), || print!("Rust; "));
    detpar::join(|| print!("Rust; "), || detpar::join(|| say(4), || say(5)));
}

/// The same after C's output was used in the master, which gives it a buffer.
fn c_output_of_all() {
    say(1);
    c_output();
    say(6);
}

/// A lock of standard output taken in a child, and one held by the parent.
fn locked() {
    detpar::join(
        || {
            let mut out = std::io::stdout().lock();
            writeln!(out, "locked {}", 0).unwrap();
            out.flush().unwrap();
            write!(out, "open ").unwrap();
        },
        || std::io::stdout().write_all(b"raw\n").unwrap(),
    );
}

fn leaves() {
    (0..1000).into_par_iter().with_max_len(1).for_each(|i| print!("{i} "));
    println!();
    let sum: u32 = (0..50u32)
        .into_par_iter()
        .inspect(|i| {
            if i % 10 == 0 {
                println!("at {i}");
            }
        })
        .sum();
    println!("{sum}");
}

fn nothing() {
    detpar::join(|| print!(""), || std::io::stdout().flush().unwrap());
}

/// For a child no stream is a terminal, whatever it is outside.
fn terminal() {
    let (a, b) =
        detpar::join(|| std::io::stdout().is_terminal(), || std::io::stderr().is_terminal());
    println!("{a} {b}");
}
