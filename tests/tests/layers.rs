//! What a child's memory is made of.
use detpar_tests::everywhere;
use detpar_tests::harness::Program;
use std::time::Duration;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_layers")).limit(Duration::from_secs(120))
}

everywhere!(program);
