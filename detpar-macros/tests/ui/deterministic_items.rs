//! Items that are not functions.
use detpar::deterministic;

#[deterministic]
struct Data;

#[deterministic]
impl Data {}

#[deterministic]
mod module {}

fn main() {}
