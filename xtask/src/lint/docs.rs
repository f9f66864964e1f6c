//! Paths that the documentation names in back-ticks must exist, and so must what it links to.
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
        for (line, target) in links(text) {
            if let Some(why) = broken(tree, path, target) {
                found.push(Finding::error(path, line, format!("link to {target}: {why}")));
            }
        }
    }
    found
}

/// The targets of `[text](target)` outside of code, with their lines; without those of other
/// hosts.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            // What stands in back-ticks is at odd places.
            let plain = line.split('`').step_by(2).flat_map(|part| part.split("](").skip(1));
            let targets = plain.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
            found.extend(targets.filter(|t| !t.is_empty() && !t.contains(':')).map(|t| (i + 1, t)));
        }
    }
    found
}

/// Why a link leads nowhere: its file or its heading does not exist.
fn broken(tree: &Tree, from: &str, target: &str) -> Option<&'static str> {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let file = if file.is_empty() { Some(from.to_string()) } else { resolved(from, file) };
    let Some(file) = file.filter(|f| tree.contains(f)) else { return Some("no such file") };
    let text = tree.files.get(&file).map_or("", String::as_str);
    let known =
        heading.is_empty() || !file.ends_with(".md") || headings(text).any(|h| h == heading);
    (!known).then_some("no such heading")
}

/// A path relative to a file, from the root; `None` where it leaves the repository.
fn resolved(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// What links call the headings of a page.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let titles = text.lines().filter(|l| l.starts_with('#')).map(|l| l.trim_start_matches('#'));
    titles.map(|title| {
        let kept = title.trim().chars().filter(|&c| c.is_alphanumeric() || " -_".contains(c));
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
    })
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
    fn broken_links_are_found() {
        assert_eq!(missing("[a](GONE.md)\n[b](kernel/gone/)\n[c](../out.md)"), [1, 2, 3]);
        assert_eq!(missing("# One two\n[a](#one-two) [b](#three)"), [2]);
        let text = "[a](LICENSE-MIT) [b](./kernel/linux/) [c](https://example.org/x) [d]()\n\
                    `[e](gone)`\n```\n[f](gone)\n```\n";
        assert!(missing(text).is_empty(), "{:?}", missing(text));
    }

    #[test]
    fn links_start_at_the_page() {
        assert_eq!(resolved("docs/a.md", "../kernel/b.rs").as_deref(), Some("kernel/b.rs"));
        assert_eq!(resolved("a.md", "b/./c").as_deref(), Some("b/c"));
        assert_eq!(resolved("a.md", "../b"), None);
        assert_eq!(headings("## What `x` is: 1_a\ntext").next().unwrap(), "what-x-is-1_a");
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
