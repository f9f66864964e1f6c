//! Walks the tokens of a piece of code.
use super::names::{Import, Names, Segments, imports};
use super::table::{
    ADDRESSES, ASYNC, Group, Kind, METHODS, ORDERED_METHODS, ORDERINGS, Row, STATIC_MUT,
};
use super::{row, text};
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use std::collections::HashSet;
use syn::Type;
use syn::parse::{ParseStream, Parser};

/// Something that was found.
pub(crate) struct Found {
    /// The kind of nondeterminism.
    pub group: &'static Group,
    /// What it is called in the code.
    pub name: String,
    /// Where it stands.
    pub tokens: TokenStream,
}

/// Finds what a piece of code names, where these names are known around it.
pub(crate) fn search(code: &TokenStream, mut around: Names) -> Vec<Found> {
    around.define(code.clone());
    let mut search = Search { names: around, variables: HashSet::new(), found: Vec::new() };
    search.variables(code.clone());
    search.imports(code.clone());
    search.walk(code.clone(), false);
    search.found
}

struct Search {
    names: Names,
    /// Words that stand by themselves somewhere, and not only to be called.
    variables: HashSet<String>,
    found: Vec<Found>,
}

impl Search {
    fn add(&mut self, group: &'static Group, name: impl Into<String>, tokens: &[TokenTree]) {
        let tokens = tokens.iter().cloned().collect();
        self.found.push(Found { group, name: name.into(), tokens });
    }

