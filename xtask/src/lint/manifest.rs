//! Rules for `Cargo.toml` files: who may depend on whom, and licences.
use super::{Finding, Tree};
use crate::run::Result;
use std::collections::BTreeSet;
use toml::{Table, Value};

/// Crates that depend on none of ours (tests excepted), with the reason.
const LEAVES: &[(&str, &str)] = &[
    ("detpar-macros", "what it expands to names detpar by path, so that it need not know it"),
    ("detpar-fs", "the kernel knows no files, and files know no kernel"),
    ("kernel", "everything else stands on it"),
];

const LICENCE: &str = "MIT OR Apache-2.0";

impl Tree {
    /// The folders of the workspace's members.
    pub(crate) fn members(&self) -> Result<Vec<String>> {
        let root = table(self, "Cargo.toml")?;
        let members = root.get("workspace").and_then(|w| w.get("members"));
        let members = members.and_then(Value::as_array).ok_or("Cargo.toml names no members")?;
        Ok(members.iter().filter_map(|m| m.as_str()).map(String::from).collect())
    }
}

fn table(tree: &Tree, path: &str) -> Result<Table> {
    let text = tree.files.get(path).ok_or_else(|| format!("{path} is missing"))?;
    text.parse().map_err(|e| format!("{path}: {e}"))
}

/// Checks that the leaves depend on none of ours.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let ours = match ours(tree) {
        Ok(ours) => ours,
        Err(e) => return vec![Finding::error("Cargo.toml", 1, e)],
    };
    let mut found = Vec::new();
    for (folder, reason) in LEAVES {
        let path = format!("{folder}/Cargo.toml");
        let Some(text) = tree.files.get(&path) else { continue };
        let manifest = match table(tree, &path) {
            Ok(manifest) => manifest,
            Err(e) => {
                found.push(Finding::error(&path, 1, e));
                continue;
            }
        };
        for (name, value) in dependencies(&manifest) {
            let package = value.get("package").and_then(Value::as_str).unwrap_or(name);
            if ours.contains(name) || ours.contains(package) || value.get("path").is_some() {
                let line = text.lines().position(|l| l.trim_start().starts_with(name.as_str()));
                let message = format!("{folder} must not depend on {name}: {reason}");
                found.push(Finding::error(&path, line.map_or(1, |i| i + 1), message));
            }
        }
    }
    found
}

/// All names by which our crates can be depended on.
fn ours(tree: &Tree) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let root = table(tree, "Cargo.toml")?;
    let shared = root.get("workspace").and_then(|w| w.get("dependencies")?.as_table());
    let shared = shared.into_iter().flatten().filter(|(_, value)| value.get("path").is_some());
    names.extend(shared.map(|(name, _)| name.clone()));
    for member in tree.members()? {
        let manifest = table(tree, &format!("{member}/Cargo.toml"))?;
        let name = manifest.get("package").and_then(|p| p.get("name")?.as_str());
        names.extend(name.map(String::from));
    }
    Ok(names)
}

/// What a crate's library is built with, on any target.
fn dependencies(manifest: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let targets = targets.filter_map(|(_, target)| target.as_table());
    std::iter::once(manifest)
        .chain(targets)
        .flat_map(|place| [place.get("dependencies"), place.get("build-dependencies")])
        .filter_map(|all| all?.as_table())
        .flatten()
}

/// Checks that both licence texts are there and that every crate names them.
pub(super) fn licences(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        if !tree.contains(file) {
            found.push(Finding::error(file, 1, "the licence's text is missing"));
        }
    }
    for member in tree.members().unwrap_or_default() {
        let path = format!("{member}/Cargo.toml");
        let Ok(manifest) = table(tree, &path) else { continue };
        let licence = manifest.get("package").and_then(|p| p.get("license"));
        let shared = licence.and_then(|l| l.get("workspace")).and_then(Value::as_bool);
        if shared != Some(true) && licence.and_then(Value::as_str) != Some(LICENCE) {
            let message = format!("the licence must be the workspace's, {LICENCE}");
            found.push(Finding::error(&path, 1, message));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = r#"
        [workspace]
        members = ["kernel", "detpar-macros"]
        [workspace.dependencies]
        kernel = { path = "kernel", package = "detpar-kernel" }
        libc = "0.2"
    "#;
    const KERNEL: &str = "[package]\nname = \"detpar-kernel\"\nlicense.workspace = true\n";

    fn macros(dependencies: &str) -> Tree {
        let manifest = format!("[package]\nname = \"detpar-macros\"\n{dependencies}");
        Tree::of(&[
            ("Cargo.toml", ROOT),
            ("kernel/Cargo.toml", KERNEL),
            ("detpar-macros/Cargo.toml", &manifest),
            ("LICENSE-MIT", ""),
        ])
    }

    #[test]
    fn leaves_depend_on_none_of_ours() {
        for planted in [
            "[dependencies]\nkernel.workspace = true",
            "[dependencies]\nk = { package = \"detpar-kernel\", version = \"0.1\" }",
            "[build-dependencies]\ndetpar-kernel = \"0.1\"",
            "[target.'cfg(unix)'.dependencies]\nother = { path = \"../other\" }",
        ] {
            let found = check(&macros(planted));
            assert_eq!(found.len(), 1, "{planted}");
            assert_eq!((found[0].path.as_str(), found[0].line), ("detpar-macros/Cargo.toml", 4));
        }
    }

    #[test]
    fn others_and_tests_may() {
        let fine = "[dependencies]\nlibc.workspace = true\nsyn = { version = \"2\" }\n\
                    [dev-dependencies]\nkernel.workspace = true";
        assert!(check(&macros(fine)).is_empty());
    }

    #[test]
    fn licences_are_there() {
        let found = licences(&macros(""));
        let paths: Vec<_> = found.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, ["LICENSE-APACHE", "detpar-macros/Cargo.toml"]);
    }
}
