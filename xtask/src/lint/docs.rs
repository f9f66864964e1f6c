//! Paths that the documentation names in back-ticks must exist, and so must what it links to or
//! shows; a book's table of contents has all of its pages.
use super::{Finding, Tree};
use pulldown_cmark::{BrokenLink, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};
use std::cell::RefCell;

/// Checks all Markdown files.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.with_extension("md") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let page = Page::read(text);
        for (line, code) in &page.code {
            if let Some(named) = repository_path(tree, code)
                && !exists(tree, folder, named)
            {
                let message = format!("`{code}` looks like a path of this repository, but is none");
                found.push(Finding::error(path, *line, message));
            }
        }
        for (line, target) in &page.links {
            if let Some(why) = broken(tree, path, target) {
                found.push(Finding::error(path, *line, format!("link to {target}: {why}")));
            }
        }
        for (line, name) in &page.undefined {
            found.push(Finding::error(
                path,
                *line,
                format!("link to [{name}]: no such definition"),
            ));
        }
        if path.ends_with("/SUMMARY.md") {
            found.extend(left_out(tree, path, folder, &page));
        }
    }
    found
}

/// What a page names, with the lines.
#[derive(Default)]
struct Page {
    /// What stands between back-ticks, outside of code blocks.
    code: Vec<(usize, String)>,
    /// What it links to or shows, in Markdown or in HTML, but for what lies on other hosts.
    links: Vec<(usize, String)>,
    /// References (`[text][name]`) to a definition that it does not have.
    undefined: Vec<(usize, String)>,
    /// What links call its headings.
    headings: Vec<String>,
}

impl Page {
    fn read(text: &str) -> Page {
        let undefined = RefCell::new(Vec::new());
        let note = |link: BrokenLink<'_>| {
            // `[text]` alone may be meant as it stands.
            if matches!(link.link_type, LinkType::Reference | LinkType::Collapsed) {
                let line = line_of(text, link.span.start);
                undefined.borrow_mut().push((line, link.reference.to_string()));
            }
            None::<(CowStr<'_>, CowStr<'_>)>
        };
        let mut page = Page::default();
        let mut heading: Option<String> = None;
        let options = Options::ENABLE_TABLES;
        let parser = Parser::new_with_broken_link_callback(text, options, Some(note));
        for (event, range) in parser.into_offset_iter() {
            let line = line_of(text, range.start);
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push((line, dest_url.to_string()));
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    page.links.extend(html_targets(&html).map(|t| (line, t.to_owned())));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.headings.extend(heading.take().as_deref().map(anchor));
                }
                Event::Code(code) => {
                    heading.iter_mut().for_each(|h| h.push_str(&code));
                    page.code.push((line, code.to_string()));
                }
                Event::Text(words) => heading.iter_mut().for_each(|h| h.push_str(&words)),
                _ => {}
            }
        }
        page.links.retain(|(_, target)| !target.is_empty() && !target.contains(':'));
        page.undefined = undefined.into_inner();
        page
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text[..offset].matches('\n').count()
}

/// What `src` and `href` of a piece of HTML name.
fn html_targets(html: &str) -> impl Iterator<Item = &str> {
    ["src=\"", "href=\""].into_iter().flat_map(move |start| {
        html.split(start).skip(1).filter_map(|rest| rest.split_once('"')).map(|(target, _)| target)
    })
}

/// Pages beside or below a book's table of contents that neither it names nor a page includes.
fn left_out(tree: &Tree, path: &str, folder: &str, contents: &Page) -> Vec<Finding> {
    let below = || tree.with_extension("md").filter(|(p, _)| p.starts_with(&format!("{folder}/")));
    let mut reached: Vec<_> =
        contents.links.iter().filter_map(|(_, target)| resolved(path, target)).collect();
    for (page, text) in below() {
        let included = text.split("{{#include ").skip(1).filter_map(|rest| rest.split_once("}}"));
        let files = included.map(|(target, _)| target.split_once(':').map_or(target, |(f, _)| f));
        reached.extend(files.filter_map(|file| resolved(page, file)));
    }
    let missing = below().filter(|(p, _)| *p != path && !reached.iter().any(|r| r == p));
    missing.map(|(p, _)| Finding::error(path, 1, format!("the page {p} is not in it"))).collect()
}

/// Why a link leads nowhere: its file or its heading does not exist.
fn broken(tree: &Tree, from: &str, target: &str) -> Option<&'static str> {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let file = if file.is_empty() { Some(from.to_string()) } else { resolved(from, file) };
    let Some(file) = file.filter(|f| tree.contains(f)) else { return Some("no such file") };
    let text = tree.files.get(&file).map_or("", String::as_str);
    let known = heading.is_empty()
        || !file.ends_with(".md")
        || Page::read(text).headings.iter().any(|h| h == heading);
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

/// What links call a heading.
fn anchor(title: &str) -> String {
    let kept = title.trim().chars().filter(|&c| c.is_alphanumeric() || " -_".contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
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
    fn pictures_and_html_are_links() {
        assert_eq!(missing("a ![b](gone.svg) c"), [1]);
        assert_eq!(missing("\n<img src=\"gone.svg\">\n"), [2]);
        assert_eq!(
            missing("text <a href=\"GONE.md\">here</a> <img alt=\"\" src=\"x/y.png\"/>"),
            [1, 1]
        );
        let text = "<img src=\"LICENSE-MIT\"> <a href=\"https://example.org/x\">x</a>\n\n\
                    `<img src=\"gone\">`\n\n```html\n<img src=\"gone\">\n```\n";
        assert!(missing(text).is_empty(), "{:?}", missing(text));
    }

    #[test]
    fn references_are_links() {
        assert_eq!(missing("[a][one]\n[b]\n\n[one]: GONE.md\n[b]: ./gone \"title\"\n"), [1, 2]);
        assert_eq!(missing("a\n[a][undefined] and [b][]"), [2, 2]);
        assert!(missing("[a][one], [sic], `[a][b]`\n\n[one]: LICENSE-MIT\n").is_empty());
    }

    #[test]
    fn a_book_has_all_of_its_pages() {
        let of = |summary: &str| {
            let tree = Tree::of(&[
                ("book/src/SUMMARY.md", summary),
                ("book/src/one.md", "{{#include c/part.md}} {{#include ../two.md:anchor}}"),
                ("book/src/c/part.md", ""),
                ("book/two.md", ""),
                ("book/src/three.md", "[one](one.md)"),
            ]);
            check(&tree).into_iter().map(|f| f.message).collect::<Vec<_>>()
        };
        assert!(of("- [1](one.md)\n- [3](./three.md)").is_empty());
        assert_eq!(of("- [1](one.md)"), ["the page book/src/three.md is not in it"]);
    }

    #[test]
    fn links_start_at_the_page() {
        assert_eq!(resolved("docs/a.md", "../kernel/b.rs").as_deref(), Some("kernel/b.rs"));
        assert_eq!(resolved("a.md", "b/./c").as_deref(), Some("b/c"));
        assert_eq!(resolved("a.md", "../b"), None);
        assert_eq!(Page::read("## What `x` is: 1_a\ntext").headings, ["what-x-is-1_a"]);
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
