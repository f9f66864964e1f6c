//! Chapter 4: two transfers at the same time.
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

// ANCHOR: transfer
struct Bank {
    anna: AtomicI64,
    ben: AtomicI64,
    cleo: AtomicI64,
}

fn transfer(from: &AtomicI64, to: &AtomicI64, amount: i64) {
    from.store(from.load(Relaxed) - amount, Relaxed);
    to.store(to.load(Relaxed) + amount, Relaxed);
}
// ANCHOR_END: transfer

// ANCHOR: main
static BANK: Bank =
    Bank { anna: AtomicI64::new(100), ben: AtomicI64::new(100), cleo: AtomicI64::new(100) };

#[detpar::main]
fn main() {
    detpar::join(|| transfer(&BANK.anna, &BANK.ben, 10), || transfer(&BANK.ben, &BANK.cleo, 20));
}
// ANCHOR_END: main