    /// Takes note of variables: as functions of such names they would be called, and nothing else.
    fn variables(&mut self, code: TokenStream) {
        let tokens: Vec<TokenTree> = code.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let rest = &tokens[at..];
            at += match &tokens[at] {
                TokenTree::Group(group) => {
                    self.variables(group.stream());
                    1
                }
                TokenTree::Ident(word) if word == "use" => imports(rest).map_or(1, |(_, len)| len),
                TokenTree::Ident(_) => {
                    let (mut segments, len) = path(rest);
                    let is_part = at > 0 && [':', '.'].iter().any(|m| is(&tokens[at - 1..], 0, *m));
                    if segments.len() == 1 && !is_part && !is_call(rest.get(len)) {
                        self.variables.extend(segments.pop());
                    }
                    len
                }
                _ => 1,
            };
        }
    }

    /// Takes over every `use`; what is refused there is told there, and not again at each use
    /// of the name.
    fn imports(&mut self, code: TokenStream) {
        let tokens: Vec<TokenTree> = code.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.imports(group.stream()),
                TokenTree::Ident(word) if word == "use" => {
                    if let Some((imports, len)) = imports(&tokens[at..]) {
                        imports.into_iter().for_each(|import| self.import(import));
                        at += len;
                        continue;
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn import(&mut self, import: Import) {
        let mut path = import.from.clone();
        if import.name.is_none() {
            path.push("*".into());
        }
        let Some(row) = self.row_of(&path) else { return self.names.import(import) };
        let name = import.from.join("::");
        self.add(row.group, name, &[import.at.into()]);
        if let Some(name) = import.name {
            self.names.shadow(name);
        }
    }

    fn row_of(&self, path: &[String]) -> Option<&'static Row> {
        self.names.meanings(path).iter().find_map(|meaning| row(meaning))
    }

    fn walk(&mut self, code: TokenStream, in_macro: bool) {
        let tokens: Vec<TokenTree> = code.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at += self.step(&tokens, at, in_macro);
        }
    }

    /// Looks at the token at a place; returns how many are done with.
    fn step(&mut self, tokens: &[TokenTree], at: usize, in_macro: bool) -> usize {
        let rest = &tokens[at..];
        match &tokens[at] {
            TokenTree::Group(group) => self.walk(group.stream(), in_macro),
            TokenTree::Literal(literal) => {
                if in_macro && formats_address(&literal.to_string()) {
                    self.add(&ADDRESSES, "{:p}", &rest[..1]);
                }
            }
            // A lifetime's name.
            _ if is(rest, 0, '\'') => return 2,
            // A range, and not a field or method.
            _ if is(rest, 0, '.') && is(rest, 1, '.') => return 2,
            _ if is(rest, 0, '.') => {
                if let Some(TokenTree::Ident(word)) = rest.get(1) {
                    self.method(&text(word), rest);
                    return 2;
                }
            }
            // The end of a path that starts with a type in angle brackets.
            _ if at > 0 && is(&tokens[at - 1..], 0, '>') && separator(rest) => {
                return 2 + path(&rest[2..]).1;
            }
            TokenTree::Ident(word) => return self.word(&text(word), tokens, at),
            TokenTree::Punct(_) => self.raw_reference(rest),
        }
        1
    }

    /// A word that no dot stands before.
    fn word(&mut self, word: &str, tokens: &[TokenTree], at: usize) -> usize {
        let rest = &tokens[at..];
        match word {
            "use" => {
                if let Some((_, len)) = imports(rest) {
                    return len;
                }
            }
            "static" if self.is_word(rest, 1, &["mut"]) => {
                self.add(&STATIC_MUT, "static mut", &rest[..2]);
                return 2;
            }
            "async" => self.add(&ASYNC, "async", &rest[..1]),
            "as" => self.cast(tokens, at),
            _ => return self.path(rest),
        }
        1
    }

    fn path(&mut self, rest: &[TokenTree]) -> usize {
        let (segments, len) = path(rest);
        let is_macro = is(rest, len, '!') && matches!(rest.get(len + 1), Some(TokenTree::Group(_)));
        // A single word that nothing says more about may be a local variable.
        let alone = segments.len() == 1 && row(&segments).is_some();
        let called = !alone || is_call(rest.get(len)) && !self.variables.contains(&segments[0]);
        if let Some(row) = self.row_of(&segments)
            && (is_macro == (row.kind == Kind::Macro) || row.kind == Kind::Module)
            && (called || row.kind != Kind::Function)
        {
            let mark = if is_macro { "!" } else { "" };
            self.add(row.group, segments.join("::") + mark, &rest[..len]);
        }
        if is_macro && let TokenTree::Group(group) = &rest[len + 1] {
            self.walk(group.stream(), true);
            return len + 2;
        }
        len
    }

    /// `.name` at the head of the tokens.
    fn method(&mut self, name: &str, rest: &[TokenTree]) {
        if name == "await" {
            return self.add(&ASYNC, ".await", &rest[..2]);
        }
        // Perhaps with generic arguments before the others.
        let called = matches!(rest.get(2), Some(TokenTree::Group(_))) || separator(&rest[2..]);
        if !called {
            return;
        }
        for (group, names) in METHODS {
            if names.contains(&name) {
                self.add(group, name, &rest[1..2]);
            }
        }
        let (group, names) = ORDERED_METHODS;
        if let Some(TokenTree::Group(arguments)) = rest.get(2)
            && names.contains(&name)
            && names_ordering(arguments.stream())
        {
            self.add(group, name, &rest[1..2]);
        }
    }

    /// `... as *const T as usize`, and casts of what returns a pointer.
    fn cast(&mut self, tokens: &[TokenTree], at: usize) {
        let rest = &tokens[at..];
        if is(rest, 1, '*')
            && let Some(after) = after_type(&rest[1..])
        {
            let to = rest.len() - after;
            self.cast_to_integer(rest, to);
        }
        if at == 0 || !self.is_word(rest, 1, INTEGERS) {
            return;
        }
        let TokenTree::Group(before) = &tokens[at - 1] else { return };
        let makes_pointer = at > 1 && self.is_word(tokens, at - 2, POINTERS);
        if makes_pointer || casts_to_pointer(before.stream()) {
            self.cast_to_integer(rest, 0);
        }
    }

    /// `as usize` at a place of the tokens that start with a pointer.
    fn cast_to_integer(&mut self, rest: &[TokenTree], to: usize) {
        if self.is_word(rest, to, &["as"]) && self.is_word(rest, to + 1, INTEGERS) {
            let name = format!("as {}", rest[to + 1]);
            self.add(&ADDRESSES, name, &rest[..to + 2]);
        }
    }

    /// `&raw const place as usize`.
    fn raw_reference(&mut self, rest: &[TokenTree]) {
        let raw = is(rest, 0, '&')
            && self.is_word(rest, 1, &["raw"])
            && self.is_word(rest, 2, &["const", "mut"]);
        if !raw {
            return;
        }
        let place = |t: &TokenTree| match t {
            TokenTree::Ident(word) => word != "as",
            TokenTree::Group(_) | TokenTree::Literal(_) => true,
            TokenTree::Punct(mark) => ".:".contains(mark.as_char()),
        };
        let to = 3 + rest[3..].iter().take_while(|t| place(t)).count();
        self.cast_to_integer(rest, to);
    }

    fn is_word(&self, tokens: &[TokenTree], at: usize, words: &[&str]) -> bool {
        matches!(tokens.get(at), Some(TokenTree::Ident(w)) if words.iter().any(|word| w == word))
    }
}

/// Integers that can hold an address.
const INTEGERS: &[&str] = &["usize", "isize", "u64", "i64", "u128", "i128"];

/// Functions and macros that return pointers.
const POINTERS: &[&str] = &["as_ptr", "as_mut_ptr", "from_ref", "from_mut", "into_raw"];

