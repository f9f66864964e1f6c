//! Open children: scopes and forks beside a parent that goes on.
use detpar_tests::everywhere;
use detpar_tests::harness::Program;
use std::time::Duration;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_open")).limit(Duration::from_secs(120))
}

everywhere!(program);
