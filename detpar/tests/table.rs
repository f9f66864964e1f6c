//! The table of rayon's items in docs/iterators.md against the sources.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

/// The functions of one file.
fn functions(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(file)).expect("a file of the sources");
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches("pub "));
    let names = lines.filter_map(|line| line.strip_prefix("fn "));
    let other = |c: char| !c.is_alphanumeric() && c != '_';
    names.filter_map(|name| Some(name.split(other).next()?.to_string())).collect()
}

/// All methods and functions that the sources have, public or not.
fn all_functions(dir: &Path, to: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).expect("a directory of the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all_functions(&path, to);
        } else {
            let file = path.strip_prefix(root()).expect("below the sources");
            let file = file.to_str().expect("a name in UTF-8");
            to.extend(functions(file));
        }
    }
}

/// The rows: names and what they are here.
fn rows() -> Vec<(Vec<String>, String)> {
    let text = fs::read_to_string(root().join("../../docs/iterators.md")).expect("the table");
    let table = text.split_once("## The table").expect("its heading").1;
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_string()).collect();
    let rows = table.lines().map(cells).filter(|row: &Vec<String>| row.len() == 5);
    let names =
        |cell: &str| cell.split('`').skip(1).step_by(2).map(String::from).collect::<Vec<_>>();
    rows.map(|row| (names(&row[1]), row[2].clone())).filter(|row| !row.0.is_empty()).collect()
}

#[test]
fn every_row_is_true() {
    let mut here = BTreeSet::new();
    all_functions(root(), &mut here);
    let rows = rows();
    assert!(rows.len() > 60, "{} rows", rows.len());
    for (names, what) in rows {
        assert!(["same", "ordered", "constant", "absent"].contains(&&*what), "{names:?}: {what}");
        for name in names {
            assert_eq!(here.contains(&name), what != "absent", "{name} is said to be {what}");
        }
    }
}

#[test]
fn everything_is_listed() {
    let listed: BTreeSet<String> = rows().into_iter().flat_map(|row| row.0).collect();
    let methods = [
        "iter/parallel.rs",
        "iter/indexed.rs",
        "iter/convert.rs",
        "iter/sources/slice/methods.rs",
        "iter/sources/str/methods.rs",
        "pool.rs",
    ];
    for file in methods {
        // Not of rayon: how several iterators become one construct; std's trait.
        let own = ["with_leaves", "fmt"].map(String::from).into();
        let functions = functions(file);
        let missing: Vec<_> = (&functions - &listed).difference(&own).cloned().collect();
        assert!(functions.len() > 5 && missing.is_empty(), "{file} has also {missing:?}");
    }
}
