//! Chapter 8: each child has a file of its own, and all append to the list.
use detpar::prelude::*;
use std::fs::OpenOptions;
use std::io::Write;

/// Appends of several children are all kept, in program order.
pub fn publish(reports: &[(String, String)]) {
    detpar::fs::write("/out/all", "").expect("the list");
    reports.par_iter().for_each(|(name, text)| {
        let lines = text.lines().count();
        std::fs::write(format!("/out/{name}"), lines.to_string()).expect("a file of the tree");
        let mut all = OpenOptions::new().append(true).open("/out/all").expect("the list");
        writeln!(all, "{name} {lines}").expect("room");
    });
}
