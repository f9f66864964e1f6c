//! What the names in a piece of code stand for, as far as the piece itself says.
use super::text;
use proc_macro2::{TokenStream, TokenTree};
use std::collections::HashMap;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, Token, UseTree};

/// A path's segments.
pub(crate) type Segments = Vec<String>;

/// A name that a `use` brings in.
pub(crate) struct Import {
    /// Where it comes from.
    pub from: Segments,
    /// The name in the `use`, to point at.
    pub at: Ident,
    /// The name it gets; `None` for `*`.
    pub name: Option<String>,
}

/// Names with a meaning of their own.
#[derive(Clone, Default)]
pub(crate) struct Names {
    /// `None` stands for an item of the piece itself.
    bound: HashMap<String, Option<Segments>>,
    /// Modules of which everything is imported.
    globs: Vec<Segments>,
}

impl Names {
    /// Takes over a piece's own items, wherever they stand in it.
    pub fn define(&mut self, tokens: TokenStream) {
        const ITEMS: &[&str] =
            &["const", "enum", "fn", "macro_rules", "mod", "static", "struct", "trait", "type"];
        let mut item = false;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    let word = text(&word);
                    // `union` is a word like others where it is no item.
                    let next = ITEMS.contains(&word.as_str()) || word == "union";
                    if std::mem::replace(&mut item, next) && !next {
                        self.bound.insert(word, None);
                    }
                }
                TokenTree::Group(group) => {
                    item = false;
                    self.define(group.stream());
                }
                // The mark in `macro_rules! name`.
                TokenTree::Punct(mark) => item &= mark.as_char() == '!',
                TokenTree::Literal(_) => item = false,
            }
        }
    }

    /// Makes a name one of the piece itself.
    pub fn shadow(&mut self, name: String) {
        self.bound.insert(name, None);
    }

    /// Takes over an import.
    pub fn import(&mut self, import: Import) {
        match import.name {
            None => self.globs.push(import.from),
            Some(name) => {
                self.bound.insert(name, Some(import.from));
            }
        }
    }

    /// What a path may mean: none where it starts at an item of the piece.
    pub fn meanings(&self, path: &[String]) -> Vec<Segments> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        if let Some(binding) = self.bound.get(first) {
            return binding.iter().map(|from| [from, rest].concat()).collect();
        }
        let globs = self.globs.iter().map(|glob| [glob, path].concat());
        std::iter::once(path.to_vec()).chain(globs).collect()
    }
}

/// Reads the `use` item at the head of the tokens: its imports, and how many tokens it takes.
pub(crate) fn imports(tokens: &[TokenTree]) -> Option<(Vec<Import>, usize)> {
    let is_end = |t: &TokenTree| matches!(t, TokenTree::Punct(mark) if mark.as_char() == ';');
    let len = tokens.iter().position(is_end)? + 1;
    let item = |input: ParseStream<'_>| {
        input.parse::<Token![use]>()?;
        input.parse::<Option<Token![::]>>()?;
        let tree = input.parse::<UseTree>()?;
        input.parse::<Token![;]>()?;
        Ok(tree)
    };
    let tree = item.parse2(tokens[..len].iter().cloned().collect()).ok()?;
    let mut all = Vec::new();
    collect(&tree, &mut Vec::new(), &mut all);
    Some((all, len))
}

fn collect(tree: &UseTree, path: &mut Segments, all: &mut Vec<Import>) {
    let mut leaf = |path: &[String], word: &Ident, name: Option<String>| {
        // `{self}` stands for the module itself.
        let own = text(word);
        let mut from = path.to_vec();
        let is_self = own == "self" && !from.is_empty();
        if !is_self {
            from.push(own.clone());
        }
        let name = name.unwrap_or_else(|| from.last().cloned().unwrap_or(own));
        all.push(Import { from, at: word.clone(), name: Some(name) });
    };
    match tree {
        UseTree::Name(tree) => leaf(path, &tree.ident, None),
        UseTree::Rename(tree) => leaf(path, &tree.ident, Some(text(&tree.rename))),
        UseTree::Path(tree) => {
            path.push(text(&tree.ident));
            if matches!(*tree.tree, UseTree::Glob(_)) {
                all.push(Import { from: path.clone(), at: tree.ident.clone(), name: None });
            } else {
                collect(&tree.tree, path, all);
            }
            path.pop();
        }
        UseTree::Group(tree) => tree.items.iter().for_each(|t| collect(t, path, all)),
        // `use *` and `use {*}` take from nowhere that is known.
        UseTree::Glob(_) => {}
    }
}
