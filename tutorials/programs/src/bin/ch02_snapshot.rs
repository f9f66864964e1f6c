//! Chapter 2: what a snapshot is.
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

// ANCHOR: snapshot
#[detpar::main]
fn main() {
    let x = AtomicU32::new(7);
    let (a, b) = detpar::join(
        || {
            x.store(8, Relaxed);
            x.load(Relaxed)
        },
        || x.load(Relaxed),
    );
    println!("child 0 saw {a}");
    println!("child 1 saw {b}");
    println!("the parent sees {}", x.load(Relaxed));
}
// ANCHOR_END: snapshot
