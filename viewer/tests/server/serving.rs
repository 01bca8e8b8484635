//! Viewers of made-up runs.

use serde_json::Value;
use taskreel_recorder::{Source, VecSource};
use taskreel_viewer::{ViewerConfig, ViewerHandle, serve};

use super::client::get;
use super::synthetic::{self, Plan};

/// What a page asks that shows three plots.
pub(crate) const LOOK: &str = r#"{"plots":[{"id":"task-stream","width":800,"height":300},
    {"id":"progress","width":400,"height":200},{"id":"workers","width":300,"height":400}],"window":null}"#;

/// A run of 38 tasks.
pub(crate) fn small() -> Plan {
    Plan { n_files: 16, ..Plan::default() }
}

/// A viewer of a source on a free port.
pub(crate) fn start(source: Box<dyn Source>) -> ViewerHandle {
    let addr = ([127, 0, 0, 1], 0).into();
    serve(ViewerConfig { addr, source, reopen: None, token: None, title: String::new() }).unwrap()
}

/// A viewer of a run that has ended.
pub(crate) fn start_finished(plan: &Plan) -> ViewerHandle {
    let info = synthetic::header("wordcount", 1_700_000_000_000_000_000);
    start(Box::new(VecSource::new(info, [synthetic::make(plan)])))
}

/// The same, whose trace can be read again, for whoever has the token.
pub(crate) fn start_rewindable(plan: &Plan, token: Option<&str>) -> ViewerHandle {
    let info = synthetic::header("wordcount", 1_700_000_000_000_000_000);
    let source = VecSource::new(info, [synthetic::make(plan)]);
    let again = source.clone();
    let reopen: taskreel_replay::Reopen = Box::new(move || Ok(Box::new(again.clone()) as _));
    serve(ViewerConfig {
        addr: ([127, 0, 0, 1], 0).into(),
        source: Box::new(source),
        reopen: Some(reopen),
        token: token.map(str::to_owned),
        title: String::new(),
    })
    .unwrap()
}

/// The run in numbers.
pub(crate) fn state(viewer: &ViewerHandle) -> Value {
    serde_json::from_str(&get(viewer.addr(), "/api/state").body).unwrap()
}

/// The state once it is of the kind given; reading takes a moment.
pub(crate) fn state_when(viewer: &ViewerHandle, kind: &str) -> Value {
    for _ in 0..10_000 {
        let state = state(viewer);
        if state["status"]["kind"] == kind {
            return state;
        }
    }
    panic!("never {kind}: {}", state(viewer));
}
