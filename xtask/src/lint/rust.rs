//! Rules for Rust sources: layers, unsafe code, sizes.
use super::paths::{Path, paths};
use super::{Finding, Tree};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Files longer than this many lines are worth a split.
const LONG: usize = 600;
/// Longer files are not accepted.
const TOO_LONG: usize = 900;

/// Crates that make up the library.
const LIBRARIES: &[&str] =
    &["detpar/src/", "detpar-fs/src/", "detpar-macros/src/", "kernel/src/", "libdet-c/src/"];

/// Our crates as sources name them.
const OURS: &[&str] = &["detpar", "detpar_fs", "detpar_kernel", "detpar_macros", "kernel"];

/// Where the three calls may be called.
const CALLERS: &[&str] = &["detpar/src/fork.rs", "libdet-c/src/raw.rs"];

/// C's functions that return twice: no Rust signature can express them.
const TWICE: &str = "libdet-c/src/twice.rs";

/// What of the standard library reaches the OS.
const OS: &[&str] = &["fs", "net", "os", "process", "thread"];

/// Checks all sources, except the macros' test cases, which are wrong on purpose.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.with_extension("rs") {
        found.extend(length(path, text));
        if path.contains("/tests/ui/") {
            continue;
        }
        match text.parse::<TokenStream>() {
            Ok(tokens) => {
                found.extend(layers(path, &paths(tokens.clone())));
                found.extend(assembly(path, &tokens));
                unsafety(path, text, tokens, false, &mut found);
            }
            Err(e) => found.push(Finding::error(path, e.span().start().line, "not Rust")),
        }
    }
    found
}

fn length(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    if lines > TOO_LONG {
        let message = format!("{lines} lines: split it (at most {TOO_LONG})");
        return Some(Finding::error(path, lines, message));
    }
    let message = format!("{lines} lines: aim for under {LONG}");
    (lines > LONG).then(|| Finding::warning(path, lines, message))
}

/// Who may name what.
fn layers(path: &str, paths: &[Path]) -> Vec<Finding> {
    let mut found = Vec::new();
    for named in paths {
        if let Some(message) = layer(path, named) {
            let text = named.segments.join("::");
            found.push(Finding::error(path, named.line, format!("{text}: {message}")));
        }
    }
    found
}

fn layer(path: &str, named: &Path) -> Option<&'static str> {
    if path == "kernel/src/abi.rs" && leaves(path, named, &["abi"]) {
        return Some("the interface imports nothing of ours");
    }
    if path.starts_with("kernel/src/merge/") || path == "kernel/src/merge.rs" {
        if leaves(path, named, &["abi", "merge"]) {
            return Some("the merge uses only `crate::abi` and itself");
        }
        let os = named.starts_with(&["libc"]) && named.segments.len() > 1
            || OS.iter().any(|module| named.starts_with(&["std", module]));
        if os {
            return Some("the merge is pure: it tests anywhere, without the OS");
        }
    }
    let library = LIBRARIES.iter().any(|l| path.starts_with(l));
    if library && !path.starts_with("kernel/") && !CALLERS.contains(&path) {
        let call = named.starts_with(&["kernel", "call"]);
        if call || named.starts_with(&["detpar_kernel", "call"]) {
            return Some("only `detpar/src/fork.rs` and `libdet-c/src/raw.rs` call the kernel");
        }
    }
    if library && !in_sys(path) && named.starts_with(&["libc", "syscall"]) {
        return Some("only `kernel/src/sys` makes system calls by number");
    }
    None
}

/// Whether a path in the kernel leads out of the modules it may use.
fn leaves(file: &str, named: &Path, allowed: &[&str]) -> bool {
    let segments = &named.segments;
    if segments.len() < 2 {
        return false;
    }
    let supers = segments.iter().take_while(|s| *s == "super").count();
    let inside = |module: Option<&str>| module.is_some_and(|m| allowed.contains(&m));
    match segments[0].as_str() {
        "crate" => !inside(Some(&segments[1])),
        "super" => {
            let file = file.trim_start_matches("kernel/src/").trim_end_matches(".rs");
            let modules: Vec<&str> = file.split('/').filter(|m| *m != "mod").collect();
            let around = modules.len() + named.depth;
            if supers < around {
                // Ends in the first of the file's modules, or below it.
                return !inside(Some(modules[0]));
            }
            !inside(segments.get(supers).map(String::as_str))
        }
        first => OURS.contains(&first),
    }
}

fn in_sys(path: &str) -> bool {
    path.starts_with("kernel/src/sys/") || path == "kernel/src/sys.rs"
}

