//! Chapter 4: after a conflict nothing has happened.
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

struct Bank {
    anna: AtomicI64,
    ben: AtomicI64,
    cleo: AtomicI64,
}

fn transfer(from: &AtomicI64, to: &AtomicI64, amount: i64) {
    from.store(from.load(Relaxed) - amount, Relaxed);
    to.store(to.load(Relaxed) + amount, Relaxed);
}

static BANK: Bank =
    Bank { anna: AtomicI64::new(100), ben: AtomicI64::new(100), cleo: AtomicI64::new(100) };

// ANCHOR: main
#[detpar::main]
fn main() {
    let result = detpar::try_join(
        || transfer(&BANK.anna, &BANK.ben, 10),
        || transfer(&BANK.ben, &BANK.cleo, 20),
    );
    println!("both done: {}", result.is_ok());
    let balances = [&BANK.anna, &BANK.ben, &BANK.cleo].map(|account| account.load(Relaxed));
    println!("balances: {balances:?}");
}
// ANCHOR_END: main
