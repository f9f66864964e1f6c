//! Chapter 8: two children that write the same file, and two that append to it.
use detpar::JoinError;
use std::io::Write;

// ANCHOR: meet
fn append(line: &str) {
    let log = std::fs::OpenOptions::new().append(true).open("/log");
    writeln!(log.expect("the log"), "{line}").expect("room");
}

fn write(line: &str) {
    std::fs::write("/log", format!("{line}\n")).expect("the log");
}

fn both(what: &str, f: fn(&str)) {
    let mut done = [false; 2];
    let (left, right) = done.split_at_mut(1);
    let joined = detpar::try_join(
        || {
            f("left");
            left[0] = true;
        },
        || {
            f("right");
            right[0] = true;
        },
    );
    match joined {
        Ok(_) => println!("{what}: both"),
        Err(JoinError::File(conflict)) => println!("{what}: {conflict}"),
        Err(e) => println!("{what}: {e}"),
    }
    println!("{done:?}, {:?}", detpar::fs::read_to_string("/log").expect("the log"));
}
// ANCHOR_END: meet

#[detpar::main]
fn main() {
    detpar::fs::write("/log", "begin\n").expect("the tree");
    both("append", append);
    both("write", write);
}
