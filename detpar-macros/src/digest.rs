//! `#[derive(Digest)]`: the parts in order, before them the variant's number.
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Result, parse_quote};

/// Implements `detpar::Digest`.
pub(crate) fn derive(item: TokenStream) -> Result<TokenStream> {
    let DeriveInput { ident, mut generics, data, .. } = syn::parse2(item)?;
    let arms: Vec<TokenStream> = match &data {
        Data::Struct(data) => {
            let (pattern, parts) = parts(&data.fields);
            vec![quote!(#ident #pattern => { #parts })]
        }
        Data::Enum(data) => (0u32..)
            .zip(&data.variants)
            .map(|(number, variant)| {
                let name = &variant.ident;
                let (pattern, parts) = parts(&variant.fields);
                quote!(#ident::#name #pattern => { to.variant(#number); #parts })
            })
            .collect(),
        Data::Union(data) => {
            let message = "a union has no digest: nothing says which of its fields holds a value";
            return Err(Error::new_spanned(data.union_token, message));
        }
    };
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(::detpar::digest::Digest));
    }
    let (implemented, arguments, clause) = generics.split_for_impl();
    // An empty enumeration has no value to match by reference.
    let of = if arms.is_empty() { quote!(*self) } else { quote!(self) };
    Ok(quote! {
        #[automatically_derived]
        impl #implemented ::detpar::digest::Digest for #ident #arguments #clause {
            #[allow(unused_variables)]
            fn feed(&self, to: &mut ::detpar::digest::Digester) {
                match #of { #(#arms)* }
            }
        }
    })
}

/// A pattern that binds all fields, and what feeds them.
fn parts(fields: &Fields) -> (TokenStream, TokenStream) {
    let names: Vec<Ident> = (0..fields.len()).map(|i| format_ident!("part_{i}")).collect();
    let feed = names.iter().zip(fields).map(|(name, field)| {
        // Located at the type: a part without a digest is reported there.
        let span = Span::call_site().located_at(field.ty.span());
        quote_spanned!(span => ::detpar::digest::Digest::feed(#name, to);)
    });
    let feed = feed.collect();
    let pattern = match fields {
        Fields::Unit => TokenStream::new(),
        Fields::Unnamed(_) => quote!((#(#names),*)),
        Fields::Named(fields) => {
            let idents = fields.named.iter().map(|f| &f.ident);
            quote!({ #(#idents: #names),* })
        }
    };
    (pattern, feed)
}
