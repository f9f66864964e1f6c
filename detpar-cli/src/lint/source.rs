//! What of a package's sources runs in children, by names.
//!
//! A piece of code runs in children where it is the body of a `#[deterministic]` function, a
//! closure given to `detpar::join` and the like or to a parallel iterator, or a function that
//! such a piece calls. Calls are followed by name within the package: of a method, all that
//! have its name; more than is called, and never less than names show.
use crate::refuse::names::{Names, Segments, imports};
use proc_macro2::{Delimiter, Group, LineColumn, Span, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Item, Signature, Type};
use walkdir::WalkDir;

/// A file of the package.
pub(super) struct File {
    /// Its path, below the package's directory where it was found there.
    pub path: PathBuf,
    /// Its lines, for showing them.
    pub lines: Vec<String>,
    /// Names that it imports or defines at its top.
    pub names: Names,
    /// Whether a program of its own starts here, which nobody else can call into.
    is_program: bool,
    /// The way from its top to the functions and closures in it.
    code: syn::File,
}

/// A piece of code that runs in children.
#[derive(Clone)]
pub(super) struct Piece {
    /// Which file it stands in.
    pub file: usize,
    /// The code.
    pub code: TokenStream,
    /// Where it starts and ends.
    pub place: (LineColumn, LineColumn),
    /// How it is reached: names, the outermost first.
    pub chain: Vec<String>,
    /// Kinds of nondeterminism that it may name.
    pub allow: Vec<String>,
    /// Whether an attribute on it switches clippy's lints off.
    pub silenced: bool,
    /// The type whose method it is.
    owner: Option<String>,
}

/// A function of the package.
struct Function {
    name: String,
    has_self: bool,
    deterministic: bool,
    piece: Piece,
}

impl File {
    /// Whether code here can call functions of another file at all.
    fn may_call(&self, other: &File) -> bool {
        // The modules of a program lie beside its first file.
        let around = other.path.parent().is_some_and(|dir| self.path.starts_with(dir));
        !other.is_program || self.path == other.path || around && !self.is_program
    }
}

/// Reads all Rust files of a package, except those of other packages below it. `programs` are
/// the first files of its binaries, tests and examples.
pub(super) fn read(package: &Path, programs: &[PathBuf]) -> Result<Vec<File>, String> {
    let inside = |entry: &walkdir::DirEntry| {
        entry.depth() == 0
            || !entry.file_type().is_dir()
            || !(entry.file_name() == "target"
                || entry.file_name().to_string_lossy().starts_with('.')
                || entry.path().join("Cargo.toml").exists())
    };
    let mut files = Vec::new();
    for entry in WalkDir::new(package).sort_by_file_name().into_iter().filter_entry(inside) {
        let path = entry.map_err(|e| e.to_string())?.into_path();
        if path.extension().is_none_or(|e| e != "rs") || !path.is_file() {
            continue;
        }
        let text =
            std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        // What is no Rust by itself (a template, a test case) is compiled by nobody.
        let Ok(code) = syn::parse_file(&text) else { continue };
        let names = top_names(&code);
        let (lines, is_program) = (text.lines().map(String::from), programs.contains(&path));
        files.push(File { path, lines: lines.collect(), names, is_program, code });
    }
    Ok(files)
}

