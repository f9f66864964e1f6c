//! Arguments of the attribute.
use detpar::deterministic;

#[deterministic(panics)]
fn misspelt() {}

#[deterministic(panic, panic)]
fn twice() {}

#[deterministic(panic = "yes")]
fn assigned() {}

#[deterministic("panic")]
fn quoted() {}

fn main() {}
