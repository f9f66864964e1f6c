//! The streams of the platform's libc in children: what they answer beside the host's, what of
//! them is a child's own, what is delivered.
use detpar_tests::program::{Case, run};
use std::process::ExitCode;

#[path = "stdio/formats.rs"]
mod formats;
#[path = "stdio/hidden.rs"]
mod hidden;
#[path = "stdio/operations.rs"]
mod operations;
#[path = "stdio/output.rs"]
mod output;

const CASES: &[Case] = &[
    ("operations", operations::operations),
    ("operations_long", operations::operations_long),
    ("formats", formats::formats),
    ("formats_long", formats::formats_long),
    ("hidden_state", hidden::hidden_state),
    ("left_open", output::left_open),
    ("nothing_twice", output::nothing_twice),
    ("closed_in_children", output::closed_in_children),
    ("redirected", output::redirected),
    ("faulting", output::faulting),
    ("own_buffer", output::own_buffer),
];

#[detpar::main]
fn main() -> ExitCode {
    run(CASES)
}
