//! The list is made afterwards, from the names as a directory lists them: in another order.
use detpar::prelude::*;

/// Loses the order of the reports.
pub fn publish(reports: &[(String, String)]) {
    reports.par_iter().for_each(|(name, text)| {
        let lines = text.lines().count();
        std::fs::write(format!("/out/{name}"), lines.to_string()).expect("a file of the tree");
    });
    let mut all = String::new();
    for name in detpar::fs::list("/out").expect("the tree") {
        let name = name.to_string_lossy().into_owned();
        let lines = detpar::fs::read_to_string(format!("/out/{name}")).expect("a file");
        all.push_str(&format!("{name} {lines}\n"));
    }
    detpar::fs::write("/out/all", all).expect("the list");
}
