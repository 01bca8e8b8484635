//! The expansion of `#[task]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, ItemFn, Result};

use crate::signature;

/// Expands the attribute on a function.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !attribute.is_empty() {
        return Err(Error::new_spanned(
            attribute,
            "#[task] takes no options: key, retries, timeout and priority belong to the call",
        ));
    }
    let function: ItemFn = syn::parse2(item)
        .map_err(|error| Error::new(error.span(), format!("#[task] goes on functions: {error}")))?;
    signature::check(&function)?;
    let parameters = signature::parameters(&function)?;
    let output = signature::output(&function)?;

    let ItemFn { attrs, vis, sig, .. } = &function;
    let name = &sig.ident;
    let text = name.to_string();
    let text = text.trim_start_matches("r#");
    let value = &output.value;
    let names: Vec<_> = parameters.iter().map(|p| &p.name).collect();
    let labels: Vec<_> = names.iter().map(|n| n.to_string()).collect();
    let owned: Vec<_> = parameters.iter().map(|p| &p.owned).collect();
    let passed = parameters.iter().map(|p| {
        let name = &p.name;
        if p.lent { quote!(&#name) } else { quote!(#name) }
    });
    let returned =
        if output.fallible { format_ident!("returned_result") } else { format_ident!("returned") };
    let body = body(&function);
    let result = if output.fallible {
        quote!(__arguments.#returned(__task(#(#passed),*)))
    } else {
        quote!(__arguments.#returned(&__task(#(#passed),*)))
    };

    Ok(quote! {
        #(#attrs)*
        #vis fn #name(
            #(#names: impl ::core::convert::Into<::taskreel::Arg<#owned>>),*
        ) -> ::taskreel::Call<#value> {
            #body
            fn __run(
                __arguments: &mut ::taskreel::Arguments<'_>,
            ) -> ::core::result::Result<::taskreel::Returned, ::taskreel::Failure> {
                #(let #names: #owned = __arguments.next(#labels)?;)*
                #result
            }
            const __NAME: &str = ::core::concat!(::core::module_path!(), "::", #text);
            ::taskreel::inventory::submit! {
                ::taskreel::TaskFunction { name: __NAME, run: __run }
            }
            ::taskreel::Call::function(__NAME, #text) #(.arg::<#owned>(#labels, #names))*
        }
    })
}

/// The function as it was written, under a name that cannot clash with one it uses.
fn body(function: &ItemFn) -> TokenStream {
    let mut function = function.clone();
    function.attrs.clear();
    function.vis = syn::Visibility::Inherited;
    function.sig.ident = format_ident!("__task");
    quote!(#function)
}
