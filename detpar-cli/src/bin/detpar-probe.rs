//! Tries what the engine needs, for `detpar doctor`: one JSON object a line.
//!
//! `detpar-probe calls` tries the calls one by one, `detpar-probe join` runs two children.
use kernel::doctor::{self, Outcome};
use kernel::master::{self, Scan};
use serde_json::json;
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("calls") => calls(),
        Some("join") => return join(),
        _ => {
            eprintln!("this program is started by `detpar doctor`");
            return ExitCode::from(64);
        }
    }
    ExitCode::SUCCESS
}

fn calls() {
    println!("{}", json!({ "c_library": doctor::c_library() }));
    let mut fast = true;
    doctor::run(|check, outcome| {
        let works = outcome == Outcome::Works;
        if check.name == doctor::SCAN {
            fast = works;
        }
        // One of the two ways to find changed pages is enough.
        let needed = check.without.is_none() || check.name == doctor::READ && !fast;
        let error = match outcome {
            Outcome::Works => None,
            Outcome::Refused(e) => Some(format!("refused: {}", io::Error::from_raw_os_error(e))),
            Outcome::Killed(signal) => Some(format!("the system kills for it (signal {signal})")),
            Outcome::Hung => Some("does not come to an end".into()),
            Outcome::NotTried => Some("not tried: something it stands on failed".into()),
        };
        let line = json!({
            "name": check.name,
            "purpose": check.purpose,
            "needed": needed,
            "tried": outcome != Outcome::NotTried,
            "error": error,
            "without": check.without,
            "remedy": check.remedy,
        });
        println!("{line}");
    });
}

/// Two children that each change something.
#[detpar::main]
fn join() -> ExitCode {
    let (mut left, mut right) = (vec![0_u64; 1000], 0_u64);
    let joined = detpar::try_join(
        || left.fill(6),
        || {
            right = 7;
            right
        },
    );
    let scan = match master::scan() {
        Scan::Pagemap => "pagemap",
        _ => "PAGEMAP_SCAN",
    };
    let product = left[999] * right;
    let error = match joined {
        Ok(_) if product == 42 => None,
        Ok(_) => Some(format!("the children's changes were not merged: {product}")),
        Err(e) => Some(e.to_string()),
    };
    let engine = detpar::engine().name();
    println!("{}", json!({ "error": error, "engine": engine, "scan": scan }));
    ExitCode::from(u8::from(error.is_some()))
}