/// Assembly stays in `kernel/src/sys`, with the other code that talks to the OS.
fn assembly(path: &str, tokens: &TokenStream) -> Vec<Finding> {
    if in_sys(path) || path == TWICE || !LIBRARIES.iter().any(|l| path.starts_with(l)) {
        return Vec::new();
    }
    let mut lines = Vec::new();
    macros(tokens.clone(), &["asm", "global_asm", "naked_asm"], &mut lines);
    let message = "assembly belongs into `kernel/src/sys`";
    lines.into_iter().map(|line| Finding::error(path, line, message)).collect()
}

fn macros(tokens: TokenStream, names: &[&str], lines: &mut Vec<usize>) {
    let mut last: Option<proc_macro2::Ident> = None;
    for token in tokens {
        let word = last.take();
        match token {
            TokenTree::Ident(word) => last = Some(word),
            TokenTree::Punct(mark) if mark.as_char() == '!' => {
                lines.extend(
                    word.filter(|w| names.iter().any(|n| w == n)).map(|w| w.span().start().line),
                );
            }
            TokenTree::Group(group) => macros(group.stream(), names, lines),
            _ => {}
        }
    }
}

/// Unsafe blocks, implementations and functions say why they are sound, or what they ask for.
fn unsafety(
    path: &str,
    text: &str,
    tokens: TokenStream,
    in_trait_impl: bool,
    found: &mut Vec<Finding>,
) {
    let lines: Vec<&str> = text.lines().collect();
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut implements = None;
    for (i, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(word) if word == "unsafe" => {
                let what = kind(&tokens[i + 1..]);
                // The trait says what its unsafe methods ask for.
                let known = what == Some("fn") && in_trait_impl;
                let line = word.span().start().line;
                if let Some(what) = what
                    && !known
                    && !justified(&lines, line)
                {
                    let message = format!("`unsafe {what}` without a SAFETY comment");
                    found.push(Finding::error(path, line, message));
                }
                if what == Some("impl") {
                    implements = Some(false);
                }
            }
            TokenTree::Ident(word) if word == "impl" => implements = Some(false),
            TokenTree::Ident(word) if word == "for" && !is_punct(tokens.get(i + 1), '<') => {
                implements = implements.map(|_| true);
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => implements = None,
            TokenTree::Group(group) => {
                let brace = group.delimiter() == Delimiter::Brace;
                let body_of_impl = brace && implements == Some(true);
                if brace {
                    implements = None;
                }
                unsafety(path, text, group.stream(), body_of_impl, found);
            }
            _ => {}
        }
    }
}

/// What stands after `unsafe`, if it needs a justification.
fn kind(after: &[TokenTree]) -> Option<&'static str> {
    let word =
        |i: usize, text: &str| matches!(after.get(i), Some(TokenTree::Ident(w)) if w == text);
    if let Some(TokenTree::Group(group)) = after.first() {
        return (group.delimiter() == Delimiter::Brace).then_some("block");
    }
    if word(0, "impl") {
        return Some("impl");
    }
    let mut at = 0;
    if word(0, "extern") {
        at = if matches!(after.get(1), Some(TokenTree::Literal(_))) { 2 } else { 1 };
    }
    // A type, `unsafe fn(u8)`, has no name.
    let named = matches!(after.get(at + 1), Some(TokenTree::Ident(_)));
    (word(at, "fn") && named).then_some("fn")
}

fn is_punct(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == mark)
}

