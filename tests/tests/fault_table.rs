//! `docs/faults.md`: every kind of fault of a child, what the join returns, what is printed, how
//! the program ends. Each row is run; `cargo xtask docs` writes the document anew.
use detpar_tests::harness::{Numbers, Program, Run, has_fixed_addresses, kill_workers};
use std::path::Path;
use std::time::Duration;

/// What a child does, and the case of `tests/programs/faults.rs` that does it.
const ROWS: &[(&str, &str)] = &[
    ("panics", "panic_string"),
    ("panics with a payload that is no string", "panic_other"),
    ("panics in a destructor while it panics", "panic_in_drop"),
    ("its own child panics, in a `join`", "panic_in_grandchild"),
    ("overflows its stack", "stack_overflow"),
    ("reads through a null pointer", "null_read"),
    ("writes to an address where nothing is", "wild_write"),
    ("writes to read-only memory", "constant_write"),
    ("writes to memory that is not part of the image", "outside_the_image"),
    ("jumps to an address where nothing is", "jump_to_nowhere"),
    ("reads a mapped file beyond its end", "bus_error"),
    ("divides by zero, in assembly", "division"),
    ("executes an illegal instruction", "illegal_instruction"),
    ("executes a breakpoint", "breakpoint"),
    ("aborts", "abort"),
    ("sends itself a signal", "raise"),
    ("waits for a lock that its parent holds", "deadlock"),
    ("waits for a message that cannot come", "receive"),
    ("exits", "exit"),
    ("forks", "fork"),
    ("spawns a thread", "spawn_thread"),
    ("starts a program", "command"),
    ("opens a file", "file_open"),
    ("reads an inherited descriptor", "descriptor_read"),
    ("opens a socket", "tcp_socket"),
    ("maps memory", "map_memory"),
    ("sends a signal to another process", "kill_parent"),
    ("sets a signal handler", "signal_handler"),
    ("sets the clock", "set_clock"),
    ("makes a call that Linux does not have", "unknown_call"),
    ("uses up the addresses of its heap", "heap_used_up"),
    ("writes what its sibling wrote", "conflict"),
    ("computes until its worker is killed from outside", KILLED),
    ("drops a `File` that it inherited", "inherited_file_dropped"),
];

/// What the C library calls first differs between its versions.
const LIBRARY: [&str; 3] = ["fork", "spawn_thread", "command"];

const KILLED: &str = "computes_for_ever";

/// Runs a case in one of the program's two modes.
fn run(mode: &str, case: &str) -> Run {
    let program = Program::new(env!("CARGO_BIN_EXE_faults")).limit(Duration::from_secs(30));
    let mut running = program.workers(2).args(&[mode, case]).start();
    if case == KILLED {
        std::thread::sleep(Duration::from_millis(300));
        // The first child has returned long since: its worker, if it is hit, is of no use.
        kill_workers(&mut running, &mut Numbers(1), Duration::from_secs(20), 2000);
    }
    running.wait()
}

/// What `try_join` returned, its message, and whether the output of both children came first.
fn says(case: &str) -> (String, String, bool) {
    let text = run("says", case).expect(0).text();
    let children = "the first child\nthe second child\n";
    let first_only = "the first child\n";
    let (delivered, rest) = match text.strip_prefix(children) {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix(first_only).unwrap_or(&text)),
    };
    let (kind, message) = rest.split_once('\n').expect("a kind and a message");
    (kind.into(), message.trim_end().into(), delivered)
}

/// A message without what depends on the lines of the program and on the library.
fn general(message: &str) -> String {
    let mut text = String::new();
    let mut rest = message;
    while let Some(at) = rest.find(".rs:") {
        let (before, after) = rest.split_at(at + 4);
        text.push_str(before);
        text.push_str("LINE");
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
        if after.len() > rest.len() && after.as_bytes()[after.len() - rest.len() - 1] == b':' {
            text.push(':');
        }
    }
    text.push_str(rest);
    hide_addresses(&text).replace('|', "\\|").replace('\n', " ")
}

fn hide_addresses(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("0x") {
        out.push_str(&rest[..at]);
        let digits = rest[at + 2..].trim_start_matches(|c: char| c.is_ascii_hexdigit());
        out.push_str("0x...");
        rest = digits;
    }
    out + rest
}

fn document() -> String {
    let mut text = String::from(HEAD);
    for (what, case) in ROWS {
        let (kind, message, delivered) = says(case);
        let uncaught = run("uncaught", case);
        let code = uncaught.code().map_or("by a signal".into(), |c| c.to_string());
        let returns = if kind == "Ok" { kind } else { format!("`{kind}`") };
        let message = match LIBRARY.contains(case) {
            true => "the first call that the C library makes for it".into(),
            false => general(&message),
        };
        let output = if delivered { "both" } else { "the first's" };
        text.push_str(&format!(
            "| {what} | `{case}` | {returns} | {message} | {output} | {code} |\n"
        ));
    }
    text + TAIL
}

const HEAD: &str = "# Faults

What becomes of a child that goes wrong. `cargo xtask docs` writes this from runs of
`tests/programs/faults.rs`, and `tests/tests/fault_table.rs` compares: every row is run, in the
second of two children that both print.

A fault ends the child at once: `catch_unwind` does not see it and no destructors run; a panic
unwinds the child as usual. The join then returns the failure of lowest index as a `JoinError`,
nothing of any child is merged, output of the children up to and including the failing one is
delivered, and the parent goes on and can have children as before. Each variant has the child's
index (`child()`) and fields of its own: `Panic` message and location, `Fault` signal, kind, address
and source line, `Forbidden` call, arguments and source line, `Limit` which one, `Killed` the
signal, `Conflict` variable, values and both children.

`join`, and a call of a `#[deterministic]` function that is not fallible, panic with that error:
where nobody catches the panic, `#[detpar::main]` ends with exit code 101, as any Rust program
does. A main that returns the error of `try_join` ends with 1. Where children cannot run at all the
exit code is 78, before main begins.

| a child | case | `try_join` returns | and says | output | exit code, uncaught |
|---|---|---|---|---|---|
";

const TAIL: &str = "
A child may compute for ever; the join waits for it, and whoever kills its worker ends it. Limits
on nesting, on children, on what one child hands over, on processes, files and memory are
`Limit` too, with the remedy: `tests/tests/limits.rs` and `tests/tests/faults.rs` reach them.
";

#[test]
fn the_document_is_what_happens() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md");
    let now = document();
    if std::env::var_os("DETPAR_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &now).expect("writing docs/faults.md");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    for (a, b) in written.lines().zip(now.lines()) {
        assert_eq!(a, b, "docs/faults.md (left) differs: cargo xtask docs writes it anew");
    }
    assert_eq!(written, now, "docs/faults.md is not current: cargo xtask docs writes it anew");
}

/// At one worker as at two, with and without load on the schedule: the same words.
#[test]
fn the_same_under_perturbed_schedules() {
    let fixed = has_fixed_addresses();
    for (_, case) in ROWS.iter().filter(|row| row.1 != KILLED) {
        // Where the environment lies depends on its length, which the seed adds to.
        let same = fixed && *case != "outside_the_image";
        let told = |run: Run| if same { run.text() } else { hide_addresses(&run.text()) };
        let plain = told(run("says", case).expect(0));
        let program = |workers| Program::new(env!("CARGO_BIN_EXE_faults")).workers(workers);
        for (workers, seed) in [(1, 0), (3, 3)] {
            let run = program(workers).chaos(seed).args(&["says", case]).run().expect(0);
            assert_eq!(told(run), plain, "{case} at {workers} workers, chaos {seed}");
        }
    }
}
