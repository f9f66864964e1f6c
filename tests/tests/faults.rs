//! What goes wrong in a child is a typed error at the join, and the master goes on.
use detpar_tests::harness::Program;
use std::time::Duration;

/// The longest that any case may take.
const LIMIT: Duration = Duration::from_secs(10);

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_faults")).limit(LIMIT)
}

/// Name of a case and the beginning of what the join says; `|` separates what may be.
const TABLE: &[(&str, &str)] = &[
    ("panic_str", "panic ChildPanic { child: 1, message: Some(\"a text\")"),
    ("panic_string", "panic ChildPanic { child: 1, message: Some(\"number 7\")"),
    ("panic_other", "panic ChildPanic { child: 1, message: None"),
    ("panic_unicode", "panic ChildPanic { child: 1, message: Some(\"ä∀𝄞ä∀𝄞ä∀𝄞\")"),
    (
        "panic_index",
        "panic ChildPanic { child: 1, message: Some(\"range start index 4 out of range",
    ),
    ("panic_in_drop", "fault 6 in 1"),
    (
        "panic_with_refused_destructor",
        "panic ChildPanic { child: 1, message: Some(\"the first reason counts\")",
    ),
    ("panic_in_grandchild", "panic ChildPanic { child: 1, message: Some(\"deep\")"),
    ("stack_overflow", "fault 11 in 1, StackGuard"),
    ("stack_overflow_in_grandchild", "panic ChildPanic { child: 1, message: Some(\"Fault"),
    ("division", "fault 8 in 1"),
    ("illegal_instruction", "fault 4 in 1"),
    ("breakpoint", "fault 5 in 1"),
    ("abort", "fault 6 in 1"),
    ("raise", "fault 15 in 1"),
    ("null_read", "fault 11 in 1, Unknown, null"),
    ("null_write", "fault 11 in 1, Unknown, null"),
    ("wild_write", "fault 11 in 1, Unknown, elsewhere"),
    ("constant_write", "fault 11 in 1, OutsideImage"),
    ("outside_the_image", "fault 11 in 1, OutsideImage"),
    ("jump_to_nowhere", "fault 11 in 1, Unknown, elsewhere"),
    ("instant", "forbidden 228 in 1"),
    ("system_time", "forbidden 228 in 1"),
    ("sleep", "forbidden 230 in 1"),
    ("raw_clock", "forbidden 228 in 1"),
    ("file_open", "forbidden 257 in 1"),
    ("file_create", "forbidden 257 in 1"),
    ("stdin_read", "forbidden 0 in 1"),
    // statx, or newfstatat where the library has no statx.
    ("metadata", "forbidden 332 in 1|forbidden 262 in 1"),
    ("read_dir", "forbidden 257 in 1"),
    ("current_dir", "forbidden 79 in 1"),
    ("set_current_dir", "forbidden 80 in 1"),
    ("unix_socket", "forbidden 53 in 1"),
    ("tcp_socket", "forbidden 41 in 1"),
    ("udp_socket", "forbidden 41 in 1"),
    ("pipe", "forbidden 293 in 1"),
    // std takes its signal stack down before it exits.
    ("exit", "forbidden 231 in 1|forbidden 131 in 1"),
    ("exit_at_once", "forbidden 231 in 1"),
    // The first call of making a thread differs between versions of the C library.
    ("spawn_thread", "forbidden 13 in 1|forbidden 9 in 1|forbidden 435 in 1|forbidden 56 in 1"),
    ("command", "forbidden "),
    ("fork", "forbidden 56 in 1|forbidden 57 in 1"),
    ("kill_parent", "forbidden 62 in 1"),
    ("kill_group", "forbidden 62 in 1"),
    ("signal_handler", "forbidden 13 in 1"),
    ("map_memory", "forbidden 9 in 1"),
    ("protect_memory", "forbidden 10 in 1"),
    ("unknown_call", "forbidden 100000 in 1"),
    ("priority", "forbidden 141 in 1"),
    ("deadlock", "fault 0 in 1, Deadlock"),
    ("deadlock_with_itself", "fault 0 in 1, Deadlock"),
    ("receive", "fault 0 in 1, Deadlock"),
    ("receive_from_the_living", "fault 0 in 1, Deadlock"),
    ("park", "fault 0 in 1, Deadlock"),
    ("park_timeout", "forbidden 228 in 1|forbidden 202 in 1"),
    ("process_id", "ok"),
    ("yield", "ok"),
    ("environment_read", "ok"),
];

#[track_caller]
fn assert_told(name: &str, expected: &str, line: &str) {
    let told = line.strip_prefix(&format!("{name}: "));
    let fits = told.is_some_and(|t| expected.split('|').any(|e| t.starts_with(e)));
    assert!(fits, "{name}: expected {expected}, got {line}");
}

fn each_alone(configure: impl Fn(Program) -> Program) {
    for (name, expected) in TABLE {
        let text = configure(program()).arg(name).run().expect(0).text();
        assert_told(name, expected, text.trim_end());
    }
}

#[test]
fn each_case_alone() {
    each_alone(|p| p.workers(2));
}

#[test]
fn each_case_alone_with_one_worker() {
    each_alone(|p| p.workers(1));
}

#[test]
fn each_case_alone_with_backtraces() {
    each_alone(|p| p.workers(2).env("RUST_BACKTRACE", "1"));
}

/// One master survives all of it, with the same words at any number of workers.
#[test]
fn all_in_one_master() {
    for (workers, backtrace) in [(1, "0"), (2, "0"), (3, "full"), (8, "1")] {
        let long = program().limit(4 * LIMIT).workers(workers).env("RUST_BACKTRACE", backtrace);
        let text = long.run().expect(0).text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), TABLE.len(), "{text}");
        for ((name, expected), line) in TABLE.iter().zip(lines) {
            assert_told(name, expected, line);
        }
    }
}

#[test]
fn no_file_was_made() {
    program().arg("file_create").run().expect(0);
    assert!(!std::path::Path::new("/tmp/detpar-must-not-exist").exists());
}

#[test]
fn a_sibling_forks_after_a_fault() {
    for workers in [1, 2, 3, 8] {
        program().workers(workers).arg("sibling_forks_after_a_fault").run().expect(0);
    }
}

#[test]
fn nesting_ends_at_a_typed_limit() {
    for workers in [1, 2, 8] {
        program().workers(workers).arg("nested_until_the_limit").run().expect(0);
    }
}

#[test]
fn the_master_forks_again_after_nesting_to_the_limit() {
    program().workers(2).arg("alive_after_the_limit").run().expect(0);
}

/// A child's change of the environment never reaches the parent.
#[test]
fn environment_of_the_parent() {
    let text = program().arg("environment_write").run().expect(0).text();
    assert!(text.starts_with("said: ok") || text.starts_with("said: forbidden"), "{text}");
}
