//! `#[detpar::test]`: reads, checks and writes a test.
//!
//! The function keeps its name, so that the harness lists it as any other, and says where the
//! test is to be found in a process of its own. Names of ours are written as `::detpar::...`,
//! those of the standard library as `::core::...`.
use crate::check::Findings;
use crate::expand::is_builtin;
use crate::parse::Function;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Meta, Result, ReturnType, Safety, Signature, Token};

/// What `#[detpar::test(...)]` was given.
#[derive(Default)]
pub(crate) struct Arguments {
    /// The whole test is a determinism check.
    pub deterministic: bool,
}

/// Reads the arguments of `#[detpar::test(...)]`.
pub(crate) fn arguments(tokens: TokenStream) -> Result<Arguments> {
    let mut arguments = Arguments::default();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        match &token {
            TokenTree::Ident(word) if word == "deterministic" => {
                if std::mem::replace(&mut arguments.deterministic, true) {
                    return Err(Error::new(word.span(), "`deterministic` is given twice"));
                }
            }
            token => {
                let message = format!(
                    "unknown argument `{token}` of #[detpar::test]; allowed: `deterministic` \
                     (runs the test several times, with other numbers of workers and schedules, \
                     and compares what it prints)"
                );
                return Err(Error::new(token.span(), message));
            }
        }
        match rest.next() {
            None => {}
            Some(TokenTree::Punct(comma)) if comma.as_char() == ',' => {}
            Some(token) => return Err(Error::new(token.span(), "expected `,`")),
        }
    }
    Ok(arguments)
}

/// Refuses functions that cannot be a test.
pub(crate) fn check(function: &Function) -> Result<()> {
    let signature = &function.signature;
    let mut found = Findings::default();
    if let Some(word) = &signature.asyncness {
        found.add(
            word,
            "an `async` test cannot be the master: detpar calls it as a plain function; make it \
             `fn` and block on the future inside",
        );
    }
    if let Some(word) = &signature.constness {
        found.add(word, "a `const` test cannot be the master: it forks at run time; drop `const`");
    }
    if let Safety::Unsafe(word) = &signature.safety {
        found.add(
            word,
            "an `unsafe` test cannot be the master: nobody could uphold its contract; drop \
             `unsafe` and use a block inside",
        );
    }
    if let Some(abi) = &signature.abi {
        found.add(abi, "an `extern` test cannot be the master: detpar calls it as a Rust function");
    }
    if !signature.generics.params.is_empty() {
        found.add(&signature.generics.params, "nothing chooses the parameters of a generic test");
    }
    if !signature.inputs.is_empty() {
        found.add(&signature.inputs, "a test takes no arguments");
    }
    if function.body.is_none() {
        found.add(&signature.ident, "a test needs a body");
    }
    for attribute in &function.attributes {
        if attribute.path().segments.last().is_some_and(|s| s.ident == "test") {
            found.add(attribute, "#[detpar::test] is a test already: drop the other attribute");
        }
        let returns = matches!(&signature.output, ReturnType::Type(..));
        if attribute.path().is_ident("should_panic") && returns {
            found.add(&signature.output, "a test that should panic returns nothing");
        }
    }
    found.into_result()
}

/// Whether the test must panic, as a constant expression.
fn should_panic(attributes: &[Attribute]) -> TokenStream {
    let mut conditions = Vec::new();
    for attribute in attributes {
        if attribute.path().is_ident("should_panic") {
            return quote!(true);
        }
        let Meta::List(list) = &attribute.meta else { continue };
        if !list.path.is_ident("cfg_attr") {
            continue;
        }
        let metas = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.tokens.clone());
        let mut metas = metas.into_iter().flatten();
        if let Some(condition) = metas.next()
            && metas.any(|m| m.path().is_ident("should_panic"))
        {
            conditions.push(condition);
        }
    }
    quote!(false #(|| ::core::cfg!(#conditions))*)
}

/// ```text
/// #[test]
/// fn name() {
///     fn user_test() -> R { .. }
///     static ENTRY: Entry = Entry::new("module::name", || succeeded(user_test()), ..);
///     ::detpar::__private::test(&ENTRY)
/// }
/// ```
pub(crate) fn expand(arguments: &Arguments, function: Function) -> TokenStream {
    let Function { attributes, visibility, signature, inner_attributes, body } = function;
    let of_the_harness = |a: &Attribute| {
        let path = a.path();
        is_builtin(a) || path.is_ident("ignore") || path.is_ident("should_panic")
    };
    let (outer, inner): (Vec<_>, Vec<_>) = attributes.iter().partition(|a| of_the_harness(a));
    let should_panic = should_panic(&attributes);
    let name = &signature.ident;
    let user_test = Ident::new("__detpar_user_test", Span::mixed_site());
    let mut run = quote!(|| ::detpar::__private::succeeded(#user_test()));
    if arguments.deterministic {
        // Located at the test's name, where a failure is reported then.
        run = quote_spanned!(name.span() => || ::detpar::__private::check_whole(#run));
    }
    let entry = Ident::new("__DETPAR_ENTRY", Span::mixed_site());
    let inner_signature = Signature { ident: user_test.clone(), ..signature.clone() };
    quote! {
        #[::core::prelude::v1::test]
        #(#outer)*
        #visibility fn #name() {
            #(#inner_attributes)*
            #(#inner)*
            #inner_signature #body
            static #entry: ::detpar::__private::Entry = ::detpar::__private::Entry::new(
                ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
                #run,
                #should_panic,
            );
            ::detpar::__private::test(&#entry)
        }
    }
}
