//! Refuses functions that the attributes cannot serve, each with a reason and a way out.
use crate::parse::{self, Arguments, Function};
use crate::refuse::{self, names::Names, table::Group};
use quote::{ToTokens, quote};
use syn::{Error, Result, Safety, Signature, Type};

/// Checks the function below `#[detpar::main]`.
pub(crate) fn main(function: &Function) -> Result<()> {
    let signature = &function.signature;
    let mut found = Findings::default();
    if let Some(word) = &signature.asyncness {
        found.add(
            word,
            "an `async` main cannot be the master: detpar calls it as a plain function; make \
             it `fn` and block on the future inside",
        );
    }
    if let Some(word) = &signature.constness {
        found.add(word, "a `const` main cannot be the master: it forks at run time; drop `const`");
    }
    if let Safety::Unsafe(word) = &signature.safety {
        found.add(
            word,
            "an `unsafe` main cannot be the master: nobody could uphold its contract; drop \
             `unsafe` and use a block inside",
        );
    }
    if let Some(abi) = &signature.abi {
        found.add(abi, "an `extern` main cannot be the master: detpar calls it as a Rust function");
    }
    if !signature.generics.params.is_empty() {
        found.add(
            &signature.generics.params,
            "a generic main cannot be the master: nothing chooses its parameters",
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        found.add(clause, "a main with a where clause cannot be the master");
    }
    if !signature.inputs.is_empty() {
        found.add(
            &signature.inputs,
            "the master's main takes no arguments; read `std::env::args()` inside",
        );
    }
    if let Some(dots) = &signature.variadic {
        found.add(dots, "the master's main takes no arguments");
    }
    if function.body.is_none() {
        found.add(&signature.ident, "the master's main needs a body");
    }
    found.into_result()
}

/// Checks the function below `#[deterministic]`.
pub(crate) fn deterministic(arguments: &Arguments, function: &Function) -> Result<()> {
    let signature = &function.signature;
    let mut found = Findings::default();
    if let Some(word) = &signature.asyncness {
        found.add(
            word,
            "an `async fn` cannot be deterministic: its body would run wherever the future is \
             polled, outside of the child; make it a plain `fn` and call that from async code",
        );
    }
    if let Some(word) = &signature.constness {
        found.add(
            word,
            "a `const fn` cannot be deterministic: a child is forked at run time; drop `const` \
             (what the compiler evaluates is deterministic already)",
        );
    }
    if let Some(abi) = &signature.abi {
        // `extern "Rust"` is the ordinary calling convention.
        if abi.name.as_ref().is_none_or(|name| name.value() != "Rust") {
            found.add(
                abi,
                "an `extern` function cannot be deterministic: a failure of the child must \
                 unwind into Rust; make it a Rust `fn` and call that from an `extern` wrapper",
            );
        }
    }
    if let Some(dots) = &signature.variadic {
        found.add(
            dots,
            "a variadic function cannot be deterministic: its argument list cannot move into \
             the child; pass a slice",
        );
    }
    if let Some(never) = never(signature) {
        found.add(
            never,
            "a function that returns `!` cannot be deterministic: a child that never returns \
             is never merged; return a value, or `()`",
        );
    }
    if function.body.is_none() {
        found.add(
            &signature.ident,
            "a method without a body cannot be deterministic: put the attribute on the \
             implementations",
        );
    }
    names(arguments, function, &mut found);
    found.into_result()
}

/// Refuses what the function names that is nondeterministic, and an `allow` that is not needed:
/// it would hide what comes later.
fn names(arguments: &Arguments, function: &Function, found: &mut Findings) {
    let Signature { inputs, output, generics, .. } = &function.signature;
    let clause = &generics.where_clause;
    let body = &function.body;
    let code = quote!(#inputs #output #generics #clause { #body });
    let mut around = Names::default();
    generics.type_params().for_each(|p| around.shadow(p.ident.to_string()));
    let mut needed = vec![false; arguments.allow.len()];
    for refused in refuse::search(&code, around) {
        let Group { name: group, reason, instead } = refused.group;
        if let Some(at) = arguments.allow.iter().position(|word| word == group) {
            needed[at] = true;
            continue;
        }
        let message = format!(
            "`{}` {reason}: {instead}, or opt out by #[deterministic(allow({group}))]",
            refused.name
        );
        found.add(&refused.tokens, &message);
    }
    for (word, _) in arguments.allow.iter().zip(needed).filter(|(_, needed)| !needed) {
        let message = format!("this function names nothing that needs `allow({word})`: drop it");
        found.add(word, &message);
    }
}

fn never(signature: &Signature) -> Option<&Type> {
    parse::return_type(signature).filter(|ty| matches!(ty, Type::Never(_)))
}

/// All complaints about one function, reported together.
#[derive(Default)]
pub(crate) struct Findings(Option<Error>);

impl Findings {
    pub(crate) fn add(&mut self, at: &impl ToTokens, message: &str) {
        let error = Error::new_spanned(at, message);
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    pub(crate) fn into_result(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
