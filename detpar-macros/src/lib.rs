//! Attribute macros of detpar.
use proc_macro::TokenStream;

/// Marks the master's `main`.
#[proc_macro_attribute]
pub fn main(_attr: TokenStream, item: TokenStream) -> TokenStream {
    item
}

/// Runs the body of a function in a space of its own.
#[proc_macro_attribute]
pub fn deterministic(_attr: TokenStream, item: TokenStream) -> TokenStream {
    item
}