/// Whether a comment with the word stands on the line, within three lines above it, or in
/// the comment that those lines end.
fn justified(lines: &[&str], line: usize) -> bool {
    let at = line - 1;
    let says = |text: &str| text.contains("//") && text.to_ascii_lowercase().contains("safety");
    if says(lines[at]) {
        return true;
    }
    let mut near = 3;
    for text in lines[..at].iter().rev() {
        if says(text) {
            return true;
        }
        let text = text.trim_start();
        if !text.starts_with("//") && !text.starts_with("#[") {
            near -= 1;
        }
        if near == 0 {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let found = check(&Tree::of(&[(path, text)]));
        found.iter().filter(|f| f.level == super::super::Level::Error).map(|f| f.line).collect()
    }

    #[test]
    fn long_files() {
        let of = |n| check(&Tree::of(&[("a/src/b.rs", &"\n".repeat(n))]));
        assert!(of(600).is_empty());
        assert_eq!(of(601)[0].level, super::super::Level::Warning);
        assert_eq!(of(901)[0].level, super::super::Level::Error);
    }

    #[test]
    fn merge_uses_the_interface_only() {
        let word = "kernel/src/merge/word.rs";
        let planted = "use crate::abi::PAGE;\nuse crate::{abi, image};\nuse super::super::exec::Worker;\n\
                       fn f() { crate::sys::page() }\nuse libc::c_int;\nuse std::process::id;\n\
                       use kernel::call;";
        assert_eq!(lines(word, planted), [2, 3, 4, 5, 6, 7]);
        let fine = "use super::plan::Plan;\nuse super::super::abi::PAGE;\nuse self::inner::X;\n\
                    use crate::merge::page;\nuse std::cmp;\n\
                    mod tests { use super::super::*; use super::super::super::abi; }";
        assert!(lines(word, fine).is_empty());
        assert_eq!(lines("kernel/src/merge/mod.rs", "use super::image;\nuse super::abi;"), [1]);
        assert!(lines("kernel/src/image/mod.rs", "use crate::sys;").is_empty());
    }

    #[test]
    fn the_interface_imports_nothing() {
        let planted = "use bitflags::bitflags;\nuse crate::error::Error;\nuse super::merge;\n\
                       pub(crate) fn f() {}\n/// [`crate::child`]\nfn g() {}";
        assert_eq!(lines("kernel/src/abi.rs", planted), [2, 3]);
        let tests = "mod tests { use super::*; }";
        assert!(lines("kernel/src/abi.rs", tests).is_empty());
    }

    #[test]
    fn assembly_and_calls_by_number_belong_into_sys() {
        let planted = "fn f() {\n    asm!(\"nop\");\n}\ncore::arch::global_asm!(\"\");\n\
                       use libc::{read, syscall};";
        let exec = lines("kernel/src/exec/start.rs", planted);
        assert_eq!(exec, [5, 2, 4]);
        assert!(lines("kernel/src/sys/raw.rs", planted).is_empty());
        assert!(lines("tests/tests/confine.rs", planted).is_empty());
        assert!(
            lines("kernel/src/exec/start.rs", "// asm!\nfn f() { let asm = \"asm!\"; }").is_empty()
        );
    }

    #[test]
    fn fork_alone_calls_the_kernel() {
        let planted = "use kernel::abi::End;\nuse kernel::{call::Closed, error};";
        assert_eq!(lines("detpar/src/join.rs", planted), [2]);
        assert_eq!(lines("detpar/src/a.rs", "fn f() { ::kernel::call::g() }"), [1]);
        assert!(lines("detpar/src/fork.rs", planted).is_empty());
        assert!(lines("kernel/examples/raw.rs", planted).is_empty());
    }

    #[test]
    fn unsafe_code_is_justified() {
        let path = "detpar/src/a.rs";
        assert_eq!(lines(path, "fn f() {\n    unsafe { g() }\n}"), [2]);
        assert_eq!(lines(path, "unsafe impl Send for X {}\nunsafe fn f() {}"), [1, 2]);
        assert_eq!(lines(path, "unsafe extern \"C\" fn f() {}"), [1]);
        assert_eq!(lines(path, "// SAFETY: far\n\n\n\n\nunsafe impl Send for X {}"), [6]);
        assert!(lines(path, "// SAFETY: x\nlet a =\n    b(unsafe { c() });").is_empty());
        assert!(lines(path, "// SAFETY: long\n// a\n// b\n// c\n// d\nunsafe { c() }").is_empty());
        assert!(lines(path, "unsafe { c() } // SAFETY: here").is_empty());
        assert!(
            lines(path, "/// # Safety\n/// `p` is valid.\n#[inline]\npub unsafe fn f() {}")
                .is_empty()
        );
        assert!(
            lines(path, "type F = unsafe extern \"C\" fn(u8);\n#[unsafe(no_mangle)]\nfn f() {}")
                .is_empty()
        );
    }

    #[test]
    fn methods_of_unsafe_traits_follow_the_trait() {
        let path = "detpar/src/a.rs";
        let text = "// SAFETY: sound\nunsafe impl A for B {\n\n\n\n    unsafe fn c() {\n\n\n\n        unsafe { d() }\n    }\n}";
        assert_eq!(lines(path, text), [10]);
        assert_eq!(lines(path, "impl<F: for<'a> Fn(&'a u8)> B<F> {\n    unsafe fn c() {}\n}"), [2]);
    }

    #[test]
    fn wrong_cases_of_the_macros_are_left_out() {
        assert!(lines("detpar-macros/tests/ui/a.rs", "unsafe fn danger() {}").is_empty());
        assert_eq!(lines("detpar-macros/tests/a.rs", "fn {").len(), 1);
    }
}