fn is(tokens: &[TokenTree], at: usize, mark: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == mark)
}

/// Whether `::` stands at the head of the tokens.
fn separator(tokens: &[TokenTree]) -> bool {
    is(tokens, 0, ':') && is(tokens, 1, ':')
}

fn is_call(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Parenthesis)
}

fn ident(token: Option<&TokenTree>) -> Option<&Ident> {
    match token {
        Some(TokenTree::Ident(word)) => Some(word),
        _ => None,
    }
}

/// The path at the head of the tokens, up to generic arguments, and how many tokens it takes.
fn path(tokens: &[TokenTree]) -> (Segments, usize) {
    let (mut segments, mut at) = (Vec::new(), 0);
    while let Some(word) = ident(tokens.get(at)) {
        segments.push(text(word));
        at += 1;
        if !separator(&tokens[at..]) || ident(tokens.get(at + 2)).is_none() {
            break;
        }
        at += 2;
    }
    (segments, at)
}

/// How many tokens are left after the type at their head.
fn after_type(tokens: &[TokenTree]) -> Option<usize> {
    let rest = |input: ParseStream<'_>| {
        input.call(Type::without_plus)?;
        Ok(input.parse::<TokenStream>()?.into_iter().count())
    };
    rest.parse2(tokens.iter().cloned().collect()).ok()
}

fn casts_to_pointer(tokens: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    (0..tokens.len()).any(|at| {
        ident(tokens.get(at)).is_some_and(|w| w == "as")
            && is(&tokens, at + 1, '*')
            && after_type(&tokens[at + 1..]) == Some(0)
    })
}

fn names_ordering(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => ORDERINGS.iter().any(|o| word == o),
        TokenTree::Group(group) if group.delimiter() != Delimiter::Brace => {
            names_ordering(group.stream())
        }
        _ => false,
    })
}

/// Whether a string literal is a format with `{:p}`, in any of its forms.
fn formats_address(literal: &str) -> bool {
    if !literal.starts_with(['"', 'r']) {
        return false;
    }
    let text = literal.replace("{{", "");
    let mut pieces = text.split('{').skip(1).filter_map(|piece| piece.split_once('}'));
    pieces.any(|(inside, _)| {
        inside.split_once(':').is_some_and(|(_, format)| is_pointer_format(format.trim_end()))
    })
}

