//! What functions look like and do under the attributes: this program compiles them all and
//! runs each case below the master space that `#[detpar::main]` sets up.
//!
//! Without arguments it runs every case; with names it runs those that contain one of them.
#![deny(unused, clippy::all, missing_docs)]

mod arguments;
mod digests;
mod hygiene;
mod merges;
mod methods;
mod results;
mod returns;
mod signatures;

/// A case: its name and what it asserts.
type Case = (&'static str, fn());

/// Runs the cases and says how many passed.
///
/// Documentation and lint attributes of a main stay on it.
#[detpar::main]
#[must_use]
fn main() -> std::process::ExitCode {
    #![allow(clippy::needless_return)]
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let cases = [
        arguments::CASES,
        digests::CASES,
        hygiene::CASES,
        merges::CASES,
        methods::CASES,
        results::CASES,
        returns::CASES,
        signatures::CASES,
    ];
    let (mut passed, mut failed) = (0, 0);
    for (name, case) in cases.into_iter().flatten() {
        if !wanted.is_empty() && !wanted.iter().any(|w| name.contains(w.as_str())) {
            continue;
        }
        match std::panic::catch_unwind(case) {
            Ok(()) => passed += 1,
            Err(_) => {
                failed += 1;
                println!("case {name} ... FAILED");
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    return if failed == 0 {
        std::process::ExitCode::SUCCESS
    } else {
        std::process::ExitCode::FAILURE
    };
}
