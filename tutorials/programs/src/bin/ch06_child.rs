//! Chapter 6: what a child sees of the world.
use std::time::{Duration, Instant, SystemTime};
use std::{fs, process, thread};

// ANCHOR: sees
fn look(who: &str) {
    let start = Instant::now();
    thread::sleep(Duration::from_secs(3600));
    let slept = start.elapsed().as_secs();
    let date = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let processors = thread::available_parallelism().unwrap();
    println!("{who}: slept {slept} s, it is {date} s since 1970");
    println!("{who}: process {}, {processors} processors", process::id());
}
// ANCHOR_END: sees

// ANCHOR: main
#[detpar::main]
fn main() {
    detpar::join(|| look("child 0"), || look("child 1"));
    let result = detpar::try_join(|| fs::read_to_string("Cargo.toml"), || 0);
    println!("{}", result.unwrap_err());
}
// ANCHOR_END: main
