//! Forks of the program itself.
use detpar_tests::everywhere;
use detpar_tests::harness::Program;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_forks"))
}

everywhere!(program);

/// Copied at once, forks mean the same.
#[test]
fn switched_off() {
    program().env("DETPAR_ODF", "0").run().expect(0);
}

#[test]
fn without_a_master_space() {
    for odf in ["1", "0"] {
        let program = Program::new(env!("CARGO_BIN_EXE_plain_forks")).env("DETPAR_ODF", odf);
        program.run().expect(0);
    }
}
