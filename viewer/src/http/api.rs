//! Answers for programs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::Site;
use crate::fold::Gone;
use crate::summary::Summary;

/// `GET health`: whether the viewer answers.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// `GET api/state`: the run in numbers, as the page shows it.
pub(super) async fn state(State(site): State<Arc<Site>>) -> Result<Json<Summary>, Gone> {
    site.run.ask(|run| run.summary()).await.map(Json)
}
