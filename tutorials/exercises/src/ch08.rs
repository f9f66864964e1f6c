//! Chapter 8: reports of children that overwrite each other.
use detpar::prelude::*;

/// Writes to `/out/NAME` how many lines the text of each report has, and to `/out/all` a line
/// `NAME LINES` for each, in the order of the reports. `/out` is there, and empty. Texts are
/// counted in children.
///
/// Broken: look at what each child does to `/out/all`.
pub fn publish(reports: &[(String, String)]) {
    reports.par_iter().for_each(|(name, text)| {
        let lines = text.lines().count();
        std::fs::write(format!("/out/{name}"), lines.to_string()).expect("a file of the tree");
        let before = std::fs::read_to_string("/out/all").unwrap_or_default();
        std::fs::write("/out/all", format!("{before}{name} {lines}\n")).expect("the list");
    });
}
