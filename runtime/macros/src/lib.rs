//! The `#[task]` attribute: turns a function into one that makes calls of it.
//!
//! ```ignore
//! #[task]
//! pub fn add(a: i64, b: i64) -> i64 { a + b }
//! ```
//! becomes a function of the same name and visibility that takes `impl Into<Arg<i64>>` twice and
//! gives a `Call<i64>`, with the original inside it and registered under its path. Everything in
//! the expansion is documented API of the runtime and can be written by hand (`TaskFunction`).

mod expand;
mod signature;

use proc_macro::TokenStream;

/// Makes a function a task: it can be called by name on any worker that runs the same program.
///
/// Parameters are owned types that serde can encode and decode; `&str`, `&[T]`, `&Path` and `&T`
/// are decoded to their owned forms and lent to the function. A function that returns
/// `Result<T, E>` with a displayable `E` makes a `Call<T>`; its error becomes the task's failure. An
/// `async` function keeps its slot while it awaits; it runs within tokio.
#[proc_macro_attribute]
pub fn task(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(attribute.into(), item.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}
