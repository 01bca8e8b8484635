//! What `#[task]` accepts, and the plain-words errors for what it does not.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{
    Error, FnArg, GenericArgument, Ident, ItemFn, Pat, PathArguments, Result, ReturnType, Type,
};

/// One parameter: its name, the type that travels, and how the body gets it.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    pub(crate) owned: TokenStream,
    /// The body takes a reference to it.
    pub(crate) lent: bool,
}

/// What the function returns.
pub(crate) struct Output {
    pub(crate) value: TokenStream,
    /// The body returns a `Result` of it.
    pub(crate) fallible: bool,
}

/// Refuses functions that cannot run elsewhere.
pub(crate) fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    let refuse = |span, message: &str| Err(Error::new(span, message));
    if !matches!(signature.safety, syn::Safety::Default) {
        return refuse(
            signature.safety.span(),
            "#[task] functions are called with data from elsewhere and cannot be `unsafe`",
        );
    }
    if let Some(abi) = &signature.abi {
        return refuse(abi.span(), "#[task] functions cannot be `extern`");
    }
    if !signature.generics.params.is_empty() {
        return refuse(
            signature.generics.span(),
            "#[task] functions cannot be generic: they are found by name at run time; write one task per type",
        );
    }
    if let Some(variadic) = &signature.variadic {
        return refuse(variadic.span(), "#[task] functions cannot be variadic");
    }
    Ok(())
}

/// The parameters in their order.
pub(crate) fn parameters(function: &ItemFn) -> Result<Vec<Parameter>> {
    function.sig.inputs.iter().map(parameter).collect()
}

fn parameter(argument: &FnArg) -> Result<Parameter> {
    let typed = match argument {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            return Err(Error::new(
                receiver.span(),
                "#[task] goes on free functions: pass `self` as an ordinary parameter",
            ));
        }
    };
    let Pat::Ident(pattern) = typed.pat.as_ref() else {
        return Err(Error::new(
            typed.pat.span(),
            "parameters of #[task] functions need a plain name: take the pattern apart in the body",
        ));
    };
    let name = pattern.ident.clone();
    let Type::Reference(reference) = typed.ty.as_ref() else {
        if let Type::ImplTrait(_) = typed.ty.as_ref() {
            return Err(Error::new(
                typed.ty.span(),
                "#[task] functions cannot be generic: name the type",
            ));
        }
        let ty = &typed.ty;
        return Ok(Parameter { name, owned: quote!(#ty), lent: false });
    };
    if let Some(token) = &reference.mutability {
        return Err(Error::new(
            token.span(),
            "arguments of a task are copies: take the value and return the changed one",
        ));
    }
    Ok(Parameter { name, owned: owned(&reference.elem), lent: true })
}

/// The owned form of what a reference points to.
fn owned(target: &Type) -> TokenStream {
    match target {
        Type::Slice(slice) => {
            let element = &slice.elem;
            quote!(::std::vec::Vec<#element>)
        }
        Type::Path(path) if path.path.is_ident("str") => quote!(::std::string::String),
        Type::Path(path) if last_is(path, "Path") => quote!(::std::path::PathBuf),
        other => quote!(#other),
    }
}

/// What comes out of the call.
pub(crate) fn output(function: &ItemFn) -> Result<Output> {
    let ty = match &function.sig.output {
        ReturnType::Default => return Ok(Output { value: quote!(()), fallible: false }),
        ReturnType::Type(_, ty) => ty.as_ref(),
    };
    match ty {
        Type::Reference(reference) => {
            Err(Error::new(reference.span(), "a task's result travels: return an owned value"))
        }
        Type::ImplTrait(opaque) => {
            Err(Error::new(opaque.span(), "a task's result travels: name its type"))
        }
        Type::Path(path) if last_is(path, "Result") => {
            let segment = path.path.segments.last().expect("a path has a last segment");
            let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
                return Err(Error::new(ty.span(), "name what the result holds: `Result<T, E>`"));
            };
            let value = arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(value) => Some(quote!(#value)),
                _ => None,
            });
            let value = value.ok_or_else(|| {
                Error::new(ty.span(), "name what the result holds: `Result<T, E>`")
            })?;
            Ok(Output { value, fallible: true })
        }
        other => Ok(Output { value: quote!(#other), fallible: false }),
    }
}

fn last_is(path: &syn::TypePath, name: &str) -> bool {
    path.path.segments.last().is_some_and(|segment| segment.ident == name)
}
