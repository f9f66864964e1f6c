//! Errors in the body point into the body.
use detpar::deterministic;

#[deterministic]
fn mismatch() -> u32 {
    "text"
}

#[deterministic]
fn early(flag: bool) -> u32 {
    if flag {
        return "text";
    }
    1
}

#[deterministic]
fn shared(values: &Vec<u32>) {
    values.push(1);
}

fn main() {}
