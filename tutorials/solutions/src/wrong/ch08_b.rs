//! The conflict is gone since nobody looks at it, and with it all files.
use detpar::prelude::*;
use std::fs;

/// A failed construct changes nothing: the list is written without the files.
pub fn publish(reports: &[(String, String)]) {
    let files = || {
        reports.par_iter().for_each(|(name, text)| {
            let lines = text.lines().count();
            fs::write(format!("/out/{name}"), lines.to_string()).expect("a file of the tree");
            fs::write("/out/all", format!("{name} {lines}\n")).expect("the list");
        });
    };
    let _ = std::panic::catch_unwind(files);
    let line = |(name, text): &(String, String)| format!("{name} {}\n", text.lines().count());
    let all: String = reports.iter().map(line).collect();
    detpar::fs::write("/out/all", all).expect("the list");
}
