//! Chapter 10: the program when its move is done.
use detpar::prelude::*;
use std::collections::HashMap;

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

// ANCHOR: work
/// What is known of a part of the log.
#[derive(Default)]
struct Summary<'a> {
    damaged: usize,
    bytes: HashMap<&'a str, u64>,
    millis: f64,
}

impl<'a> Summary<'a> {
    fn with(mut self, line: &'a str) -> Self {
        match parse(line) {
            None => self.damaged += 1,
            Some(request) => {
                *self.bytes.entry(request.host).or_insert(0) += request.bytes;
                self.millis += request.millis;
            }
        }
        self
    }

    fn and(mut self, other: Self) -> Self {
        self.damaged += other.damaged;
        for (host, bytes) in other.bytes {
            *self.bytes.entry(host).or_insert(0) += bytes;
        }
        self.millis += other.millis;
        self
    }
}
// ANCHOR_END: work

#[detpar::main]
fn main() {
    let lines = log(20_000);
    // ANCHOR: main
    let all = lines
        .par_iter()
        .fold(Summary::default, |summary, line| summary.with(line))
        .reduce(Summary::default, Summary::and);
    let slow = lines.par_iter().filter_map(|l| parse(l)).find_any(|r| r.millis > 100.0);
    // ANCHOR_END: main
    println!("{} damaged, {} hosts, h3: {} bytes", all.damaged, all.bytes.len(), all.bytes["h3"]);
    println!("{:.10} ms, slow: {:?}", all.millis, slow.map(|r| (r.host, r.millis)));
}