fn top_names(code: &syn::File) -> Names {
    let mut names = Names::default();
    for item in &code.items {
        let name = match item {
            Item::Struct(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Union(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Mod(item) => &item.ident,
            Item::Use(item) => {
                let tokens: Vec<TokenTree> = item.to_token_stream().into_iter().collect();
                let start = tokens.iter().position(|t| t.to_string() == "use").unwrap_or(0);
                if let Some((all, _)) = imports(&tokens[start..]) {
                    all.into_iter().for_each(|import| names.import(import));
                }
                continue;
            }
            _ => continue,
        };
        names.shadow(name.to_string());
    }
    names
}

/// All pieces of code that run in children.
pub(super) fn reached(files: &[File]) -> Vec<Piece> {
    let mut functions = Vec::new();
    for (file, source) in files.iter().enumerate() {
        let mut collect = Collect { file, owner: None, functions: &mut functions };
        collect.visit_file(&source.code);
    }
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, f) in functions.iter().enumerate() {
        by_name.entry(&f.name).or_default().push(i);
    }
    let mut pieces: Vec<Piece> =
        functions.iter().filter(|f| f.deterministic).map(|f| f.piece.clone()).collect();
    for f in functions.iter().filter(|f| !f.deterministic) {
        let mut closures = Vec::new();
        given_to_children(f.piece.code.clone(), &files[f.piece.file].names, false, &mut closures);
        pieces.extend(closures.into_iter().map(|group| Piece {
            code: group.stream(),
            place: place(group.span()),
            chain: vec![format!("a closure in `{}`", f.name)],
            ..f.piece.clone()
        }));
    }
    let mut seen: Vec<bool> = functions.iter().map(|f| f.deterministic).collect();
    let mut next = 0;
    while let Some(piece) = pieces.get(next).cloned() {
        next += 1;
        let mut calls = Vec::new();
        calls_in(piece.code.clone(), &mut calls);
        for call in calls {
            let Some(name) = call.path.last() else { continue };
            let mut candidates = by_name.get(name.as_str()).cloned().unwrap_or_default();
            let here = &files[piece.file];
            candidates.retain(|&i| {
                let f = &functions[i];
                call.may_mean(f, &piece) && here.may_call(&files[f.piece.file])
            });
            if call.path.len() == 1 && !call.method {
                // Of this file, or imported.
                let own = |&i: &usize| functions[i].piece.file == piece.file;
                let imported = here.names.meanings(&call.path).iter().any(|m| m.len() > 1);
                let some_own = candidates.iter().any(own);
                candidates.retain(|i| own(i) || imported && !some_own);
            }
            for i in candidates {
                if !seen[i] {
                    seen[i] = true;
                    let mut callee = functions[i].piece.clone();
                    callee.chain = [piece.chain.clone(), callee.chain].concat();
                    pieces.push(callee);
                }
            }
        }
    }
    pieces
}

fn place(span: Span) -> (LineColumn, LineColumn) {
    (span.start(), span.end())
}

/// Collects the functions of a file.
struct Collect<'f> {
    file: usize,
    owner: Option<String>,
    functions: &'f mut Vec<Function>,
}

impl Collect<'_> {
    fn add(&mut self, attributes: &[Attribute], signature: &Signature, body: &Block) {
        let deterministic = attributes.iter().find(|a| is_named(a, "deterministic"));
        let silenced = attributes.iter().any(|a| {
            (is_named(a, "allow") || is_named(a, "expect"))
                && a.meta.to_token_stream().to_string().contains("clippy :: disallowed")
        });
        let mut code = signature.inputs.to_token_stream();
        code.extend(signature.output.to_token_stream());
        code.extend(body.to_token_stream());
        let name = signature.ident.to_string();
        self.functions.push(Function {
            has_self: signature.receiver().is_some(),
            deterministic: deterministic.is_some(),
            piece: Piece {
                file: self.file,
                code,
                place: (signature.span().start(), body.span().end()),
                chain: vec![format!("`{name}`")],
                allow: deterministic.map(allowed).unwrap_or_default(),
                silenced,
                owner: self.owner.clone(),
            },
            name,
        });
    }

    fn within(&mut self, owner: Option<String>, visit: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.owner, owner);
        visit(self);
        self.owner = before;
    }
}

impl<'ast> Visit<'ast> for Collect<'_> {
    fn visit_item_fn(&mut self, f: &'ast syn::ItemFn) {
        self.within(None, |this| {
            this.add(&f.attrs, &f.sig, &f.block);
            visit::visit_item_fn(this, f);
        });
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let owner = match &*item.self_ty {
            Type::Path(path) => path.path.segments.last().map(|s| s.ident.to_string()),
            _ => None,
        };
        self.within(owner, |this| visit::visit_item_impl(this, item));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        let owner = Some(item.ident.to_string());
        self.within(owner, |this| visit::visit_item_trait(this, item));
    }

    fn visit_impl_item_fn(&mut self, f: &'ast syn::ImplItemFn) {
        self.add(&f.attrs, &f.sig, &f.block);
        visit::visit_impl_item_fn(self, f);
    }

    fn visit_trait_item_fn(&mut self, f: &'ast syn::TraitItemFn) {
        if let Some(body) = &f.default {
            self.add(&f.attrs, &f.sig, body);
        }
        visit::visit_trait_item_fn(self, f);
    }
}

fn is_named(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|s| s.ident == name)
}

/// The words in `#[deterministic(allow(...))]`.
fn allowed(attribute: &Attribute) -> Vec<String> {
    let mut words = Vec::new();
    if let syn::Meta::List(list) = &attribute.meta {
        for token in list.tokens.clone() {
            if let TokenTree::Group(group) = token {
                words.extend(group.stream().into_iter().map(|t| t.to_string()));
            }
        }
    }
    words
}