/// `[[fill]align][sign]['#']['0'][width]['.' precision]p`
fn is_pointer_format(format: &str) -> bool {
    let Some(options) = format.strip_suffix('p') else { return false };
    let aligned = |c: char| "<^>".contains(c);
    let mut chars = options.chars();
    let options = match (chars.next(), chars.next()) {
        (Some(_), Some(align)) if aligned(align) => chars.as_str(),
        _ => options.trim_start_matches(aligned),
    };
    options.chars().all(|c| c.is_alphanumeric() || "+-#$._*".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and groups of what is found.
    fn found(code: &str) -> Vec<(String, &'static str)> {
        let tokens = code.parse().expect("tokens");
        search(&tokens, Names::default()).into_iter().map(|f| (f.name, f.group.name)).collect()
    }

    #[test]
    fn formats() {
        for address in ["{:p}", "{x:p}", "{0:#p}", "a {b} {:>16p}", "{:*^w$p}", "{{ {:p}"] {
            assert!(formats_address(&format!("{address:?}")), "{address}");
        }
        for other in ["{p}", "{{:p}}", "{:?}", "{x:>p$}", ":p}", "{:%H p}", "{:e}"] {
            assert!(!formats_address(&format!("{other:?}")), "{other}");
        }
    }

    #[test]
    fn renames_are_looked_through() {
        assert_eq!(
            found("use std::sync as s; s::Mutex::new(1);"),
            [("s::Mutex::new".into(), "locks")]
        );
        assert_eq!(found("use std::time::Instant as I; I::now();"), [("I::now".into(), "clock")]);
        assert_eq!(found("use std::thread::*; spawn(f);"), [("spawn".into(), "threads")]);
        assert_eq!(
            found("use std::{thread::{self as t}}; t::spawn(f)"),
            [("t::spawn".into(), "threads")]
        );
        assert_eq!(found("use ::core::sync::atomic::AtomicU8; AtomicU8::new(1)").len(), 1);
        assert_eq!(found("use rayon::prelude::*;"), [("rayon::prelude".into(), "threads")]);
        assert_eq!(found("use std::fs::{read, write}; read(p); write(p, q)").len(), 2);
    }

    #[test]
    fn own_names_are_left_alone() {
        for code in [
            "use mine::Mutex; Mutex::new(1)",
            "struct Mutex; Mutex",
            "fn f() { struct RwLock<T>(T); } RwLock(1)",
            "mod thread { pub fn spawn() {} } thread::spawn()",
            "self::Mutex::new(); crate::thread::spawn(f); super::fs::read(p)",
            "mine::Mutex::new(); Kind::Mutex; mine::thread::spawn(f)",
            "scope.spawn(f); x.lock(); a.load(Relaxed); v.swap(1, 2); s.store(1)",
            "let thread_rng = 1; thread_rng[0]; let spawn = 1; let rayon = spawn; let fs = rayon; fs..spawn",
            "fn f<'Mutex>(x: &'Mutex u8) {} let y = Vec::<u8>::fs::read();",
            "Duration::from_secs(1); t.elapsed(); x.await_all(); process::ExitCode::SUCCESS",
            "env!(\"X\"); std::net::Ipv4Addr::LOCALHOST; std::sync::Arc::new(1)",
            "std::sync::LazyLock::new(f); std::sync::OnceLock::new(); HashMap::new()",
            "x as usize; (x as u32) as usize; p as *const u8; f(x) as usize; a as *const u8 as *mut u8",
            "detpar::Barrier::new(); Barrier::new(2); time::Duration::ZERO",
            "|| static_mut; assert!(x != (y))",
            "let sleep = || 1; sleep()",
            "spawn(|| 1); scope(|s| s.spawn(|_| ()))",
            "stdin().lines()",
            "fn f(sleep: impl Fn(u8)) { sleep(1) }",
            "let run = |exit: &dyn Fn()| exit(); run(&|| ())",
            "mine::spawn(); queue::exit(); self::Command::new(); command.exit(1)",
            "fn abort() {} abort()",
        ] {
            assert!(found(code).is_empty(), "{code}: {:?}", found(code));
        }
    }

    /// The `use` may stand where the search does not see it.
    #[test]
    fn names_that_say_enough_by_themselves() {
        for (code, group) in [
            ("yield_now()", "threads"),
            ("sleep(Duration::ZERO)", "clock"),
            ("Command::new(\"true\").status()", "process"),
            ("if x { exit(1) }", "process"),
            ("set_var(\"A\", \"b\")", "env"),
            ("let n = available_parallelism()?", "threads"),
        ] {
            let groups: Vec<_> = found(code).into_iter().map(|f| f.1).collect();
            assert_eq!(groups, [group], "{code}");
        }
        assert_eq!(found("use std::thread::{spawn, sleep}; spawn(f); sleep(t)").len(), 2);
    }

    #[test]
    fn inside_of_macros_and_generics() {
        assert_eq!(found("vec![Instant::now(); 3]").len(), 1);
        assert_eq!(found("println!(\"{:?}\", std::env::args())").len(), 1);
        assert_eq!(found("Vec::<Arc<Mutex<u8>>>::new()"), [("Mutex".into(), "locks")]);
        assert_eq!(found("macro_rules! m { () => { thread::spawn(f) } }").len(), 1);
    }

    #[test]
    fn addresses() {
        for code in [
            "&x as *const u8 as usize",
            "&x as *const Vec<u8> as u64 + 1",
            "(&raw const x) as *const () as usize",
            "(p as *mut u8) as usize",
            "v.as_ptr() as usize",
            "std::ptr::from_ref(&x) as usize",
            "&raw const x.y[1] as usize",
            "p.expose_provenance()",
            "format!(\"{:p}\", x)",
        ] {
            assert_eq!(found(code).len(), 1, "{code}");
            assert_eq!(found(code)[0].1, "addresses", "{code}");
        }
    }

    #[test]
    fn every_row_and_method_is_found() {
        for row in super::super::table::ROWS {
            for name in row.names {
                let mut path: Vec<&str> =
                    row.within.split("::").filter(|s| !s.is_empty()).collect();
                let parts: Vec<&str> = name.split("::").collect();
                if path.last() == parts.first() {
                    path.pop();
                }
                let whole = [path, parts].concat().join("::");
                for written in [whole.as_str(), name] {
                    let code = match row.kind {
                        Kind::Module => format!("{written}::thing"),
                        Kind::Macro => format!("{written}!()"),
                        Kind::Function => format!("{written}()"),
                        Kind::Type => written.to_string(),
                    };
                    let all = found(&code);
                    assert_eq!(all.len(), 1, "{code}");
                    assert_eq!(all[0].1, row.group.name, "{code}");
                }
            }
        }
        for (group, names) in METHODS {
            for name in *names {
                assert_eq!(found(&format!("x.{name}(1)")), [(name.to_string(), group.name)]);
                assert!(found(&format!("x.{name}")).is_empty(), "a field");
            }
        }
        assert_eq!(found("x.store(1, Ordering::SeqCst)"), [("store".into(), "atomics")]);
    }
}
