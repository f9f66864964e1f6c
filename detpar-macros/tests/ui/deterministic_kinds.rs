//! Kinds of functions that cannot run in a space.
use detpar::deterministic;

#[deterministic]
async fn asynchronous() {}

#[deterministic]
const fn constant() -> u32 {
    1
}

#[deterministic]
extern "C" fn foreign() {}

#[deterministic]
unsafe extern "C" fn variadic(n: usize, arguments: ...) {}

#[deterministic]
fn never() -> ! {
    loop {}
}

#[deterministic]
const async fn several() {}

trait Shape {
    #[deterministic]
    fn area(&self) -> u32;
}

fn main() {}
