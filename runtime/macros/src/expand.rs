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
    let mut value_of = quote!(__task(#(#passed),*));
    if sig.asyncness.is_some() {
        value_of = quote!(__arguments.block_on(#value_of));
    }
    let result = if output.fallible {
        quote!(__arguments.#returned(#value_of))
    } else {
        quote!(__arguments.#returned(&#value_of))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(item: &str) -> String {
        let item = item.parse().expect("it is made of tokens");
        expand(TokenStream::new(), item).expect_err("it is refused").to_string()
    }

    fn expansion(item: TokenStream) -> String {
        expand(TokenStream::new(), item).expect("it is accepted").to_string().replace(' ', "")
    }

    #[test]
    fn functions_that_cannot_run_elsewhere_are_refused_with_a_way_out() {
        let cases = [
            ("unsafe fn f() {}", "`unsafe`"),
            ("fn f<T>(x: T) {}", "one task per type"),
            ("fn f(x: impl Copy) {}", "name the type"),
            ("fn f(&self) {}", "free functions"),
            ("fn f(x: &mut i32) {}", "return the changed one"),
            ("fn f((a, b): (i32, i32)) {}", "plain name"),
            ("fn f() -> &'static str { \"\" }", "owned value"),
            ("fn f() -> impl Copy { 1 }", "name its type"),
            ("struct F;", "goes on functions"),
        ];
        for (item, hint) in cases {
            let message = refusal(item);
            assert!(message.contains(hint), "{item}: {message}");
        }
        let error = expand(
            quote!(retries = 3),
            quote!(
                fn f() {}
            ),
        )
        .expect_err("no options");
        assert!(error.to_string().contains("belong to the call"));
    }

    #[test]
    fn references_are_lent_and_results_unpacked() {
        let text = expansion(quote! {
            pub(crate) fn f(a: &str, b: &[u8], mut c: i64) -> io::Result<u64> { body() }
        });
        for part in [
            "pub(crate)fnf(a:impl::core::convert::Into<::taskreel::Arg<::std::string::String>>",
            "b:impl::core::convert::Into<::taskreel::Arg<::std::vec::Vec<u8>>>",
            "->::taskreel::Call<u64>",
            "returned_result(__task(&a,&b,c))",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn an_async_function_is_waited_for() {
        let text = expansion(quote!(
            async fn f(a: i64) -> i64 {
                a
            }
        ));
        assert!(text.starts_with("fnf(a:impl"), "{text}");
        assert!(text.contains("returned(&__arguments.block_on(__task(a)))"), "{text}");
    }

    #[test]
    fn what_the_user_wrote_about_the_function_stays_on_it() {
        let text = expansion(quote! {
            #[doc = "Adds."]
            #[must_use]
            fn add(a: i64) {}
        });
        assert!(text.starts_with("#[doc=\"Adds.\"]#[must_use]fnadd("), "{text}");
        assert_eq!(text.matches("Adds.").count(), 1);
    }
}
