//! Rules that the compiler does not check, each a function from the files to its findings.
mod docs;
mod manifest;
mod messages;
mod paths;
mod rust;

use crate::run::{self, Result, cargo};
use crate::setup;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// The repository's files by path, with the text of those that the rules read.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
    directories: BTreeSet<String>,
}

impl Tree {
    /// Reads a directory, except what is built there.
    pub fn load(root: &Path) -> Result<Tree> {
        let mut tree = Tree::default();
        let kept = |name: &str| name != "target" && name != ".git";
        let entries = WalkDir::new(root).sort_by_file_name().into_iter();
        for entry in entries.filter_entry(|e| kept(&e.file_name().to_string_lossy())) {
            let entry = entry.map_err(|e| e.to_string())?;
            if !entry.file_type().is_file() {
                continue;
            }
            let path = entry.path().strip_prefix(root).expect("found below the root");
            let read = path.extension().is_some_and(|e| e == "rs" || e == "md" || e == "toml");
            let text = if read {
                fs::read_to_string(entry.path()).map_err(|e| format!("{}: {e}", path.display()))?
            } else {
                String::new()
            };
            tree.add(&path.to_string_lossy(), text);
        }
        Ok(tree)
    }

    fn add(&mut self, path: &str, text: String) {
        let parents = path.char_indices().filter(|&(_, c)| c == '/').map(|(i, _)| &path[..i]);
        self.directories.extend(parents.map(String::from));
        self.files.insert(path.into(), text);
    }

    /// Whether a file or directory of this path exists.
    fn contains(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.directories.contains(path)
    }

    /// Files with an extension, in order of their paths.
    fn with_extension<'t>(
        &'t self,
        extension: &'t str,
    ) -> impl Iterator<Item = (&'t str, &'t str)> {
        let matches = move |path: &str| path.rsplit_once('.').is_some_and(|(_, e)| e == extension);
        self.files.iter().filter(move |(p, _)| matches(p)).map(|(p, t)| (p.as_str(), t.as_str()))
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        files.iter().for_each(|(path, text)| tree.add(path, text.to_string()));
        tree
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Warning,
    Error,
}

/// A violation of a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    level: Level,
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn error(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { level: Level::Error, path: path.into(), line, message: message.into() }
    }

    fn warning(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { level: Level::Warning, ..Finding::error(path, line, message) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { path, line, message, .. } = self;
        let level = match self.level {
            Level::Warning => "warning".into(),
            Level::Error => run::red("error"),
        };
        write!(f, "{level}: {path}:{line}: {message}")
    }
}

fn findings(tree: &Tree) -> Vec<Finding> {
    let rules: [fn(&Tree) -> Vec<Finding>; 5] =
        [manifest::check, rust::check, docs::check, messages::check, manifest::licences];
    rules.into_iter().flat_map(|rule| rule(tree)).collect()
}

/// Checks all rules, and dependencies' licences where cargo-deny is installed.
pub(crate) fn lint() -> Result {
    let tree = Tree::load(run::root())?;
    let found = findings(&tree);
    found.iter().for_each(|f| println!("{f}"));
    let errors = found.iter().filter(|f| f.level == Level::Error).count();
    println!("lint: {} files, {errors} errors", tree.files.len());
    let dependencies = dependencies();
    if errors > 0 {
        return Err(format!("{errors} violations of the rules in CONTRIBUTING.md"));
    }
    dependencies
}

fn dependencies() -> Result {
    if !setup::has_cargo("deny") {
        println!("cargo-deny: skipped, not installed (cargo xtask setup installs it)");
        return Ok(());
    }
    if !run::run(&mut cargo(&["deny", "check", "bans", "licenses", "sources"]))?.success {
        return Err("cargo deny found violations of deny.toml".into());
    }
    // The list of advisories comes from the network.
    let advisories = run::run_quietly(&mut cargo(&["deny", "check", "advisories"]))?;
    if advisories.success {
        println!("advisories ok");
        return Ok(());
    }
    if advisories.contains("failed to fetch advisory database") {
        println!("cargo-deny: advisories skipped, their list cannot be fetched");
        return Ok(());
    }
    Err(format!("cargo deny found advisories:\n{}", advisories.text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_read() {
        let tree = Tree::load(run::root()).unwrap();
        assert!(tree.contains("xtask/src/lint") && tree.contains("xtask/src/lint/mod.rs"));
        assert!(!tree.directories.iter().any(|d| d == "target" || d == ".git"));
        assert!(tree.with_extension("rs").any(|(path, _)| path == "xtask/src/main.rs"));
    }
}
