//! The web viewer: one page for a running cluster and for a finished trace.
//!
//! It folds a [`Source`](taskreel_recorder::Source) on a thread of its own, serves pages and plots
//! from another, and keeps browsers up to date over a WebSocket. It reads the log and nothing else:
//! it knows no scheduler, so the page of a cluster that is long gone is the page it had live.
//!
//! What it does not do: draw. A plot of `taskreel-replay` yields a `Figure`; the browser's
//! `glyphs.js` and the SVG renderer draw any figure and know no plot.
//!
//! ```
//! use taskreel_recorder::{RunInfo, VecSource};
//! use taskreel_viewer::{ViewerConfig, serve};
//!
//! # fn main() -> Result<(), taskreel_viewer::ServeError> {
//! let source = Box::new(VecSource::new(RunInfo::default(), []));
//! let addr = ([127, 0, 0, 1], 0).into();
//! let viewer = serve(ViewerConfig { addr, source, title: "nothing yet".to_owned(), reopen: None, token: None })?;
//! assert!(viewer.url().starts_with("http://127.0.0.1:"));
//! viewer.shutdown();
//! # Ok(())
//! # }
//! ```
//!
//! Reading order: [`serve`] (threads and life), `fold` (the thread that owns the timeline, and the one
//! that looks back), `ledger` (what pages ask of the whole run), `desk` (what takes long),
//! `summary` and `words` (what the page says in numbers and in
//! texts), `http` (routes), `http/socket` (the live channel).

mod base64;
mod desk;
mod events;
mod export;
mod files;
mod fold;
mod http;
mod ledger;
mod serve;
mod summary;
mod text;
mod wire;
mod words;

pub use export::{Exported, export_html};
pub use files::{Files, MakePack};
pub use serve::{ServeError, ViewerConfig, ViewerHandle, serve, serve_library, serve_with};
