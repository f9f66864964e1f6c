//! What `allow(...)` takes.
use detpar::deterministic;

#[deterministic(allow(clocks))]
fn misspelt() {}

#[deterministic(allow(clock, clock))]
fn twice() {}

#[deterministic(allow(clock))]
fn not_needed() {}

#[deterministic(allow(locks, env))]
fn one_not_needed() -> bool {
    std::env::var("HOME").is_ok()
}

#[deterministic(allow)]
fn nothing() {}

#[deterministic(allow())]
fn empty() {}

#[deterministic(allow("clock"))]
fn quoted() {}

fn main() {}
