//! Chapter 2: the first fork and join.

// ANCHOR: fib
fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = detpar::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

#[detpar::main]
fn main() {
    println!("fib(5) = {}", fib(5));
}
// ANCHOR_END: fib
