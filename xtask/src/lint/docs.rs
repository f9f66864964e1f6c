//! Paths that the documentation names in back-ticks must exist.
use super::{Finding, Tree};

/// Checks all Markdown files.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.with_extension("md") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, code) in code_spans(text) {
            if let Some(named) = repository_path(tree, code)
                && !exists(tree, folder, named)
            {
                let message = format!("`{code}` looks like a path of this repository, but is none");
                found.push(Finding::error(path, line, message));
            }
        }
    }
    found
}

/// What stands between single back-ticks, outside of code blocks, with its line.
fn code_spans(text: &str) -> Vec<(usize, &str)> {
    let mut spans = Vec::new();
    let mut fenced = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            spans.extend(line.split('`').skip(1).step_by(2).map(|code| (i + 1, code)));
        }
    }
    spans
}

/// The path that a code span names, without `:line` and `/` at its end; `None` for anything
/// else, patterns and commands among them.
fn repository_path<'c>(tree: &Tree, code: &'c str) -> Option<&'c str> {
    let (path, line) = code.split_once(':').unwrap_or((code, ""));
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if !line.chars().all(|c| c.is_ascii_digit())
        || path.starts_with('/')
        || !path.chars().all(plain)
    {
        return None;
    }
    let file = [".rs", ".md", ".toml"].iter().any(|e| path.ends_with(e) && path.len() > e.len());
    let inside = path.split_once('/').is_some_and(|(first, _)| tree.contains(first));
    (file || inside).then_some(path.trim_end_matches('/'))
}

/// From the root or from the document's folder; a file also by the end of its path
/// (`src/lib.rs` where the crate is named beside it).
fn exists(tree: &Tree, folder: &str, path: &str) -> bool {
    let end = format!("/{path}");
    tree.contains(path)
        || tree.contains(&format!("{folder}{end}"))
        || tree.files.keys().any(|file| file.ends_with(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(text: &str) -> Vec<usize> {
        let tree = Tree::of(&[
            ("README.md", text),
            ("kernel/src/lib.rs", ""),
            ("kernel/linux/config", ""),
            ("LICENSE-MIT", ""),
        ]);
        check(&tree).iter().map(|f| f.line).collect()
    }

    #[test]
    fn missing_paths_are_found() {
        assert_eq!(missing("`kernel/src/gone.rs`"), [1]);
        assert_eq!(missing("see\n`kernel/gone/` and `kernel/src/lib.rs:3`"), [2]);
        assert_eq!(missing("`GONE.md`, `gone.rs`, `gone.toml`"), [1, 1, 1]);
    }

    #[test]
    fn existing_paths_pass() {
        let text =
            "`kernel/` `kernel/linux` `kernel/linux/config` `src/lib.rs` `lib.rs` `README.md`";
        assert!(missing(text).is_empty());
    }

    #[test]
    fn other_code_passes() {
        let text = "`put/get` `cargo xtask test` `/proc/self/maps` `kernel::call` `*.rs` \
                    `kernel/src/{a,b}.rs` `https://example.org/a.md` `n += 1` `.rs` kernel/gone";
        assert!(missing(text).is_empty(), "{:?}", missing(text));
        assert!(missing("```\n`kernel/gone`\n```\n").is_empty());
    }
}