/// A call, or a function's name among arguments.
struct Call {
    path: Segments,
    method: bool,
}

impl Call {
    fn may_mean(&self, f: &Function, from: &Piece) -> bool {
        if self.method {
            return f.has_self;
        }
        let owner = self.path.len().checked_sub(2).map(|i| self.path[i].as_str());
        match owner {
            Some("Self") => f.piece.owner == from.owner,
            Some(of) if of.starts_with(char::is_uppercase) => f.piece.owner.as_deref() == Some(of),
            _ => f.piece.owner.is_none() && !["std", "core", "alloc"].contains(&&*self.path[0]),
        }
    }
}

fn mark(token: Option<&TokenTree>) -> Option<char> {
    match token {
        Some(TokenTree::Punct(p)) => Some(p.as_char()),
        _ => None,
    }
}

fn parentheses(token: Option<&TokenTree>) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Parenthesis => Some(g),
        _ => None,
    }
}

/// The path at a place, generic arguments left out; and the place after it.
fn path_at(tokens: &[TokenTree], mut at: usize) -> (Segments, usize) {
    let mut path = Vec::new();
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        path.push(word.to_string());
        at += 1;
        let separated =
            |at: usize| mark(tokens.get(at)) == Some(':') && mark(tokens.get(at + 1)) == Some(':');
        if separated(at) && mark(tokens.get(at + 2)) == Some('<') {
            at = after_generics(tokens, at + 2);
        }
        if separated(at) {
            at += 2;
        } else {
            break;
        }
    }
    (path, at)
}

/// The place after `<...>`.
fn after_generics(tokens: &[TokenTree], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match mark(tokens.get(at)) {
            Some('<') => depth += 1,
            // The end of an arrow closes nothing.
            Some('>') if mark(tokens.get(at - 1)) != Some('-') => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

/// All calls in a piece of code, arguments of macros included.
fn calls_in(code: TokenStream, calls: &mut Vec<Call>) {
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let TokenTree::Group(group) = &tokens[at] {
            calls_in(group.stream(), calls);
        }
        let (path, end) = path_at(&tokens, at);
        if path.is_empty() {
            at += 1;
            continue;
        }
        let method = at > 0 && mark(tokens.get(at - 1)) == Some('.');
        let between = |t: Option<&TokenTree>| t.is_none() || mark(t) == Some(',');
        let argument =
            !method && between(at.checked_sub(1).map(|i| &tokens[i])) && between(tokens.get(end));
        if parentheses(tokens.get(end)).is_some() || argument {
            calls.push(Call { path, method });
        }
        at = end;
    }
}

/// Functions of detpar whose arguments run in children.
const FORKS: &[&str] = &["join", "try_join", "fork", "workspace"];
/// Functions of detpar in whose arguments `spawn` starts children.
const SCOPES: &[&str] = &["scope", "try_scope"];

/// What a piece of code gives to children: arguments of forks, and of the methods of parallel
/// iterators.
fn given_to_children(code: TokenStream, names: &Names, in_scope: bool, found: &mut Vec<Group>) {
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let TokenTree::Group(group) = &tokens[at] {
            given_to_children(group.stream(), names, in_scope, found);
        }
        let (path, end) = path_at(&tokens, at);
        let (Some(last), Some(arguments)) = (path.last(), parentheses(tokens.get(end))) else {
            at = end.max(at + 1);
            continue;
        };
        let method = at > 0 && mark(tokens.get(at - 1)) == Some('.');
        let of_detpar = || {
            let mut meanings = names.meanings(&path).into_iter();
            !method && meanings.any(|m| m.len() > 1 && m[0] == "detpar")
        };
        if method && (last.starts_with("par_") || last == "into_par_iter") {
            found.extend(chain_after(&tokens, end + 1).cloned());
        } else if method && last == "spawn" && in_scope
            || FORKS.contains(&last.as_str()) && of_detpar()
        {
            found.push(arguments.clone());
        } else {
            let scope = in_scope || SCOPES.contains(&last.as_str()) && of_detpar();
            given_to_children(arguments.stream(), names, scope, found);
        }
        at = end + 1;
    }
}

/// Arguments of the methods that are called one after another from a place on.
fn chain_after(tokens: &[TokenTree], mut at: usize) -> impl Iterator<Item = &Group> {
    std::iter::from_fn(move || {
        if mark(tokens.get(at)) != Some('.') {
            return None;
        }
        let (_, end) = path_at(tokens, at + 1);
        at = end + 1;
        parentheses(tokens.get(end))
    })
}
