//! `#[derive(Merge)]`: the units of the parts, or one unit for all.
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Result, Type, parse_quote};

/// Implements `detpar::Merge`.
pub(crate) fn derive(item: TokenStream) -> Result<TokenStream> {
    let DeriveInput { ident, mut generics, data, attrs, .. } = syn::parse2(item)?;
    let whole = is_whole(&attrs)?;
    let (units, owned, types) = match &data {
        Data::Struct(data) if !whole => by_parts(&data.fields),
        Data::Struct(data) => as_one(vec![(quote!(Self), &data.fields)]),
        Data::Enum(data) => as_one(
            data.variants
                .iter()
                .map(|v| (v.ident.to_token_stream(), &v.fields))
                .map(by_self)
                .collect(),
        ),
        Data::Union(data) => {
            let message = "a union cannot merge: nothing says which of its fields holds a value";
            return Err(Error::new_spanned(data.union_token, message));
        }
    };
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(::detpar::merge::Merge));
    }
    let (implemented, arguments, clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        // SAFETY: every part is named, and merges; or the value is one unit.
        unsafe impl #implemented ::detpar::merge::Merge for #ident #arguments #clause {
            const OWNS: ::core::primitive::bool = false #(|| <#types as ::detpar::merge::Merge>::OWNS)*;

            fn units(at: ::core::primitive::usize, to: &mut ::detpar::merge::Units) {
                #units
            }

            #[allow(unused_variables)]
            fn owned(&self, to: &mut ::detpar::merge::Owned<'_>) {
                #owned
            }
        }
    })
}

/// Whether `#[merge(whole)]` is there.
fn is_whole(attributes: &[Attribute]) -> Result<bool> {
    let mut whole = false;
    for attribute in attributes.iter().filter(|a| a.path().is_ident("merge")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("whole") {
                return Err(meta.error("`whole` is all that can be said here"));
            }
            whole = true;
            Ok(())
        })?;
    }
    Ok(whole)
}

fn by_self((name, fields): (TokenStream, &Fields)) -> (TokenStream, &Fields) {
    (quote!(Self::#name), fields)
}

/// Units, owned memory and types of a structure that merges by its parts.
fn by_parts(fields: &Fields) -> (TokenStream, TokenStream, Vec<&Type>) {
    let types: Vec<&Type> = fields.iter().map(|f| &f.ty).collect();
    let units = fields.members().zip(&types).map(|(member, ty)| {
        // Located at the type: a part that cannot merge is reported there.
        quote_spanned! { located(ty) =>
            <#ty as ::detpar::merge::Merge>::units(at + ::core::mem::offset_of!(Self, #member), to);
        }
    });
    let units = units.collect();
    let owned = fields.members().zip(&types).map(|(member, ty)| {
        quote_spanned!(located(ty) => ::detpar::merge::Merge::owned(&self.#member, to);)
    });
    (units, owned.collect(), types)
}

/// The same for a value that is one unit; with the variants and their fields.
fn as_one(variants: Vec<(TokenStream, &Fields)>) -> (TokenStream, TokenStream, Vec<&Type>) {
    let types = variants.iter().flat_map(|(_, fields)| fields.iter().map(|f| &f.ty)).collect();
    let arms: Vec<TokenStream> = variants.iter().map(|(name, fields)| arm(name, fields)).collect();
    // An empty enumeration has no value to match by reference.
    let of = if arms.is_empty() { quote!(*self) } else { quote!(self) };
    let units = quote!(to.unit(at, ::core::mem::size_of::<Self>()););
    (units, quote!(to.whole(self, |to| match #of { #(#arms)* });), types)
}

fn arm(name: &TokenStream, fields: &Fields) -> TokenStream {
    let parts: Vec<Ident> = (0..fields.len()).map(|i| format_ident!("part_{i}")).collect();
    let owned: TokenStream = parts
        .iter()
        .zip(fields)
        .map(|(part, field)| {
            quote_spanned!(located(&field.ty) => ::detpar::merge::Merge::owned(#part, to);)
        })
        .collect();
    let members = fields.members();
    quote!(#name { #(#members: #parts),* } => { #owned })
}

fn located(ty: &Type) -> Span {
    Span::call_site().located_at(ty.span())
}
