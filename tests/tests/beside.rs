//! What a program does beside its open children, and how it becomes a master.
use detpar_tests::everywhere;
use detpar_tests::harness::Program;
use std::time::Duration;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_beside")).limit(Duration::from_secs(120))
}

everywhere!(program);

/// Cases in processes of their own: a process becomes a master once.
#[test]
fn becoming_a_master() {
    for case in ["outside", "threads", "children"] {
        Program::new(env!("CARGO_BIN_EXE_becoming")).arg(case).run().expect(0);
    }
}
