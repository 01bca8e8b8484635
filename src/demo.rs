//! The built-in workloads. Each is a small program on the public API, and an example of it.

mod csv;
pub(crate) mod grid_search;
pub(crate) mod groupby;
pub(crate) mod images;
pub(crate) mod reduction;
pub(crate) mod stencil;
pub(crate) mod trivial;
pub(crate) mod wordcount;

use serde_json::Value;
use taskreel::Client;

use crate::cli::Failure;

/// What a workload comes to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// For standard output.
    pub(crate) text: Vec<u8>,
    /// The field `result` of the JSON summary.
    pub(crate) json: Value,
    /// For standard error, after the run: lines about what was left out or went wrong.
    pub(crate) notes: Vec<String>,
    /// Whether tasks failed.
    pub(crate) failed: bool,
}

/// Work for a cluster: submits tasks, waits for them, and says what came of it.
pub(crate) type Workload = Box<dyn FnOnce(&Client) -> Result<Outcome, Failure> + Send>;
