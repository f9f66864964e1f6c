//! Children that fork children, and processes that the master starts.
use detpar_tests::everywhere;
use detpar_tests::harness::Program;
use std::time::Duration;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_nested")).limit(Duration::from_secs(60))
}

everywhere!(program);
