//! Chapter 10: two edits later.
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

// ANCHOR: log
struct Request<'a> {
    host: &'a str,
    bytes: u64,
    millis: f64,
}

/// `host bytes milliseconds`, or `None`.
fn parse(line: &str) -> Option<Request<'_>> {
    let mut words = line.split(' ');
    let host = words.next()?;
    let (bytes, millis) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Request { host, bytes, millis })
}
// ANCHOR_END: log

/// A log of so many lines, of which some are damaged.
fn log(lines: u32) -> Vec<String> {
    let line = |i: u32| {
        let x = i.wrapping_mul(2_654_435_761);
        match x % 97 {
            0 => format!("h{} ???", x % 7),
            _ => format!("h{} {} {}.{}", x % 7, x % 1499, x % 113, x % 1009),
        }
    };
    (0..lines).map(line).collect()
}

// ANCHOR: mark
use detpar::prelude::*;

#[detpar::main]
fn main() {
    // ANCHOR_END: mark
    let lines = log(20_000);
    // ANCHOR: work
    let damaged = AtomicUsize::new(0);
    let bytes = Mutex::new(HashMap::new());
    let total: f64 = lines
        .par_iter()
        .filter_map(|line| {
            let Some(request) = parse(line) else {
                damaged.fetch_add(1, Relaxed);
                return None;
            };
            *bytes.lock().unwrap().entry(request.host).or_insert(0) += request.bytes;
            Some(request.millis)
        })
        .sum();
    let slow = lines.par_iter().filter_map(|l| parse(l)).find_any(|r| r.millis > 100.0);
    // ANCHOR_END: work
    let bytes = bytes.into_inner().unwrap();
    println!("{} damaged, {} hosts, h3: {} bytes", damaged.into_inner(), bytes.len(), bytes["h3"]);
    println!("{total:.10} ms, slow: {:?}", slow.map(|r| (r.host, r.millis)));
}
