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
    ("panic_str", "panic in 1, Some(\"a text\")"),
    ("panic_string", "panic in 1, Some(\"number 7\")"),
    ("panic_other", "panic in 1, None"),
    ("panic_unicode", "panic in 1, Some(\"ä∀𝄞ä∀𝄞ä∀𝄞\")"),
    ("panic_index", "panic in 1, Some(\"range start index 4 out of range"),
    ("panic_in_drop", "fault SIGABRT in 1"),
    ("panic_with_refused_destructor", "panic in 1, Some(\"the first reason counts\")"),
    ("panic_in_grandchild", "panic in 1, Some(\"deep\")"),
    ("stack_overflow", "fault SIGSEGV in 1, StackOverflow"),
    ("stack_overflow_in_grandchild", "panic in 1, Some(\"stack overflow in child 0"),
    ("division", "fault SIGFPE in 1"),
    ("illegal_instruction", "fault SIGILL in 1"),
    ("breakpoint", "fault SIGTRAP in 1"),
    ("abort", "fault SIGABRT in 1"),
    ("raise", "fault SIGTERM in 1"),
    ("null_read", "fault SIGSEGV in 1, Signal, null"),
    ("null_write", "fault SIGSEGV in 1, Signal, null"),
    ("wild_write", "fault SIGSEGV in 1, Signal, elsewhere"),
    ("constant_write", "fault SIGSEGV in 1, OutsideImage"),
    ("outside_the_image", "fault SIGSEGV in 1, OutsideImage"),
    ("jump_to_nowhere", "fault SIGSEGV in 1, Signal, elsewhere"),
    ("set_clock", "forbidden clock_settime in 1"),
    ("timer", "forbidden timerfd_create in 1"),
    ("file_open", "forbidden openat in 1"),
    ("file_create", "forbidden openat in 1"),
    ("descriptor_read", "forbidden read in 1"),
    // statx, or newfstatat where the library has no statx.
    ("metadata", "forbidden statx in 1|forbidden newfstatat in 1"),
    ("read_dir", "forbidden openat in 1"),
    ("current_dir", "forbidden getcwd in 1"),
    ("set_current_dir", "forbidden chdir in 1"),
    ("unix_socket", "forbidden socketpair in 1"),
    ("tcp_socket", "forbidden socket in 1"),
    ("udp_socket", "forbidden socket in 1"),
    ("pipe", "forbidden pipe2 in 1"),
    ("exit", "forbidden exit_group in 1"),
    ("exit_at_once", "forbidden exit_group in 1"),
    // The first call of making a thread differs between versions of the C library.
    (
        "spawn_thread",
        "forbidden rt_sigaction in 1|forbidden mmap in 1|forbidden clone3 in 1|forbidden clone in 1",
    ),
    ("command", "forbidden "),
    ("fork", "forbidden clone in 1|forbidden fork in 1"),
    ("kill_parent", "forbidden kill in 1"),
    ("kill_group", "forbidden kill in 1"),
    ("signal_handler", "forbidden rt_sigaction in 1"),
    ("map_memory", "forbidden mmap in 1"),
    ("protect_memory", "forbidden mprotect in 1"),
    ("unknown_call", "forbidden 100000 in 1"),
    ("priority", "forbidden setpriority in 1"),
    ("deadlock", "fault none in 1, Deadlock"),
    ("deadlock_with_itself", "fault none in 1, Deadlock"),
    ("receive", "fault none in 1, Deadlock"),
    ("receive_from_the_living", "fault none in 1, Deadlock"),
    ("park", "fault none in 1, Deadlock"),
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

/// 255 levels take long: each has the layers of all above it.
fn deep() -> Program {
    program().limit(Duration::from_secs(240))
}

#[test]
fn nesting_ends_at_a_typed_limit_and_the_master_forks_again() {
    deep().workers(2).arg("nested_until_the_limit").run().expect(0);
}

#[test]
#[ignore = "long"]
fn nesting_to_the_limit_again_and_again() {
    for workers in [1, 3, 8] {
        deep().workers(workers).arg("again_after_the_limit").run().expect(0);
    }
}

/// A child's change of the environment never reaches the parent, and is not lost silently.
#[test]
fn environment_of_the_parent() {
    let text = program().arg("environment_write").run().expect(0).text();
    assert!(text.starts_with("said: panic in 0"), "{text}");
    assert!(text.contains("Operation not permitted"), "{text}");
}
