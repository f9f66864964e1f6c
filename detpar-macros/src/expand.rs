//! Writes what the attributes stand for.
//!
//! Names of ours are written as `::detpar::...`, which no module of the user's can shadow,
//! and nothing else is named at all: the return type is the user's own tokens.
use crate::parse::{self, Arguments, Function};
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::visit_mut::VisitMut;
use syn::{
    Attribute, FnArg, Pat, PatIdent, PathArguments, ReturnType, Signature, Type, parse_quote,
};

/// `fn main() -> R { fn user_main() -> R { .. } ::detpar::__private::main(user_main) }`
pub(crate) fn main(function: Function) -> TokenStream {
    let Function { attributes, visibility, signature, inner_attributes, body } = function;
    let (outer, inner): (Vec<_>, Vec<_>) = attributes.iter().partition(|a| is_builtin(a));
    let user_main = Ident::new("__detpar_user_main", Span::mixed_site());
    let inner_signature = Signature { ident: user_main.clone(), ..signature.clone() };
    quote! {
        #(#outer)*
        #visibility #signature {
            #(#inner_attributes)*
            #(#inner)*
            #inner_signature #body
            ::detpar::__private::main(#user_main)
        }
    }
}

/// Whether an attribute concerns the item as others see it. Any other is a macro that
/// rewrites the function, and must see the user's body instead of ours.
pub(crate) fn is_builtin(attribute: &Attribute) -> bool {
    const BUILTIN: &[&str] = &[
        "allow",
        "cfg",
        "cfg_attr",
        "cold",
        "deny",
        "deprecated",
        "doc",
        "expect",
        "export_name",
        "forbid",
        "inline",
        "link_section",
        "must_use",
        "no_mangle",
        "unsafe",
        "warn",
    ];
    const TOOLS: &[&str] = &["clippy", "diagnostic", "rustdoc", "rustfmt"];
    match attribute.path().get_ident() {
        Some(name) => BUILTIN.iter().any(|b| name == b),
        None => attribute
            .path()
            .segments
            .first()
            .is_some_and(|tool| TOOLS.iter().any(|t| tool.ident == t)),
    }
}

/// The same signature over `{ ::detpar::__private::enter(move || -> R { .. }) }`.
///
/// The closure is an argument of `enter` itself, so that the compiler takes it for an
/// `FnOnce`: only as one may it return what it borrows through a captured `&mut`. Its return
/// type is written out, so that `return`, `?` and coercions see it; there, elided lifetimes
/// are inferred, and an `impl Trait` becomes `_`.
pub(crate) fn deterministic(arguments: &Arguments, function: Function) -> TokenStream {
    let Function { attributes, visibility, signature, inner_attributes, body } = function;
    let body = body.expect("check refuses functions without a body");
    let captures = captures(&signature, &body);
    let returns = closure_return(&signature.output);
    let statements = body.stream();
    let mut closure_body = Group::new(
        proc_macro2::Delimiter::Brace,
        quote_spanned! { Span::mixed_site() => #captures #statements },
    );
    closure_body.set_span(body.span());

    // A call located at the function's name makes `Location::caller` in `enter` point there;
    // one located at the error type makes a missing `From<JoinError>` point there.
    let run = match error_span(&signature) {
        Some(span) if !arguments.panic => quote_spanned! { span =>
            ::detpar::__private::enter_result(move || #returns #closure_body)
        },
        _ => quote_spanned! { signature.ident.span() =>
            ::detpar::__private::enter(move || #returns #closure_body)
        },
    };
    quote! {
        #(#attributes)*
        #visibility #signature {
            #(#inner_attributes)*
            #run
        }
    }
}

/// `-> R` for the closure; `-> ()` is said, too, so that the last expression is checked
/// against it.
fn closure_return(output: &ReturnType) -> TokenStream {
    struct Infer;
    impl VisitMut for Infer {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if matches!(ty, Type::ImplTrait(_)) {
                *ty = parse_quote!(_);
            } else {
                syn::visit_mut::visit_type_mut(self, ty);
            }
        }
    }
    match output {
        ReturnType::Default => quote!(-> ()),
        ReturnType::Type(arrow, ty) => {
            let mut ty = ty.clone();
            Infer.visit_type_mut(&mut ty);
            quote!(#arrow #ty)
        }
    }
}

/// Where the error type stands, if the return type's last path segment is `Result`; the
/// `Result` itself where an alias hides the error type.
fn error_span(signature: &Signature) -> Option<Span> {
    let Type::Path(path) = parse::return_type(signature)? else { return None };
    let last = path.path.segments.last().filter(|s| s.ident == "Result")?;
    match &last.arguments {
        PathArguments::AngleBracketed(list) if list.args.len() > 1 => Some(list.args[1].span()),
        _ => Some(last.ident.span()),
    }
}

/// `let _ = &a;` for the arguments: makes the closure take whole arguments.
///
/// A closure captures the fields it uses and leaves out variables it does not, so that parts
/// of an argument would be dropped by the parent, after the child. An argument that the body
/// never mentions is left out all the same, or the compiler could not warn that it is unused.
/// Captures are dropped in the order of their first mention, arguments in reverse: hence the
/// reversal.
fn captures(signature: &Signature, body: &Group) -> TokenStream {
    let mut borrows = TokenStream::new();
    for input in signature.inputs.iter().rev() {
        let (attributes, names) = match input {
            FnArg::Receiver(receiver) => (&receiver.attrs, vec![receiver.self_token.into()]),
            FnArg::Typed(argument) => (&argument.attrs, bindings(&argument.pat)),
        };
        let cfg: Vec<_> = attributes.iter().filter(|a| a.path().is_ident("cfg")).collect();
        for name in names.into_iter().rev() {
            let text = name.to_string();
            if text == "self" || text.starts_with('_') || mentions(body.stream(), &text) {
                borrows.extend(quote_spanned! { Span::mixed_site() => #(#cfg)* let _ = &#name; });
            }
        }
    }
    borrows
}

fn bindings(pattern: &Pat) -> Vec<Ident> {
    struct Names(Vec<Ident>);
    impl Visit<'_> for Names {
        fn visit_pat_ident(&mut self, pattern: &PatIdent) {
            self.0.push(pattern.ident.clone());
            syn::visit::visit_pat_ident(self, pattern);
        }
    }
    let mut names = Names(Vec::new());
    names.visit_pat(pattern);
    names.0
}

/// Whether an identifier occurs among the tokens, or in a literal (`"{name}"`).
fn mentions(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == name,
        TokenTree::Literal(literal) => literal.to_string().contains(name),
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Punct(_) => false,
    })
}
