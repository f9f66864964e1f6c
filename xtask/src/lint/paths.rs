//! The paths (`a::b::c`) that a Rust source names, from its tokens: comments and strings do
//! not count, what macros are given does.
use proc_macro2::{Group, Spacing, TokenStream, TokenTree};

/// A path, `use` groups resolved: `use a::{b, c::*}` names `a::b` and `a::c::*`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// `["a", "b"]`; a single identifier is a path, too.
    pub segments: Vec<String>,
    /// Line of its first segment.
    pub line: usize,
    /// How many `mod name { ... }` lie around it in the file.
    pub depth: usize,
}

impl Path {
    /// Whether it starts with these segments.
    pub fn starts_with(&self, start: &[&str]) -> bool {
        self.segments.len() >= start.len() && self.segments.iter().zip(start).all(|(a, b)| a == b)
    }
}

/// Words that can stand before a path with `::` at its head, and are no part of it.
const KEYWORDS: &[&str] = &[
    "async", "await", "break", "const", "dyn", "else", "for", "if", "impl", "in", "let", "loop",
    "match", "move", "mut", "ref", "return", "static", "type", "unsafe", "use", "where", "while",
    "yield",
];

/// All paths of a file.
pub(super) fn paths(tokens: TokenStream) -> Vec<Path> {
    let mut found = Vec::new();
    walk(tokens, &[], 0, &mut found);
    found
}

fn walk(tokens: TokenStream, prefix: &[String], depth: usize, found: &mut Vec<Path>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        i += 1;
        let word = match token {
            TokenTree::Ident(word) => word,
            TokenTree::Group(group) => {
                walk(group.stream(), &[], depth, found);
                continue;
            }
            TokenTree::Punct(star) if star.as_char() == '*' && !prefix.is_empty() => {
                let line = star.span().start().line;
                let segments = prefix.iter().cloned().chain(["*".to_string()]).collect();
                found.push(Path { segments, line, depth });
                continue;
            }
            _ => continue,
        };
        let text = word.to_string();
        if text == "mod"
            && matches!(tokens.get(i), Some(TokenTree::Ident(_)))
            && let Some(body) = tokens.get(i + 1).and_then(group)
        {
            walk(body.stream(), &[], depth + 1, found);
            i += 2;
            continue;
        }
        if KEYWORDS.contains(&text.as_str()) {
            continue;
        }
        if text == "as" && !prefix.is_empty() {
            // `use a::{b as c}`: the new name is no path.
            i += 1;
            continue;
        }
        let line = word.span().start().line;
        let mut segments = prefix.to_vec();
        if text != "self" || prefix.is_empty() {
            segments.push(text);
        }
        let mut list = None;
        while double_colon(&tokens[i..]) {
            match tokens.get(i + 2) {
                Some(TokenTree::Ident(next)) => segments.push(next.to_string()),
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => segments.push("*".into()),
                Some(token) if group(token).is_some() => list = group(token),
                _ => break,
            }
            i += 3;
        }
        match list {
            Some(list) => walk(list.stream(), &segments, depth, found),
            None => found.push(Path { segments, line, depth }),
        }
    }
}

fn group(token: &TokenTree) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace => {
            Some(group)
        }
        _ => None,
    }
}

fn double_colon(tokens: &[TokenTree]) -> bool {
    match tokens {
        [TokenTree::Punct(a), TokenTree::Punct(b), ..] => {
            a.as_char() == ':' && a.spacing() == Spacing::Joint && b.as_char() == ':'
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str) -> Vec<String> {
        let all = paths(source.parse().unwrap());
        all.iter().filter(|p| p.segments.len() > 1).map(|p| p.segments.join("::")).collect()
    }

    #[test]
    fn use_trees_are_resolved() {
        let found = of("use a::{b, c::{self, d as e}, f::*, *}; use ::g::h;");
        assert_eq!(found, ["a::b", "a::c", "a::c::d", "a::f::*", "a::*", "g::h"]);
    }

    #[test]
    fn expressions_types_and_macros() {
        let found = of("fn f(x: a::B<c::D>) { m!(e::f::<g::H>()); x.y(&i::J { k: l::M }) }");
        assert_eq!(found, ["a::B", "c::D", "e::f", "g::H", "i::J", "l::M"]);
    }

    #[test]
    fn comments_and_strings_do_not_count() {
        assert!(of("// a::b\n/// c::d\nconst S: &str = \"e::f\";").is_empty());
    }

    #[test]
    fn lines_and_modules() {
        let all = paths("use a::b;\nmod m {\n    use c::d;\n}\nuse e::f;".parse().unwrap());
        let of = |name: &str| {
            let path = all.iter().find(|p| p.segments[0] == name).unwrap();
            (path.line, path.depth)
        };
        assert_eq!((of("a"), of("c"), of("e")), ((1, 0), (3, 1), (5, 0)));
    }
}
