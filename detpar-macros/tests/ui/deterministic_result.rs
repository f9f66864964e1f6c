//! An error type that a failure of the child cannot be turned into.
use detpar::deterministic;

struct Mine;

#[deterministic]
fn unconvertible(value: u32) -> Result<u32, Mine> {
    if value == 0 {
        return Err(Mine);
    }
    Ok(value)
}

fn main() {}
