//! What children print arrives at the join, in program order.
use detpar_tests::harness::{Program, Run, WORKERS};
use detpar_tests::program::digest;

fn run(case: &str, workers: usize) -> Run {
    Program::new(env!("CARGO_BIN_EXE_streams")).arg(case).workers(workers).run().expect(0)
}

#[track_caller]
fn assert_out(case: &str, expected: &str) {
    for workers in WORKERS {
        assert_eq!(run(case, workers).text(), expected, "{case} with {workers} workers");
    }
}

#[test]
fn lines_left_open() {
    assert_out("open_lines", "abcde\nf\nghij");
    assert_out("nothing", "");
}

#[test]
fn standard_error() {
    for workers in WORKERS {
        let run = run("errors", workers);
        assert_eq!(run.err_text(), "12\n3\n45\n");
        assert_eq!(run.text(), "out a, out b, end\n");
    }
}

/// Both streams into one pipe, where a line that is still open follows what went to standard
/// error meanwhile, in a child as in any program; never across the end of a child.
#[test]
fn both_streams_in_one_pipe() {
    let script = "exec 2>&1; exec \"$0\" errors";
    let sh = || Program::new("/bin/sh").arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_streams"));
    for workers in [1, 2, 8] {
        let text = sh().workers(workers).run().expect(0).text();
        assert_eq!(text, "12\nout a, 3\n45\nout b, end\n", "{workers} workers");
    }
}

#[test]
fn nesting() {
    assert_out("nested", "([12]{3<4>})\n");
    assert_eq!(run("nested", 2).err_text(), "five");
}

#[test]
fn megabytes() {
    for workers in [1, 2, 8] {
        let run = run("large", workers);
        assert_eq!(run.out.len(), 2 * 20_000 * 53);
        assert_eq!(format!("{:016x}", digest(&run.out)), run.err_text());
    }
}

#[test]
fn up_to_the_child_that_failed() {
    assert_out(
        "failing",
        "child 0 before; then failure\n\
         child 0 before; child 0 after; child 1 before; then failure\n\
         child 0 before; child 0 after; child 1 before; child 1 after; then success\n",
    );
    assert_out("conflicting", "child 0\nchild 1\nthen failure\n");
    assert_out(
        "failing_below",
        "a begins; a.0; a.1; a goes on: true; b begins; b.0; b.1; b goes on: true; then success\n",
    );
}

#[test]
fn up_to_the_fault() {
    assert_out("faulting", "zero\na line\nthen failure\nfirst\nthen failure\n");
    assert_out("refused", "zero\na line\nthen failure\n");
}

#[test]
fn output_through_c() {
    assert_out("c_output", IN_CHILDREN);
}

const IN_CHILDREN: &str =
    "C says 2, text; C says 3, text; a line\nRust; Rust; C says 4, text; C says 5, text; ";

#[test]
fn output_through_c_in_master_and_children() {
    let all = format!("C says 1, text; {IN_CHILDREN}C says 6, text; ");
    assert_out("c_output_of_all", &all);
}

#[test]
fn locks_of_standard_output() {
    assert_out("locked", "locked 0\nopen raw\n");
}

#[test]
fn a_thousand_children() {
    let numbers: String = (0..1000).map(|i| format!("{i} ")).collect();
    assert_out("leaves", &format!("{numbers}\nat 0\nat 10\nat 20\nat 30\nat 40\n1225\n"));
}

#[test]
fn no_stream_is_a_terminal() {
    assert_out("terminal", "false false\n");
}

/// A reader that has gone is no reason to hang or to lose the exit code.
#[test]
fn a_closed_pipe() {
    let script = "\"$0\" large 2>/dev/null | head -c 100 >/dev/null; exit 0";
    let sh = || Program::new("/bin/sh").arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_streams"));
    sh().workers(2).run().expect(0);
}
