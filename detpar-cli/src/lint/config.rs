//! What clippy is told: the refused names as `clippy.toml`.
use crate::refuse::table::{Group, Kind, ROWS, Row};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use toml::{Table, Value};

/// Lints, the keys that configure them, and the kinds of names that they take.
pub(super) const LINTS: [(&str, &str, Kind); 3] = [
    ("clippy::disallowed_methods", "disallowed-methods", Kind::Function),
    ("clippy::disallowed_types", "disallowed-types", Kind::Type),
    ("clippy::disallowed_macros", "disallowed-macros", Kind::Macro),
];

/// A name's path from its crate.
fn whole(row: &Row, name: &str) -> String {
    // The name may repeat the last module.
    let first = name.split("::").next().unwrap_or(name);
    let within = match row.within.rsplit_once("::") {
        Some((outer, last)) if last == first => outer,
        None if row.within == first => "",
        _ => row.within,
    };
    if within.is_empty() { name.into() } else { format!("{within}::{name}") }
}

/// All names of a kind, with their groups.
fn names(kind: Kind) -> impl Iterator<Item = (String, &'static Group)> {
    let rows = ROWS.iter().filter(move |row| row.kind == kind);
    rows.flat_map(|row| row.names.iter().map(|name| (whole(row, name), row.group)))
}

/// The group of what clippy found, by its path.
pub(super) fn group_of(path: &str) -> Option<&'static Group> {
    LINTS.iter().find_map(|(_, _, kind)| names(*kind).find(|(n, _)| n == path)).map(|(_, g)| g)
}

fn reason(group: &Group) -> String {
    format!("{}: {}", group.reason, group.instead)
}

/// The part of a `clippy.toml` that refuses these names. Names of crates that a program does
/// not use are allowed to lead nowhere.
pub(super) fn fragment() -> String {
    let mut text = String::from(
        "# What code that runs in children must not name, for clippy: merge this into your\n\
         # clippy.toml. Clippy then looks at all code, the master's included; `detpar lint` looks\n\
         # at what deterministic functions reach. Modules cannot be named here.\n",
    );
    for (_, key, kind) in LINTS {
        let _ = writeln!(text, "\n{key} = [");
        for (path, group) in names(kind) {
            let reason = Value::from(reason(group));
            let _ = writeln!(
                text,
                "  {{ path = \"{path}\", reason = {reason}, allow-invalid = true }},"
            );
        }
        text.push_str("]\n");
    }
    text
}

/// The user's own configuration of a package: where clippy would look for it.
fn own(package: &Path) -> Option<PathBuf> {
    let given = std::env::var_os("CLIPPY_CONF_DIR").map(PathBuf::from);
    let start = given.as_deref().unwrap_or(package);
    let places =
        start.ancestors().flat_map(|dir| [".clippy.toml", "clippy.toml"].map(|f| dir.join(f)));
    places.into_iter().find(|path| path.is_file())
}

/// The user's configuration with ours added.
fn merged(own: &str) -> Result<String, toml::de::Error> {
    let mut all: Table = own.parse()?;
    let ours: Table = fragment().parse()?;
    for (key, value) in ours {
        let entry = all.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        match (entry, value) {
            (Value::Array(to), Value::Array(from)) => to.extend(from),
            // Clippy tells what is wrong with the user's value.
            (other, value) => {
                let _ = std::mem::replace(other, value);
            }
        }
    }
    Ok(all.to_string())
}

/// A directory with the configuration for a package.
pub(super) fn directory(package: &Path) -> Result<TempDir, String> {
    let text = match own(package) {
        None => fragment(),
        Some(path) => {
            let text = std::fs::read_to_string(&path);
            let text = text.map_err(|e| format!("{}: {e}", path.display()))?;
            merged(&text).map_err(|e| format!("{}: {e}", path.display()))?
        }
    };
    let problem = |e: std::io::Error| format!("a temporary directory: {e}");
    let dir = tempfile::tempdir().map_err(problem)?;
    std::fs::write(dir.path().join("clippy.toml"), text).map_err(problem)?;
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_whole() {
        for path in [
            "std::time::Instant::now",
            "std::thread::spawn",
            "std::sync::Mutex",
            "std::sync::Barrier",
            "num_cpus::get",
            "rand::random",
            "libc::fork",
            "std::arch::asm",
        ] {
            assert!(group_of(path).is_some(), "{path}");
        }
        assert!(group_of("std::sync::sync::Barrier").is_none());
    }

    #[test]
    fn the_users_settings_stay() {
        let own = "msrv = \"1.91\"\ndisallowed-methods = [\"mine::f\"]\n";
        let all: Table = merged(own).unwrap().parse().unwrap();
        assert_eq!(all["msrv"].as_str(), Some("1.91"));
        let methods = all["disallowed-methods"].as_array().unwrap();
        assert_eq!(methods[0].as_str(), Some("mine::f"));
        assert!(methods.len() > 50 && all["disallowed-types"].as_array().unwrap().len() > 20);
    }
}
