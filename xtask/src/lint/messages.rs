//! What the libraries can say is to be found in `docs/troubleshooting.md`, which goes by messages.
use super::{Finding, Tree};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The page, and the one with the texts of faults, to which it sends its readers.
const PAGES: [&str; 2] = ["docs/troubleshooting.md", "docs/faults.md"];

/// Whose messages users of the libraries read.
const SOURCES: &[&str] = &[
    "detpar/src/",
    "detpar-fs/src/",
    "kernel/src/error.rs",
    "kernel/src/replay/",
    "libdet-c/src/",
];

/// What is no message of a program that runs, by its first words.
const NONE: &[&str] = &[
    // Checked when the library is compiled.
    "as the documentation of",
];

/// Macros that end a program with a message.
const MACROS: &[&str] = &["panic", "assert", "assert_eq", "assert_ne"];

/// Checks the literals of panics, of `Display` and of the C library's failures.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let pages = PAGES.iter().filter_map(|page| tree.files.get(*page));
    let known = plain(&pages.map(String::as_str).collect::<Vec<_>>().join("\n"));
    let mut found = Vec::new();
    for (path, text) in tree.with_extension("rs") {
        let is_read = SOURCES.iter().any(|source| path.starts_with(source));
        // What does not parse is told by another rule.
        let Some(tokens) = text.parse::<TokenStream>().ok().filter(|_| is_read) else { continue };
        let mut messages = Vec::new();
        collect(tokens, false, &mut messages);
        for (line, message) in messages {
            let Some(part) = first(&message) else { continue };
            if !known.contains(&part) && !NONE.iter().any(|start| part.starts_with(start)) {
                let message = format!("\"{part}\" is a message that {} does not have", PAGES[0]);
                found.push(Finding::error(path, line, message));
            }
        }
    }
    found
}

/// The string literals of messages, with their lines.
fn collect(tokens: TokenStream, is_message: bool, to: &mut Vec<(usize, String)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let word = |at: usize| match tokens.get(at) {
        Some(TokenTree::Ident(word)) => word.to_string(),
        Some(TokenTree::Punct(mark)) => mark.as_char().to_string(),
        _ => String::new(),
    };
    // Of an `impl`, until its block.
    let mut shows = false;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(name) if name == "impl" => shows = false,
            TokenTree::Ident(name) if name == "Display" => shows = true,
            TokenTree::Literal(literal) if is_message => {
                let text = literal.to_string();
                if let Some(text) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
                    to.push((literal.span().start().line, text.to_string()));
                }
            }
            TokenTree::Group(group) if !is_test(group, at, &word) => {
                let before = |n: usize| at.checked_sub(n).map(word).unwrap_or_default();
                let is_panic = before(1) == "!" && MACROS.contains(&before(2).as_str());
                let is_failure = before(1) == "new" && before(4) == "Failed";
                let is_shown = shows && group.delimiter() == Delimiter::Brace;
                shows &= !is_shown;
                collect(group.stream(), is_message || is_panic || is_failure || is_shown, to);
            }
            _ => {}
        }
    }
}

/// A module of tests, or the arguments of an attribute.
fn is_test(group: &Group, at: usize, word: &impl Fn(usize) -> String) -> bool {
    let name = at.checked_sub(1).map(word).unwrap_or_default();
    name == "#" || (name == "tests" && group.delimiter() == Delimiter::Brace)
}

/// The first words of a message that do not vary, which is what one looks for; `None` where it has
/// no three words.
fn first(literal: &str) -> Option<String> {
    let mut lines = literal.split("\\\n");
    let mut text = lines.next().unwrap_or_default().to_string();
    lines.for_each(|line| text.push_str(line.trim_start()));
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in text.replace("\\n", "{}").replace(": ", "{}").replace("; ", "{}").chars() {
        match c {
            '{' => {
                depth += 1;
                parts.push(String::new());
            }
            '}' => depth -= 1,
            _ if depth > 0 => {}
            _ => parts.last_mut().expect("it has one").push(c),
        }
    }
    let parts =
        parts.iter().map(|part| plain(part).trim_matches([' ', '.', ',', '(', ')']).to_string());
    let spaces = |part: &String| part.matches(' ').count();
    let parts: Vec<String> = parts.collect();
    let says_something = parts.iter().any(|part| spaces(part) >= 2);
    parts.into_iter().find(|part| spaces(part) >= 1).filter(|_| says_something)
}

/// Without marks and breaks of lines.
fn plain(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !['`', '\\'].contains(c)).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str, page: &str) -> Vec<usize> {
        let tree = Tree::of(&[("detpar/src/a.rs", source), (PAGES[0], page)]);
        check(&tree).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn messages_are_on_the_page() {
        let source = "fn f() {\n    assert!(x, \"{n} is too \\\n small: {e}\");\n}\n";
        assert_eq!(found(source, "A pool of `N` is too large."), [2]);
        assert!(found(source, "| `N is too\nsmall: ...` |").is_empty());
        let source = "impl fmt::Display for E { fn f() { f.write_str(\"it is small\") } }";
        assert_eq!(found(source, ""), [1]);
        let source = "fn f() { Err(Failed::new(EINVAL, \"it is small\")) }";
        assert_eq!(found(source, ""), [1]);
    }

    #[test]
    fn other_texts_are_none() {
        let source = "impl Debug for E { fn f() { f(\"it is small\") } }\n\
                      #[cfg(test)] mod tests { fn f() { panic!(\"it is small\") } }\n\
                      fn f() { x.expect(\"it is small\"); assert!(y, \"{n} small\"); }";
        assert!(found(source, "").is_empty());
    }
}
