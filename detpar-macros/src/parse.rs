//! Reads what the attributes are given: their arguments and a function.
use crate::refuse;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Error, Ident, Result, ReturnType, Signature, Token, Type, Visibility, parenthesized,
    token,
};

/// A function or method; its body stays tokens, for the compiler to judge.
pub(crate) struct Function {
    /// Attributes above it.
    pub attributes: Vec<Attribute>,
    /// Its visibility.
    pub visibility: Visibility,
    /// From `const` or `fn` to the where clause.
    pub signature: Signature,
    /// Attributes at the head of the body (`#![...]`).
    pub inner_attributes: Vec<Attribute>,
    /// The body without those attributes; `None` for a declaration that ends in `;`.
    pub body: Option<Group>,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Function> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        if !starts_function(input) {
            return Err(input.error("expected a function: this attribute belongs on a `fn`"));
        }
        let signature = input.parse()?;
        if input.parse::<Option<Token![;]>>()?.is_some() {
            let inner_attributes = Vec::new();
            return Ok(Function {
                attributes,
                visibility,
                signature,
                inner_attributes,
                body: None,
            });
        }
        let (inner_attributes, body) = body(input)?;
        Ok(Function { attributes, visibility, signature, inner_attributes, body: Some(body) })
    }
}

fn starts_function(input: ParseStream<'_>) -> bool {
    input.peek(Token![fn])
        || input.peek(Token![const])
        || input.peek(Token![async])
        || input.peek(Token![unsafe])
        || input.peek(Token![extern])
}

/// The braces with the body, and the inner attributes taken out of them.
fn body(input: ParseStream<'_>) -> Result<(Vec<Attribute>, Group)> {
    let token: TokenTree = input.parse()?;
    let span = token.span();
    let group = braces(token).ok_or_else(|| Error::new(span, "expected the function's body"))?;
    let split = |content: ParseStream<'_>| {
        let attributes = content.call(Attribute::parse_inner)?;
        Ok((attributes, content.parse::<TokenStream>()?))
    };
    let (attributes, rest) = split.parse2(group.stream())?;
    let mut body = Group::new(Delimiter::Brace, rest);
    body.set_span(group.span());
    Ok((attributes, body))
}

/// The braces themselves, also where a `macro_rules!` passed them on as `$body:block`.
fn braces(token: TokenTree) -> Option<Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            group.stream().into_iter().next().and_then(braces)
        }
        _ => None,
    }
}

/// The return type, where one is written, without parentheses around it.
pub(crate) fn return_type(signature: &Signature) -> Option<&Type> {
    let ReturnType::Type(_, ty) = &signature.output else { return None };
    let mut ty: &Type = ty;
    loop {
        match ty {
            Type::Paren(inner) => ty = &inner.elem,
            Type::Group(inner) => ty = &inner.elem,
            _ => return Some(ty),
        }
    }
}

/// Reads the function below an attribute.
pub(crate) fn function(item: TokenStream) -> Result<Function> {
    syn::parse2(item)
}

/// What `#[deterministic(...)]` was given.
#[derive(Default)]
pub(crate) struct Arguments {
    /// Panic with the `JoinError` even where the function returns a `Result`.
    pub panic: bool,
    /// Kinds of nondeterminism that the body may name, as written.
    pub allow: Vec<Ident>,
}

/// Reads the arguments of `#[deterministic(...)]`.
pub(crate) fn deterministic_arguments(tokens: TokenStream) -> Result<Arguments> {
    let all = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens)?;
    let mut arguments = Arguments::default();
    for argument in all {
        match argument {
            Argument::Panic(word) => {
                if std::mem::replace(&mut arguments.panic, true) {
                    return Err(Error::new(word.span(), "`panic` is given twice"));
                }
            }
            Argument::Allow(words) => {
                for word in words {
                    check_allowed(&word, &arguments.allow)?;
                    arguments.allow.push(word);
                }
            }
        }
    }
    Ok(arguments)
}

fn check_allowed(word: &Ident, before: &[Ident]) -> Result<()> {
    let name = word.to_string();
    refuse::group(&name).map_err(|why| Error::new(word.span(), why))?;
    if before.contains(word) {
        return Err(Error::new(word.span(), format!("`{name}` is allowed twice")));
    }
    Ok(())
}

enum Argument {
    /// `panic`
    Panic(Ident),
    /// `allow(clock, env)`
    Allow(Vec<Ident>),
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Argument> {
        let token: TokenTree = input.parse()?;
        let word = match token {
            TokenTree::Ident(word) if word == "panic" || word == "allow" => word,
            token => return Err(unknown(token.span(), &token.to_string())),
        };
        if word == "panic" && (input.is_empty() || input.peek(Token![,])) {
            return Ok(Argument::Panic(word));
        }
        if word == "allow" && input.peek(token::Paren) {
            let list;
            parenthesized!(list in input);
            // `async` is a keyword.
            let words = list.parse_terminated(Ident::parse_any, Token![,])?;
            if words.is_empty() {
                return Err(Error::new(word.span(), "`allow()` allows nothing: drop it"));
            }
            return Ok(Argument::Allow(words.into_iter().collect()));
        }
        Err(unknown(word.span(), &word.to_string()))
    }
}

fn unknown(span: proc_macro2::Span, word: &str) -> Error {
    Error::new(
        span,
        format!(
            "unknown argument `{word}` of #[deterministic]; allowed: `panic` (panic with the \
             JoinError even where the function returns a Result), `allow(clock, ...)` (let the \
             body name what is nondeterministic)"
        ),
    )
}

/// Refuses arguments to `#[detpar::main]`.
pub(crate) fn no_arguments(tokens: TokenStream) -> Result<()> {
    match tokens.into_iter().next() {
        None => Ok(()),
        Some(token) => Err(Error::new(
            token.span(),
            "#[detpar::main] takes no arguments; the engine and the number of workers are set \
             by the environment (DETPAR_ENGINE, DETPAR_WORKERS)",
        )),
    }
}
